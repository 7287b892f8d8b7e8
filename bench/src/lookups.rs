//! What another style than the usual one costs: look-ups of the style `session`.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex};

use countersign_auth::model::client::Style;

use crate::field::{Field, Sample};
use crate::load::closed;
use crate::plan::Plan;
use crate::renewals::{CLIENTS, rows};
use crate::report::Report;
use crate::seed::Seed;
use crate::work::Lookups;

/// Of how many sessions the look-ups are that a node answers from memory: it remembers 10,000.
const REMEMBERED: usize = 1000;

/// Who is signed in, by a session's name.
pub fn measure(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
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
