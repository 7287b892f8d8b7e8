//! Whether Redis still knows what it knew, and how well it keeps it.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::failure::Failure;
use super::keys;
use super::link::Link;
use super::scripts;

/// One life of Redis' memory, as it was last seen.
pub(super) struct Memory(Mutex<Seen>);

#[derive(Clone, PartialEq)]
struct Seen {
    began: String,
    looks: u64,
}

impl Memory {
    pub(super) async fn of(link: &Link) -> Result<Self, Failure> {
        Ok(Self(Mutex::new(look(link).await?)))
    }

    /// When it began, as it was last seen.
    pub(super) fn began(&self) -> String {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.began.clone()
    }

    /// Looks again, and says aloud what has been lost since. (Nothing depends on that: what was ended is known to SQL.)
    pub(super) async fn look_again(&self, link: &Link) -> Result<Loss, Failure> {
        let now = look(link).await?;
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let loss = if now.began != seen.began {
            Loss::Everything
        } else if now.looks <= seen.looks {
            Loss::SinceASnapshot
        } else {
            Loss::Nothing
        };
        *seen = now;
        Ok(loss)
    }
}

async fn look(link: &Link) -> Result<Seen, Failure> {
    let mut script = scripts::MEMORY.prepare_invoke();
    script.key(keys::MEMORY);
    let (began, looks) = link.run_again(&script).await?;
    Ok(Seen { began, looks })
}

/// What Redis has forgotten since it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    Nothing,
    Everything,
    SinceASnapshot,
}

impl Loss {
    pub(super) fn say(self) {
        match self {
            Self::Nothing => {}
            Self::Everything => tracing::error!(
                "Redis has lost its memory: everybody signs in again, and nothing that was ended comes back. If that \
                 was no intention of yours, see what it keeps (appendonly, appendfsync)"
            ),
            Self::SinceASnapshot => tracing::error!(
                "Redis was taken back to an earlier state: sessions that were renewed since will end as lost writes, and \
                 those that began since sign in again. `countersign sessions end-all --everybody` ends all at once"
            ),
        }
    }
}

/// A setting of Redis by which something that it acknowledged can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// It does not write down what it acknowledges, or only later.
    Durability {
        /// `appendonly` and `appendfsync`.
        found: String,
    },
    /// It throws keys away when its memory is full.
    Eviction {
        /// `maxmemory-policy`.
        found: String,
    },
    /// It does not say.
    Unknown,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Durability { found } => write!(
                f,
                "with {found}, Redis can lose what it acknowledged: whoever renewed in its last moments is signed out when \
                 it crashes. `appendonly yes` and `appendfsync always` keep it"
            ),
            Self::Eviction { found } => write!(
                f,
                "with maxmemory-policy {found}, Redis throws sessions away when its memory is full: their owners are \
                 signed out. Set it to noeviction"
            ),
            Self::Unknown => f.write_str(
                "Redis does not let its settings be read (CONFIG GET), so nobody here can tell whether it keeps what it \
                 acknowledges: see that appendonly is yes, appendfsync always, and maxmemory-policy noeviction",
            ),
        }
    }
}

/// What is to be said of its settings.
pub(super) async fn concerns(link: &Link) -> Vec<Concern> {
    let setting = async |name: &str| {
        let mut get = redis::cmd("CONFIG");
        get.arg("GET").arg(name);
        let found: Vec<String> = link.ask(&get).await.ok()?;
        found.into_iter().nth(1)
    };
    let (Some(append), Some(sync), Some(policy)) = (
        setting("appendonly").await,
        setting("appendfsync").await,
        setting("maxmemory-policy").await,
    ) else {
        return vec![Concern::Unknown];
    };
    let mut concerns = Vec::new();
    if append != "yes" {
        concerns.push(Concern::Durability {
            found: format!("appendonly {append}"),
        });
    } else if sync != "always" {
        concerns.push(Concern::Durability {
            found: format!("appendfsync {sync}"),
        });
    }
    if policy != "noeviction" {
        concerns.push(Concern::Eviction { found: policy });
    }
    concerns
}
