//! The open loop: requests are due at a fixed rate whatever the answers do, and latency counts from when a request
//! was due. A slow answer so delays nobody else's start unseen (no coordinated omission).

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::wire::{Answer, exchange};
use super::{Load, Record, Span, Work, nanos};

/// How many requests may be under way at once before the next must wait (and its wait is counted).
const CONNECTIONS: usize = 64;

/// Sends `rate` requests a second to `address`, and says what was measured. Threads that sleep until a request is due
/// wake more exactly than a timer wheel of milliseconds.
pub fn open<W: Work>(
    address: SocketAddr,
    rate: u32,
    span: Span,
    work: &Arc<Mutex<W>>,
) -> io::Result<Load> {
    let begin = Instant::now() + Duration::from_millis(50);
    let schedule = Schedule {
        begin,
        from: begin + span.warm_up,
        until: begin + span.warm_up + span.measured,
        period: Duration::from_secs(1) / rate,
        next: AtomicU32::new(0),
    };
    let records = thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(|| schedule.run(address, work)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect::<io::Result<Vec<_>>>()
    })?;
    Ok(Record::merge(records, span.measured))
}

struct Schedule {
    begin: Instant,
    from: Instant,
    until: Instant,
    period: Duration,
    next: AtomicU32,
}

impl Schedule {
    fn run<W: Work>(&self, address: SocketAddr, work: &Arc<Mutex<W>>) -> io::Result<Record> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let (mut request, mut answer) = (Vec::new(), Vec::new());
        let mut record = Record::default();
        loop {
            let due = self.begin + self.period * self.next.fetch_add(1, Ordering::Relaxed);
            if due >= self.until {
                return Ok(record);
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            request.clear();
            let next = work.lock().expect("no panic").next(&mut request);
            let Some(ticket) = next else {
                return Ok(record);
            };
            let sent = Instant::now();
            exchange(&mut stream, &request, &mut answer)?;
            let end = Instant::now();
            let answer = Answer::parse(&answer)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if due >= self.from {
                record.latencies.push(nanos(end - due));
                record.lateness.push(nanos(sent - due));
                *record.statuses.entry(answer.status).or_default() += 1;
            }
            work.lock().expect("no panic").answered(ticket, &answer);
        }
    }
}
