//! What takes tokens back, each through the interface that people and operators use.

use std::error::Error;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::field::REST;
use crate::load::{Answer, exchange_once, request};
use crate::process::Server;
use crate::work::app;

/// How a guard refuses for a removed key. The second, if it fetched the key set just then: so it may see that the key is
/// gone before it hears why.
pub const KEY_CODES: [&str; 2] = ["key_revoked", "token_key_unknown"];

/// Why tokens are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    SignOut,
    ReuseDetected,
    ClientCutOff,
    UserDisabled,
    KeyRemoved,
}

impl Cause {
    /// In an order in which none is in the way of the next: a user who is disabled loses all sessions.
    pub const ALL: [Self; 5] = [
        Self::SignOut,
        Self::ReuseDetected,
        Self::ClientCutOff,
        Self::UserDisabled,
        Self::KeyRemoved,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::SignOut => "sign-out",
            Self::ReuseDetected => "reuse detected",
            Self::ClientCutOff => "client cut off",
            Self::UserDisabled => "user disabled",
            Self::KeyRemoved => "key removed",
        }
    }

    /// With which codes a guard refuses for it.
    pub fn codes(self) -> &'static [&'static str] {
        match self {
            Self::SignOut | Self::ReuseDetected => &["session_revoked"],
            Self::ClientCutOff => &["client_revoked"],
            Self::UserDisabled => &["subject_revoked"],
            Self::KeyRemoved => &KEY_CODES,
        }
    }
}

/// A token, and the call that takes it back.
pub struct Taking {
    /// An access token.
    pub token: String,
    request: Vec<u8>,
    by: By,
    answer: u16,
}

/// Who calls.
enum By {
    Anybody,
    Operator,
}

impl Taking {
    /// Makes the call.
    pub fn happen(&self, server: &Server) -> io::Result<()> {
        let status = |answer: &Answer<'_>| answer.status;
        let status = match self.by {
            By::Anybody => exchange_once(server.address, &self.request, status)?,
            By::Operator => server.administrate(&self.request, status)?,
        };
        if status == self.answer {
            Ok(())
        } else {
            let what = format!("what takes tokens back was answered with {status}");
            Err(io::Error::other(what))
        }
    }
}

/// Sessions to be ended.
pub struct Sessions {
    /// Refresh tokens of the default client.
    own: Vec<String>,
    /// Of `app-000` and so on, from the last.
    of_apps: Vec<String>,
    /// Access tokens of sessions whose first refresh token, which stands beside them, is spent.
    stolen: Vec<(String, String)>,
}

impl Sessions {
    /// Of the default client, and of one application each.
    pub fn new(own: Vec<String>, of_apps: Vec<String>) -> Self {
        Self {
            own,
            of_apps,
            stolen: Vec::new(),
        }
    }

    /// Renews so many sessions twice, as rested ones: whoever shows their first refresh token now is a thief.
    pub fn let_steal(&mut self, server: &Server, count: u32) -> Result<(), Box<dyn Error>> {
        let mut renewed = Vec::new();
        for _ in 0..count {
            let first = self.take()?;
            renewed.push((renew(server, "default", &first)?.1, first));
        }
        let since = Instant::now();
        thread::sleep((REST + Duration::from_millis(50)).saturating_sub(since.elapsed()));
        for (second, first) in renewed {
            self.stolen
                .push((renew(server, "default", &second)?.0, first));
        }
        Ok(())
    }

    /// The next token to be taken back for this cause.
    pub fn next(&mut self, server: &Server, cause: Cause) -> Result<Taking, Box<dyn Error>> {
        let operator = |method, path: &str, body: &str| {
            let mut out = Vec::new();
            request(method, path, "", body, &mut out);
            (out, By::Operator, 200)
        };
        let default = |path, refresh: &str, answer| {
            let request = with_cookie(path, "default", refresh);
            (request, By::Anybody, answer)
        };
        let (token, (request, by, answer)) = match cause {
            Cause::ReuseDetected => {
                let (token, first) = self.stolen.pop().ok_or("nothing is stolen any more")?;
                (token, default("/v1/refresh", &first, 401))
            }
            Cause::ClientCutOff => {
                let refresh = self.of_apps.pop().ok_or("no client is left")?;
                let client = app(u32::try_from(self.of_apps.len())?);
                let (token, _) = renew(server, &client, &refresh)?;
                let body = format!(r#"{{"kind":"client","id":"{client}"}}"#);
                (token, operator("POST", "/revocations", &body))
            }
            Cause::SignOut => {
                let (token, refresh) = renew(server, "default", &self.take()?)?;
                (token, default("/v1/logout", &refresh, 204))
            }
            Cause::UserDisabled => {
                let (token, _) = renew(server, "default", &self.take()?)?;
                let path = format!("/users/{}/disable", part(&token, 1, "sub")?);
                (token, operator("POST", &path, ""))
            }
            Cause::KeyRemoved => {
                let (token, _) = renew(server, "default", &self.take()?)?;
                let path = format!("/keys/{}", part(&token, 0, "kid")?);
                (token, operator("DELETE", &path, ""))
            }
        };
        Ok(Taking {
            token,
            request,
            by,
            answer,
        })
    }

    fn take(&mut self) -> Result<String, &'static str> {
        self.own.pop().ok_or("no session is left")
    }
}

/// The access token and the refresh token of a renewal.
fn renew(server: &Server, client: &str, refresh: &str) -> Result<(String, String), Box<dyn Error>> {
    let request = with_cookie("/v1/refresh", client, refresh);
    let renewed = exchange_once(server.address, &request, |answer| {
        let body: Value = serde_json::from_slice(answer.body).ok()?;
        let next = answer.cookie(&format!("countersign-{client}"))?;
        let access = body["access_token"].as_str()?.to_owned();
        (next != refresh).then(|| (access, next.to_owned()))
    })?;
    renewed.ok_or_else(|| "a session was not renewed".into())
}

/// As a browser sends it for this client.
pub fn with_cookie(path: &str, client: &str, refresh: &str) -> Vec<u8> {
    let fields =
        format!("Sec-Fetch-Site: same-origin\r\nCookie: countersign-{client}={refresh}\r\n");
    let body = format!(r#"{{"client_id":"{client}"}}"#);
    let mut out = Vec::new();
    request("POST", path, &fields, &body, &mut out);
    out
}

/// What a token's header (part 0) or payload (part 1) says under this name.
fn part(token: &str, part: usize, name: &str) -> Result<String, Box<dyn Error>> {
    let text = token.split('.').nth(part).ok_or("no JWT")?;
    let text = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text)?;
    let json: Value = serde_json::from_slice(&text)?;
    let value = json[name].as_str().ok_or("no such member")?;
    Ok(value.to_owned())
}
