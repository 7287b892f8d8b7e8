//! The orders service. `README.md` says how it is started.

use std::{error::Error, path::Path, process::ExitCode};

use example_orders::{
    prices::Prices,
    pricing, routes, schema,
    service::{self, setting},
    store::Store,
};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    service::end("orders", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let guard = service::guard("orders").await?;
    let pricing_at = setting("PRICING")?;
    let token = guard
        .service_token(&pricing_at, Some(pricing::SCOPE))
        .ok_or("a guard that is connected to nobody gets no tokens")?;
    let store = Store::open(Path::new(&setting("DATABASE")?))?;
    let api = schema::api(store, Prices::new(pricing_at, token));
    let app = routes::router(&guard, api, &setting("ADDRESS")?, &setting("ISSUER")?);
    service::serve(app).await
}
