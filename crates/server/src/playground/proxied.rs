//! The playground is for this machine alone. A proxy here lets in whoever reaches it, and to the listener all of them come
//! from loopback: so what says that it came through one is refused. One that says nothing shows the page,
//! and its visitors can press none of the buttons ([`super::deeds`]).

use axum::extract::Request;
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::{Code, Problem};

/// Refuses a request that came through a proxy.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    if request.headers().keys().any(is_a_proxys) {
        return Problem::new(
            Code::Proxied,
            "the playground is for this machine alone: open it in a browser here, at the address that the server printed",
        )
        .into_response();
    }
    next.run(request).await
}

/// Whether proxies set it: RFC 7239, RFC 9110 §7.6.3, and what was usual before.
fn is_a_proxys(name: &HeaderName) -> bool {
    let name = name.as_str();
    ["forwarded", "via", "x-real-ip"].contains(&name) || name.starts_with("x-forwarded-")
}
