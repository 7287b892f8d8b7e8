//! Limits that nodes share: whoever guesses passwords, registers or changes a profile is counted in one place for all
//! nodes, where the store has such a place. While that does not answer, this node counts by itself as if there were none:
//! rather laxer for a while than nobody who signs in.
//!
//! Renewals, tokens for services and failures of clients are each node's own count. Those limits keep a node from being
//! overrun, or quiet; a question to another machine would cost more than what they save.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::budget::Allowance;
use super::{Account, Backoff, By, FAILURE, LimitSettings, Limited, Limits, Network, REFUND};
use crate::env::Timestamp;
use crate::model::id::{SessionId, UserId};
use crate::store::StoreError;
use crate::visitor::Visitor;

/// How long the shared count is left alone after it did not answer, so that not every sign-in waits for it.
const REST: Duration = Duration::from_secs(1);

/// Where nodes count together. It answers soon, or says that it does not.
#[async_trait]
pub trait Tallies: Send + Sync + 'static {
    /// Counts an attempt under each of these names of one owner's, or under none; in one step.
    async fn count(
        &self,
        owner: &str,
        tallies: &[Tally],
        now: Timestamp,
    ) -> Result<Result<(), Limited>, StoreError>;

    /// Takes back, in one step, what was counted.
    async fn amend(
        &self,
        owner: &str,
        amendments: &[Amendment],
        now: Timestamp,
    ) -> Result<(), StoreError>;
}

/// Something that is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Under which name, among those of its owner's.
    pub name: String,
    /// And how.
    pub rule: Rule,
}

/// How an attempt is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The generic cell rate algorithm: the moment is kept at which the budget is whole again, and no attempt may move it
    /// further from now than the whole budget takes.
    Budget {
        /// By how much this attempt moves it.
        cost: Duration,
        /// How long the whole budget takes.
        all: Duration,
    },
    /// Growing waits, by the number of failures.
    Backoff(Backoff),
}

/// How something that was counted is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// Of which name.
    pub name: String,
    /// And how.
    pub how: How,
}

/// Ways to take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// So much of a budget.
    GiveBack(Duration),
    /// One failure, which was let through at `then`.
    Undo {
        /// By which rule.
        backoff: Backoff,
        /// When.
        then: Timestamp,
    },
    /// All failures.
    Forget,
}

/// The limits of this node, and those that it shares.
pub(crate) struct Limiter {
    own: Limits,
    rules: LimitSettings,
    shared: Option<Shared>,
}

struct Shared {
    tallies: Arc<dyn Tallies>,
    /// Until when it is not asked, because it did not answer.
    rests_until: AtomicU64,
    is_away: AtomicBool,
    alone: AtomicU64,
}

impl Limiter {
    pub(crate) fn new(rules: &LimitSettings, tallies: Option<Arc<dyn Tallies>>) -> Self {
        Self {
            own: Limits::new(rules),
            rules: rules.clone(),
            shared: tallies.map(|tallies| Shared {
                tallies,
                rests_until: AtomicU64::new(0),
                is_away: AtomicBool::new(false),
                alone: AtomicU64::new(0),
            }),
        }
    }

    /// What this node counts by itself in any case.
    pub(crate) fn own(&self) -> &Limits {
        &self.own
    }

    /// How many attempts this node had to count by itself because the shared count did not answer. `None`: there is no
    /// shared count.
    pub(crate) fn counted_alone(&self) -> Option<u64> {
        let shared = self.shared.as_ref()?;
        Some(shared.alone.load(Ordering::Relaxed))
    }

