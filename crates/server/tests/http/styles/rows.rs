//! The styles, and what the documentation says of each. A new one is a new row.

use std::time::Duration;

use countersign_auth::model::client::{ClientKind, Style};

/// A style, as one kind of client has it.
pub struct Row {
    /// As the table names it.
    pub name: &'static str,
    pub style: Style,
    pub kind: ClientKind,
    /// How requests say who makes them.
    pub bears: Bears,
    pub renewal: Renewal,
    /// How long it may rest; in the style `sliding` that is how long its token lives.
    pub rest: Duration,
    /// How long it may last at all.
    pub last: Duration,
    /// What somebody is told who made up what they bear.
    pub forged: &'static str,
    pub signed_out: Refused,
    pub disabled: Refused,
    pub expired: Refused,
    /// Its page in `docs/styles`.
    pub page: &'static str,
}

/// How requests say who makes them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bears {
    /// By an access token in `Authorization`, which the guard of the service checks.
    Token,
    /// By a cookie, for which a proxy that asks there is given a token for the service behind, whose guard checks that.
    Cookie {
        at: &'static str,
        nobody: &'static str,
    },
}

/// How a session lives on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewal {
    /// What is held is exchanged by `POST /v1/refresh`, once it has rested for `after`.
    Exchange { after: Duration, old: Old },
    /// It is used, and nothing is exchanged. The page says so in these words, and of thieves in those.
    Use {
        says: &'static str,
        thief: &'static str,
    },
}

/// What becomes of what was exchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Old {
    /// It is spent: presented when it cannot be a late retry any more, it is theft.
    Spent,
    /// It is refused from the end of the interval on, and no more than that.
    Refused,
    /// It is as good as ever.
    Good,
}

/// What is said to whoever comes with what is good no more. A status before it: this server says it; none: a guard does.
pub struct Refused {
    /// To their requests.
    pub used: &'static str,
    /// To their renewal.
    pub renewed: &'static str,
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const SPENT: Renewal = Renewal::Exchange {
    after: Duration::from_secs(20),
    old: Old::Spent,
};
const GOOD: Renewal = Renewal::Exchange {
    after: MINUTE,
    old: Old::Good,
};
const REFUSED: Renewal = Renewal::Exchange {
    after: Duration::from_hours(12),
    old: Old::Refused,
};

const FORWARD_AUTH: Bears = Bears::Cookie {
    at: "/v1/forward-auth",
    nobody: "401 missing_token",
};

/// A guard's words to whoever bears an access token.
const ENDED_TOKEN: &str = "session_revoked";
const DISABLED_TOKEN: &str = "subject_revoked";
const EXPIRED_TOKEN: &str = "token_expired";

/// The table.
pub const ROWS: [Row; 6] = [
    Row {
        name: "rotating",
        style: Style::Rotating,
        kind: ClientKind::Browser,
        bears: Bears::Token,
        renewal: SPENT,
        rest: Duration::from_hours(16),
        last: Duration::from_hours(96),
        forged: "token_signature",
        signed_out: Refused {
            used: ENDED_TOKEN,
            renewed: "401 refresh_invalid",
        },
        disabled: Refused {
            used: DISABLED_TOKEN,
            renewed: "401 session_revoked",
        },
        expired: Refused {
            used: EXPIRED_TOKEN,
            renewed: "401 refresh_expired",
        },
        page: include_str!("../../../../../docs/styles/rotating.md"),
    },
    Row {
        name: "stateless",
        style: Style::Stateless,
        kind: ClientKind::Browser,
        bears: Bears::Token,
        renewal: GOOD,
        rest: Duration::from_hours(16),
        last: Duration::from_hours(96),
        forged: "token_signature",
        signed_out: Refused {
            used: ENDED_TOKEN,
            renewed: "401 session_revoked",
        },
        disabled: Refused {
            used: DISABLED_TOKEN,
            renewed: "401 session_revoked",
        },
        expired: Refused {
            used: EXPIRED_TOKEN,
            renewed: "401 refresh_expired",
        },
        page: include_str!("../../../../../docs/styles/stateless.md"),
    },
    Row {
        name: "sliding, bearer",
        style: Style::Sliding,
        kind: ClientKind::Native,
        bears: Bears::Token,
        renewal: REFUSED,
        rest: Duration::from_hours(24),
        last: Duration::from_hours(96),
        forged: "token_signature",
        signed_out: Refused {
            used: ENDED_TOKEN,
            renewed: "401 session_revoked",
        },
        disabled: Refused {
            used: DISABLED_TOKEN,
            renewed: "401 session_revoked",
        },
        expired: Refused {
            used: EXPIRED_TOKEN,
            renewed: "401 refresh_expired",
        },
        page: include_str!("../../../../../docs/styles/sliding.md"),
    },
    Row {
        name: "sliding, cookie",
        style: Style::Sliding,
        kind: ClientKind::Browser,
        bears: FORWARD_AUTH,
        renewal: REFUSED,
        rest: Duration::from_hours(24),
        last: Duration::from_hours(96),
        forged: "401 token_invalid",
        signed_out: Refused {
            used: "401 token_revoked",
            renewed: "401 session_revoked",
        },
        disabled: Refused {
            used: "401 token_revoked",
            renewed: "401 session_revoked",
        },
        expired: Refused {
            used: "401 token_expired",
            renewed: "401 refresh_expired",
        },
        page: include_str!("../../../../../docs/styles/sliding.md"),
    },
    SESSION,
    Row {
        name: "gateway",
        style: Style::Gateway,
        bears: Bears::Cookie {
            at: "/gateway/app",
            nobody: "401 no_session",
        },
        renewal: Renewal::Use {
            says: "a session lives on by being used",
            thief: "a stolen cookie is not noticed",
        },
        page: include_str!("../../../../../docs/styles/gateway.md"),
        ..SESSION
    },
];

/// In a style in which use renews.
const NOT_RENEWED: &str = "400 not_renewable";

impl Row {
    /// In whose page a stolen credential is said to go unnoticed, and in which words; `None`: it is found out.
    pub fn thief_goes_unnoticed(&self) -> Option<&'static str> {
        match self.renewal {
            Renewal::Exchange {
                old: Old::Spent, ..
            } => None,
            Renewal::Exchange {
                old: Old::Refused, ..
            } => Some("A thief is not found out."),
            Renewal::Exchange { old: Old::Good, .. } => {
                Some("A stolen refresh token is as good as the owner's")
            }
            Renewal::Use { thief, .. } => Some(thief),
        }
    }

    /// After how long what is held can be renewed.
    pub fn renewed_after(&self) -> Duration {
        match self.renewal {
            Renewal::Exchange { after, .. } => after,
            Renewal::Use { .. } => HOUR,
        }
    }
}

const SESSION: Row = Row {
    name: "session",
    style: Style::Session,
    kind: ClientKind::Browser,
    bears: FORWARD_AUTH,
    renewal: Renewal::Use {
        says: "a session lives on by being used",
        thief: "What it does not notice is a stolen cookie.",
    },
    rest: Duration::from_hours(16),
    last: Duration::from_hours(96),
    forged: "401 no_session",
    signed_out: Refused {
        used: "401 no_session",
        renewed: NOT_RENEWED,
    },
    disabled: Refused {
        used: "401 session_revoked",
        renewed: NOT_RENEWED,
    },
    expired: Refused {
        used: "401 session_expired",
        renewed: NOT_RENEWED,
    },
    page: include_str!("../../../../../docs/styles/session.md"),
};
