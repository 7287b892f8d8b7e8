//! `countersign doctor`: looks at a server from outside, as those do who use it, and says what is wrong, what comes of it,
//! and which line to change.
//!
//! Nothing is changed by it but two lines of the trail and one token of the service that it may be given. What answers may
//! be anybody: every question is bounded in time and size, no redirect is followed, no address that an answer names is
//! asked, and a secret is shown to nobody who calls himself otherwise than he was asked for.

mod address;
mod ask;
mod caller;
mod clock;
mod feed;
mod finding;
mod keys;
mod pages;
pub mod plain;
pub mod site;
pub mod style;
mod tls;
pub mod topology;

use std::time::Duration;

use countersign_auth::env::Env;
use countersign_auth::model::client::Client;
use countersign_auth::model::id::ClientId;
use countersign_auth::model::key::{KeyPurpose, KeyState};
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::admin::client::Admin;
use crate::admin::{ShownClient, Status};
use crate::config::Config;
use crate::fetch::InvalidUrl;
use address::Reached;
use ask::{Asker, Reply};
use keys::Kids;
use pages::Pages;
use site::{Origin, Suffixes};

pub use feed::Service;
pub use finding::{Finding, Report, Trouble, Verdict};

/// How long the server's socket may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be looked at, and what is known about it.
pub struct Subject {
    /// The server's address, which it should call itself by.
    pub server: Origin,
    /// The origins of applications' pages.
    pub pages: Vec<Origin>,
    /// Whose pages they are.
    pub client: Option<ClientId>,
    /// The server's settings, if this is where they are.
    pub config: Option<Config>,
    /// The server's socket, if this is its machine.
    pub socket: Option<Admin>,
    /// A service that may follow the feed.
    pub service: Option<Service>,
    /// What tells one owner's domain from another's.
    pub suffixes: Suffixes,
    /// The time, and randomness.
    pub env: Env,
}

/// Looks at everything that can be looked at.
///
/// # Errors
/// If the address is one that cannot be asked.
pub async fn examine(subject: &Subject) -> Result<Report, InvalidUrl> {
    let issuer = subject.server.as_str().to_owned();
    let asker = Asker::new(&issuer, &subject.env)?;
    let findings = Examination {
        subject,
        asker: &asker,
        found: Vec::new(),
    };
    Ok(Report {
        issuer,
        findings: findings.whole().await,
    })
}

struct Examination<'a> {
    subject: &'a Subject,
    asker: &'a Asker,
    found: Vec<Finding>,
}

/// What the server says of itself at its socket.
struct Inside {
    clients: Vec<Client>,
    /// The keys that sign access tokens now.
    signing: Vec<String>,
}

/// A key, as the server lists it.
#[derive(Deserialize)]
struct Key {
    purpose: KeyPurpose,
    state: KeyState,
    kid: String,
}

