//! The `OpenAPI` document: the routes' own words, and the table of problem codes.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use serde_json::{Map, Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

use super::app::App;
use super::code::Code;

/// Where the document is.
pub(crate) const PATH: &str = "/openapi.json";

/// The document before the routes have added themselves.
pub(crate) fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Countersign")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Registers people, signs them in, and issues JSON Web Tokens. Every refusal is a problem document (RFC 9457) \
             with a `code` of the table in `x-problems`; fields beyond those named are refused. The calls under /oauth \
             take forms and refuse as RFC 6749 §5.2 says.",
        ))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "An access token, in the Authorization header only (RFC 6750 §2.1).",
        ))
        .build();
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
        "__Host-countersign-<client>",
        "The refresh token of a browser client; on plain-HTTP loopback without the prefix.",
    ));
    let session = ApiKey::Cookie(ApiKeyValue::with_description(
        "__Host-countersign-<client>.session",
        "The session of a client of the styles `session` and `gateway`; on plain-HTTP loopback without the prefix, \
         and with `__Secure-` where the client chose a domain. Under /v1/me and in /v1/logout-all it stands for an access \
         token, and `client_id` in the query says whose it is, if it is not the default client's.",
    ));
    let client = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some(
            "A service client's id and secret, each form-encoded (RFC 6749 §2.3.1). Or else client_id and client_secret in \
             the body, never both.",
        ))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .security_scheme("client", SecurityScheme::Http(client))
        .security_scheme("session_cookie", SecurityScheme::ApiKey(session))
        .security_scheme("refresh_cookie", SecurityScheme::ApiKey(cookie))
        .build();
    let mut frame = OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .build();
    frame.extensions = Some(
        ExtensionsBuilder::new()
            .add("x-problems", problems())
            .build(),
    );
    frame
}

/// Every code with its status and meaning. The `type` of a problem points here.
fn problems() -> Value {
    let rows: Map<String, Value> = Code::ALL
        .iter()
        .map(|code| {
            let row = json!({ "status": code.status().as_u16(), "title": code.title() });
            (code.name().to_owned(), row)
        })
        .collect();
    Value::Object(rows)
}

/// Serves the document; it is written out when somebody first asks, not at start.
pub(crate) fn serve(document: OpenApi) -> MethodRouter<App> {
    let lazy = Arc::new((document, OnceLock::<Bytes>::new()));
    get(move || {
        let lazy = Arc::clone(&lazy);
        async move {
            let (document, json) = &*lazy;
            let json = json.get_or_init(|| serde_json::to_vec(document).unwrap_or_default().into());
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "public, max-age=300"),
            ];
            (headers, json.clone()).into_response()
        }
    })
}
