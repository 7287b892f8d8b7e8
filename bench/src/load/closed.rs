//! The closed loop: each of N clients sends its next request when it has the answer to the last.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::wire::Answer;
use super::{Load, Record, Span, Work, nanos};

/// Runs `clients` clients against `address` from one thread, and says what was measured.
pub fn closed<W: Work>(
    address: SocketAddr,
    clients: usize,
    span: Span,
    work: &Arc<Mutex<W>>,
) -> io::Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let from = Instant::now() + span.warm_up;
        let until = from + span.measured;
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let client = Client {
                stream: TcpStream::connect(address).await?,
                request: Vec::with_capacity(1024),
                answer: Vec::with_capacity(8 * 1024),
                chunk: vec![0; 16 * 1024].into_boxed_slice(),
            };
            client.stream.set_nodelay(true)?;
            tasks.spawn(client.run(Arc::clone(work), from, until));
        }
        let mut records = Vec::with_capacity(clients);
        while let Some(finished) = tasks.join_next().await {
            records.push(finished.map_err(io::Error::other)??);
        }
        let elapsed = Instant::now().min(until).saturating_duration_since(from);
        Ok(Record::merge(records, elapsed))
    })
}

struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    chunk: Box<[u8]>,
}

impl Client {
    async fn run<W: Work>(
        mut self,
        work: Arc<Mutex<W>>,
        from: Instant,
        until: Instant,
    ) -> io::Result<Record> {
        let mut record = Record::default();
        loop {
            self.request.clear();
            let next = work.lock().expect("no panic").next(&mut self.request);
            let Some(ticket) = next else {
                return Ok(record);
            };
            let start = Instant::now();
            if start >= until {
                work.lock().expect("no panic").withdrawn(ticket);
                return Ok(record);
            }
            self.exchange().await?;
            let end = Instant::now();
            let answer = Answer::parse(&self.answer)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if start >= from && end < until {
                record.latencies.push(nanos(end - start));
                *record.statuses.entry(answer.status).or_default() += 1;
            }
            let wait = work.lock().expect("no panic").answered(ticket, &answer);
            if let Some(wait) = wait {
                tokio::time::sleep(wait.min(Duration::from_secs(1))).await;
            }
        }
    }

    async fn exchange(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.request.len() {
            match self.stream.try_write(&self.request[sent..]) {
                Ok(written) => sent += written,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(e) => return Err(e),
            }
        }
        self.answer.clear();
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut self.chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.answer.extend_from_slice(&self.chunk[..read]);
                    if Answer::parse(&self.answer)?.is_some() {
                        return Ok(());
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
    }
}
