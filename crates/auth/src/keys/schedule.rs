//! When a key moves on: pure, one step at a time, so that two nodes that do the same chore do no harm.

use std::time::Duration;

use crate::env::Timestamp;
use crate::model::id::KeyId;
use crate::model::key::{KeyPurpose, KeyState, StoredKey};

/// What is wanted of the keys of one purpose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) purpose: KeyPurpose,
    /// Which algorithm they have; `None`: there should be none (the operator brought their own).
    pub(crate) algorithm: Option<&'static str>,
    /// How long a key is active.
    pub(crate) rotate_every: Option<Duration>,
    /// How long it is staged before. A key is always staged ahead, so that a rotation at once breaks nobody.
    pub(crate) publish_for: Option<Duration>,
    /// How long it is kept when retired.
    pub(crate) keep_for: Duration,
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
        let mine = || keys.iter().filter(|key| key.purpose == self.purpose);
        let fits = |key: &StoredKey| self.algorithm == Some(key.algorithm.as_str());
        let unwanted = mine()
            .find(|key| key.state == KeyState::Staged && !fits(key))
            .or_else(|| {
                mine().find(|key| key.state == KeyState::Active && self.algorithm.is_none())
            });
        if let Some(key) = unwanted {
            return Some(Step::Move(key.id, key.state, KeyState::Retired));
        }
        if self.algorithm.is_some() {
            let staged = mine().find(|key| key.state == KeyState::Staged);
            let Some(active) = mine().find(|key| key.state == KeyState::Active) else {
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
                if (due || !fits(active)) && now >= staged.since.plus(publish_for) {
                    return Some(Step::Move(staged.id, KeyState::Staged, KeyState::Active));
                }
            }
        }
        mine()
            .find(|key| key.state == KeyState::Retired && now > key.since.plus(self.keep_for))
            .map(|key| Step::Drop(key.id))
    }

    /// The same plan without staging ahead: what a start needs before the first answer.
    pub(crate) fn essential(self) -> Self {
        Self {
            publish_for: None,
            ..self
        }
    }
}
