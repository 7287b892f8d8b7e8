//! Upkeep: sessions that rest before their time is up.

use std::time::Duration;

use countersign_auth::env::Timestamp;
use redis::cmd;

use super::failure::Failure;
use super::fields::{self, Kept};
use super::reading::parsed;
use super::{SqlAndRedis, keys, scripts};

/// For how long after their absolute end sessions are remembered as ended: longer than clocks can be apart.
const REMEMBERED: Duration = Duration::from_hours(24);

impl SqlAndRedis {
    /// Keys end by themselves; this is for sessions that rest before their time is up. Any number of nodes may do it
    /// at once. What was ended and could not come back any more is forgotten in SQL, and counts, too.
    pub(super) async fn sweep_all(&self, now: Timestamp, limit: u32) -> Result<u32, Failure> {
        self.redis.memory.look_again(&self.redis.link).await?.say();
        let mut swept = 0;
        for queue in 0..keys::QUEUES {
            while swept < limit {
                let step = self
                    .sweep_queue(&keys::queue(queue), now, limit - swept)
                    .await?;
                swept += step.swept;
                if step.is_last {
                    break;
                }
            }
        }
        let before = now.minus(REMEMBERED);
        Ok(swept + self.sql.forget_ended(before, limit - swept).await?)
    }

    /// One step through those of a queue that were due when they were last looked at.
    async fn sweep_queue(&self, queue: &str, now: Timestamp, limit: u32) -> Result<Step, Failure> {
        let mut due = cmd("ZRANGE");
        due.arg(queue)
            .arg("-inf")
            .arg(fields::millis(now))
            .arg("BYSCORE")
            .arg("LIMIT")
            .arg(0)
            .arg(limit);
        let due: Vec<String> = self.redis.link.ask(&due).await?;
        let mut step = Step {
            swept: 0,
            is_last: due.len() < limit as usize,
        };
        for id in parsed(&due)? {
            let kept = Kept::read(id, &self.hash(&keys::session(id)).await?)?;
            if let Some(kept) = kept {
                let mut script = scripts::SWEEP.prepare_invoke();
                for key in kept.keys() {
                    script.key(key);
                }
                script.arg(fields::millis(now));
                if !self.redis.link.run::<bool>(&script).await? {
                    // It was used since: it waits for its new end.
                    let mut later = cmd("ZADD");
                    later
                        .arg(queue)
                        .arg("XX")
                        .arg(fields::millis(kept.session.idle_end))
                        .arg(id.to_string());
                    self.redis.link.ask::<()>(&later).await?;
                    continue;
                }
                step.swept += 1;
                self.unlist(kept.session.user, id).await?;
            }
            let mut remove = cmd("ZREM");
            remove.arg(queue).arg(id.to_string());
            self.redis.link.ask::<()>(&remove).await?;
        }
        Ok(step)
    }
}

struct Step {
    swept: u32,
    is_last: bool,
}
