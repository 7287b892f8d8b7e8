//! One style on one store, and the people who use it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::feed;
use countersign::http::{ForwardAuth, Settings};
use countersign_auth::model::client::{ClientKind, Style};
use countersign_auth::model::id::UserId;
use countersign_guard::net::Connected;
use countersign_guard::{Claims, Verified};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::rows::{Bears, Row};
use super::stores::{Place, Store};
use crate::actors::Browser;
use crate::guard;
use crate::server::{BEGINNING, Options, PASSWORD, Server};
use crate::support::client::{Answer, Request};

/// The application.
const APP: &str = "app";
/// The service behind forward-auth.
const BEHIND: &str = "https://behind.example.com";

/// A server whose client `app` has this style, and a service with a guard.
pub struct Cell {
    pub row: &'static Row,
    pub server: Server,
    guard: Connected,
    people: AtomicU32,
    _place: Place,
}

impl Cell {
    pub async fn begin(row: &'static Row, store: Store) -> Self {
        let place = store.open().await;
        let by_cookie = row.bears != Bears::Token;
        let options = Options {
            http: Settings {
                forward_auth: ForwardAuth {
                    internal_audience: (by_cookie && row.style != Style::Gateway)
                        .then(|| BEHIND.to_owned()),
                    // Of a style whose cookie holds a token.
                    cookie: (by_cookie && !row.style.is_opaque()).then(|| cookie(row)),
                    ..ForwardAuth::default()
                },
                feed: feed::Settings {
                    heartbeat: Duration::from_millis(100),
                    ..feed::Settings::default()
                },
                ..Settings::default()
            },
            ..Options::default()
        };
        let (directory, sessions) = (place.directory.clone(), place.sessions.clone());
        let server = Server::over(directory, sessions, BEGINNING * 1000, options).await;
        server
            .put_client(APP, row.kind, |client| {
                *client = client.clone().with_style(row.style);
                client.absolute_ttl = row.last;
                client.audience = (row.style == Style::Gateway).then(|| BEHIND.to_owned());
                match row.style {
                    Style::Sliding => client.access_ttl = row.rest,
                    _ => client.idle_ttl = row.rest,
                }
            })
            .await;
        let audience = if by_cookie { BEHIND } else { &server.issuer };
        let options = guard::options_for(&server, audience).await;
        let guard = guard::guard(options.clock(guard::Same(server.auth.clone()))).await;
        Self {
            row,
            server,
            guard,
            people: AtomicU32::default(),
            _place: place,
        }
    }

    /// Stops everything.
    pub async fn end(self) {
        drop(self.guard);
        self.server.end().await;
    }

    /// Time passes, and the node tells and looks at its log as it does all the time.
    pub async fn pass(&self, time: Duration) {
        self.server.advance(time);
        self.server.auth.tell_spent().await.unwrap();
        self.server.auth.hear_revocations().await.unwrap();
    }

