//! The bare peer: what axum alone does on this machine, with answers of the same size as the server's.

use std::io;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use tokio::net::TcpListener;

/// Answers `POST /` and `GET /` with a body of `size` bytes until killed. Prints its address first.
pub fn serve(size: usize) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(crate::cores())
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let body = Bytes::from(vec![b'x'; size]);
        let answer = move |body: &Bytes| ([(CONTENT_TYPE, "application/json")], body.clone());
        let (for_post, for_get) = (body.clone(), body);
        let router = Router::new()
            .route("/", post(async move |_: Bytes| answer(&for_post)))
            .route("/", get(async move || answer(&for_get)));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, router).await
    })
}
