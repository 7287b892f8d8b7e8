//! Plain HTTP: whether somebody who types the name without a scheme is led to https, and nothing is served in the clear.

use std::time::Duration;

use http::{Request, StatusCode, header};
use http_body_util::Full;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ask::quoted;
use super::finding::Finding;
use super::site::Origin;
use crate::fetch::exchange;

const CHECK: &str = "plain_http";
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at what answers plain HTTP on `port` of the host of this server, whose address is https.
pub async fn examine(server: &Origin, port: u16) -> Finding {
    match timeout(PATIENCE, ask(server.host(), port)).await {
        Ok(Some((status, location))) => judge(server, port, status, location.as_deref()),
        Ok(None) | Err(_) => Finding::good(
            CHECK,
            format!("nothing is answered over plain HTTP on port {port}"),
        ),
    }
}

fn judge(server: &Origin, port: u16, status: StatusCode, location: Option<&str>) -> Finding {
    let address = server.as_str();
    let redirect = if port == server.port() {
        format!(
            "TLS alone on port {port}: tls.certificate and tls.key, or in the proxy: listen {port} ssl;"
        )
    } else {
        format!(
            "the proxy's server for port {port} does nothing but this: return 301 {address}$request_uri;"
        )
    };
    if status.is_redirection() {
        let to = location.unwrap_or_default();
        return if to.starts_with("https://") {
            Finding::good(CHECK, format!("port {port} leads to https"))
        } else {
            Finding::error(
                CHECK,
                format!("port {port} leads from plain HTTP to {:?}", quoted(to)),
                "whoever types the name never gets to https",
                redirect,
            )
        };
    }
    if status.is_success() {
        return Finding::error(
            CHECK,
            format!("the server answers over plain HTTP on port {port}"),
            "whoever is on the way reads passwords and tokens, and can put a page of their own in between",
            redirect,
        );
    }
    Finding::good(
        CHECK,
        format!("plain HTTP on port {port} is refused ({})", status.as_u16()),
    )
}

/// The status, and where it leads. `None`: nothing that is HTTP.
async fn ask(host: &str, port: u16) -> Option<(StatusCode, Option<String>)> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let stream = TcpStream::connect((bare.unwrap_or(host), port))
        .await
        .ok()?;
    let request = Request::get("/.well-known/oauth-authorization-server")
        .header(header::HOST, host)
        .header(header::CONNECTION, "close")
        .body(Full::default())
        .ok()?;
    let answer = exchange(host, stream, request).await.ok()?;
    let location = answer.headers().get(header::LOCATION);
    let location = location.and_then(|to| Some(to.to_str().ok()?.to_owned()));
    Some((answer.status(), location))
}
