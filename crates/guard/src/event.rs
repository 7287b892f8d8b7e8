//! One entry of the revocation log: what is refused from now on, and how long that matters.

use countersign_jose::{UnixTime, Verified};
use serde::{Deserialize, Serialize};

use crate::Claims;

/// One entry of the revocation log, as nodes and guards tell it to each other.
///
/// In JSON one flat object: `{"kind":"subject","sub":"u7","below":7,"until":1790000000}`. Events
/// are facts that never become untrue, so they may come twice and in any order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// What is refused.
    #[serde(flatten)]
    pub kind: Revocation,
    /// The last second at which a token that it concerns could still be valid; the event may be
    /// forgotten when `now > until`.
    #[serde(with = "seconds")]
    pub until: UnixTime,
}

/// What a revocation refuses. Numbers, never times: see [`Epochs`](crate::Epochs).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Revocation {
    /// Every token of one session: signed out, or ended by somebody.
    Session {
        /// The session's id, the claim `sid`.
        sid: String,
    },
    /// Every token of a user that bears a subject epoch below `below`.
    Subject {
        /// The user's id, the claim `sub`.
        sub: String,
        /// The lowest epoch that is still good.
        below: u64,
    },
    /// Every token issued to a client that bears a client epoch below `below`.
    Client {
        /// The client's id, the claim `client_id`.
        client_id: String,
        /// The lowest epoch that is still good.
        below: u64,
    },
    /// One token, and not at once: it was exchanged for its successor, and both are good for a
    /// moment. The one exception to "never by time".
    Token {
        /// The token's id, the claim `jti`.
        jti: String,
        /// Refused from this second on.
        #[serde(with = "seconds")]
        from: UnixTime,
    },
    /// Every token under one key: its private half got into other hands.
    Key {
        /// The key's id, the header `kid`.
        kid: String,
    },
    /// Every token that bears an issuer epoch below `below`: everybody signs in again.
    All {
        /// The lowest epoch that is still good.
        below: u64,
    },
    /// Refuses nothing: the profile or the roles of a user changed, and whoever keeps a copy of
    /// the account drops it.
    Changed {
        /// The user's id, the claim `sub`.
        sub: String,
    },
}

impl Revocation {
    /// Whether this alone refuses such a token at `now`. For a few events, as they come; a
    /// [`Guard`](crate::Guard) knows of a million without looking at each. Ids must not be hashed.
    #[must_use]
    pub fn refuses(&self, token: &Verified<Claims>, now: UnixTime) -> bool {
        let epochs = token.epochs;
        match self {
            Self::Session { sid } => token.sid.as_ref() == Some(sid),
            Self::Subject { sub, below } => token.sub == *sub && epochs.subject < *below,
            Self::Client { client_id, below } => {
                token.client_id == *client_id && epochs.client < *below
            }
            Self::Token { jti, from } => token.jti == *jti && *from <= now,
            Self::Key { kid } => token.key_id() == Some(kid),
            Self::All { below } => epochs.issuer < *below,
            Self::Changed { .. } => false,
        }
    }
}

/// [`UnixTime`] as a JSON number of whole seconds.
mod seconds {
    use countersign_jose::UnixTime;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub fn serialize<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
        u64::deserialize(deserializer).map(UnixTime::from_secs)
    }
}
