//! What stands before the nodes under the issuer's name: it hands each connection to the next node that takes it, and
//! remembers which guard had its stream from which node.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// A guard that heard of revocations from a node.
#[derive(Clone, Debug)]
struct Stream {
    guard: String,
    node: usize,
    from: Instant,
    until: Option<Instant>,
}

#[derive(Default)]
struct Seen {
    streams: Mutex<Vec<Stream>>,
    next: AtomicUsize,
    next_stream: AtomicUsize,
    /// The node that gets nothing new.
    drained: Mutex<Option<usize>>,
}

pub struct Balancer {
    listener: Option<TcpListener>,
    pub port: u16,
    seen: Arc<Seen>,
}

impl Balancer {
    /// On a port that the nodes can be told before there are any.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            port: listener.local_addr().unwrap().port(),
            listener: Some(listener),
            seen: Arc::default(),
        }
    }

    /// From now on there are nodes.
    pub fn lead_to(&mut self, ports: Vec<u16>) {
        let (listener, seen) = (self.listener.take().unwrap(), Arc::clone(&self.seen));
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                tokio::spawn(forward(caller, ports.clone(), Arc::clone(&seen)));
            }
        });
    }

    /// This node alone gets nothing new from now on.
    pub fn drain(&self, node: Option<usize>) {
        *self.seen.drained.lock().unwrap() = node;
    }

    /// From which node this guard heard, if it was one and the same from well before to there.
    pub fn heard_from(&self, guard: &str, from: Instant, to: Instant) -> Option<usize> {
        const SNAPSHOT: Duration = Duration::from_secs(1);
        let streams = self.seen.streams.lock().unwrap();
        let mut streams = streams.iter().filter(|stream| stream.guard == guard);
        let whole = streams.find(|stream| {
            stream.from + SNAPSHOT <= from && stream.until.is_none_or(|until| until >= to)
        })?;
        Some(whole.node)
    }

    /// The node from which most guards hear at this moment.
    pub fn busiest(&self, nodes: usize) -> usize {
        let streams = self.seen.streams.lock().unwrap();
        let hears = |node: usize| {
            let here = |stream: &&Stream| stream.node == node && stream.until.is_none();
            streams.iter().filter(here).count()
        };
        (0..nodes).max_by_key(|node| hears(*node)).unwrap()
    }
}

async fn forward(mut caller: TcpStream, ports: Vec<u16>, seen: Arc<Seen>) {
    let Some(head) = head(&mut caller).await else {
        return;
    };
    let guard = guard(&String::from_utf8_lossy(&head));
    let turn = match guard {
        Some(_) => &seen.next_stream,
        None => &seen.next,
    };
    let turn = turn.fetch_add(1, Ordering::Relaxed);
    let nodes = (0..ports.len()).map(|step| (turn + step) % ports.len());
    let drained = *seen.drained.lock().unwrap();
    for node in nodes.filter(|node| Some(*node) != drained) {
        let Ok(mut there) = TcpStream::connect(("127.0.0.1", ports[node])).await else {
            continue;
        };
        let number = guard.map(|guard| {
            let mut streams = seen.streams.lock().unwrap();
            streams.push(Stream {
                guard,
                node,
                from: Instant::now(),
                until: None,
            });
            streams.len() - 1
        });
        if there.write_all(&head).await.is_ok() {
            let _ = copy_bidirectional(&mut caller, &mut there).await;
        }
        if let Some(number) = number {
            seen.streams.lock().unwrap()[number].until = Some(Instant::now());
        }
        return;
    }
}

/// What comes first, as far as the end of a request's head.
async fn head(caller: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if caller.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// The guard that asks for a stream, by the token that it shows.
fn guard(head: &str) -> Option<String> {
    let is_stream = head.starts_with("GET /v1/revocations/stream");
    let mut lines = head.lines().filter(|_| is_stream);
    let token = lines.find_map(|line| line.strip_prefix("authorization: Bearer "))?;
    let payload = token.split('.').nth(1)?;
    let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    Some(claims["client_id"].as_str()?.to_owned())
}
