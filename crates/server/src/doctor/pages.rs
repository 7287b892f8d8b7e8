//! The application's pages: whether the server lets them ask (CORS), whether its cookies reach them and come back
//! unchanged, and whether that is so in browsers at all.

use countersign_auth::env::{Env, Timestamp};
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::model::id::ClientId;
use http::{HeaderName, Method, header};
use serde_json::json;

use super::ask::{Asker, Reply, quoted};
use super::finding::Finding;
use super::site::{Origin, Suffixes};
use super::style;
use crate::http::{CookieKind, CookiePolicy};

const PREFLIGHT: &str = "preflight";
const ORIGIN: &str = "origin";
const COOKIE: &str = "cookie";
/// What stands in the cookie: no session's name and no token, so nothing ends.
const NOTHING: &str = "doctor";
/// How many clients of one page are looked at.
const MOST: usize = 20;
/// A call that every page of an application makes.
const CALL: &str = "/v1/refresh";
/// The call that answers with a cookie to whoever brings one, whatever it is worth.
const SIGN_OUT: &str = "/v1/logout";

/// What is known of whose pages these are.
pub(super) struct Pages<'a> {
    pub(super) asker: &'a Asker,
    pub(super) env: &'a Env,
    pub(super) server: &'a Origin,
    pub(super) suffixes: &'a Suffixes,
    /// The registered clients, if they could be asked for.
    pub(super) clients: Option<&'a [Client]>,
    /// The client that was named.
    pub(super) named: Option<&'a ClientId>,
}

impl Pages<'_> {
    /// Looks at the pages of one origin.
    pub(super) async fn examine(&self, page: &Origin) -> Vec<Finding> {
        let mut found = Vec::new();
        let clients = match self.whose(page).await {
            Ok(clients) => clients,
            Err(finding) => return vec![finding],
        };
        if clients.iter().any(|client| client.style != Style::Gateway) {
            found.push(self.preflight(page).await);
        }
        for client in clients.iter().take(MOST) {
            found.extend(style::verdict(client, page, self.server, self.suffixes));
            found.push(self.cookie(page, client).await);
        }
        if clients.len() > MOST {
            let (more, page) = (clients.len() - MOST, page.as_str());
            let what = format!("{more} more clients with pages at {page}: --client names one");
            found.push(Finding::not_checked(COOKIE, what));
        }
        found
    }

    /// Whose pages they are.
    async fn whose(&self, page: &Origin) -> Result<Vec<Client>, Finding> {
        let Some(clients) = self.clients else {
            let Some(id) = self.named else {
                return Err(Finding::not_checked(
                    ORIGIN,
                    format!(
                        "the pages of {}: --client names the client whose they are",
                        page.as_str()
                    ),
                ));
            };
            return self.told(page, id).await.map(|client| vec![client]);
        };
        let is_own = |client: &Client| {
            page.as_str() == self.server.as_str()
                || client.origins.iter().any(|origin| origin == page.as_str())
        };
        let fits = |client: &&Client| match self.named {
            Some(id) => client.id == *id,
            None => client.kind == ClientKind::Browser && client.enabled && is_own(client),
        };
        let fitting: Vec<&Client> = clients.iter().filter(fits).collect();
        let Some(first) = fitting.first() else {
            return Err(match self.named {
                Some(id) => no_such_client(id),
                None => not_listed(page, None),
            });
        };
        if first.kind != ClientKind::Browser {
            return Err(no_pages(&first.id));
        }
        if !is_own(first) {
            return Err(not_listed(page, Some(&first.id)));
        }
        Ok(fitting.into_iter().cloned().collect())
    }

    /// What the server says about a client to its pages: how it is renewed, as far as that matters here.
    async fn told(&self, page: &Origin, id: &ClientId) -> Result<Client, Finding> {
        let question = self.asker.post(CALL).header(header::ORIGIN, page.as_str());
        let reply = question.json(&json!({ "client_id": id })).send().await;
        let reply = reply.map_err(|error| {
            let why = quoted(&error.to_string());
            Finding::not_checked(ORIGIN, format!("the pages of {}: {why}", page.as_str()))
        })?;
        let style = match reply.code().as_deref() {
            Some("no_refresh_token") => Style::Rotating,
            Some("not_renewable") => self.of_a_session(page, id).await,
            Some("cross_site") => return Err(not_listed(page, Some(id))),
            Some("unknown_client") => return Err(no_such_client(id)),
            Some("browser_request" | "service_client") => return Err(no_pages(id)),
            _ => {
                return Err(Finding::not_checked(
                    ORIGIN,
                    format!(
                        "the pages of {}: {CALL} answers {}",
                        page.as_str(),
                        reply.status.as_u16()
                    ),
                ));
            }
        };
        let now: Timestamp = self.env.now();
        Ok(Client::new(id.clone(), ClientKind::Browser, now).with_style(style))
    }

    /// `session` or `gateway`: whose host hands the server's calls on is the gateway's.
    async fn of_a_session(&self, page: &Origin, id: &ClientId) -> Style {
        let is_handed_on = async {
            let at_home = Asker::new(page.as_str(), self.env).ok()?;
            let question = at_home.get(&format!("/v1/session?client_id={id}"));
            let reply = question.send().await.ok()?;
            reply.is("no_session").then_some(())
        };
        if page.host() != self.server.host() && is_handed_on.await.is_some() {
            Style::Gateway
        } else {
            Style::Session
        }
    }

    /// The question that a browser asks before a page may (Fetch §3.2.2).
    async fn preflight(&self, page: &Origin) -> Finding {
        let origin = page.as_str();
        if origin == self.server.as_str() {
            return Finding::good(
                PREFLIGHT,
                format!("{origin} is the server's own, and need not ask"),
            );
        }
        let question = self
            .asker
            .question(Method::OPTIONS, CALL)
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(
                header::ACCESS_CONTROL_REQUEST_HEADERS,
                "authorization,content-type",
            );
        let reply = match question.send().await {
            Ok(reply) => reply,
            Err(error) => {
                let why = quoted(&error.to_string());
                return Finding::not_checked(
                    PREFLIGHT,
                    format!("the preflight of {origin}: {why}"),
                );
            }
        };
        if reply.is("cross_site") {
            return not_listed(page, self.named);
        }
        match refusal(&reply, origin) {
            None => Finding::good(PREFLIGHT, format!("pages of {origin} may ask")),
            Some(what) => Finding::error(
                PREFLIGHT,
                format!("{origin}: {what}"),
                "browsers let no page of it call the server",
                "in the proxy: hand OPTIONS on to the server, and take out what sets Access-Control-… there (add_header); the \
                 server answers by the clients' lists",
            ),
        }
    }

    /// Signs out of nothing, as a page would, and looks at the cookie that is taken back.
    async fn cookie(&self, page: &Origin, client: &Client) -> Finding {
        let at_home;
        let (asker, place) = if client.style == Style::Gateway {
            match Asker::new(page.as_str(), self.env) {
                Ok(asker) => at_home = asker,
                Err(error) => {
                    return Finding::not_checked(COOKIE, format!("{}: {error}", page.as_str()));
                }
            }
            (&at_home, page.as_str())
        } else {
            (self.asker, self.server.as_str())
        };
        let cookie = Cookie {
            policy: CookiePolicy::of_issuer(self.server.as_str()),
            kind: if client.style.is_opaque() {
                CookieKind::Session
            } else {
                CookieKind::Refresh
            },
            client,
            place,
        };
        let name = cookie.name();
        let question = asker
            .post(SIGN_OUT)
            .header(header::ORIGIN, page.as_str())
            .header(header::COOKIE, &format!("{name}={NOTHING}"))
            .json(&json!({ "client_id": client.id }));
        match question.send().await {
            Ok(reply) => cookie
                .lost_on_the_way(&reply)
                .unwrap_or_else(|| cookie.came_back(&reply)),
            Err(error) => {
                let why = quoted(&error.to_string());
                Finding::not_checked(COOKIE, format!("the cookie {name} at {place}: {why}"))
            }
        }
    }
}

