//! The pricing service: for other services, never for people.

use axum::{Json, Router, extract::Path, routing::get};
use countersign_guard::{axum::Requirement, net::Connected};
use http::StatusCode;

use crate::order::Money;

/// The scope that a token must have.
pub const SCOPE: &str = "prices:read";

/// What is sold, and for how many cents.
const LIST: [(&str, i32); 3] = [("chair", 12_900), ("desk", 34_900), ("lamp", 4_900)];

/// `GET /prices/{sku}`. The guard's audience is this service's own: a token for any other, such as a person's
/// for the orders, is refused.
pub fn router(guard: &Connected) -> Router {
    let protect = guard.protect().require(Requirement::new().scope(SCOPE));
    Router::new()
        .route("/prices/{sku}", get(price))
        .layer(protect)
}

async fn price(Path(sku): Path<String>) -> Result<Json<Money>, StatusCode> {
    let sold = LIST.iter().find(|(name, _)| *name == sku);
    let (_, amount) = sold.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(Money {
        amount: *amount,
        currency: "EUR".to_owned(),
    }))
}
