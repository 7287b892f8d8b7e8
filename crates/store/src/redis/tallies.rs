//! Attempts counted for all nodes: one script each, which finds its keys in one slot.
//!
//! Nothing here is worth keeping for long, and nobody waits long for it: whoever asks can count by themselves.

use std::time::Duration;

use async_trait::async_trait;
use countersign_auth::env::Timestamp;
use countersign_auth::limits::shared::{Amendment, How, Rule, Tallies, Tally};
use countersign_auth::limits::{Backoff, Limited};
use countersign_auth::store::StoreError;
use redis::ScriptInvocation;
use tokio::time::timeout;

use super::failure::Failure;
use super::fields::{self, FAR};
use super::{Redis, keys, scripts};

/// No answer came within this time: the count is left to the node that asks.
const ANSWER: Duration = Duration::from_millis(250);

#[async_trait]
impl Tallies for Redis {
    async fn count(
        &self,
        owner: &str,
        tallies: &[Tally],
        now: Timestamp,
    ) -> Result<Result<(), Limited>, StoreError> {
        let mut script = scripts::COUNT.prepare_invoke();
        for tally in tallies {
            script.key(keys::tally(owner, &tally.name));
        }
        script.arg(fields::millis(now));
        for tally in tallies {
            match tally.rule {
                Rule::Budget { cost, all } => {
                    arguments(&mut script, "budget", [micros(cost), micros(all), 0, 0]);
                }
                Rule::Backoff(backoff) => {
                    let [free, first, longest] = waits(backoff);
                    let forget = millis(backoff.forget);
                    arguments(&mut script, "backoff", [free, first, longest, forget]);
                }
            }
        }
        Ok(match self.answer(&script).await? {
            0 => Ok(()),
            wait => Err(Limited {
                retry_after: Duration::from_millis(wait),
            }),
        })
    }

    async fn amend(
        &self,
        owner: &str,
        amendments: &[Amendment],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut script = scripts::AMEND.prepare_invoke();
        for amendment in amendments {
            script.key(keys::tally(owner, &amendment.name));
        }
        script.arg(fields::millis(now));
        for amendment in amendments {
            match amendment.how {
                How::GiveBack(amount) => {
                    arguments(&mut script, "give_back", [micros(amount), 0, 0, 0]);
                }
                How::Undo { backoff, then } => {
                    let [free, first, longest] = waits(backoff);
                    let then = fields::millis(then);
                    arguments(&mut script, "undo", [then, free, first, longest]);
                }
                How::Forget => arguments(&mut script, "forget", [0; 4]),
            }
        }
        self.answer(&script).await?;
        Ok(())
    }
}

impl Redis {
    /// A script that may have been run although its answer is lost is not run again: it would count twice.
    async fn answer(&self, script: &ScriptInvocation<'_>) -> Result<u64, StoreError> {
        let late = |_| StoreError::Unavailable("Redis did not answer in time".into());
        let answer = timeout(ANSWER, self.link.run::<u64>(script)).await;
        answer.map_err(late)?.map_err(Failure::into)
    }
}

fn arguments(script: &mut ScriptInvocation<'_>, what: &str, numbers: [u64; 4]) {
    script.arg(what);
    for number in numbers {
        script.arg(number);
    }
}

fn waits(backoff: Backoff) -> [u64; 3] {
    [
        backoff.free.into(),
        millis(backoff.first),
        millis(backoff.longest),
    ]
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(FAR).min(FAR)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(FAR).min(FAR)
}