    /// What the guard says of a token when it is up to date.
    pub async fn says(&self, token: &str) -> Result<Verified<Claims>, &'static str> {
        self.soon(async || self.guard.knowing().connected).await;
        let checked = self.guard.check(token).await;
        checked.map_err(|denied| denied.code())
    }

    /// The guard comes to say this of a token.
    pub async fn comes_to_say(&self, token: &str, code: &'static str) {
        let mut said = None;
        self.soon(async || {
            said = self.says(token).await.err();
            said.is_some()
        })
        .await;
        assert_eq!(said, Some(code));
    }

    async fn soon(&self, mut is_so: impl AsyncFnMut() -> bool) {
        let begun = Instant::now();
        while !is_so().await {
            let late = begun.elapsed() > Duration::from_secs(20);
            assert!(!late, "never: {:?}", self.guard);
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// The name of the application's cookie.
fn cookie(row: &Row) -> String {
    let session = if row.style.is_opaque() {
        ".session"
    } else {
        ""
    };
    format!("countersign-{APP}{session}")
}

/// Somebody, and what they hold.
#[derive(Clone)]
pub struct Person<'c> {
    cell: &'c Cell,
    pub email: String,
    /// The browser of a browser client, and whatever a client keeps in memory.
    browser: Browser<'c>,
    /// A device's: what it renews with.
    kept: Option<String>,
}

/// A request that passed.
pub struct Passed {
    /// What the guard's check was told.
    pub claims: Verified<Claims>,
    /// The token that it checked.
    pub token: String,
}

impl<'c> Person<'c> {
    /// Somebody new, who is not signed in.
    pub async fn registered(cell: &'c Cell) -> Self {
        let number = cell.people.fetch_add(1, Ordering::Relaxed);
        let email = format!("person-{number}@example.com");
        cell.server.register(&email).await;
        Self::named(cell, email)
    }

    pub async fn signed_in(cell: &'c Cell) -> Self {
        let mut person = Self::registered(cell).await;
        person.sign_in().await.expect(200);
        person
    }

    fn named(cell: &'c Cell, email: String) -> Self {
        Self {
            cell,
            email,
            browser: Browser::of_client(&cell.server, APP),
            kept: None,
        }
    }

    /// The same person with another device.
    pub async fn elsewhere(&self) -> Self {
        let mut other = Self::named(self.cell, self.email.clone());
        other.sign_in().await.expect(200);
        other
    }

    pub fn cell(&self) -> &'c Cell {
        self.cell
    }

    pub async fn id(&self) -> UserId {
        self.cell.server.user(&self.email).await.id
    }

    pub async fn sign_in(&mut self) -> Answer {
        self.sign_in_with(PASSWORD).await
    }

    pub async fn sign_in_with(&mut self, password: &str) -> Answer {
        let form = json!({ "email": self.email, "password": password, "client_id": APP });
        self.send(Request::post("/v1/login").json(&form)).await
    }

    /// What they hold to renew with, or to be known by: a cookie's value, or what was in a body.
    pub fn held(&self) -> Option<String> {
        match self.cell.row.kind {
            ClientKind::Browser => self.browser.jar.get(&cookie(self.cell.row)).cloned(),
            ClientKind::Native | ClientKind::Service => self.kept.clone(),
        }
    }

    /// Lets them have held something else.
    pub fn hold(&mut self, held: &str) {
        match self.cell.row.kind {
            ClientKind::Browser => {
                let name = cookie(self.cell.row);
                self.browser.jar.insert(name, held.to_owned());
            }
            ClientKind::Native | ClientKind::Service => self.kept = Some(held.to_owned()),
        }
    }

    pub async fn renew(&mut self) -> Answer {
        let mut form = json!({ "client_id": APP });
        if let Some(kept) = &self.kept {
            form["refresh_token"] = kept.as_str().into();
        }
        self.send(Request::post("/v1/refresh").json(&form)).await
    }

    pub async fn sign_out(&mut self) -> Answer {
        let form = json!({ "client_id": APP });
        let sign_out = Request::post("/v1/logout").json(&form);
        let sign_out = match self.cell.row.kind {
            ClientKind::Browser => sign_out,
            ClientKind::Native | ClientKind::Service => sign_out.bearer(&self.browser.access_token),
        };
        self.send(sign_out).await
    }

    /// As a browser sends, or as a device does.
    async fn send(&mut self, request: Request) -> Answer {
        if self.cell.row.kind == ClientKind::Browser {
            return self.browser.send(request).await;
        }
        let answer = self.cell.server.send(request).await;
        if answer.status == 200 {
            let tokens = answer.json();
            let text = |name: &str| tokens[name].as_str().map(str::to_owned);
            self.browser.access_token = text("access_token").unwrap();
            // Where there is but one token, it is what is exchanged.
            self.kept = text("refresh_token").or_else(|| text("access_token"));
        }
        answer
    }

    /// A request to the service: what its guard makes of it; or who refuses it, and how.
    pub async fn ask(&self) -> Result<Passed, String> {
        let token = match self.cell.row.bears {
            Bears::Token => self.browser.access_token.clone(),
            Bears::Cookie { at, .. } => {
                let ask = Request::get(at).header("X-Forwarded-Method", "GET");
                // What a proxy is answered reaches no jar.
                let answer = self.browser.clone().send(ask).await;
                if answer.status != 200 {
                    return Err(refusal(&answer));
                }
                answer.header("x-auth-token").unwrap().to_owned()
            }
        };
        let claims = self.cell.says(&token).await?;
        Ok(Passed { claims, token })
    }

    /// A request that is let pass.
    pub async fn passes(&self) -> Passed {
        match self.ask().await {
            Ok(passed) => passed,
            Err(refused) => panic!("{}: {refused}", self.email),
        }
    }

    /// A request that comes to be refused in these words: at once here, and soon by a guard.
    pub async fn comes_to_be_refused(&self, words: &'static str) {
        if self.cell.row.bears == Bears::Token {
            let token = &self.browser.access_token;
            return self.cell.comes_to_say(token, words).await;
        }
        match self.ask().await {
            Ok(_) => panic!("{} passes, instead of {words}", self.email),
            Err(refused) => assert_eq!(refused, words, "{}", self.email),
        }
    }

    /// Whoever bears something like it that nobody made.
    pub fn imposter(&self) -> Self {
        let forged = |made: &str| {
            // Within the signature, or the name: its last letter but one, all of whose bits count.
            let (head, tail) = made.split_at(made.len().saturating_sub(2));
            let other = if tail.starts_with('A') { 'B' } else { 'A' };
            format!("{head}{other}{}", tail.get(1..).unwrap_or_default())
        };
        let mut imposter = self.clone();
        imposter.browser.access_token = forged(&self.browser.access_token);
        let held = self.held();
        imposter.hold(&forged(held.as_deref().unwrap_or_default()));
        imposter
    }

    /// Nobody: empty hands.
    pub fn nobody(&self) -> Self {
        Self::named(self.cell, self.email.clone())
    }
}

/// A refusal by this server, in the words of the table.
pub fn refusal(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.code())
}
