//! The pricing service. `README.md` says how it is started.

use std::{error::Error, process::ExitCode};

use example_orders::{pricing, service};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    service::end("pricing", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let guard = service::guard("pricing").await?;
    service::serve(pricing::router(&guard)).await
}
