//! How many attempts are allowed: slowing those who guess passwords, without a way to lock anybody out.
//!
//! A sign-in from a device that its owner has used before (it bears the account's device cookie) has a budget of its
//! own, which no stranger can touch. All others are counted by address, by account and address, and by account. What is
//! counted is the name that was typed, so that unknown accounts are limited like known ones.

mod backoff;
mod budget;
pub mod device;
mod settings;
pub mod shared;
mod table;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;

use self::backoff::Backoffs;
use self::budget::{Allowance, Budgets};
use self::device::Device;
pub use self::settings::{Backoff, Budget, LimitSettings};
use crate::env::Timestamp;
use crate::model::id::{ClientId, SessionId, UserId};
use crate::model::user::Identifier;
use crate::visitor::Visitor;

/// Too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts: try again later")]
pub struct Limited {
    /// After how long the next attempt will be let through, if nobody else makes it before.
    pub retry_after: Duration,
}

/// How many attempts were made of late, by whom and at whose account, as far as this node knows.
#[derive(Debug)]
pub struct Limits {
    sign_in: Mutex<SignIns>,
    registration: Mutex<Budgets<Network>>,
    refresh: Mutex<Budgets<Network>>,
    password: Mutex<Backoffs<SessionId>>,
    profile: Mutex<Budgets<UserId>>,
    client: Mutex<Backoffs<(Option<Account>, Option<Network>)>>,
    service_token: Mutex<Budgets<Network>>,
}

/// What a failed attempt costs of a budget, and how much of that a successful one gets back.
const FAILURE: u32 = 2;
const REFUND: u32 = 1;

impl Limits {
    /// Nobody has tried anything yet.
    #[must_use]
    pub fn new(settings: &LimitSettings) -> Self {
        let keys = settings.keys;
        Self {
            sign_in: Mutex::new(SignIns {
                address: Budgets::new(Allowance::of_halves(settings.sign_in_address), keys),
                pair: Backoffs::new(settings.sign_in_pair, keys),
                account: Budgets::new(Allowance::of(settings.sign_in_account), keys),
                owner: Budgets::new(Allowance::of_halves(settings.sign_in_owner), keys),
            }),
            registration: Mutex::new(Budgets::new(Allowance::of(settings.registration), keys)),
            refresh: Mutex::new(Budgets::new(Allowance::of(settings.refresh), keys)),
            password: Mutex::new(Backoffs::new(settings.password_change, keys)),
            profile: Mutex::new(Budgets::new(Allowance::of(settings.profile_change), keys)),
            client: Mutex::new(Backoffs::new(settings.client_secret, keys)),
            service_token: Mutex::new(Budgets::new(Allowance::of(settings.service_token), keys)),
        }
    }

