//! A server in this process, on a real store and a real port, with a clock that the test moves.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use countersign::http::{App, Settings as HttpSettings, router};
use countersign::listen::{self, Limits};
use countersign::metrics::Metrics;
use countersign_auth::Auth;
use countersign_auth::directory::Directory;
use countersign_auth::env::{Clock, Env, Timestamp};
use countersign_auth::limits::LimitSettings;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::user::User;
use countersign_auth::password::HashAlgorithm;
use countersign_auth::seal::MasterKey;
use countersign_auth::sessions::Sessions;
use countersign_auth::settings::{Secrets, Settings};
use countersign_auth::visitor::Visitor;
use countersign_jose::SigningKey;
use countersign_store::{Sqlite, SqliteOptions};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::support::client::{Answer, Request};
use crate::support::temp::TempDir;

/// 2026-11-22T00:00:00Z.
pub const BEGINNING: u64 = 1_795_305_600;
/// What private keys are sealed under here.
pub const MASTER_KEY: [u8; 32] = *b"the master key of the HTTP tests";
/// What HS256 servers share with their services here.
pub const SHARED_SECRET: &[u8] = b"a secret that services share, 44 bytes of it";
/// An origin on the default client's list, where a test asks for one.
pub const APP_ORIGIN: &str = "https://app.example.com";

/// A clock that stands still until it is moved.
struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness that can run out, which is a panic: as good a defect as any.
#[derive(Default)]
struct Entropy {
    exhausted: AtomicBool,
}

impl countersign_auth::env::Entropy for Entropy {
    fn fill(&self, bytes: &mut [u8]) {
        assert!(
            !self.exhausted.load(Ordering::SeqCst),
            "no randomness is left"
        );
        Env::system().entropy.fill(bytes);
    }
}

/// What a test may choose.
pub struct Options {
    pub settings: Box<dyn FnOnce(&mut Settings) + Send>,
    pub http: HttpSettings,
    pub limits: Limits,
    pub issuer: Option<String>,
    pub shared_secret: bool,
    pub own_key: Option<SigningKey>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: Box::new(|_| {}),
            http: HttpSettings::default(),
            limits: Limits::default(),
            issuer: None,
            shared_secret: false,
            own_key: None,
        }
    }
}

