//! What the guard's layer costs an axum service: the same service with it and without, asked the same.

use std::error::Error;
use std::hint::black_box;
use std::io::Read;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Uri};
use countersign_guard::Guard;
use countersign_guard::net::HearsNoRevocations;
use countersign_jose::{Algorithm, KeySet, SigningKey, Verifier, VerifyingKey};
use tower::Service;

use super::checks::tokens;
use super::claims::{AUDIENCE, ISSUER, TYP};
use super::contenders::key;
use super::race::{Op, turns};
use crate::bare::orders_behind;
use crate::field::Sample;
use crate::load::{Answer, Span, Work, closed, request};
use crate::plan::Plan;
use crate::process::Bare;
use crate::report::{Goal, Report};
use crate::stats::Runs;

/// What is measured against one another.
const LAYERS: [&str; 3] = ["guarded", "open", "passing"];
/// Different tokens.
const TOKENS: usize = 10_000;
/// How many requests are under way.
const CLIENTS: usize = 16;
/// Of each in a run.
const TURNS: usize = 5;

/// Through sockets, and without.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<(), Box<dyn Error>> {
    report.section("The guard's layer");
    let key = key(Algorithm::ES256);
    let tokens = tokens(&key, TOKENS);
    report.say(&format!(
        "An axum service that answers `GET /orders` with a small JSON that names the caller. *Guarded* has the guard's \
         layer, which knows the key alone and remembers all of {TOKENS} tokens, and its handler takes the `Caller`; \
         *open* is the same service without the layer, is asked the same, and answers as much; *passing* is that with a \
         layer of axum's own that does nothing, which shows what any layer costs that may have to wait."
    ));
    alone(plan, report, &key, &tokens)?;
    over_http(plan, report, &key, &tokens)
}

/// The services called as functions, in this thread: what the layer itself takes.
fn alone(
    plan: &Plan,
    report: &mut Report,
    key: &SigningKey,
    tokens: &[String],
) -> Result<(), Box<dyn Error>> {
    report.say(
        "Called as a function, on one thread, each request made anew with another token: no HTTP is read or written.",
    );
    let guard = guard(key.verifying_key())?;
    let fields = tokens
        .iter()
        .map(|token| HeaderValue::try_from(format!("Bearer {token}")))
        .collect::<Result<Arc<[_]>, _>>()?;
    let mut ops = LAYERS.map(|layers| calls(orders_behind(layers, &guard), &fields));
    // The guard remembers what it has seen.
    (0..TOKENS).for_each(|_| ops[0]());
    let mut turns = ops.each_mut().map(turns);
    let mut runs = LAYERS.map(|_| Vec::new());
    for _ in 0..plan.runs {
        let mut times = LAYERS.map(|_| Vec::new());
        for _ in 0..plan.turns {
            for (turn, times) in turns.iter_mut().zip(&mut times) {
                times.push(turn());
            }
        }
        for (run, times) in runs.iter_mut().zip(times) {
            run.push(Runs::new(times).median());
        }
    }
    for (layers, runs) in LAYERS.iter().zip(&runs) {
        let runs = Runs::new(runs.clone());
        report.figure(&format!("called, {layers}"), &runs, "µs", None);
    }
    let [guarded, open, _] = &runs;
    let more = guarded
        .iter()
        .zip(open)
        .map(|(with, without)| with - without);
    let more = Runs::new(more.collect());
    report.figure("called, guarded less open", &more, "µs", None);
    Ok(())
}

/// One request after the other; every answer is there at once.
fn calls(router: Router, fields: &Arc<[HeaderValue]>) -> Op {
    let mut router = router.with_state::<()>(());
    let fields = Arc::clone(fields);
    let mut at = 0;
    Box::new(move || {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static("/orders");
        let field = fields[at].clone();
        request.headers_mut().insert(AUTHORIZATION, field);
        at = (at + 1) % fields.len();
        let answering = pin!(router.call(request));
        let answer = answering.poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Ok(answer)) = black_box(answer) else {
            panic!("the service waits");
        };
        assert_eq!(answer.status(), 200);
    })
}

