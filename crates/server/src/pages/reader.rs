//! Whoever looks at a page: in which language, from where, and whether they are signed in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use countersign_auth::live::LiveSession;
use countersign_auth::model::client::Client;
use countersign_auth::model::id::ClientId;
use std::sync::Arc;

use super::texts::Language;
use crate::http::{App, Code, Problem, Site, Visit, decode, encode, use_session};

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// The longest `state` that is carried, in bytes.
const MAX_STATE: usize = 2048;

/// Whoever looks at a page. Nobody gets to be one whose form comes from anywhere but these pages, or whose script wants to
/// read one of them: see [`of_ours`].
pub(crate) struct Reader {
    pub(crate) visit: Visit,
    pub(crate) address: Address,
    asked: Asked,
    method: Method,
}

/// What a page's address says, by the names of RFC 6749 §4.1.1 and OpenID Connect Core §3.1.2.1. Whatever else it says is
/// not for us (RFC 6749 §3.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) client: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) state: Option<String>,
    locales: Option<String>,
    done: Option<String>,
}

/// Where somebody is, and what goes along from page to page.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    path: String,
    carried: Vec<(&'static str, String)>,
    language: Language,
    /// Whether the address says the language, and not the browser.
    said: bool,
}

/// How a page is refused.
pub(crate) enum Refusal {
    /// There is something wrong.
    Problem(Problem),
    /// Somebody must sign in first.
    SignIn(Address),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::SignIn(from) => Redirect::to(&from.at("/login")).into_response(),
        }
    }
}

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(visit) = Visit::from_request_parts(parts, app).await;
        of_ours(app, visit.site(), parts)?;
        let asked = Asked::of(parts.uri.query())?;
        Ok(Self {
            address: Address::new(parts.uri.path(), &asked, &parts.headers),
            visit,
            asked,
            method: parts.method.clone(),
        })
    }
}

/// The rule against CSRF, stricter than for the API: a form is taken from these very pages alone, and only from a browser that
/// says so, cookie or none; else a stranger's page, or a client's, could sign somebody in as somebody else. And as they show
/// what the API would show a token's bearer, no page of another origin reads one by script; a link may lead here.
fn of_ours(app: &App, site: &Site, parts: &Parts) -> Result<(), Problem> {
    let mode = parts.headers.get(SEC_FETCH_MODE).map(HeaderValue::as_bytes);
    let safe = parts.method.is_safe();
    let welcome = match site {
        Site::Own => true,
        Site::Page(origin) => app.own_name().is_own(origin),
        Site::Foreign => safe && mode == Some(b"navigate"),
        Site::Unsaid => safe,
    };
    if welcome {
        return Ok(());
    }
    Err(Problem::new(
        Code::CrossSite,
        "forms of these pages are sent from these pages alone, by browsers that say so (Origin or Sec-Fetch-Site)",
    ))
}

impl Asked {
    /// Reads a query. A parameter without a value is as good as absent, and none of ours may stand twice (RFC 6749 §3.1).
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(place) = asked.place(name) else {
                continue;
            };
            let value = decode(value.as_bytes()).ok_or_else(|| {
                Problem::new(
                    Code::MalformedForm,
                    "the query cannot be read: percent-encoded UTF-8 expected",
                )
            })?;
            if value.is_empty() {
                continue;
            }
            if place.replace(value).is_some() {
                let detail = format!("the query names {name} more than once");
                return Err(Problem::new(Code::DuplicateField, detail).field(name.to_owned()));
            }
        }
        if asked
            .state
            .as_ref()
            .is_some_and(|state| state.len() > MAX_STATE)
        {
            return Err(Problem::new(
                Code::InvalidState,
                "state has 2048 bytes at most: keep what is longer in the browser, under a name that state carries",
            ));
        }
        Ok(asked)
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "client_id" => &mut self.client,
            "redirect_uri" => &mut self.redirect_uri,
            "state" => &mut self.state,
            "ui_locales" => &mut self.locales,
            "done" => &mut self.done,
            _ => return None,
        })
    }
}

/// Whether it is one of what a page's address says.
pub(super) fn is_in_query(name: &str) -> bool {
    Asked::default().place(name).is_some()
}