    /// See [`Limits::sign_in`].
    pub(crate) async fn sign_in(
        &self,
        visitor: &Visitor,
        name: &str,
        user: Option<UserId>,
        device_key: &[u8],
        now: Timestamp,
    ) -> Result<Attempt<'_>, Limited> {
        let by = By::of(visitor, name, user, device_key);
        match self.count_together(self.steps_of_sign_in(by), now).await? {
            Some(attempt) => Ok(attempt),
            None => Ok(Attempt(Counted::Here(self.own.sign_in_by(by, now)?))),
        }
    }

    /// See [`Limits::password_change`].
    pub(crate) async fn password_change(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Attempt<'_>, Limited> {
        let steps = vec![Step {
            owner: format!("session:{session}"),
            entries: Entry::backoff("password".to_owned(), self.rules.password_change),
        }];
        match self.count_together(steps, now).await? {
            Some(attempt) => Ok(attempt),
            None => Ok(Attempt(Counted::Here(
                self.own.password_change(session, now)?,
            ))),
        }
    }

    /// See [`Limits::profile_change`].
    pub(crate) async fn profile_change(&self, user: UserId, now: Timestamp) -> Result<(), Limited> {
        let steps = vec![Step {
            owner: format!("user:{user}"),
            entries: Entry::budget("profile", Allowance::of(self.rules.profile_change), 1, 0),
        }];
        match self.count_together(steps, now).await? {
            Some(_) => Ok(()),
            None => self.own.profile_change(user, now),
        }
    }

    /// See [`Limits::registration`].
    pub(crate) async fn registration(
        &self,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<(), Limited> {
        let steps = visitor.address.map(|address| Step {
            owner: owner_of(Network::of(address)),
            entries: Entry::budget("registration", Allowance::of(self.rules.registration), 1, 0),
        });
        match self
            .count_together(steps.into_iter().collect(), now)
            .await?
        {
            Some(_) => Ok(()),
            None => self.own.registration(visitor, now),
        }
    }

    /// The address comes first: whoever is refused there is counted nowhere else.
    fn steps_of_sign_in(&self, by: By) -> Vec<Step> {
        let rules = &self.rules;
        let sign_in = |budget, cost, refund| Entry::budget("sign_in", budget, cost, refund);
        match by {
            By::Owner(user, device) => vec![Step {
                owner: format!("user:{user}:{device}"),
                entries: sign_in(Allowance::of_halves(rules.sign_in_owner), FAILURE, REFUND),
            }],
            By::Stranger(network, account) => {
                let of_address = network.map(|network| Step {
                    owner: owner_of(network),
                    entries: sign_in(Allowance::of_halves(rules.sign_in_address), FAILURE, REFUND),
                });
                let from = network.map_or_else(|| "nowhere".to_owned(), owner_of);
                let mut entries = Entry::backoff(format!("sign_in:{from}"), rules.sign_in_pair);
                entries.extend(sign_in(Allowance::of(rules.sign_in_account), 1, 1));
                let of_account = Step {
                    owner: owner_of_account(account),
                    entries,
                };
                of_address.into_iter().chain([of_account]).collect()
            }
        }
    }

    /// Counts an attempt everywhere or nowhere. `None`: not at all, since there is no shared count, or it does not answer.
    async fn count_together(
        &self,
        mut steps: Vec<Step>,
        now: Timestamp,
    ) -> Result<Option<Attempt<'_>>, Limited> {
        let Some(shared) = &self.shared else {
            return Ok(None);
        };
        steps.retain(|step| !step.entries.is_empty());
        if shared.rests(now) {
            shared.alone.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        for (done, step) in steps.iter().enumerate() {
            let tallies: Vec<Tally> = step.entries.iter().map(Entry::tally).collect();
            match shared.tallies.count(&step.owner, &tallies, now).await {
                Ok(Ok(())) => shared.is_back(),
                Ok(Err(limited)) => {
                    shared
                        .amend(&steps[..done], now, |entry| entry.forgiven(now))
                        .await;
                    return Err(limited);
                }
                Err(error) => {
                    shared.is_gone(&error, now);
                    shared.alone.fetch_add(1, Ordering::Relaxed);
                    return Ok(None);
                }
            }
        }
        Ok(Some(Attempt(Counted::Together { shared, steps, now })))
    }
}

impl Shared {
    fn rests(&self, now: Timestamp) -> bool {
        let until = Timestamp::from_millis(self.rests_until.load(Ordering::Relaxed));
        // A clock that was set back does not make it rest for longer.
        now < until && until <= now.plus(REST)
    }

