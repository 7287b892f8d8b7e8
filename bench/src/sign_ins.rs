//! Sign-ins next to the hash alone on all cores; and whether their time tells who exists.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::field::{Field, Sample, runs};
use crate::load::{Answer, Span, closed, exchange};
use crate::plan::Plan;
use crate::report::{Goal, Report, number};
use crate::seed::PASSWORD;
use crate::stats::{Runs, welch};
use crate::work::{SignIns, sign_in, signer};

/// How many people sign in.
pub const SIGNERS: u32 = 1000;
/// Clients that sign in at once: enough to keep every core hashing, fewer than the queue holds.
const CLIENTS: usize = 16;
/// The t beyond which two samples are told apart.
const TELLTALE: f64 = 4.5;

/// Against the raw hash.
pub fn against_raw(plan: &Plan, report: &mut Report, field: &Field) -> Result<(), Box<dyn Error>> {
    report.section("Sign-ins");
    report.say(&format!(
        "`POST /v1/login` by {CLIENTS} clients in a closed loop, Argon2id with 19 MiB and 2 passes, next to the hash \
         alone on {} threads with re-used memory, in turns.",
        crate::cores()
    ));
    let span = Span {
        measured: plan.span.measured * 2,
        ..plan.span
    };
    let work = Arc::new(Mutex::new(SignIns::new(SIGNERS, PASSWORD)));
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        raw.push(hashes_per_second(span));
        let before = field.server.cpu();
        let load = closed(field.server.address, CLIENTS, span, &work)?;
        ours.push(Sample::new(
            &load,
            field.server.cpu().saturating_sub(before),
            span,
        ));
    }
    report.figure("raw hashes", &Runs::new(raw.clone()), "/s", None);
    report.figure("sign-ins", &runs(&ours, |s| s.rate), "/s", None);
    report.figure("sign-ins: p99", &runs(&ours, |s| s.p99), "ms", None);
    let ratio = ours.iter().zip(&raw).map(|(ours, raw)| ours.rate / raw);
    report.figure(
        "sign-ins to raw hashes",
        &Runs::new(ratio.collect()),
        "×",
        Some(Goal::AtLeast(0.85)),
    );
    Ok(())
}

fn hashes_per_second(span: Span) -> f64 {
    let until = Instant::now() + span.measured;
    let hashes: u32 = thread::scope(|scope| {
        let threads: Vec<_> = (0..crate::cores())
            .map(|_| scope.spawn(move || hash_until(until)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum()
    });
    f64::from(hashes) / span.measured.as_secs_f64()
}

fn hash_until(until: Instant) -> u32 {
    let params = Params::new(19 * 1024, 2, 1, None).expect("good parameters");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0; 32];
    let mut hashes = 0;
    while Instant::now() < until {
        argon2
            .hash_password_into_with_memory(PASSWORD.as_bytes(), &[9; 16], &mut out, &mut memory)
            .expect("hashed");
        hashes += 1;
    }
    hashes
}

/// Whether names that exist answer in another time than names that do not: `count` sign-ins with a wrong password,
/// the two kinds mixed at random.
pub fn likeness(
    report: &mut Report,
    address: SocketAddr,
    count: u32,
    clients: u32,
    cost: &str,
) -> Result<(), Box<dyn Error>> {
    let each = count / clients;
    let [known, unknown] = thread::scope(|scope| -> io::Result<_> {
        let threads: Vec<_> = (0..clients)
            .map(|client| scope.spawn(move || times(address, client, each)))
            .collect();
        let mut all = [Vec::new(), Vec::new()];
        for thread in threads {
            let times = thread.join().expect("no panic")?;
            for (all, mut times) in all.iter_mut().zip(times) {
                all.append(&mut times);
            }
        }
        Ok(all)
    })?;
    let mean = |times: &[f64]| number(times.iter().sum::<f64>() / times.len() as f64);
    report.once(
        &format!(
            "Welch's t, {} known and {} unknown names, {cost}",
            known.len(),
            unknown.len()
        ),
        welch(&known, &unknown).abs(),
        "",
        Some(Goal::Below(TELLTALE)),
    );
    report.once(
        &format!("the same of the faster nine tenths, {cost}"),
        welch(&fastest(&known), &fastest(&unknown)).abs(),
        "",
        None,
    );
    report.say(&format!(
        "Means: {} ms for known names, {} ms for unknown ones.",
        mean(&known),
        mean(&unknown)
    ));
    Ok(())
}

fn fastest(times: &[f64]) -> Vec<f64> {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() * 9 / 10);
    times
}

/// Milliseconds of sign-ins with known names, and with unknown ones.
fn times(address: SocketAddr, client: u32, count: u32) -> io::Result<[Vec<f64>; 2]> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let (mut ask, mut buffer) = (Vec::new(), Vec::new());
    let mut times = [Vec::new(), Vec::new()];
    // xorshift, seeded: the order is random but the same in every run.
    let mut random = 0x2545_f491_4f6c_dd1d ^ u64::from(client + 1);
    for _ in 0..count {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let unknown = usize::from(random & (1 << 40) != 0);
        let number = u32::try_from(random >> 44).unwrap_or_default() % SIGNERS;
        let name = signer(number + if unknown == 1 { 2 * SIGNERS } else { 0 });
        ask.clear();
        sign_in(&name, "not the password", &mut ask);
        let start = Instant::now();
        exchange(&mut stream, &ask, &mut buffer)?;
        let spent = start.elapsed().as_secs_f64() * 1e3;
        let answer = Answer::parse(&buffer)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if answer.status != 401 {
            let body = String::from_utf8_lossy(answer.body);
            return Err(io::Error::other(format!("{}: {body}", answer.status)));
        }
        times[unknown].push(spent);
    }
    Ok(times)
}
