//! What the guard's layer costs an axum service: the same service with it and without, asked the same.

use std::error::Error;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_guard::Guard;
use countersign_guard::net::HearsNoRevocations;
use countersign_jose::{Algorithm, KeySet, Verifier, VerifyingKey};

use super::checks::tokens;
use super::claims::{AUDIENCE, ISSUER, TYP};
use super::contenders::key;
use crate::field::{Sample, pairs, runs};
use crate::load::{Answer, Work, closed, request};
use crate::plan::Plan;
use crate::process::Bare;
use crate::report::{Goal, Report};

/// Different tokens.
const TOKENS: usize = 10_000;
/// How many requests are under way.
const CLIENTS: usize = 16;

/// Both, in turns.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let key = key(Algorithm::ES256);
    let pem = key.verifying_key().to_pem()?;
    report.say(&format!(
        "An axum service in a process of its own, which answers `GET /orders` with a small JSON that names the caller; \
         in a closed loop of {CLIENTS} clients, each request with another of {TOKENS} tokens. *Guarded* has the guard's \
         layer, which knows the key alone and remembers all of the tokens, and its handler takes the `Caller`; *open* \
         is the same service without the layer, is asked the same, and answers as much; *passing* is that with a layer of \
         axum's own that does nothing, which shows what any layer costs that may have to wait. The generator shares the \
         cores with each."
    ));
    let guarded = Bare::told(&["axum-peer", "guarded"], &pem)?;
    let open = Bare::told(&["axum-peer", "open"], &pem)?;
    let passing = Bare::told(&["axum-peer", "passing"], &pem)?;
    let work = Arc::new(Mutex::new(InTurn {
        requests: requests(&tokens(&key, TOKENS)),
        next: 0,
        answered: 0,
    }));
    let run = |service: &Bare| {
        let before = service.cpu();
        let load = closed(service.address, CLIENTS, plan.span, &work)?;
        let cpu = service.cpu().saturating_sub(before);
        Ok::<_, Box<dyn Error>>(Sample::new(&load, cpu, plan.span))
    };
    // Each token once at least, so that the guard remembers it.
    while work.lock().expect("no panic").answered < TOKENS {
        run(&guarded)?;
    }
    let (mut with, mut without, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        without.push(run(&open)?);
        with.push(run(&guarded)?);
        idle.push(run(&passing)?);
    }
    for (name, samples) in [("guarded", &with), ("open", &without), ("passing", &idle)] {
        let name = format!("axum, {name}");
        let rate = runs(samples, |sample| sample.rate);
        report.figure(&format!("{name}: rate"), &rate, "/s", None);
        let cpu = runs(samples, |sample| sample.cpu);
        report.figure(&format!("{name}: server's CPU"), &cpu, "µs each", None);
        let others: u64 = samples.iter().map(|sample| sample.others).sum();
        if others > 0 {
            let none = Some(Goal::AtMost(0.0));
            let name = format!("{name}: answers that are not 200");
            report.once(&name, others as f64, "", none);
        }
    }
    let ratio = pairs(&with, &without, |with, without| with.rate / without.rate);
    let goal = Some(Goal::AtLeast(0.9));
    report.figure("axum, requests guarded to open", &ratio, "×", goal);
    let ratio = pairs(&idle, &without, |with, without| with.rate / without.rate);
    report.figure("axum, requests passing to open", &ratio, "×", None);
    Ok(())
}

/// A guard that trusts the key on standard input.
pub fn by_key() -> Result<HearsNoRevocations, Box<dyn Error>> {
    let mut pem = String::new();
    std::io::stdin().read_to_string(&mut pem)?;
    let key = VerifyingKey::from_pem(Algorithm::ES256, &pem)?;
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
