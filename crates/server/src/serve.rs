//! The server's life: configuration, store, listeners, chores, and an end that loses nothing.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use countersign_auth::Auth;
use countersign_auth::clients::ClientError;
use countersign_auth::store::StoreError;
use countersign_auth::visitor::Visitor;
use countersign_store::Bell;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

use crate::admin::{self, socket::AdminSocket};
use crate::config::{self, Config, Listen};
use crate::doctor::topology;
use crate::first_start::{self, DEMO_USER, FirstStartError};
use crate::hearing::{self, hear, rung, tell};
use crate::http::{self, App, TrustedProxies};
use crate::key_sets::KeySets;
use crate::listen::{self, Limits};
use crate::master_key::Source;
use crate::metrics::{self, Metrics, Watched};
use crate::nodes::Neighbours;
use crate::open::{OpenError, Opened};
use crate::pages::{BrandError, Pages};
use crate::telemetry::{self, InvalidFilter};
use crate::tls::{Tls, TlsError};

/// How long what is under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// How often chores are done.
const UPKEEP: Duration = Duration::from_secs(30);
/// How long after word of a client the chores are done, with what else has come.
const GATHER: Duration = Duration::from_millis(500);
/// How often the store's clock is looked at.
const CLOCK: Duration = Duration::from_secs(5);

