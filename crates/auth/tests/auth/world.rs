//! A server without HTTP, on a store of its own, with a clock that only moves when told to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use countersign_auth::Auth;
use countersign_auth::env::{Clock, Env, Timestamp};
use countersign_auth::issue::Signed;
use countersign_auth::limits::LimitSettings;
use countersign_auth::login::{Login, LoginError, SignIn};
use countersign_auth::model::user::User;
use countersign_auth::password::{HashAlgorithm, Password};
use countersign_auth::register::Registration;
use countersign_auth::seal::MasterKey;
use countersign_auth::settings::{Secrets, Settings};
use countersign_auth::start::StartError;
use countersign_auth::style::Given;
use countersign_auth::visitor::Visitor;
use countersign_guard::{Claims, Verified};
use countersign_store::{Sqlite, SqliteOptions};
use zeroize::Zeroizing;

pub const ISSUER: &str = "https://id.example";
pub const PASSWORD: &str = "correct horse battery";

struct Hand {
    millis: AtomicU64,
    /// Whoever hashes looks at the clock first, and is kept there.
    holds_hashing: AtomicBool,
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        let thread = std::thread::current();
        if thread.name().is_some_and(|name| name.starts_with("hash-")) {
            while self.holds_hashing.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        }
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

/// A folder and a clock: what outlives a server.
pub struct World {
    folder: PathBuf,
    hand: Arc<Hand>,
    pub settings: Settings,
    pub master: u8,
}

impl World {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-auth-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut settings = Settings::new(ISSUER);
        settings.passwords.algorithm = HashAlgorithm::Argon2id {
            memory_kib: 64,
            passes: 1,
            lanes: 1,
        };
        settings.limits = LimitSettings::disabled();
        Self {
            folder,
            hand: Arc::new(Hand {
                millis: AtomicU64::new(1_900_000_000_000),
                holds_hashing: AtomicBool::new(false),
            }),
            settings,
            master: 7,
        }
    }

    pub async fn start(&self) -> Server {
        self.try_start(None).await.unwrap()
    }

    pub async fn try_start(&self, shared: Option<&[u8]>) -> Result<Server, StartError> {
        let options = SqliteOptions {
            durable: false,
            ..SqliteOptions::default()
        };
        let store = Sqlite::open(&self.folder.join("countersign.db"), &options).unwrap();
        let env = Env {
            clock: self.hand.clone(),
            ..Env::system()
        };
        let secrets = Secrets {
            master: MasterKey::new(&Zeroizing::new([self.master; MasterKey::LEN])),
            shared: shared.map(|secret| Zeroizing::new(secret.to_vec())),
            own_key: None,
            pepper: None,
        };
        let parts = (Arc::new(store.clone()), Arc::new(store.clone()));
        let started = Auth::start(self.settings.clone(), secrets, parts.0, parts.1, env).await;
        match started {
            Ok(auth) => Ok(Server {
                auth,
                store,
                hand: self.hand.clone(),
            }),
            Err(error) => {
                store.close().await.unwrap();
                Err(error)
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub struct Server {
    pub auth: Auth,
    pub store: Sqlite,
    hand: Arc<Hand>,
}

impl Server {
    pub fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.hand.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Keeps passwords from being hashed, or lets them.
    pub fn hold_hashing(&self, hold: bool) {
        self.hand.holds_hashing.store(hold, Ordering::SeqCst);
    }

    /// Longer than the interval of the renewal table.
    pub fn rest(&self) {
        self.pass(Duration::from_secs(21));
    }

    pub async fn stop(self) {
        self.auth.stop();
        self.store.close().await.unwrap();
    }

    pub async fn register(&self, email: &str) -> User {
        let registration = Registration {
            email: email.to_owned(),
            password: password(PASSWORD),
            name: None,
            username: None,
        };
        self.auth.register(registration, &somebody()).await.unwrap()
    }

    pub async fn try_login(
        &self,
        identifier: &str,
        secret: &str,
        client: Option<&str>,
    ) -> Result<Signed, LoginError> {
        let login = Login {
            identifier: identifier.to_owned(),
            password: password(secret),
            client: client.map(str::to_owned),
        };
        match self.auth.login(login, &somebody()).await? {
            SignIn::Complete(Given::Tokens(signed)) => Ok(*signed),
            SignIn::Complete(Given::Session(_)) => panic!("no client here has sessions by name"),
            SignIn::Challenge(challenge) => panic!("nothing asks for {:?}", challenge.methods),
        }
    }

    pub async fn login(&self, identifier: &str) -> Signed {
        self.try_login(identifier, PASSWORD, None).await.unwrap()
    }

    pub fn check(&self, signed: &Signed) -> Verified<Claims> {
        self.auth.check(&signed.access_token).unwrap()
    }

    /// The stable code with which the token is refused.
    pub fn refused(&self, signed: &Signed) -> &'static str {
        self.auth.check(&signed.access_token).unwrap_err().code()
    }
}

pub fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

pub fn somebody() -> Visitor {
    Visitor::new([203, 0, 113, 9].into(), Some("test".to_owned()), None)
}
