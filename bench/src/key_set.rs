//! Reads of the key set, next to a bare GET of the same size.

use std::error::Error;
use std::sync::{Arc, Mutex};

use crate::field::{Peer, Sample, pairs, runs};
use crate::load::{closed, exchange_once, request};
use crate::plan::Plan;
use crate::process::Server;
use crate::report::{Goal, Report};
use crate::work::Same;

const CLIENTS: usize = 64;

/// In turns with the peer.
pub fn measure(plan: &Plan, report: &mut Report, server: &Server) -> Result<(), Box<dyn Error>> {
    report.section("Key set");
    let mut ask = Vec::new();
    request("GET", "/.well-known/jwks.json", "", "", &mut ask);
    let size = exchange_once(server.address, &ask, |answer| {
        assert_eq!(answer.status, 200, "the key set is there");
        answer.len()
    })?;
    report.say(&format!(
        "`GET /.well-known/jwks.json` by {CLIENTS} clients, {size} bytes with its head, in turns with a bare axum `GET` \
         of the same size."
    ));
    let peer = Peer::get(size)?;
    let work = Arc::new(Mutex::new(Same(ask)));
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        bare.push(peer.run(plan.span, CLIENTS)?);
        let before = server.cpu();
        let load = closed(server.address, CLIENTS, plan.span, &work)?;
        ours.push(Sample::new(
            &load,
            server.cpu().saturating_sub(before),
            plan.span,
        ));
    }
    report.figure("key set reads", &runs(&ours, |s| s.rate), "/s", None);
    report.figure(
        "key set reads: server's CPU",
        &runs(&ours, |s| s.cpu),
        "µs each",
        None,
    );
    report.figure("bare GET", &runs(&bare, |s| s.rate), "/s", None);
    report.figure(
        "bare GET: server's CPU",
        &runs(&bare, |s| s.cpu),
        "µs each",
        None,
    );
    report.figure(
        "key set reads of bare GETs",
        &pairs(&ours, &bare, |ours, bare| ours.rate / bare.rate),
        "×",
        Some(Goal::AtLeast(0.7)),
    );
    Ok(())
}