/// Why the server does not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The log's filter.
    #[error("log.level: {0}")]
    Log(#[from] InvalidFilter),
    /// The runtime.
    #[error("the runtime does not start: {0}")]
    Runtime(#[source] io::Error),
    /// An address cannot be had.
    #[error("{key}: cannot listen on {listen}: {cause}{}", where_else(key, cause))]
    Listen {
        /// The setting.
        key: &'static str,
        /// Its value.
        listen: Listen,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The socket of the command line.
    #[error("cannot open the socket {}: {cause}", path.display())]
    Socket {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Certificate or key.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// How the pages look.
    #[error(transparent)]
    Pages(#[from] BrandError),
    /// The data folder.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A client of the configuration.
    #[error("client {id}: {cause}")]
    Client {
        /// Which.
        id: String,
        /// Why.
        #[source]
        cause: ClientError,
    },
    /// What a first start makes.
    #[error("the first start: {0}")]
    FirstStart(#[from] FirstStartError),
    /// The demo user is still there.
    #[error(
        "the demo user ({DEMO_USER}) is for a server that nobody but this machine can reach, and this one is reached \
         from elsewhere: `countersign user delete {DEMO_USER}` removes them{}",
        left_with_them(clients)
    )]
    DemoUser {
        /// Those of the same first start that are enabled.
        clients: Vec<&'static str>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`ServeError`].
pub fn run(config: &Config) -> Result<(), ServeError> {
    telemetry::init(&telemetry::Settings {
        format: config.log.format,
        // How a migration goes along is of interest only when it is asked for.
        filter: format!("refinery_core=warn,{}", config.log.level),
    })?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?
        .block_on(serve(config))
}

async fn serve(config: &Config) -> Result<(), ServeError> {
    let tls = load_tls(config)?;
    let public = bind("listen", config.listen)?;
    let measured = match config.metrics.listen {
        Some(listen) => bind("metrics.listen", listen)?,
        None => Vec::new(),
    };
    let port = public
        .first()
        .and_then(|socket| Some(socket.local_addr().ok()?.port()));
    let issuer = config.issuer(port.unwrap_or_else(|| config.listen.port()));
    let opened = Opened::open(config, &issuer).await?;
    refuse_the_demo_user(config, &opened).await?;
    warn_of_what_is_weak(config, &opened);
    register_clients(config, &opened).await?;
    warn_of_demo_clients(config, &opened.auth);
    topology::log(config, &issuer, &opened.auth.clients());
    let socket = AdminSocket::open(&config.data).map_err(|cause| ServeError::Socket {
        path: admin::socket::path(&config.data),
        cause,
    })?;
    // From here on a signal ends the server in good order, however early it comes.
    let signals = Signals::catch().map_err(ServeError::Runtime)?;
    let addresses = [addresses_of(&public), addresses_of(&measured)];

    let app = App::new(opened.auth.clone(), http_settings(config)?, Metrics::new());
    let neighbours = opened
        .store
        .shared()
        .map(|_| Arc::new(Neighbours::new(opened.auth.clone(), config)));
    let (stopper, stop) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut listen_on = |sockets: Vec<TcpListener>, tls: Option<&Arc<Tls>>, router: &Router| {
        for socket in sockets {
            let limits = Limits {
                grace: GRACE,
                ..Limits::default()
            };
            let router = router.clone();
            tasks.spawn(listen::serve(
                socket,
                tls.cloned(),
                router,
                limits,
                stop.clone(),
            ));
        }
    };
    listen_on(public, tls.as_ref(), &http::router(app.clone()));
    listen_on(
        measured,
        None,
        &metrics::router(
            &app,
            Watched {
                file: opened.store.file().cloned(),
                shared: opened.store.shared().cloned().zip(neighbours.clone()),
            },
        ),
    );
    tasks.spawn(socket.serve(opened.desk(&config.data), stop.clone()));
    let (revocations, clients) = match opened.store.listen() {
        Some(bells) => (Some(bells.revocations), Some(bells.clients)),
        None => (None, None),
    };
    tasks.spawn(chores(
        opened.auth.clone(),
        neighbours.clone(),
        clients,
        stop.clone(),
    ));
    tasks.spawn(keep_time(opened.auth.clone(), stop.clone()));
    tasks.spawn(hear(
        opened.auth.clone(),
        revocations,
        hearing::EVERY,
        stop.clone(),
    ));
    tasks.spawn(tell(opened.auth.clone(), stop.clone()));
    let private_hosts = config.fetch.private_hosts.clone();
    tasks.spawn(KeySets::new(opened.auth.clone(), private_hosts).follow(stop.clone()));
    if let Some(tls) = &tls {
        tasks.spawn(tls.clone().watch(stop.clone()));
    }
    drop(app);
    // It answers already: a first start hashes a password, and syncs what it makes to the disk.
    greet(config, &issuer, addresses, &opened).await?;

    signals.until_stopped(tls.as_deref()).await;
    tracing::info!("stopping: what is under way is finished first");
    // Nobody listens any more if this fails.
    let _ = stopper.send(true);
    // The listeners have the same grace, and cut off what is slower.
    if timeout(GRACE + Duration::from_secs(1), tasks.join_all())
        .await
        .is_err()
    {
        tracing::warn!("some connections did not end in time and were cut off");
    }
    if let Some(neighbours) = neighbours {
        neighbours.leave().await;
    }
    opened.close().await?;
    tracing::info!("stopped");
    Ok(())
}

/// The demo user does not leave this machine.
async fn refuse_the_demo_user(config: &Config, opened: &Opened) -> Result<(), ServeError> {
    if config.stays_on_loopback() || first_start::demo_user(&opened.auth).await?.is_none() {
        Ok(())
    } else {
        Err(ServeError::DemoUser {
            clients: first_start::demo_clients(&opened.auth),
        })
    }
}

fn left_with_them(clients: &[&str]) -> String {
    if clients.is_empty() {
        return String::new();
    }
    let commands: Vec<String> = clients.iter().map(|id| disabling(id)).collect();
    let commands = commands.join(", ");
    format!("; and of the clients made with them, take out what nobody uses: {commands}")
}

fn disabling(client: &str) -> String {
    format!("`countersign client disable {client}`")
}

/// They may stay. But whoever forgot them should know that they are there.
fn warn_of_demo_clients(config: &Config, auth: &Auth) {
    if config.stays_on_loopback() {
        return;
    }
    for client in first_start::demo_clients(auth) {
        let cure = disabling(client);
        tracing::warn!(
            client,
            cure,
            "a client that a first start made to try things is enabled, and this server is reached from elsewhere: disable \
             it, and register one of your own (countersign client add)"
        );
    }
}

/// Settings that work, and that nobody should want in earnest.
fn warn_of_what_is_weak(config: &Config, opened: &Opened) {
    if opened.master_key == Source::BesideTheData && !config.listen.is_loopback() {
        tracing::warn!(
            "the master key lies beside the data, where a stolen copy holds both: give it by \
             COUNTERSIGN_MASTER_KEY_FILE"
        );
    }
    if config.limits.attempts == config::Limits::Off {
        tracing::warn!(
            "limits.attempts is off: passwords can be guessed as fast as they can be hashed"
        );
    }
}

fn load_tls(config: &Config) -> Result<Option<Arc<Tls>>, ServeError> {
    match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => {
            Ok(Some(Arc::new(Tls::load(certificate.clone(), key.clone())?)))
        }
        _ => Ok(None),
    }
}

fn bind(key: &'static str, listen: Listen) -> Result<Vec<TcpListener>, ServeError> {
    let failed = |cause| ServeError::Listen { key, listen, cause };
    let sockets = listen.bind().map_err(failed)?;
    sockets
        .into_iter()
        .map(|socket| TcpListener::from_std(socket).map_err(failed))
        .collect()
}

fn where_else(key: &str, cause: &io::Error) -> String {
    if cause.kind() == io::ErrorKind::AddrInUse {
        format!(": stop what listens there, or give `{key}` another port")
    } else {
        String::new()
    }
}

fn http_settings(config: &Config) -> Result<http::Settings, BrandError> {
    Ok(http::Settings {
        loopback: config.listen.is_loopback(),
        tls: config.tls.certificate.is_some(),
        proxies: TrustedProxies {
            networks: config.proxy.trusted.clone(),
            header: config.proxy.header,
        },
        forward_auth: config.forward_auth.clone(),
        playground: config.is_a_trial(),
        pages: Arc::new(Pages::open(&config.pages)?),
        ..http::Settings::default()
    })
}

/// Adds the clients of the configuration, and changes those that it describes otherwise.
async fn register_clients(config: &Config, opened: &Opened) -> Result<(), ServeError> {
    let auth = &opened.auth;
    for client in &config.clients {
        let stored = auth.client(Some(client.id.as_str()));
        let wanted = client.to_client(stored.as_deref(), auth.env().now());
        if stored.as_deref() == Some(&wanted) {
            continue;
        }
        auth.put_client(wanted, &Visitor::operator())
            .await
            .map_err(|cause| ServeError::Client {
                id: client.id.to_string(),
                cause,
            })?;
    }
    Ok(())
}

fn addresses_of(sockets: &[TcpListener]) -> String {
    let addresses = sockets
        .iter()
        .filter_map(|socket| Some(socket.local_addr().ok()?.to_string()));
    addresses.collect::<Vec<_>>().join(", ")
}

/// Says where the server is; at a first start, what to try.
async fn greet(
    config: &Config,
    issuer: &str,
    [listens, metrics]: [String; 2],
    opened: &Opened,
) -> Result<(), ServeError> {
    let version = env!("CARGO_PKG_VERSION");
    let data = config.data.display();
    let mut text = format!(
        "Countersign {version}\n  issuer   {issuer}\n  listens  {listens}\n  data     {data}\n"
    );
    match (opened.store.file(), &config.store.redis) {
        (Some(_), None) => {}
        (None, None) => text.push_str("  store    PostgreSQL\n"),
        (Some(_), Some(_)) => text.push_str("  store    sessions in Redis\n"),
        (None, Some(_)) => text.push_str("  store    PostgreSQL, sessions in Redis\n"),
    }
    if !metrics.is_empty() {
        text.push_str("  metrics  ");
        text.push_str(&metrics);
        text.push('\n');
    }
    if config.is_a_trial() {
        if let Some(begun) = first_start::begin(&opened.auth).await? {
            text.push_str(&begun.greeting(issuer));
        } else if first_start::demo_user(&opened.auth).await?.is_some() {
            text.push_str(&first_start::reminder(issuer));
        }
    }
    text.push_str("\nCtrl-C stops it.\n");
    let mut out = io::stdout().lock();
    // Whoever closed standard output does not want to know.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    tracing::info!(version, issuer, listens, data = %data, "started");
    Ok(())
}

/// The signals that mean something to the server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Until SIGTERM or SIGINT; SIGHUP reads the certificate again.
    async fn until_stopped(mut self, tls: Option<&Tls>) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => match tls.map(Tls::reload) {
                    None => tracing::info!("SIGHUP: there is no certificate to read again"),
                    Some(Ok(())) => tracing::info!("SIGHUP: the certificate was read again"),
                    Some(Err(error)) => {
                        tracing::error!(%error, "SIGHUP: the certificate cannot be used; the old one stays");
                    }
                },
            }
        }
    }
}

