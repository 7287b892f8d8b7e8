//! From settings, secrets and storage to a working [`Auth`].

use std::sync::{Arc, Mutex};

use countersign_guard::{Accounts, Guard};
use countersign_jose::{SigningKey, Verifier};

use crate::Auth;
use crate::clients::Clients;
use crate::clock::follow_from_the_start;
use crate::directory::Directory;
use crate::env::Env;
use crate::issue::ACCESS_TOKEN_TYP;
use crate::keys::{Keys, KeysError};
use crate::limits::shared::Limiter;
use crate::live::LiveSessions;
use crate::model::audit::Origin;
use crate::model::client::{Client, ClientKind};
use crate::model::id::ClientId;
use crate::password::{Hasher, HasherError};
use crate::protection::{ProtectionError, check_algorithm, check_audiences, check_client};
use crate::recipients::Recipients;
use crate::revocations::Follower;
use crate::sessions::Sessions;
use crate::settings::{Secrets, Settings};
use crate::store::StoreError;
use crate::style::stateless::RefreshJwts;
use crate::upkeep::needs;
use crate::visitor::by_server;

/// How many verified tokens this node remembers.
const CACHED_TOKENS: usize = 10_000;
/// How many accounts this node remembers.
const REMEMBERED_ACCOUNTS: usize = 10_000;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A symmetric algorithm without its secret.
    #[error(
        "signing.algorithm is {0}, which needs the secret that the services share: set JWT_SECRET or JWT_SECRET_FILE, or choose ES256"
    )]
    NoSharedSecret(&'static str),
    /// The operator's own key or secret is of no use.
    #[error("the signing key that was given cannot be used: {0}")]
    OwnKey(#[from] countersign_jose::KeyError),
    /// The operator's own key is for another algorithm.
    #[error(
        "the signing key that was given is for {given}, but signing.algorithm is {wanted}: make them agree"
    )]
    OtherAlgorithm {
        /// What the key is for.
        given: &'static str,
        /// What the settings ask for.
        wanted: &'static str,
    },
    /// An audience asks for something that cannot be.
    #[error("audience {name:?}: {cause}")]
    Audience {
        /// Which.
        name: String,
        /// Why.
        #[source]
        cause: ProtectionError,
    },
    /// Algorithms whose keys cannot be published.
    #[error("signing.publish: {0}")]
    Publish(#[source] ProtectionError),
    /// Keys cannot be opened or made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The hashing threads cannot be started.
    #[error(transparent)]
    Hash(#[from] HasherError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Opens the keys (at the first start, makes them and the first clients), reads the clients and the revocation
    /// log, and starts the hashing threads. Nothing is answered before the log is read.
    ///
    /// # Errors
    /// [`StartError`], with what to do.
    pub async fn start(
        settings: Settings,
        secrets: Secrets,
        directory: Arc<dyn Directory>,
        sessions: Arc<dyn Sessions>,
        env: Env,
    ) -> Result<Self, StartError> {
        follow_from_the_start(&*directory, &env).await?;
        let now = env.now();
        let origin = by_server(now);
        let own = own_key(&settings, &secrets)?;
        for algorithm in &settings.signing.publish {
            check_algorithm(&settings, Some(*algorithm)).map_err(StartError::Publish)?;
        }
        if let Some((name, cause)) = check_audiences(&settings).into_iter().next() {
            let name = name.to_owned();
            return Err(StartError::Audience { name, cause });
        }

        let mut clients = Clients::load(&*directory).await?;
        if Box::pin(put_missing_clients(&*directory, &clients, &origin)).await? {
            clients = Clients::load(&*directory).await?;
        }
        let needs = needs(&settings, &*directory, &clients).await?;
        let keys = Keys::load(
            directory.clone(),
            env.clone(),
            secrets.master,
            own,
            settings.signing.clone(),
            &needs,
            &origin,
        )
        .await?;

        let issuer = settings.issuer.as_str();
        let verifier = Verifier::new(
            issuer,
            issuer,
            ACCESS_TOKEN_TYP,
            keys.ring().verifying.clone(),
        );
        let guard = Arc::new(Guard::new(verifier, CACHED_TOKENS));
        let refresh_jwts = RefreshJwts::new(issuer, &keys.ring());
        let accounts = Arc::new(Accounts::new(REMEMBERED_ACCOUNTS));
        let follower = Follower::new(
            directory.clone(),
            guard.clone(),
            accounts.clone(),
            env.clone(),
        );
        follower.catch_up().await?;

        let hasher = Hasher::start(&settings.passwords, secrets.pepper, &env)?;
        let limits = Limiter::new(&settings.limits, sessions.tallies());
        for client in clients.all() {
            // The settings have changed since it was registered. The others are not to suffer for it.
            if let Err(cause) = check_client(&settings, &client) {
                tracing::error!(client = %client.id, %cause, "this client gets no tokens until that is changed");
            }
            if let Some(warning) = client.style.warning().filter(|_| client.enabled) {
                tracing::warn!(client = %client.id, "{warning}");
            }
        }
        Ok(Self {
            settings,
            env,
            directory,
            sessions,
            clients,
            keys,
            guard,
            adopting: Mutex::default(),
            refresh_jwts,
            follower,
            accounts,
            live: LiveSessions::new(),
            recipients: Recipients::default(),
            hasher,
            limits,
        })
    }
}

/// Puts the clients that are there without anybody's doing: the first one, and that of the server's pages, whatever stands in
/// its place. Whether any was missing.
async fn put_missing_clients(
    directory: &dyn Directory,
    clients: &Clients,
    origin: &Origin,
) -> Result<bool, StoreError> {
    let first = clients.find(None).is_none();
    if first {
        let client = Client::new(ClientId::default(), ClientKind::Browser, origin.at);
        directory.put_client(client, origin).await?;
    }
    let own = Client::account(origin.at);
    let found = clients.find(Some(ClientId::ACCOUNT));
    if found
        .as_ref()
        .is_some_and(|found| own.is_as_registered(found))
    {
        return Ok(first);
    }
    if found.is_some() {
        tracing::warn!(
            "the client \"account\" was registered otherwise; that id is the server's own, for its pages, and is theirs now"
        );
        // What another gave out under this name is none of the pages'. First, since it is done until it is registered.
        directory
            .cut_off_client(&ClientId::account(), origin)
            .await?;
    }
    directory.put_client(own, origin).await?;
    Ok(true)
}

/// The operator's own key, or the secret that services share.
fn own_key(settings: &Settings, secrets: &Secrets) -> Result<Option<SigningKey>, StartError> {
    let wanted = settings.signing.algorithm;
    if wanted.is_symmetric() {
        let secret = secrets
            .shared
            .as_ref()
            .ok_or(StartError::NoSharedSecret(wanted.name()))?;
        return Ok(Some(SigningKey::hmac(wanted, secret, None)?));
    }
    match &secrets.own_key {
        Some(key) if key.algorithm() != wanted => Err(StartError::OtherAlgorithm {
            given: key.algorithm().name(),
            wanted: wanted.name(),
        }),
        own => Ok(own.clone()),
    }
}