impl Examination<'_> {
    async fn whole(mut self) -> Vec<Finding> {
        let (subject, asker) = (self.subject, self.asker);
        let env = &subject.env;

        // 1. The settings.
        match &subject.config {
            Some(config) => self
                .found
                .extend(topology::settings(config, &subject.server)),
            None => self.found.push(Finding::not_checked(
                "configuration",
                "the settings: --config names the server's file, where there is one",
            )),
        }

        // 2. The way to the server, and whether it is the right one.
        if subject.server.is_secure() {
            let now = env.now().unix().as_secs();
            self.found.push(tls::examine(asker.url(), now).await);
            let port = match subject.server.port() {
                443 => 80,
                // Whoever types the name types this port, too.
                port => port,
            };
            self.found.push(plain::examine(&subject.server, port).await);
        }
        let reached = address::find(asker).await;
        let then = env.now();
        let (metadata, is_itself) = match reached {
            Reached::Itself(reply, finding) => {
                self.found.push(finding);
                (reply, true)
            }
            Reached::Another(reply, finding) => {
                self.found.push(finding);
                (reply, false)
            }
            Reached::Not(finding) => {
                self.found.push(finding);
                self.found.push(Finding::not_checked(
                    "everything_else",
                    "everything else, until the server can be reached",
                ));
                return self.found;
            }
        };
        self.way(&metadata).await;

        // 3. The time.
        self.found.push(clock::of_answer(&metadata, then));
        self.found.push(clock::readiness(asker).await);

        // 4. The keys.
        let inside = self.inside().await;
        let (found, published) = keys::examine(asker, &metadata).await;
        self.found.extend(found);

        // 5. The pages.
        self.pages(inside.as_ref()).await;

        // 6. What the server sees, and how soon others hear of it.
        self.caller(inside.is_some()).await;
        let heard = self.feed(is_itself).await;
        if let Some(published) = published.filter(|kids| !kids.is_empty()) {
            let signing = match inside {
                Some(inside) => inside.signing,
                None => heard.into_iter().collect(),
            };
            self.signing(&signing, &published);
        }
        self.found
    }

    fn signing(&mut self, kids: &[String], published: &Kids) {
        if kids.is_empty() {
            self.found.push(Finding::not_checked(
                "signing_key",
                "whether the key that signs is published: on the server's machine, or with --service, it can be told",
            ));
        }
        let found = kids.iter().map(|kid| keys::signs_with(kid, published));
        self.found.extend(found);
    }

    /// What stands in between.
    async fn way(&mut self, metadata: &Reply) {
        if self.subject.server.is_secure() {
            self.found.push(address::hsts(metadata));
        }
        self.found.extend(address::doors(self.asker).await);
        self.found.push(address::authorization(self.asker).await);
    }

    async fn pages(&mut self, inside: Option<&Inside>) {
        let subject = self.subject;
        let pages = Pages {
            asker: self.asker,
            env: &subject.env,
            server: &subject.server,
            suffixes: &subject.suffixes,
            clients: inside.map(|inside| inside.clients.as_slice()),
            named: subject.client.as_ref(),
        };
        for page in &subject.pages {
            self.found.extend(pages.examine(page).await);
        }
        if !subject.pages.is_empty() {
            return;
        }
        // Nobody's were named: those that are registered, without asking for each.
        match inside {
            Some(inside) => {
                let clients =
                    topology::clients(&inside.clients, &subject.server, &subject.suffixes);
                self.found.extend(clients);
            }
            None => self.found.push(Finding::not_checked(
                "pages",
                "cookies and CORS: --app-origin names the origin of an application's pages",
            )),
        }
    }

    async fn caller(&mut self, is_known: bool) {
        let subject = self.subject;
        let finding = match &subject.socket {
            Some(socket) if is_known => {
                caller::examine(self.asker, socket, subject.config.as_ref()).await
            }
            _ => Finding::not_checked(
                "caller_address",
                "whom the server takes its callers for: on its machine, as its user, it can be told (--data names its folder)",
            ),
        };
        self.found.push(finding);
    }

    /// The name of the key that signed what a service got.
    async fn feed(&mut self, is_itself: bool) -> Option<String> {
        let Some(service) = &self.subject.service else {
            self.found.push(feed::not_checked(
                "--service and --service-secret-file name a service that may follow the feed (countersign client add doctor \
                 --kind service --scope revocations)",
            ));
            return None;
        };
        if !is_itself {
            self.found.push(feed::not_checked(
                "a service's secret is shown to no server that calls itself otherwise than it was asked for",
            ));
            return None;
        }
        let heard = feed::examine(self.asker, service, &self.subject.env).await;
        self.found.push(heard.finding);
        heard.kid
    }

    /// What the server in this machine's data folder says, if it is the one that is looked at.
    async fn inside(&mut self) -> Option<Inside> {
        let socket = self.subject.socket.as_ref()?;
        match self.told_by(socket).await {
            Ok(inside) => Some(inside),
            Err(why) => {
                self.found.push(Finding::not_checked(
                    "socket",
                    format!(
                        "what the server on this machine says: {}",
                        ask::quoted(&why)
                    ),
                ));
                None
            }
        }
    }

    async fn told_by(&self, socket: &Admin) -> Result<Inside, String> {
        let status: Status = told(socket, "/status").await?;
        if status.issuer != self.subject.server.as_str() {
            return Err(format!("it is another one, {}", status.issuer));
        }
        let clients: Vec<ShownClient> = told(socket, "/clients").await?;
        let keys: Vec<Key> = told(socket, "/keys").await?;
        let signs = |key: &Key| key.purpose == KeyPurpose::Signing && key.state == KeyState::Active;
        Ok(Inside {
            clients: clients.into_iter().map(|shown| shown.client).collect(),
            signing: keys.into_iter().filter(signs).map(|key| key.kid).collect(),
        })
    }
}

async fn told<T: DeserializeOwned>(socket: &Admin, path: &str) -> Result<T, String> {
    match timeout(PATIENCE, socket.call(Method::GET, path, None)).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("its socket does not answer".to_owned()),
    }
}
