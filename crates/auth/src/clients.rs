//! The registered clients, in memory: read at start and whenever one changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_guard::Claims;
use tokio::sync::Mutex;

use crate::Auth;
use crate::directory::Directory;
use crate::keys::KeysError;
use crate::model::client::{Client, ClientKind, Style};
use crate::model::id::ClientId;
use crate::model::secret::StoredSecret;
use crate::protection::{ProtectionError, check_client};
use crate::redirect;
use crate::store::StoreError;
use crate::style;
use crate::visitor::Visitor;

/// The longest that an access token may live: revocations are kept as long as this.
const MAX_ACCESS_TTL: Duration = Duration::from_hours(24);
/// The longest that a session may last.
const MAX_ABSOLUTE_TTL: Duration = Duration::from_hours(400 * 24);

/// Why a client cannot be registered so.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An origin that no browser would send.
    #[error(
        "{0:?} is not an origin: a scheme (https, or http on loopback), a host and perhaps a port expected, in lower case, without a path, as in https://app.example.com"
    )]
    Origin(String),
    /// An address that nobody is to be sent to.
    #[error("{uri:?} is not an address to come back to: {why}")]
    Redirect {
        /// As it was given.
        uri: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The client of the server's own pages.
    #[error("the client \"account\" is the server's own, for its pages: choose another id")]
    Own,
    /// A lifetime that is zero, too long, or no whole number of seconds.
    #[error(
        "the lifetimes do not fit: 0 < access_ttl ≤ 24 h, access_ttl ≤ idle_ttl ≤ absolute_ttl ≤ 400 days expected, in whole seconds"
    )]
    Lifetimes,
    /// A claim that has a meaning of its own.
    #[error("{0:?} cannot be mapped: it is a claim of its own, or empty")]
    Claim(String),
    /// A scope that is none (RFC 6749 §3.3).
    #[error(
        "{0:?} is not a scope: words of printable characters with single spaces between expected"
    )]
    Scope(String),
    /// A name or audience that is empty or too long.
    #[error("name and audience have 1 to 200 characters, without control characters")]
    Text,
    /// What only a service has, or a service cannot have.
    #[error("{0}")]
    Kind(&'static str),
    /// Tokens cannot be protected so.
    #[error(transparent)]
    Protection(#[from] ProtectionError),
    /// A key for its tokens could not be made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// No such client.
    #[error("there is no client of this id")]
    Unknown,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The registered clients, and what they prove themselves with.
pub(crate) struct Clients {
    known: ArcSwap<HashMap<ClientId, Registered>>,
    /// Held from the look at the store until what was seen is known: an older look must not come last.
    reading: Mutex<()>,
}

struct Registered {
    client: Arc<Client>,
    secrets: Arc<[StoredSecret]>,
}

impl Clients {
    pub(crate) async fn load(directory: &dyn Directory) -> Result<Self, StoreError> {
        Ok(Self {
            known: ArcSwap::from_pointee(read(directory).await?),
            reading: Mutex::new(()),
        })
    }

    pub(crate) async fn reload(&self, directory: &dyn Directory) -> Result<(), StoreError> {
        let _alone = self.reading.lock().await;
        self.known.store(Arc::new(read(directory).await?));
        Ok(())
    }

    pub(crate) fn find(&self, id: Option<&str>) -> Option<Arc<Client>> {
        let id = id.unwrap_or(ClientId::DEFAULT).parse::<ClientId>().ok()?;
        let found = self.known.load();
        found.get(&id).map(|found| found.client.clone())
    }

    /// The client of this id, and its secrets.
    pub(crate) fn with_secrets(&self, id: &str) -> Option<(Arc<Client>, Arc<[StoredSecret]>)> {
        let found = self.known.load();
        let found = found.get(&id.parse::<ClientId>().ok()?)?;
        Some((found.client.clone(), found.secrets.clone()))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        let found = self.known.load();
        let mut all: Vec<_> = found.values().map(|found| found.client.clone()).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    pub(crate) fn any(&self, is_so: impl Fn(&Client) -> bool) -> bool {
        let found = self.known.load();
        found.values().any(|found| is_so(&found.client))
    }

    pub(crate) fn longest(&self, lifetime: impl Fn(&Client) -> Duration) -> Duration {
        self.known
            .load()
            .values()
            .map(|found| lifetime(&found.client))
            .max()
            .unwrap_or_default()
    }
}

async fn read(directory: &dyn Directory) -> Result<HashMap<ClientId, Registered>, StoreError> {
    let clients = directory.clients().await?;
    let mut secrets: HashMap<ClientId, Vec<StoredSecret>> = HashMap::new();
    for secret in directory.client_secrets().await? {
        secrets
            .entry(secret.client.clone())
            .or_default()
            .push(secret);
    }
    let registered = clients.into_iter().map(|client| {
        let id = client.id.clone();
        let secrets = secrets.remove(&id).unwrap_or_default().into();
        let client = Arc::new(client);
        (id, Registered { client, secrets })
    });
    Ok(registered.collect())
}

impl Auth {
    /// All clients, by id.
    #[must_use]
    pub fn clients(&self) -> Vec<Arc<Client>> {
        self.clients.all()
    }

    /// Whether `origin` is on some client's list.
    #[must_use]
    pub fn is_listed(&self, origin: &str) -> bool {
        self.clients
            .any(|client| client.origins.iter().any(|listed| listed == origin))
    }

    /// The client of this id; without one, the default client.
    #[must_use]
    pub fn client(&self, id: Option<&str>) -> Option<Arc<Client>> {
        self.clients.find(id)
    }

    /// Adds a client, or changes the one of this id.
    ///
    /// # Errors
    /// [`ClientError`]: it cannot be registered so, or storage failed.
    pub async fn put_client(
        &self,
        client: Client,
        visitor: &Visitor,
    ) -> Result<Client, ClientError> {
        if client.is_own() {
            return Err(ClientError::Own);
        }
        check(&client)?;
        check_client(&self.settings, &client)?;
        let before = self.clients.find(Some(client.id.as_str()));
        let is_service = |client: &Client| client.kind == ClientKind::Service;
        if before.is_some_and(|before| is_service(&before) != is_service(&client)) {
            return Err(ClientError::Kind(
                "a client that people sign in to cannot become a service, nor the reverse: register another one",
            ));
        }
        self.keep_client(client, visitor).await
    }

    async fn keep_client(&self, client: Client, visitor: &Visitor) -> Result<Client, ClientError> {
        let origin = visitor.origin(self.env.now());
        // Before anything can be issued under it: revocations must be kept as long as its tokens live, and what they
        // are signed with must be there.
        self.directory
            .event_lifetime(style::event_lifetime(&client))
            .await?;
        self.tend_keys(&client, &origin).await?;
        if let Some(warning) = client.style.warning().filter(|_| client.enabled) {
            tracing::warn!(client = %client.id, "{warning}");
        }
        let put = self.directory.put_client(client, &origin).await?;
        self.clients.reload(&*self.directory).await?;
        // Meanwhile the chores may have found the key unused.
        self.tend_keys(&put, &origin).await?;
        self.recipients.look_again();
        self.hear_own().await;
        Ok(put)
    }

    /// Disables a client (which ends its grants and tokens) or enables it again.
    ///
    /// # Errors
    /// [`ClientError::Unknown`]; storage failed.
    pub async fn set_client_enabled(
        &self,
        id: &ClientId,
        enabled: bool,
        visitor: &Visitor,
    ) -> Result<Client, ClientError> {
        let client = self
            .clients
            .find(Some(id.as_str()))
            .ok_or(ClientError::Unknown)?;
        if client.is_own() {
            return Err(ClientError::Own);
        }
        let changed = Client {
            enabled,
            ..Client::clone(&client)
        };
        // Whatever it asks for: one that the settings have come to contradict must be possible to disable.
        self.keep_client(changed, visitor).await
    }

    /// Ends all grants and tokens of a client; it may sign people in again at once.
    ///
    /// # Errors
    /// [`ClientError::Unknown`]; storage failed.
    pub async fn cut_off_client(
        &self,
        id: &ClientId,
        visitor: &Visitor,
    ) -> Result<u64, ClientError> {
        let origin = visitor.origin(self.env.now());
        let epoch = self
            .directory
            .cut_off_client(id, &origin)
            .await?
            .ok_or(ClientError::Unknown)?;
        self.clients.reload(&*self.directory).await?;
        self.hear_own().await;
        Ok(epoch)
    }
}

/// Whether a client can be registered so, but for how its tokens are protected: see [`check_client`].
///
/// # Errors
/// [`ClientError`], but never `Own`, `Protection`, `Keys`, `Unknown` or `Store`.
pub fn check(client: &Client) -> Result<(), ClientError> {
    for origin in &client.origins {
        if !is_origin(origin) {
            return Err(ClientError::Origin(origin.clone()));
        }
    }
    for uri in &client.redirect_uris {
        redirect::check(client.kind, uri).map_err(|why| ClientError::Redirect {
            uri: uri.clone(),
            why,
        })?;
    }
    // The store and the tokens count in seconds.
    let whole = [client.access_ttl, client.idle_ttl, client.absolute_ttl]
        .iter()
        .all(|ttl| ttl.subsec_nanos() == 0);
    // In the style sliding it rests as long as its token lives, and nobody says another time.
    let idle_ttl = if client.style == Style::Sliding {
        client.access_ttl
    } else {
        client.idle_ttl
    };
    let fits = whole
        && !client.access_ttl.is_zero()
        && client.access_ttl <= MAX_ACCESS_TTL
        && client.access_ttl <= idle_ttl
        && idle_ttl <= client.absolute_ttl
        && client.absolute_ttl <= MAX_ABSOLUTE_TTL;
    if !fits {
        return Err(ClientError::Lifetimes);
    }
    if let Some(name) = client
        .claims
        .keys()
        .find(|name| name.is_empty() || Claims::is_reserved(name))
    {
        return Err(ClientError::Claim(name.clone()));
    }
    if let Some(scope) = &client.scope
        && scope.parse::<countersign_guard::Scope>().is_err()
    {
        return Err(ClientError::Scope(scope.clone()));
    }
    let mut audiences = client
        .audience
        .iter()
        .chain(&client.more_audiences)
        .chain(&client.serves);
    if !is_text(&client.name) || !audiences.all(|audience| is_text(audience)) {
        return Err(ClientError::Text);
    }
    if let Some(why) = style::refusal(client) {
        return Err(ClientError::Kind(why));
    }
    check_kind(client)
}

fn check_kind(client: &Client) -> Result<(), ClientError> {
    let refused = |why| Err(ClientError::Kind(why));
    if client.kind != ClientKind::Service {
        let has = client.serves.is_some() || !client.more_audiences.is_empty();
        return if has {
            refused("only a service has more than one audience, or one that it serves")
        } else {
            Ok(())
        };
    }
    if !client.origins.is_empty() {
        return refused("a service has no origins: no page may act for it");
    }
    if !client.redirect_uris.is_empty() {
        return refused("a service has no redirect_uris: nobody signs in to it");
    }
    if client.with_account {
        return refused("a service has no account: leave with_account out");
    }
    if !client.claims.is_empty() {
        return refused("a service's tokens are about no user, so no claim can come from one");
    }
    if client.idle_ttl != Client::IDLE_TTL || client.absolute_ttl != Client::ABSOLUTE_TTL {
        return refused("a service has no sessions: leave idle_ttl and absolute_ttl out");
    }
    Ok(())
}

/// Whether it can name something.
pub(crate) fn is_text(text: &str) -> bool {
    (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Whether `text` is an origin as a browser writes it (RFC 6454 §6.2), https or on loopback.
pub(crate) fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port_fits = port.is_none_or(|port| {
        port.parse::<u16>()
            .is_ok_and(|number| number.to_string() == port && number != 0)
    });
    let host_fits = !host.is_empty()
        && host.bytes().all(|b| {
            b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || matches!(b, b'.' | b'-' | b'[' | b']' | b':')
        });
    let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    port_fits && host_fits && (scheme == "https" || (scheme == "http" && loopback))
}
