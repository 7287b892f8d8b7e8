//! When a key moves on: pure, one step at a time, so that two nodes that do the same chore do no harm.

use std::time::Duration;

use countersign_jose::Algorithm;

use crate::env::Timestamp;
use crate::model::id::KeyId;
use crate::model::key::{KeyPurpose, KeyState, StoredKey};

/// What is wanted of the keys of one ring: those of one purpose and one algorithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) purpose: KeyPurpose,
    pub(crate) algorithm: Algorithm,
    /// Whether anybody needs them.
    pub(crate) need: Need,
    /// How long a key is active.
    pub(crate) rotate_every: Option<Duration>,
    /// How long it is staged before. A key is always staged ahead, so that a rotation at once breaks nobody.
    pub(crate) publish_for: Option<Duration>,
    /// How long it is kept when retired.
    pub(crate) keep_for: Duration,
}

/// Whether anybody needs the keys of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Something is made with them.
    Used,
    /// Nobody asks for them any more, or the operator brought their own: what is there retires.
    Unused,
}

/// One step towards the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Make(KeyState),
    Move(KeyId, KeyState, KeyState),
    Drop(KeyId),
}

impl Plan {
    /// The next step at `now`, if there is one.
    pub(crate) fn next_step(&self, keys: &[StoredKey], now: Timestamp) -> Option<Step> {
        let in_state = |state| self.keys(keys).filter(move |key| key.state == state);
        let staged = in_state(KeyState::Staged).next();
        let active = in_state(KeyState::Active).next();
        match self.need {
            Need::Unused => {
                if let Some(key) = staged.or(active) {
                    return Some(Step::Move(key.id, key.state, KeyState::Retired));
                }
            }
            Need::Used => {
                let Some(active) = active else {
                    return Some(match staged {
                        Some(key) => Step::Move(key.id, KeyState::Staged, KeyState::Active),
                        None => Step::Make(KeyState::Active),
                    });
                };
                if let Some(publish_for) = self.publish_for {
                    let Some(staged) = staged else {
                        return Some(Step::Make(KeyState::Staged));
                    };
                    let due = self
                        .rotate_every
                        .is_some_and(|every| now >= active.since.plus(every));
                    if due && now >= staged.since.plus(publish_for) {
                        return Some(Step::Move(staged.id, KeyState::Staged, KeyState::Active));
                    }
                }
            }
        }
        in_state(KeyState::Retired)
            .find(|key| now > key.since.plus(self.keep_for))
            .map(|key| Step::Drop(key.id))
    }

    /// The keys of this ring.
    pub(crate) fn keys<'k>(&self, keys: &'k [StoredKey]) -> impl Iterator<Item = &'k StoredKey> {
        let (purpose, algorithm) = (self.purpose, self.algorithm.name());
        keys.iter()
            .filter(move |key| key.purpose == purpose && key.algorithm == algorithm)
    }

    /// The same plan without staging ahead: what a start needs before the first answer.
    pub(crate) fn essential(self) -> Self {
        Self {
            publish_for: None,
            ..self
        }
    }
}

/// Which algorithm is the issuer's at `now`: the `wanted` one, or the `former` for as long as verifiers may not know a
/// key of the wanted one yet.
pub(crate) fn issuer_algorithm(
    wanted: Algorithm,
    former: Option<Algorithm>,
    keys: &[StoredKey],
    publish_for: Duration,
    now: Timestamp,
) -> Algorithm {
    let active = |algorithm: Algorithm| {
        keys.iter().find(|key| {
            key.purpose == KeyPurpose::Signing
                && key.state == KeyState::Active
                && key.algorithm == algorithm.name()
        })
    };
    // A former algorithm without a key could sign nothing.
    let former = former.filter(|former| *former != wanted && active(*former).is_some());
    let is_known = active(wanted).is_some_and(|key| now >= key.created_at.plus(publish_for));
    match former {
        Some(former) if !is_known => former,
        _ => wanted,
    }
}
