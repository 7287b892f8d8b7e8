//! The trail of what happened to whom, from where: appended in the same step as what it tells of, never changed.

use serde::{Deserialize, Serialize};

use super::id::{ClientId, SessionId, UserId};
use crate::env::Timestamp;

/// Who did it, from where, when. Every verb that changes something takes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The network address, if it came over a network.
    pub address: Option<String>,
    /// The `User-Agent`, cut to 256 bytes.
    pub agent: Option<String>,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// The user concerned, or somebody who pretends to be.
    User,
    /// An operator, through the command line or the administration interface.
    Operator,
    /// The server itself, on its schedule.
    Server,
}

/// What happened. The names are stable: operators search for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// A user was added.
    UserRegistered,
    /// A user's profile, roles or attributes changed.
    UserChanged,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled again.
    UserEnabled,
    /// A user was deleted; what remains here is a pseudonym.
    UserDeleted,
    /// A user's data was exported.
    UserExported,
    /// A password was changed by its owner, or set by an operator.
    PasswordChanged,
    /// A password was hashed anew because the settings moved.
    PasswordRehashed,
    /// Somebody signed in. With the detail `joined`: to another application, within a session that stood.
    SignedIn,
    /// Somebody failed to sign in to a known account.
    SignInFailed,
    /// A session was ended by its owner or an operator.
    SessionEnded,
    /// All (other) sessions of a user were ended.
    SessionsEnded,
    /// A spent refresh token was presented: theft. The session was ended.
    RefreshTokenReused,
    /// A refresh token from a generation that the store does not know: it lost writes. The session was ended.
    StoreLostWrites,
    /// One generation after another was retried from another network.
    RetriedFromElsewhere,
    /// A client was added.
    ClientAdded,
    /// A client was changed.
    ClientChanged,
    /// A client was disabled.
    ClientDisabled,
    /// A client was enabled again.
    ClientEnabled,
    /// A client got a secret.
    ClientSecretAdded,
    /// A service got an access token.
    ServiceTokenIssued,
    /// Somebody failed to prove that they are a client.
    ClientNotProved,
    /// A key was made.
    KeyAdded,
    /// A key moved on its schedule.
    KeyMoved,
    /// A key was taken out in an emergency.
    KeyRemoved,
    /// Tokens were revoked by an operator.
    Revoked,
    /// Everybody must sign in again.
    EverybodySignedOut,
    /// The store was put back to an earlier state; everybody must sign in again.
    StoreRestored,
}

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// What.
    pub what: Happening,
    /// When, by whom, from where.
    #[serde(flatten)]
    pub origin: Origin,
    /// Whom it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Which application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// More, in words or a name; never a secret, never an address of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl AuditEntry {
    /// An entry that concerns nobody yet.
    #[must_use]
    pub fn new(what: Happening, origin: &Origin) -> Self {
        Self {
            what,
            origin: origin.clone(),
            user: None,
            session: None,
            client: None,
            detail: None,
        }
    }

    /// Concerning this user.
    #[must_use]
    pub fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Concerning this session.
    #[must_use]
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Concerning this client.
    #[must_use]
    pub fn client(mut self, client: ClientId) -> Self {
        self.client = Some(client);
        self
    }

    /// With more to say.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Which entries to read: all conditions hold together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditQuery {
    /// Concerning this user.
    pub user: Option<UserId>,
    /// Of this kind.
    pub what: Option<Happening>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// The newest so many.
    pub limit: u32,
}
