//! The address: whether the server that answers there is the one that calls itself so, and whether all of it can be
//! reached through whatever stands in between.

use http::{HeaderName, StatusCode, header};
use serde_json::Value;

use super::ask::{Asker, Reply, Unanswered, quoted};
use super::finding::Finding;
use crate::fetch::FetchError;

const METADATA: &str = "/.well-known/oauth-authorization-server";
/// A line of nginx, as an example of what a proxy must say.
const HAND_ON: &str =
    "location / { proxy_pass http://127.0.0.1:8080; }, with no path behind the address";

/// Whether a countersign server answers, and what else was found on the way to it.
pub(super) enum Reached {
    /// It does, and calls itself by this address.
    Itself(Reply, Finding),
    /// It does, and calls itself otherwise: it gets to see no secret.
    Another(Reply, Finding),
    /// It does not.
    Not(Finding),
}

/// Looks for the server.
pub(super) async fn find(asker: &Asker) -> Reached {
    let reply = match asker.get(METADATA).send().await {
        Ok(reply) => reply,
        Err(error) => return Reached::Not(unreachable(asker, &error)),
    };
    if reply.status != StatusCode::OK {
        return Reached::Not(turned_away(asker, &reply));
    }
    let metadata = reply.json();
    let Some(issuer) = metadata.get("issuer").and_then(Value::as_str) else {
        return Reached::Not(somebody_else(asker, &reply, METADATA));
    };
    let address = asker.origin();
    if issuer == address {
        let finding = Finding::good(
            "issuer",
            format!("{address} is what the server calls itself"),
        );
        return Reached::Itself(reply, finding);
    }
    let finding = Finding::error(
        "issuer",
        format!("the server at {address} calls itself {}", quoted(issuer)),
        "clients and services compare the issuer byte by byte, and refuse every token",
        format!(
            "issuer = \"{address}\", if people are to come to that; else go by the other name: --issuer {}",
            quoted(issuer)
        ),
    );
    Reached::Another(reply, finding)
}

fn unreachable(asker: &Asker, error: &Unanswered) -> Finding {
    let follows = "nobody signs in, and no service gets keys";
    let host = asker.url().host();
    let cure = match error {
        Unanswered::Fetch(FetchError::Unresolved { .. }) => {
            format!("a DNS record for {host}, or another issuer = \"…\"")
        }
        Unanswered::Fetch(FetchError::Forbidden { .. }) => {
            "issuer = \"https://…\": plain http is for this machine alone".to_owned()
        }
        Unanswered::Fetch(FetchError::Tls { .. } | FetchError::NoRoots) => {
            "see tls above".to_owned()
        }
        Unanswered::Fetch(FetchError::Http { .. }) => {
            "what listens there must speak HTTP: look at `listen`, [tls] and the proxy".to_owned()
        }
        Unanswered::Fetch(_) | Unanswered::Url(_) => {
            "start the server or the proxy; `listen` names where it listens, and a firewall must let it be reached"
                .to_owned()
        }
    };
    Finding::error("reach", quoted(&error.to_string()), follows, cure)
}

/// Somebody answers, and not with the metadata.
fn turned_away(asker: &Asker, reply: &Reply) -> Finding {
    let follows = "nobody signs in, and no service gets keys";
    let status = reply.status.as_u16();
    if reply.is("plain_http") {
        return Finding::error(
            "proxy",
            "the server takes what the proxy hands on for plain HTTP from a stranger, and refuses it",
            follows,
            "[proxy] trusted = [\"…\"]: the address that the proxy calls from",
        );
    }
    if reply.is("wrong_host") {
        return Finding::error(
            "host",
            format!(
                "the proxy hands requests on under a name that the server does not answer to: {}",
                reply.detail()
            ),
            follows,
            "in the proxy: proxy_set_header Host $host;",
        );
    }
    if reply.is("not_found") {
        return Finding::error(
            "path",
            format!(
                "the server is there, and {METADATA} does not reach it under its name: the proxy adds to the path or takes from it"
            ),
            follows,
            format!("in the proxy: {HAND_ON}"),
        );
    }
    if reply.status.is_redirection() {
        return redirected(asker, reply);
    }
    if matches!(status, 502..=504) && reply.code().is_none() {
        return Finding::error(
            "reach",
            format!("the proxy answers {status}: it does not reach the server"),
            follows,
            "start the server; in the proxy: proxy_pass http://…, the address of `listen`",
        );
    }
    somebody_else(asker, reply, METADATA)
}

