//! The issuer: an URL that is compared byte by byte, so it has one spelling.

use http::Uri;

/// What is wrong with an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidIssuer {
    #[error("not an URL: write it as https://auth.example.com")]
    Syntax,
    #[error(
        "an issuer has no user name, query, fragment or trailing slash: write it as https://auth.example.com"
    )]
    Extra,
    #[error("a path is not supported: give the server a host name of its own")]
    Path,
    #[error("plain http is for localhost only: write https://…, the address that browsers use")]
    PlainHttp,
    #[error("write the host in lower case: tokens carry the issuer byte by byte")]
    Case,
}

/// Checks that browsers can use it, that it has one spelling (RFC 8414 §2), and that passwords sent to it are safe.
pub(super) fn check(text: &str) -> Result<(), InvalidIssuer> {
    let uri: Uri = text.parse().map_err(|_| InvalidIssuer::Syntax)?;
    let host = uri.host().ok_or(InvalidIssuer::Syntax)?;
    let is_https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(InvalidIssuer::Syntax),
    };
    if text.ends_with('/') || text.contains(['@', '?', '#']) {
        return Err(InvalidIssuer::Extra);
    }
    if uri.path() != "/" {
        return Err(InvalidIssuer::Path);
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(InvalidIssuer::Case);
    }
    if is_https || is_loopback(host) {
        Ok(())
    } else {
        Err(InvalidIssuer::PlainHttp)
    }
}

/// Whether it is an address of this machine.
pub(super) fn is_on_loopback(text: &str) -> bool {
    let uri: Option<Uri> = text.parse().ok();
    uri.is_some_and(|uri| uri.host().is_some_and(is_loopback))
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}