    /// An attempt to sign in as `name` (as typed), which is `user` if that is anybody. It counts as a failure until it
    /// is said to be something better: many attempts at once are not one.
    ///
    /// # Errors
    /// Too many attempts; this one is not counted.
    pub fn sign_in(
        &self,
        visitor: &Visitor,
        name: &str,
        user: Option<UserId>,
        device_key: &[u8],
        now: Timestamp,
    ) -> Result<Attempt<'_>, Limited> {
        self.sign_in_by(By::of(visitor, name, user, device_key), now)
    }

    fn sign_in_by(&self, by: By, now: Timestamp) -> Result<Attempt<'_>, Limited> {
        lock(&self.sign_in).admit(by, now)?;
        Ok(Attempt {
            limits: self,
            what: What::SignIn(by),
            now,
        })
    }

    /// An attempt to change a password within `session`, which needs the present one.
    ///
    /// # Errors
    /// Too many attempts; this one is not counted.
    pub fn password_change(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Attempt<'_>, Limited> {
        lock(&self.password).admit(session, now)?;
        Ok(Attempt {
            limits: self,
            what: What::PasswordChange(session),
            now,
        })
    }

    /// A change of one's own profile.
    ///
    /// # Errors
    /// Too many by this user.
    pub fn profile_change(&self, user: UserId, now: Timestamp) -> Result<(), Limited> {
        lock(&self.profile).take(user, 1, now)
    }

    /// A registration.
    ///
    /// # Errors
    /// Too many from this address.
    pub fn registration(&self, visitor: &Visitor, now: Timestamp) -> Result<(), Limited> {
        visitor.address.map_or(Ok(()), |address| {
            lock(&self.registration).take(Network::of(address), 1, now)
        })
    }

    /// A renewal.
    ///
    /// # Errors
    /// Too many from this address.
    pub fn refresh(&self, visitor: &Visitor, now: Timestamp) -> Result<(), Limited> {
        visitor.address.map_or(Ok(()), |address| {
            lock(&self.refresh).take(Network::of(address), 1, now)
        })
    }

    /// Somebody has failed to prove that they are this client (`None`: any that is not known).
    ///
    /// A client that proves who it is waits for nobody: its secret is beyond guessing, and so nobody can keep it from
    /// its tokens. What this limits is the noise of those who guess all the same.
    ///
    /// # Errors
    /// Too many failures from this address; this one is not counted.
    pub fn client_failed(
        &self,
        visitor: &Visitor,
        client: Option<&ClientId>,
        now: Timestamp,
    ) -> Result<(), Limited> {
        lock(&self.client).admit(client_at(visitor, client), now)
    }

    /// It has succeeded.
    pub fn client_proved(&self, visitor: &Visitor, client: &ClientId) {
        lock(&self.client).forget(client_at(visitor, Some(client)));
    }

    /// A token for a service.
    ///
    /// # Errors
    /// Too many from this address.
    pub fn service_token(&self, visitor: &Visitor, now: Timestamp) -> Result<(), Limited> {
        visitor.address.map_or(Ok(()), |address| {
            lock(&self.service_token).take(Network::of(address), 1, now)
        })
    }

    /// Forgets those who have rested long enough to be as good as new. To be called every half minute or so.
    pub fn upkeep(&self, now: Timestamp) {
        let mut sign_in = lock(&self.sign_in);
        sign_in.address.expire(now);
        sign_in.pair.expire(now);
        sign_in.account.expire(now);
        sign_in.owner.expire(now);
        drop(sign_in);
        lock(&self.registration).expire(now);
        lock(&self.refresh).expire(now);
        lock(&self.password).expire(now);
        lock(&self.profile).expire(now);
        lock(&self.client).expire(now);
        lock(&self.service_token).expire(now);
    }

    /// How many addresses, accounts and sessions are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let sign_in = lock(&self.sign_in);
        let counted = sign_in.address.len()
            + sign_in.pair.len()
            + sign_in.account.len()
            + sign_in.owner.len();
        drop(sign_in);
        counted
            + lock(&self.registration).len()
            + lock(&self.refresh).len()
            + lock(&self.password).len()
            + lock(&self.profile).len()
            + lock(&self.client).len()
            + lock(&self.service_token).len()
    }
}

/// An attempt that was let through. Dropped, it is a failure.
#[derive(Debug)]
#[must_use = "an attempt that succeeded should say so"]
pub struct Attempt<'a> {
    limits: &'a Limits,
    what: What,
    now: Timestamp,
}

