//! What other styles than the usual one cost: renewals of the style `stateless` next to a handler that signs twice and does
//! nothing else, and look-ups of the style `session`.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex};

use countersign_auth::model::client::Style;

use crate::field::{Field, Peer, Sample, pairs, runs};
use crate::load::closed;
use crate::plan::Plan;
use crate::renewals::{CLIENTS, rows};
use crate::report::{Goal, Report};
use crate::seed::{ISSUER, Seed};
use crate::work::Lookups;

/// Of how many sessions the look-ups are that a node answers from memory: it remembers 10,000.
const REMEMBERED: usize = 1000;

/// Renewals without a store.
pub fn stateless(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    report.section("Renewals of the style stateless");
    // Its refresh tokens are for the issuer that made them.
    let issuer = [("COUNTERSIGN_ISSUER", ISSUER.to_owned())];
    let field = Field::new(
        &folder.join("stateless"),
        seed(plan, Style::Stateless),
        &issuer,
    )?;
    field.renew(plan.span, 1)?;
    let size = field.renewals().answer_size();
    let peer = Peer::signing(size)?;
    report.say(&format!(
        "`POST /v1/refresh` with a refresh JWT in the cookie: nothing is read and nothing written. Next to an axum `POST` \
         that reads its body, signs two tokens of ten claims (ES256 and HS256) and answers as many bytes ({size}), and to one \
         that reads an HS256 token of ten claims from the cookie, checks it, signs two tokens of what it says and answers with \
         them, in turns."
    ));
    let renewing = Peer::renewing()?;
    let mut least: [Vec<Sample>; 3] = Default::default();
    let mut ours: [Vec<Sample>; 3] = Default::default();
    let mut bare: [Vec<Sample>; 3] = Default::default();
    for _ in 0..plan.runs {
        for (i, clients) in CLIENTS.into_iter().enumerate() {
            bare[i].push(peer.run(plan.span, clients)?);
            ours[i].push(field.renew(plan.span, clients)?);
            least[i].push(renewing.run(plan.span, clients)?);
        }
    }
    for (i, clients) in CLIENTS.into_iter().enumerate() {
        let name = format!("stateless renewals, {clients} clients");
        rows(report, &name, &ours[i], None, None);
        let rate = runs(&bare[i], |s| s.rate);
        report.figure(
            &format!("signing twice, {clients} clients: rate"),
            &rate,
            "/s",
            None,
        );
        let ratio = pairs(&ours[i], &bare[i], |ours, bare| ours.rate / bare.rate);
        report.figure(
            &format!("stateless renewals of signing twice, {clients} clients"),
            &ratio,
            "×",
            (clients == 64).then_some(Goal::AtLeast(0.8)),
        );
        for (name, samples) in [
            ("signing twice", &bare),
            ("checking and signing twice", &least),
        ] {
            let cpu = runs(&samples[i], |s| s.cpu);
            let name = format!("{name}, {clients} clients: the peer's CPU");
            report.figure(&name, &cpu, "µs each", None);
        }
        let ratio = pairs(&least[i], &bare[i], |least, bare| least.rate / bare.rate);
        report.figure(
            &format!("checking and signing twice of signing twice, {clients} clients"),
            &ratio,
            "×",
            None,
        );
    }
    field.server.stop()?;
    Ok(())
}

/// Who is signed in, by a session's name.
pub fn session(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    report.section("Look-ups of the style session");
    let field = Field::new(&folder.join("session"), seed(plan, Style::Session), &[])?;
    report.say(&format!(
        "`GET /v1/session` with the cookie of a session: of {REMEMBERED} sessions in turn, which the node remembers, and of \
         all {}, more than it does, so that each is looked up in SQLite.",
        plan.sessions
    ));
    for (name, most) in [("remembered", REMEMBERED), ("not remembered", usize::MAX)] {
        let lookups = Arc::new(Mutex::new(Lookups::new(field.renewals().tokens(), most)));
        let mut samples: [Vec<Sample>; 3] = Default::default();
        for _ in 0..plan.runs {
            for (i, clients) in CLIENTS.into_iter().enumerate() {
                let before = field.server.cpu();
                let load = closed(field.server.address, clients, plan.span, &lookups)?;
                let used = field.server.cpu().saturating_sub(before);
                samples[i].push(Sample::new(&load, used, plan.span));
            }
        }
        for (i, clients) in CLIENTS.into_iter().enumerate() {
            let name = format!("sessions {name}, {clients} clients");
            rows(report, &name, &samples[i], None, None);
        }
    }
    field.server.stop()?;
    Ok(())
}

fn seed(plan: &Plan, style: Style) -> Seed {
    Seed {
        signers: 0,
        style,
        ..Seed::small(plan)
    }
}
