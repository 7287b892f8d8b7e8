//! What axum alone does on this machine: a peer with answers of the same size as the server's, and a small service with
//! the guard's layer or without.

use std::error::Error;
use std::io;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_guard::axum::Caller;
use countersign_guard::net::HearsNoRevocations;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::tokens::by_key;

/// Answers `POST /` and `GET /` with a body of `size` bytes until killed. Prints its address first.
pub fn serve(size: usize) -> io::Result<()> {
    let body = Bytes::from(vec![b'x'; size]);
    let answer = move |body: &Bytes| ([(CONTENT_TYPE, "application/json")], body.clone());
    let (for_post, for_get) = (body.clone(), body);
    let router = Router::new()
        .route("/", post(async move |_: Bytes| answer(&for_post)))
        .route("/", get(async move || answer(&for_get)));
    run(async || router)
}

/// Answers `GET /orders` likewise, behind these `layers`.
pub fn serve_orders(layers: &str) -> Result<(), Box<dyn Error>> {
    let guard = by_key()?;
    Ok(run(async || orders_behind(layers, &guard))?)
}

/// `GET /orders`, answered to callers whom a guard knows (`guarded`), to everybody as if to one of them (`open`), or that
/// with a layer that does nothing (`passing`).
pub fn orders_behind(layers: &str, guard: &HearsNoRevocations) -> Router {
    let anybody = || Router::new().route("/orders", get(async || orders("user000000000000000000")));
    match layers {
        "guarded" => Router::new()
            .route("/orders", get(async |caller: Caller| orders(&caller.sub)))
            .layer(guard.protect()),
        "passing" => anybody().layer(from_fn(async |request: Request, next: Next| {
            next.run(request).await
        })),
        _ => anybody(),
    }
}

fn orders(of: &str) -> Json<Value> {
    Json(json!({ "of": of, "orders": [{ "id": 1, "item": "book", "amount": 2 }] }))
}

/// Within tokio, where a guard has to be.
fn run(router: impl AsyncFnOnce() -> Router) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(crate::cores())
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let router = router().await;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, router).await
    })
}