    fn is_gone(&self, error: &StoreError, now: Timestamp) {
        self.rests_until
            .store(now.plus(REST).as_millis(), Ordering::Relaxed);
        if !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "attempts cannot be counted with the other nodes: until they can, each node counts by itself");
        }
    }

    fn is_back(&self) {
        if self.is_away.load(Ordering::Relaxed) && self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!("attempts are counted with the other nodes again");
        }
    }

    /// Whatever is not taken back stays counted, until it has rested.
    async fn amend(&self, steps: &[Step], now: Timestamp, how: impl Fn(&Entry) -> How) {
        for step in steps {
            let amendments: Vec<Amendment> = step
                .entries
                .iter()
                .map(|entry| Amendment {
                    name: entry.name.clone(),
                    how: how(entry),
                })
                .collect();
            if let Err(error) = self.tallies.amend(&step.owner, &amendments, now).await {
                self.is_gone(&error, now);
                return;
            }
        }
    }
}

/// An attempt that was let through. Dropped, it is a failure.
#[must_use = "an attempt that succeeded should say so"]
pub(crate) struct Attempt<'a>(Counted<'a>);

enum Counted<'a> {
    Here(super::Attempt<'a>),
    Together {
        shared: &'a Shared,
        steps: Vec<Step>,
        now: Timestamp,
    },
}

impl Attempt<'_> {
    /// See [`super::Attempt::succeeded`].
    pub(crate) async fn succeeded(self) {
        match self.0 {
            Counted::Here(attempt) => attempt.succeeded(),
            Counted::Together { shared, steps, now } => {
                shared.amend(&steps, now, Entry::succeeded).await;
            }
        }
    }

    /// See [`super::Attempt::forgiven`].
    pub(crate) async fn forgiven(self) {
        match self.0 {
            Counted::Here(attempt) => attempt.forgiven(),
            Counted::Together { shared, steps, now } => {
                let forgiven = |entry: &Entry| entry.forgiven(now);
                shared.amend(&steps, now, forgiven).await;
            }
        }
    }
}

/// What is counted in one step.
struct Step {
    owner: String,
    entries: Vec<Entry>,
}

/// What is counted, and what a success gets back.
struct Entry {
    name: String,
    rule: Rule,
    refund: Duration,
}

impl Entry {
    /// Empty if there is no limit.
    fn budget(name: &str, allowance: Option<Allowance>, cost: u32, refund: u32) -> Vec<Self> {
        let entry = allowance.map(|allowance| Self {
            name: name.to_owned(),
            rule: Rule::Budget {
                cost: allowance.cost(cost),
                all: allowance.whole(),
            },
            refund: allowance.cost(refund),
        });
        entry.into_iter().collect()
    }

    /// Empty if there is no limit.
    fn backoff(name: String, backoff: Option<Backoff>) -> Vec<Self> {
        let entry = backoff.map(|backoff| Self {
            name,
            rule: Rule::Backoff(backoff),
            refund: Duration::ZERO,
        });
        entry.into_iter().collect()
    }

    fn tally(&self) -> Tally {
        Tally {
            name: self.name.clone(),
            rule: self.rule,
        }
    }

    fn succeeded(&self) -> How {
        match self.rule {
            Rule::Budget { .. } => How::GiveBack(self.refund),
            Rule::Backoff(_) => How::Forget,
        }
    }

    fn forgiven(&self, then: Timestamp) -> How {
        match self.rule {
            Rule::Budget { cost, .. } => How::GiveBack(cost),
            Rule::Backoff(backoff) => How::Undo { backoff, then },
        }
    }
}

fn owner_of(network: Network) -> String {
    match network {
        Network::V4(address) => format!("address:{address:08x}"),
        Network::V6(upper_half) => format!("address:{upper_half:016x}"),
    }
}

fn owner_of_account(account: Account) -> String {
    account
        .0
        .iter()
        .fold("account:".to_owned(), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}