impl Address {
    fn new(path: &str, asked: &Asked, headers: &HeaderMap) -> Self {
        let said = asked.locales.as_deref().and_then(Language::of_list);
        let accepted = headers.get(header::ACCEPT_LANGUAGE);
        let preferred = || Language::of_browser(accepted?.to_str().ok()?);
        let carried = [
            ("client_id", &asked.client),
            ("redirect_uri", &asked.redirect_uri),
            ("state", &asked.state),
        ];
        let carried = carried
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)));
        Self {
            // Two slashes of whichever kind begin the name of another host.
            path: format!("/{}", path.trim_start_matches(['/', '\\'])),
            carried: carried.collect(),
            language: said.or_else(preferred).unwrap_or(Language::English),
            said: said.is_some(),
        }
    }

    /// Of a request of which a page says what is wrong, its query among other things.
    pub(super) fn of_any(path: &str, query: Option<&str>, headers: &HeaderMap) -> Self {
        Self::new(path, &Asked::of(query).unwrap_or_default(), headers)
    }

    pub(crate) const fn language(&self) -> Language {
        self.language
    }

    /// What goes along to the next page of the same errand: `?…`, or nothing.
    pub(crate) fn query(&self) -> String {
        query_of(self.said.then_some(self.language), &self.carried)
    }

    /// What goes along to the account, which no client asked for.
    pub(crate) fn home_query(&self) -> String {
        query_of(self.said.then_some(self.language), &[])
    }

    /// This page in another language.
    pub(crate) fn in_language(&self, language: Language) -> String {
        let query = query_of(Some(language), &self.carried);
        format!("{}{query}", self.path)
    }

    /// Another page of the same errand.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{path}{}", self.query())
    }

    /// The same, with word of what has been done.
    pub(crate) fn after(&self, path: &str, done: &str) -> String {
        let query = self.query();
        let joint = if query.is_empty() { '?' } else { '&' };
        format!("{path}{query}{joint}done={done}")
    }
}

impl Reader {
    pub(crate) const fn asked(&self) -> &Asked {
        &self.asked
    }

    /// What has just been done, if the address says so. It names a text, and is one of ours or none.
    pub(super) fn done(&self) -> Option<&str> {
        let done = self.asked.done.as_deref()?;
        done.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            .then_some(done)
    }

    /// The session of these pages, if there is a live one.
    pub(crate) async fn live(&self, app: &App) -> Result<Option<LiveSession>, Problem> {
        let client = own_client(app)?;
        let Some(name) = self.visit.session_cookie(app, &client)? else {
            return Ok(None);
        };
        match use_session(app, &client, name).await {
            Ok(live) => Ok(Some(live)),
            Err(problem) => match problem.code() {
                Code::NoSession
                | Code::SessionExpired
                | Code::SessionSuperseded
                | Code::SessionRevoked => Ok(None),
                _ => Err(problem),
            },
        }
    }

    /// Whose account it is. Who is nobody goes to sign in, and if they sent a form, they are told that it came too late.
    pub(crate) async fn owner(&self, app: &App) -> Result<LiveSession, Refusal> {
        match self.live(app).await? {
            Some(live) => Ok(live),
            None if self.method.is_safe() => Err(Refusal::SignIn(self.address.clone())),
            None => Err(Refusal::Problem(Problem::new(
                Code::NoSession,
                "the session ended before this was sent: sign in, and send it again",
            ))),
        }
    }
}

/// The client of the pages.
pub(crate) fn own_client(app: &App) -> Result<Arc<Client>, Problem> {
    app.auth().client(Some(ClientId::ACCOUNT)).ok_or_else(|| {
        Problem::new(
            Code::Internal,
            "the client of the pages is missing: restart the server",
        )
    })
}

/// To another page, by GET whatever this was (Post/Redirect/Get).
pub(crate) fn go(address: &str) -> Response {
    Redirect::to(address).into_response()
}

/// Parameters as a query; none as nothing.
fn query_of(language: Option<Language>, carried: &[(&'static str, String)]) -> String {
    let language = language.map(|language| ("ui_locales", language.code()));
    let carried = carried.iter().map(|(name, value)| (*name, value.as_str()));
    let pairs: Vec<String> = carried
        .chain(language)
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}