fn redirected(asker: &Asker, reply: &Reply) -> Finding {
    let to = reply.header(&header::LOCATION).unwrap_or_default();
    let origin = to.strip_suffix(METADATA).unwrap_or(to);
    let cure = if origin == asker.origin() {
        // Mostly a proxy that believes to be asked over plain HTTP.
        "take the redirect out of the proxy's server for https".to_owned()
    } else {
        format!(
            "issuer = \"{}\" if that is the address; else take the redirect out of the proxy",
            quoted(origin)
        )
    };
    Finding::error(
        "redirect",
        format!("{} leads on to {:?}", asker.origin(), quoted(to)),
        "verifiers do not follow it, and what is posted is lost on the way",
        cure,
    )
}

fn somebody_else(asker: &Asker, reply: &Reply, path: &str) -> Finding {
    Finding::error(
        "path",
        format!(
            "{}{path} is answered by somebody else ({})",
            asker.origin(),
            reply.status.as_u16()
        ),
        "what is asked there never reaches the server",
        format!("in the proxy: {HAND_ON}"),
    )
}

/// One path of each kind, and what the server says to whoever brings nothing.
const DOORS: [(&str, StatusCode, &str); 3] = [
    ("/v1/me", StatusCode::UNAUTHORIZED, "missing_token"),
    (
        "/v1/revocations/stream",
        StatusCode::UNAUTHORIZED,
        "missing_token",
    ),
    (
        "/oauth/token",
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
    ),
];

/// Whether every kind of path is handed on.
pub(super) async fn doors(asker: &Asker) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, status, code) in DOORS {
        match asker.get(path).send().await {
            Ok(reply) if reply.status == status && reply.is(code) => {}
            Ok(reply) => found.push(somebody_else(asker, &reply, path)),
            Err(error) => found.push(Finding::error(
                "path",
                format!("{path}: {}", quoted(&error.to_string())),
                "what is asked there never reaches the server",
                format!("in the proxy: {HAND_ON}"),
            )),
        }
    }
    if found.is_empty() {
        found.push(Finding::good(
            "path",
            "every path reaches the server as it was asked for",
        ));
    }
    found
}

/// Whether `Authorization` arrives.
pub(super) async fn authorization(asker: &Asker) -> Finding {
    const CHECK: &str = "authorization";
    let question = asker
        .get("/v1/me")
        .header(header::AUTHORIZATION, "Bearer doctor");
    match question.send().await {
        Ok(reply) if reply.is("token_invalid") => {
            Finding::good(CHECK, "the header Authorization reaches the server")
        }
        Ok(reply) if reply.is("missing_token") => Finding::error(
            CHECK,
            "the header Authorization gets lost on the way",
            "no access token is accepted here, and no service can prove who it is",
            "take out of the proxy what clears it (proxy_set_header Authorization \"\";), or: proxy_set_header Authorization \
             $http_authorization;",
        ),
        Ok(reply) => Finding::not_checked(
            CHECK,
            format!(
                "whether Authorization reaches the server: /v1/me answers {}",
                reply.status.as_u16()
            ),
        ),
        Err(error) => Finding::not_checked(
            CHECK,
            format!(
                "whether Authorization reaches the server: {}",
                quoted(&error.to_string())
            ),
        ),
    }
}

/// Whether browsers are told to stay with https.
pub(super) fn hsts(reply: &Reply) -> Finding {
    const CHECK: &str = "hsts";
    const NAME: HeaderName = header::STRICT_TRANSPORT_SECURITY;
    let seconds = reply.header(&NAME).and_then(|value| {
        let mut parts = value.split(';').map(str::trim);
        let age = parts.find_map(|part| part.strip_prefix("max-age="))?;
        age.trim_matches('"').parse::<u64>().ok()
    });
    match seconds {
        Some(1..) => Finding::good(CHECK, "browsers are told to stay with https"),
        _ => Finding::warning(
            CHECK,
            "browsers are not told to stay with https (Strict-Transport-Security)",
            "whoever is on the way can lead a person who types the name to a page of their own",
            "in the proxy: add_header Strict-Transport-Security \"max-age=31536000\" always;",
        ),
    }
}
