//! What axum alone does on this machine: a peer with answers of the same size as the server's, and a small service with
//! the guard's layer or without.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::iter;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_guard::axum::Caller;
use countersign_guard::net::HearsNoRevocations;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::tokens::{by_key, renewal, two_tokens};

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

/// Answers `POST /` likewise when a page for the request is on the disk: the least that a durable answer costs there. Those
/// that wait share a sync.
pub fn serve_durably(size: usize, file: &Path) -> io::Result<()> {
    let body = Bytes::from(vec![b'x'; size]);
    let disk = Disk::new(file)?;
    let (ask, asked) = mpsc::channel();
    thread::spawn(move || disk.serve(&asked));
    let router = Router::new().route(
        "/",
        post(async move |_: Bytes| {
            let (done, is_done) = oneshot::channel();
            ask.send(done).expect("the disk's thread lives");
            is_done.await.expect("written");
            ([(CONTENT_TYPE, "application/json")], body)
        }),
    );
    run(async || router)
}

/// A file whose size never changes, as a write-ahead log's that is written anew.
struct Disk(File);

const PAGE: usize = 4096;
const PAGES: u64 = 4096;

impl Disk {
    fn new(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        for _ in 0..PAGES {
            file.write_all(&[0; PAGE])?;
        }
        file.sync_all()?;
        Ok(Self(file))
    }

    fn serve(&self, asked: &Receiver<oneshot::Sender<()>>) {
        let mut at = 0;
        while let Ok(first) = asked.recv() {
            let waiting: Vec<_> = iter::once(first).chain(asked.try_iter()).collect();
            for _ in &waiting {
                let page = [7; PAGE];
                let offset = (at % PAGES) * PAGE as u64;
                self.0.write_all_at(&page, offset).expect("written");
                at += 1;
            }
            self.0.sync_data().expect("synced");
            for done in waiting {
                // Its client may have gone.
                let _ = done.send(());
            }
        }
    }
}

/// Answers `POST /` likewise when it has signed two tokens of ten claims: the least that a renewal costs which hands out a
/// new access token (ES256) and a new refresh token (HS256).
pub fn serve_signing(size: usize) -> io::Result<()> {
    let body = Bytes::from(vec![b'x'; size]);
    let sign = Arc::new(two_tokens());
    let router = Router::new().route(
        "/",
        post(async move |_: Bytes| {
            black_box(sign());
            ([(CONTENT_TYPE, "application/json")], body)
        }),
    );
    run(async || router)
}

/// Answers `POST /` with a renewal as such: the refresh token in the cookie is checked, and both tokens are made anew from
/// what it says; the access token goes into the body, the refresh token into the cookie.
pub fn serve_renewing() -> io::Result<()> {
    let renew = Arc::new(renewal());
    let router = Router::new().route(
        "/",
        post(async move |headers: HeaderMap, _: Bytes| {
            let cookie = headers.get(COOKIE).and_then(|cookie| cookie.to_str().ok());
            let (_, token) = cookie
                .and_then(|cookie| cookie.split_once('='))
                .ok_or(StatusCode::UNAUTHORIZED)?;
            let [access, refresh] = renew(token).ok_or(StatusCode::UNAUTHORIZED)?;
            let cookie = format!("refresh={refresh}; Path=/; HttpOnly; Secure; SameSite=Strict");
            let body = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 300 });
            Ok::<_, StatusCode>(([(SET_COOKIE, cookie)], Json(body)))
        }),
    );
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