/// What a browser would find wrong with the answer to its preflight.
fn refusal(reply: &Reply, origin: &str) -> Option<String> {
    const ALLOWED: HeaderName = header::ACCESS_CONTROL_ALLOW_ORIGIN;
    if !reply.status.is_success() {
        return Some(format!(
            "the preflight is answered with {}",
            reply.status.as_u16()
        ));
    }
    let allowed = reply.header(&ALLOWED);
    match (reply.lines(&ALLOWED), allowed) {
        (0, _) => return Some("the answer to the preflight allows nobody anything".to_owned()),
        (2.., _) => {
            return Some("the answer to the preflight names allowed origins twice".to_owned());
        }
        (_, Some(allowed)) if allowed == origin => {}
        (_, other) => {
            let other = quoted(other.unwrap_or_default());
            return Some(format!(
                "the answer to the preflight allows {other:?}, which is no good with cookies"
            ));
        }
    }
    let credentials = reply.header(&header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
    let lists = |name: &HeaderName, wanted: &str| {
        let lines = reply
            .headers
            .get_all(name)
            .iter()
            .filter_map(|line| line.to_str().ok());
        let mut words = lines.flat_map(|line| line.split(',')).map(str::trim);
        words.any(|word| word.eq_ignore_ascii_case(wanted))
    };
    if credentials != Some("true") {
        return Some("the answer to the preflight allows no cookies".to_owned());
    }
    if !lists(&header::ACCESS_CONTROL_ALLOW_METHODS, "POST") {
        return Some("the answer to the preflight does not allow POST".to_owned());
    }
    let headers = [header::AUTHORIZATION, header::CONTENT_TYPE];
    let missing = headers
        .iter()
        .find(|name| !lists(&header::ACCESS_CONTROL_ALLOW_HEADERS, name.as_str()));
    missing.map(|name| format!("the answer to the preflight does not allow the header {name}"))
}

/// A cookie that was shown, and is to be taken back.
struct Cookie<'a> {
    policy: CookiePolicy,
    kind: CookieKind,
    client: &'a Client,
    place: &'a str,
}

