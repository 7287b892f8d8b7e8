//! Accounts, passwords, sessions, grants, keys, clients and revocations: what the server does, without HTTP and
//! without SQL.
//!
//! [`Auth`] is the whole of it. Two straight lines run through it:
//! - sign in: [`login`] → [`password`] (its own threads) → the client's style → one step in the store → [`issue`];
//! - renew: [`refresh`] → the client's style → at most one step in the store → [`issue`].
//!
//! In the style `rotating` those steps are [`sessions::Sessions::open`] and [`sessions::Sessions::rotate`], which decides by
//! [`rotation`].
//!
//! Storage is behind two traits, by the nature of the data: [`directory::Directory`] must never forget,
//! [`sessions::Sessions`] may at the price of a new sign-in. Time and randomness come from [`env::Env`].

pub mod account;
pub mod admin;
pub mod clients;
pub mod clock;
pub mod directory;
pub mod env;
pub mod feed;
pub mod identifier;
pub mod introspection;
pub mod issue;
pub mod joining;
pub mod keys;
mod known_account;
pub mod limits;
pub mod live;
pub mod login;
pub mod logout;
pub mod model;
pub mod nodes;
pub mod password;
pub mod protection;
pub mod recipients;
pub mod redirect;
pub mod refresh;
mod refresh_token;
pub mod register;
mod revocations;
pub mod rotation;
pub mod seal;
pub mod service;
mod session_token;
pub mod sessions;
pub mod settings;
pub mod start;
pub mod stats;
pub mod store;
pub mod style;
pub mod upkeep;
pub mod visitor;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_guard::{Accounts, Claims, Guard, Verified};

use self::clients::Clients;
use self::directory::Directory;
use self::env::Env;
use self::keys::{Keys, PublishedKeys};
use self::limits::shared::Limiter;
use self::live::LiveSessions;
use self::password::Hasher;
use self::recipients::Recipients;
pub use self::refresh_token::RefreshToken;
use self::revocations::Follower;
pub use self::session_token::SessionToken;
use self::sessions::Sessions;
use self::settings::Settings;
use self::style::stateless::RefreshJwts;
use crate::model::user::User;

/// The largest leeway that a verifier may use; revocations are kept so much longer.
pub const MAX_LEEWAY: Duration = Duration::from_secs(30);

/// Everything that the server does: one value, shared by reference.
pub struct Auth {
    settings: Settings,
    env: Env,
    directory: Arc<dyn Directory>,
    sessions: Arc<dyn Sessions>,
    clients: Clients,
    keys: Keys,
    guard: Arc<Guard>,
    adopting: Mutex<()>,
    refresh_jwts: RefreshJwts,
    follower: Follower,
    accounts: Arc<Accounts<User>>,
    live: LiveSessions,
    recipients: Recipients,
    hasher: Hasher,
    limits: Limiter,
}

impl Auth {
    /// What it was told.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its clock and randomness.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Checks an access token of this issuer's as every service does: locally.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, token: &str) -> Result<Verified<Claims>, countersign_guard::Refused> {
        self.guard.check(token, self.env.now().unix())
    }

    /// The key set to publish.
    #[must_use]
    pub fn key_set(&self) -> Arc<PublishedKeys> {
        self.keys.ring().published.clone()
    }
}
