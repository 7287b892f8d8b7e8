//! The answers that more than one route gives: tokens, and a person's profile.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use countersign_auth::issue::Signed;
use countersign_auth::model::client::{ClientKind, Style};
use countersign_auth::model::user::User;
use countersign_auth::style::{Given, NewSession};
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::cookies::{DEVICE_TTL, Kind};

/// A person, as they see themselves.
#[derive(Serialize, ToSchema)]
pub(crate) struct Profile {
    /// The `sub` of every token about them.
    #[schema(example = "Vjz9mGkVzUe0nTTYk5DJ0A")]
    id: String,
    /// Their address.
    #[schema(example = "alice@example.com")]
    email: String,
    /// Their name to sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Their roles.
    roles: Vec<String>,
    /// When they registered, in seconds since 1970.
    #[schema(example = 1_790_000_000)]
    created_at: u64,
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email,
            username: user.username,
            name: user.name,
            roles: user.roles,
            created_at: user.created_at.unix().as_secs(),
        }
    }
}

/// Somebody who holds a session's name now, in a cookie, and no token.
#[derive(Serialize, ToSchema)]
#[schema(as = NewSession)]
pub(crate) struct NewSessionBody {
    /// Whose session it is.
    user: Profile,
    /// How long it can last at all, in seconds.
    #[schema(example = 7_776_000)]
    session_expires_in: u64,
}

/// What a sign-in or a change of password is answered with.
#[derive(ToSchema)]
#[schema(as = Given)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the OpenAPI document")]
pub(crate) enum GivenBody {
    Tokens(TokensBody),
    Session(NewSessionBody),
}

/// The answer to whoever signed in or changed their password: the body, and for browsers the cookies.
pub(crate) fn given(app: &App, given: Given) -> Response {
    match given {
        Given::Tokens(signed) => Tokens::new(app, *signed).into_response(),
        Given::Session(session) => new_session(app, *session),
    }
}

/// The same for a page, which has nothing to tell a script: the cookies alone.
pub(crate) fn cookies_of(app: &App, given: Given) -> [Option<HeaderValue>; 2] {
    match given {
        Given::Tokens(signed) => Tokens::new(app, *signed).cookies,
        Given::Session(session) => session_cookies(app, &session),
    }
}

fn session_cookies(app: &App, session: &NewSession) -> [Option<HeaderValue>; 2] {
    let (policy, client) = (app.cookies(), &*session.client);
    let name = session.name.expose();
    let named = policy.set(Kind::Session, client, &name, session.expires_in);
    let device = session.device.as_deref();
    let device = device.and_then(|value| policy.set(Kind::Device, client, value, DEVICE_TTL));
    [named, device]
}

fn new_session(app: &App, session: NewSession) -> Response {
    let cookies = session_cookies(app, &session);
    let body = NewSessionBody {
        user: session.user.into(),
        session_expires_in: session.expires_in.as_secs(),
    };
    with_cookies(axum::Json(body), cookies)
}

/// An answer that sets, or clears, these cookies.
pub(crate) fn with_cookies(
    answer: impl IntoResponse,
    cookies: impl IntoIterator<Item = Option<HeaderValue>>,
) -> Response {
    let mut response = answer.into_response();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Tokens for one client. The refresh token of a browser client is in a cookie, never here.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct TokensBody {
    /// The access token, a JWT (RFC 9068). Keep it in memory only. In the style `sliding` a browser has it in its cookie
    /// instead; a native client presents it as its refresh token, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// How to send it (RFC 6750).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Bearer")]
    token_type: Option<&'static str>,
    /// How long it lives, in seconds.
    #[schema(example = 300)]
    expires_in: u64,
    /// Native clients only: the refresh token. Keep it where the system keeps secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// How long the session can last at all, in seconds.
    #[schema(example = 7_776_000)]
    refresh_expires_in: u64,
    /// Whom they are about.
    user: Profile,
}

/// Tokens on their way out: the body, and for browsers the cookies.
pub(crate) struct Tokens {
    body: TokensBody,
    cookies: [Option<HeaderValue>; 2],
}

impl Tokens {
    pub(crate) fn new(app: &App, signed: Signed) -> Self {
        let client = &signed.client;
        let refresh_token = signed.refresh_token.expose();
        let (in_body, cookies) = match client.kind {
            // No session belongs to a service.
            ClientKind::Native | ClientKind::Service => {
                (Some(refresh_token.to_owned()), [None, None])
            }
            ClientKind::Browser => {
                let policy = app.cookies();
                let ttl = match client.style {
                    // Where there is a session, there are no tokens.
                    Style::Rotating | Style::Stateless | Style::Session | Style::Gateway => {
                        signed.refresh_expires_in
                    }
                    Style::Sliding => signed.expires_in,
                };
                let refresh = policy.set(Kind::Refresh, client, refresh_token, ttl);
                let device = signed.device.as_deref();
                let device =
                    device.and_then(|value| policy.set(Kind::Device, client, value, DEVICE_TTL));
                (None, [refresh, device])
            }
        };
        // Of the one token of a sliding session there is one copy: in the cookie, or in the body.
        let slides = client.style == Style::Sliding;
        let bears = !(slides && client.kind == ClientKind::Browser);
        Self {
            cookies,
            body: TokensBody {
                access_token: bears.then_some(signed.access_token),
                token_type: bears.then_some("Bearer"),
                expires_in: signed.expires_in.as_secs(),
                refresh_token: in_body.filter(|_| !slides),
                refresh_expires_in: signed.refresh_expires_in.as_secs(),
                user: signed.user.into(),
            },
        }
    }
}

impl IntoResponse for Tokens {
    fn into_response(self) -> Response {
        with_cookies(axum::Json(self.body), self.cookies)
    }
}
