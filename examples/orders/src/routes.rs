//! The routes: GraphQL behind the guard, and the page in front of it.

use async_graphql::Request;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
    routing::post,
};
use countersign_guard::{
    axum::{Caller, Denial},
    net::Connected,
};
use http::{StatusCode, header};

use crate::{page, problem, schema::Api, viewer::Viewer};

/// The longest request that is read, in bytes.
const MAX_BODY: usize = 16 * 1024;

#[derive(Clone)]
struct Orders {
    api: Api,
    sign_in: String,
}

/// The service, known as `address`, with people signing in at `issuer`.
pub fn router(guard: &Connected, api: Api, address: &str, issuer: &str) -> Router {
    // Visitors come in, and each resolver decides; a bad token is refused here.
    let protect = guard.protect().or_visitors();
    // The page sends whoever is not signed in on to the issuer's, and they come back to it.
    let sign_in = format!("{address}/");
    Router::new()
        .route("/graphql", post(graphql))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(protect)
        .with_state(Orders { api, sign_in })
        .merge(page::routes(issuer))
}

async fn graphql(
    State(orders): State<Orders>,
    caller: Result<Caller, Denial>,
    Json(request): Json<Request>,
) -> Response {
    let (request, denial) = match caller {
        Ok(caller) => (request.data(Viewer::of(&caller)), None),
        Err(denial) if denial.status() == StatusCode::UNAUTHORIZED => (request, Some(denial)),
        Err(denial) => return denial.into_response(),
    };
    let mut answer = orders.api.execute(request).await;
    let must_sign_in = problem::tell(&mut answer.errors, &orders.sign_in);
    match denial.filter(|_| must_sign_in) {
        Some(denial) => challenge(denial, Json(answer)),
        None => Json(answer).into_response(),
    }
}

/// 401 with `WWW-Authenticate` (RFC 6750 §3), and GraphQL's own words in the body.
fn challenge(denial: Denial, body: impl IntoResponse) -> Response {
    let (mut head, _) = denial.into_response().into_parts();
    head.headers.remove(header::CONTENT_TYPE);
    (head.status, head.headers, body).into_response()
}
