//! `countersign version`

use http::Method;
use serde_json::json;

use super::operator::Failure;
use super::print::Output;
use crate::admin::Status;
use crate::admin::client::find_server;
use crate::config::{Config, Sources};

pub(super) async fn run(sources: &Sources, output: Output) -> Result<(), Failure> {
    let own = env!("CARGO_PKG_VERSION");
    let data = Config::data_folder(sources)?;
    let server: Option<Status> = match find_server(&data).await? {
        Some(admin) => Some(admin.call(Method::GET, "/status", None).await?),
        None => None,
    };
    let shown = json!({ "version": own, "server": server });
    output.show(&shown, |_| match &server {
        None => format!("countersign {own}"),
        Some(server) => format!(
            "countersign {own}\nserver      {} (process {}, issuer {})",
            server.version, server.pid, server.issuer
        ),
    });
    Ok(())
}