/// In processes of their own, asked by the same generator, in turns.
fn over_http(
    plan: &Plan,
    report: &mut Report,
    key: &SigningKey,
    tokens: &[String],
) -> Result<(), Box<dyn Error>> {
    let pem = key.verifying_key().to_pem()?;
    let span = Span {
        warm_up: plan.span.warm_up / 3,
        measured: plan.span.measured / 3,
    };
    report.say(&format!(
        "Each in a process of its own, in a closed loop of {CLIENTS} clients. The same bytes go to each, the token \
         included, so that *open* reads it, too. A run is {TURNS} turns of {} ms, now of one first and now of the other, \
         and its figures are the medians of these; the ratio is of neighbours. The generator shares the cores with each.",
        span.measured.as_millis()
    ));
    let guarded = Bare::told(&["axum-peer", "guarded"], &pem)?;
    let open = Bare::told(&["axum-peer", "open"], &pem)?;
    let work = Arc::new(Mutex::new(InTurn {
        requests: requests(tokens),
        next: 0,
        answered: 0,
    }));
    let turn = |service: &Bare| {
        let before = service.cpu();
        let load = closed(service.address, CLIENTS, span, &work)?;
        let cpu = service.cpu().saturating_sub(before);
        Ok::<_, Box<dyn Error>>(Sample::new(&load, cpu, span))
    };
    // Each token once at least, so that the guard remembers it.
    while work.lock().expect("no panic").answered < TOKENS {
        turn(&guarded)?;
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for number in 0..plan.runs * TURNS {
        if number % 2 == 0 {
            without.push(turn(&open)?);
        }
        with.push(turn(&guarded)?);
        if number % 2 == 1 {
            without.push(turn(&open)?);
        }
    }
    for (name, samples) in [("guarded", &with), ("open", &without)] {
        let name = format!("axum, {name}");
        let rate = by_run(samples.iter().map(|sample| sample.rate));
        report.figure(&format!("{name}: rate"), &rate, "/s", None);
        let cpu = by_run(samples.iter().map(|sample| sample.cpu));
        report.figure(&format!("{name}: server's CPU"), &cpu, "µs each", None);
        let others: u64 = samples.iter().map(|sample| sample.others).sum();
        if others > 0 {
            let none = Some(Goal::AtMost(0.0));
            let name = format!("{name}: answers that are not 200");
            report.once(&name, others as f64, "", none);
        }
    }
    let neighbours = with.iter().zip(&without);
    let ratio = by_run(neighbours.map(|(with, without)| with.rate / without.rate));
    let goal = Some(Goal::AtLeast(0.9));
    report.figure("axum, requests guarded to open", &ratio, "×", goal);
    Ok(())
}

/// The median of each run's turns.
fn by_run(turns: impl Iterator<Item = f64>) -> Runs {
    let turns: Vec<f64> = turns.collect();
    let runs = turns.chunks(TURNS).map(|run| Runs::new(run.to_vec()));
    Runs::new(runs.map(|run| run.median()).collect())
}

/// A guard that trusts the key on standard input.
pub fn by_key() -> Result<HearsNoRevocations, Box<dyn Error>> {
    let mut pem = String::new();
    std::io::stdin().read_to_string(&mut pem)?;
    guard(VerifyingKey::from_pem(Algorithm::ES256, &pem)?)
}

fn guard(key: VerifyingKey) -> Result<HearsNoRevocations, Box<dyn Error>> {
    let verifier = Verifier::new(ISSUER, AUDIENCE, TYP, KeySet::new(vec![key])?);
    Ok(Guard::with_keys(verifier, 2 * TOKENS))
}

fn requests(tokens: &[String]) -> Vec<Vec<u8>> {
    let ask = |token: &String| {
        let mut out = Vec::new();
        let fields = format!("Authorization: Bearer {token}\r\n");
        request("GET", "/orders", &fields, "", &mut out);
        out
    };
    tokens.iter().map(ask).collect()
}

/// One request after the other, and from the beginning.
struct InTurn {
    requests: Vec<Vec<u8>>,
    next: usize,
    answered: usize,
}

impl Work for InTurn {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let ticket = self.next;
        out.extend_from_slice(&self.requests[ticket]);
        self.next = (ticket + 1) % self.requests.len();
        Some(ticket)
    }

    fn answered(&mut self, _ticket: usize, _answer: &Answer<'_>) -> Option<Duration> {
        self.answered += 1;
        None
    }
}