/// What has to be done now and then, until the server stops.
async fn chores(
    auth: Arc<Auth>,
    neighbours: Option<Arc<Neighbours>>,
    mut bell: Option<Bell>,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = seldom(UPKEEP);
    loop {
        // What it gives back borrows from the channel, and must not outlive the waiting.
        let stopped = async { drop(stop.wait_for(|stop| *stop).await) };
        tokio::select! {
            () = stopped => return,
            _ = ticks.tick() => {}
            // However many are registered: once for all of them.
            () = async { rung(&mut bell).await; sleep(GATHER).await } => {}
        }
        if let Some(neighbours) = &neighbours
            && let Err(error) = neighbours.meet().await
        {
            tracing::error!(%error, "the other nodes could not be asked about; it is tried again");
        }
        if let Err(error) = auth.upkeep().await {
            tracing::error!(%error, "the chores could not be done; they are tried again");
        }
    }
}

/// Keeps this node's time that of the store, and says when the machine's own is wrong.
async fn keep_time(auth: Arc<Auth>, mut stop: watch::Receiver<bool>) {
    let mut ticks = seldom(CLOCK);
    let mut was_apart = false;
    while next(&mut ticks, &mut stop).await {
        if let Err(error) = auth.follow_clock().await {
            tracing::error!(%error, "the store's clock could not be read; time goes on by what is known");
        }
        match auth.check_clock() {
            Err(apart) if !was_apart => {
                tracing::error!("{apart}; until then this node is not ready");
                was_apart = true;
            }
            Ok(()) if was_apart => {
                tracing::info!("this machine's clock is near the database's again");
                was_apart = false;
            }
            _ => {}
        }
    }
}

fn seldom(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Waits for the next time; `false` when the server stops.
async fn next(ticks: &mut Interval, stop: &mut watch::Receiver<bool>) -> bool {
    // What it gives back borrows from the channel, and must not outlive the waiting.
    let stopped = async { drop(stop.wait_for(|stop| *stop).await) };
    tokio::select! {
        () = stopped => false,
        _ = ticks.tick() => true,
    }
}