impl Attempt<'_> {
    /// The password was right: what the failures before cost the account is forgotten, and the rest gets half back.
    pub fn succeeded(self) {
        match self.what {
            What::SignIn(by) => lock(&self.limits.sign_in).succeeded(by),
            What::PasswordChange(session) => lock(&self.limits.password).forget(session),
        }
    }

    /// The password was not looked at (the server was too busy, the store down): as if nobody had tried.
    pub fn forgiven(self) {
        match self.what {
            What::SignIn(by) => lock(&self.limits.sign_in).forgiven(by, self.now),
            What::PasswordChange(session) => lock(&self.limits.password).undo(session, self.now),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum What {
    SignIn(By),
    PasswordChange(SessionId),
}

/// Whose attempt a sign-in is.
#[derive(Clone, Copy, Debug)]
enum By {
    /// A device that has signed in to the account before.
    Owner(UserId, Device),
    /// Anybody.
    Stranger(Option<Network>, Account),
}

impl By {
    fn of(visitor: &Visitor, name: &str, user: Option<UserId>, device_key: &[u8]) -> Self {
        let known = user
            .zip(visitor.device.as_deref())
            .and_then(|(user, value)| {
                let device = device::read(device_key, user, value)?;
                Some(Self::Owner(user, device))
            });
        known.unwrap_or_else(|| {
            Self::Stranger(visitor.address.map(Network::of), Account::named(name))
        })
    }
}

#[derive(Debug)]
struct SignIns {
    address: Budgets<Network>,
    pair: Backoffs<(Account, Option<Network>)>,
    account: Budgets<Account>,
    /// Of each device: one that was stolen, or left with somebody, slows its own guesses and nobody else.
    owner: Budgets<(UserId, Device)>,
}

impl SignIns {
    /// Counts the attempt everywhere or nowhere.
    fn admit(&mut self, by: By, now: Timestamp) -> Result<(), Limited> {
        match by {
            By::Owner(user, device) => self.owner.take((user, device), FAILURE, now),
            By::Stranger(network, account) => {
                let asked = [
                    network.map_or(Ok(()), |network| self.address.ask(network, FAILURE, now)),
                    self.pair.ask((account, network), now),
                    self.account.ask(account, 1, now),
                ];
                let longest = asked.iter().filter_map(|asked| asked.err());
                if let Some(limited) = longest.max_by_key(|limited| limited.retry_after) {
                    return Err(limited);
                }
                // Each was asked under the same lock: none of these can refuse.
                if let Some(network) = network {
                    let _ = self.address.take(network, FAILURE, now);
                }
                let _ = self.pair.admit((account, network), now);
                let _ = self.account.take(account, 1, now);
                Ok(())
            }
        }
    }

    fn succeeded(&mut self, by: By) {
        match by {
            By::Owner(user, device) => self.owner.give_back((user, device), REFUND),
            By::Stranger(network, account) => {
                if let Some(network) = network {
                    self.address.give_back(network, REFUND);
                }
                self.pair.forget((account, network));
                self.account.give_back(account, 1);
            }
        }
    }

    fn forgiven(&mut self, by: By, now: Timestamp) {
        match by {
            By::Owner(user, device) => self.owner.give_back((user, device), FAILURE),
            By::Stranger(network, account) => {
                if let Some(network) = network {
                    self.address.give_back(network, FAILURE);
                }
                self.pair.undo((account, network), now);
                self.account.give_back(account, 1);
            }
        }
    }
}

/// Who is counted as one address: an IPv4 address, or the /64 that one IPv6 subscriber has at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Network {
    V4(u32),
    V6(u64),
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            // The upper half.
            IpAddr::V6(v6) => Self::V6((v6.to_bits() >> 64) as u64),
        }
    }
}

/// All unknown clients count as one, or whoever invents names would have no limit.
fn client_at(visitor: &Visitor, client: Option<&ClientId>) -> (Option<Account>, Option<Network>) {
    let client = client.map(|client| Account::hashed(client.as_str()));
    (client, visitor.address.map(Network::of))
}

/// An account under one of its names, or a name that nobody has; the start of a hash, because names may be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Account([u8; 16]);

impl Account {
    /// In whatever spelling it was typed.
    fn named(name: &str) -> Self {
        let identifier = Identifier::parse(name);
        Self::hashed(identifier.as_ref().map_or(name, Identifier::as_str))
    }

    fn hashed(name: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, name.as_bytes());
        let mut start = [0; 16];
        start.copy_from_slice(&hash.as_ref()[..16]);
        Self(start)
    }
}

/// No code that holds one of these locks can panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