/// With forward-auth in front of services of this audience.
pub fn in_front_of(audience: &str) -> Options {
    let mut options = Options::default();
    options.http.forward_auth.internal_audience = Some(audience.to_owned());
    options
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub auth: Arc<Auth>,
    pub app: App,
    pub issuer: String,
    clock: Arc<ManualClock>,
    entropy: Arc<Entropy>,
    file: Option<File>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// The embedded store, where that is what a server works on.
struct File {
    store: Sqlite,
    folder: Arc<TempDir>,
}

impl Server {
    /// With everything as it is by default, but for cheap password hashing and no limits.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self::on(Arc::new(TempDir::new()), BEGINNING * 1000, options).await
    }

    /// On a store that may be there already.
    pub async fn on(folder: Arc<TempDir>, now: u64, options: Options) -> Self {
        let store_options = SqliteOptions {
            durable: false,
            ..SqliteOptions::default()
        };
        let store = Sqlite::open(&folder.path().join("store.db"), &store_options).unwrap();
        let (directory, sessions) = (Arc::new(store.clone()), Arc::new(store.clone()));
        let mut server = Self::over(directory, sessions, now, options).await;
        server.file = Some(File { store, folder });
        server
    }

    /// On a store of any kind, which the caller keeps.
    pub async fn over(
        directory: Arc<dyn Directory>,
        sessions: Arc<dyn Sessions>,
        now: u64,
        options: Options,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = options
            .issuer
            .unwrap_or_else(|| format!("http://localhost:{}", address.port()));

        let mut settings = Settings::new(&issuer);
        settings.limits = LimitSettings::disabled();
        settings.passwords.algorithm = HashAlgorithm::Argon2id {
            memory_kib: 64,
            passes: 1,
            lanes: 1,
        };
        (options.settings)(&mut settings);
        let secrets = Secrets {
            master: MasterKey::new(&Zeroizing::new(MASTER_KEY)),
            shared: options
                .shared_secret
                .then(|| Zeroizing::new(SHARED_SECRET.to_vec())),
            own_key: options.own_key,
            pepper: None,
        };
        let clock = Arc::new(ManualClock(AtomicU64::new(now)));
        let entropy = Arc::new(Entropy::default());
        let env = Env {
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let auth = Auth::start(settings, secrets, directory, sessions, env);
        let auth = Arc::new(auth.await.unwrap());
        let app = App::new(auth.clone(), options.http, Metrics::new());

        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(listen::serve(
            listener,
            None,
            router(app.clone()),
            options.limits,
            stopped,
        ));
        Self {
            address,
            auth,
            app,
            issuer,
            clock,
            entropy,
            file: None,
            stop,
            task,
        }
    }

    /// From now on, or no longer, whatever needs randomness panics.
    pub fn exhaust_randomness(&self, exhausted: bool) {
        self.entropy.exhausted.store(exhausted, Ordering::SeqCst);
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// The renewal interval, and a second more.
    pub fn rest(&self) {
        self.advance(self.interval() + Duration::from_secs(1));
    }

    pub fn interval(&self) -> Duration {
        self.auth.settings().interval().duration()
    }

    pub async fn send(&self, request: Request) -> Answer {
        request.send(self.address).await
    }

    /// Registers somebody.
    pub async fn register(&self, email: &str) -> Answer {
        let person = serde_json::json!({ "email": email, "password": PASSWORD });
        self.send(Request::post("/v1/register").json(&person))
            .await
            .expect(201)
    }

    /// Who has this address.
    pub async fn user(&self, email: &str) -> User {
        self.auth.find_user(email).await.unwrap().unwrap()
    }

    /// Registers a client, or changes the one of this id.
    pub async fn put_client(&self, id: &str, kind: ClientKind, change: impl FnOnce(&mut Client)) {
        let mut client = Client::new(id.parse().unwrap(), kind, self.auth.env().now());
        change(&mut client);
        self.auth
            .put_client(client, &Visitor::operator())
            .await
            .unwrap();
    }

    /// Puts [`APP_ORIGIN`] on the default client's list.
    pub async fn allow_app_origin(&self) {
        self.put_client("default", ClientKind::Browser, |client| {
            client.origins = vec![APP_ORIGIN.to_owned()];
        })
        .await;
    }

    fn file(&self) -> &File {
        self.file.as_ref().expect("it works on a file")
    }

    pub fn database(&self) -> PathBuf {
        self.file().folder.path().join("store.db")
    }

    /// Everything in the store but the audit trail, as text.
    pub fn dump(&self) -> String {
        const TABLES: [&str; 10] = [
            "issuer",
            "users",
            "passwords",
            "clients",
            "client_secrets",
            "sessions",
            "grants",
            "keys",
            "revocations",
            "spent",
        ];
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        let mut dump = String::new();
        for table in TABLES {
            let mut rows = connection
                .prepare(&format!("SELECT * FROM {table}"))
                .unwrap();
            let columns = rows.column_count();
            let mut rows = rows.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let values = (0..columns).map(|i| row.get_ref(i).unwrap());
                writeln!(dump, "{table}: {:?}", values.collect::<Vec<_>>()).unwrap();
            }
        }
        dump
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> u32 {
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        let query = format!("SELECT count(*) FROM {table}");
        connection.query_row(&query, [], |row| row.get(0)).unwrap()
    }

    /// The newest generation of any refresh token.
    pub fn generation(&self) -> u32 {
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        let query = "SELECT max(cur) FROM grants";
        connection.query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// The lines of the audit trail of this kind.
    pub fn audited(&self, what: &str) -> u32 {
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        let query = "SELECT count(*) FROM audit WHERE what = ?";
        connection
            .query_row(query, [what], |row| row.get(0))
            .unwrap()
    }

    /// What `GET /metrics` answers on its own listener.
    pub async fn metrics(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let routes = countersign::metrics::router(&self.app, self.file().store.clone());
        let task = listen::serve(listener, None, routes, Limits::default(), stopped);
        let ask = Request::get("/metrics");
        tokio::select! {
            () = task => unreachable!("nobody stops it"),
            answer = ask.send(address) => answer.expect(200).text(),
        }
    }

    /// Changes the database behind the server's back.
    pub fn damage(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// Takes the store away from under the server.
    pub async fn lose_store(&self) {
        self.file().store.close().await.unwrap();
    }

    /// Stops it gracefully, and gives back where it kept things and what time it was.
    pub async fn stop(self) -> (Arc<TempDir>, u64) {
        let now = self.clock.now().as_millis();
        let File { store, folder } = self.leave().await.expect("it works on a file");
        store.close().await.unwrap();
        (folder, now)
    }

    /// The same, and leaves its store open.
    pub async fn end(self) {
        self.leave().await;
    }

    async fn leave(self) -> Option<File> {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
        self.auth.stop();
        self.file
    }
}

/// Everybody's password.
pub const PASSWORD: &str = "seven green kettles hum";