impl Cookie<'_> {
    fn name(&self) -> String {
        self.policy.name(self.kind, self.client)
    }

    /// What kept it from the server, if anything did.
    fn lost_on_the_way(&self, reply: &Reply) -> Option<Finding> {
        let (id, place, name) = (&self.client.id, self.place, self.name());
        let nobody = "nobody can sign in from its pages";
        let status = reply.status.as_u16();
        if reply.is("cross_site") {
            return Some(Finding::error(
                ORIGIN,
                format!("client {id}: {place} refuses its pages: {}", reply.detail()),
                nobody,
                "hand the header Origin on to the server as it is",
            ));
        }
        if reply.is("missing_token") {
            return Some(Finding::error(
                COOKIE,
                format!("client {id}: the cookie {name} gets lost on the way to the server"),
                "nobody stays signed in",
                "take out of the proxy what clears it (proxy_set_header Cookie \"\";)",
            ));
        }
        let refused_by_another = !reply.status.is_success() && reply.code().is_none();
        if !(refused_by_another || is_a_page(reply)) {
            return None;
        }
        Some(if self.client.style == Style::Gateway {
            Finding::error(
                COOKIE,
                format!(
                    "client {id}, style gateway: {place}/v1/ is not handed on to the server ({status})"
                ),
                nobody,
                format!(
                    "in the proxy of {place}: location /v1/ {{ proxy_pass http://127.0.0.1:8080; }} (docs/styles/gateway.md)"
                ),
            )
        } else {
            Finding::error(
                COOKIE,
                format!("client {id}: {place}{SIGN_OUT} is answered by somebody else ({status})"),
                nobody,
                "hand POST on to the server as it is",
            )
        })
    }

    /// Whether it is the one that the server sets.
    fn came_back(&self, reply: &Reply) -> Finding {
        let (id, place, name) = (&self.client.id, self.place, self.name());
        let expected = self.policy.clear(self.kind, self.client);
        let expected = expected.as_ref().and_then(|cookie| cookie.to_str().ok());
        let set = reply.headers.get_all(header::SET_COOKIE).iter();
        let set: Vec<&str> = set.filter_map(|line| line.to_str().ok()).collect();
        match set.as_slice() {
            [one] if Some(*one) == expected => Finding::good(
                COOKIE,
                format!(
                    "client {id}: the cookie {name} goes to {place} and comes back as it was set"
                ),
            ),
            [] if reply.status.is_success() => Finding::error(
                COOKIE,
                format!("client {id}: the cookie {name} gets lost on the way back"),
                "nobody stays signed in",
                "take out of the proxy what removes it (proxy_hide_header Set-Cookie;)",
            ),
            [] => Finding::not_checked(
                COOKIE,
                format!(
                    "client {id}: whether the cookie {name} comes back: {}",
                    reply.detail()
                ),
            ),
            others => Finding::error(
                COOKIE,
                format!(
                    "client {id}: the cookie is changed on the way: {:?} was set, and {:?} arrives",
                    expected.unwrap_or_default(),
                    quoted(&others.join(" / "))
                ),
                "browsers refuse a __Host- cookie with a Domain, another Path or no Secure, and one of another name is not \
                 found again: nobody stays signed in",
                "take proxy_cookie_domain, proxy_cookie_path and proxy_cookie_flags out of the proxy",
            ),
        }
    }
}

/// Whether an application answered, with a page of its own.
fn is_a_page(reply: &Reply) -> bool {
    let kind = reply.header(&header::CONTENT_TYPE).unwrap_or_default();
    kind.starts_with("text/html")
}

fn not_listed(page: &Origin, client: Option<&ClientId>) -> Finding {
    let origin = page.as_str();
    let (whose, place, id) = match client {
        Some(id) => (
            format!("client {id}"),
            format!("[[client]] id = \"{id}\""),
            id.as_str(),
        ),
        None => ("any client".to_owned(), "its [[client]]".to_owned(), "…"),
    };
    Finding::error(
        ORIGIN,
        format!("{origin} is not on the list of {whose}"),
        "browsers let no page of it call the server, and the server refuses it",
        format!(
            "origins = [\"{origin}\"] in {place}, beside the others; or, if it was registered by command: \
             countersign client add {id} --replace --origin {origin}, with everything else that `countersign client show \
             {id}` says of it"
        ),
    )
}

fn no_such_client(id: &ClientId) -> Finding {
    Finding::error(
        ORIGIN,
        format!("no client {id} is registered"),
        "nobody can sign in to it",
        format!("[[client]] id = \"{id}\", or: countersign client add {id}"),
    )
}

fn no_pages(id: &ClientId) -> Finding {
    Finding::error(
        ORIGIN,
        format!("client {id} is not one that runs in browsers"),
        "no page can sign anybody in to it",
        format!(
            "a client of its own for the pages: kind = \"browser\" in another [[client]] than {id}"
        ),
    )
}
