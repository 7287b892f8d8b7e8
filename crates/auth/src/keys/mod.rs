//! Keys that rotate by themselves: staged (published, not yet used) → active → retired (still verifies) → gone.

mod ring;
mod schedule;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard as RingGuard};
use countersign_jose::{Algorithm, SigningKey};
use tokio::sync::{Mutex, oneshot};
use zeroize::Zeroizing;

pub(crate) use self::ring::Ring;
pub use self::ring::{KeyInfo, KeyringError, PublishedKeys};
use self::schedule::{Plan, Step};
use crate::directory::Directory;
use crate::env::Env;
use crate::model::audit::Origin;
use crate::model::id::KeyId;
use crate::model::key::{KeyPurpose, KeyState, StoredKey};
use crate::seal::MasterKey;
use crate::settings::Signing;
use crate::store::StoreError;

/// Why keys could not be loaded or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored keys cannot be used.
    #[error(transparent)]
    Ring(#[from] KeyringError),
    /// A key could not be made.
    #[error("a key could not be made: {0}")]
    Make(String),
    /// The key that signs is the operator's own: change it where it comes from.
    #[error(
        "the signing key is your own (from the configuration): replace it there and start the server again"
    )]
    OwnKey,
    /// No such key.
    #[error("there is no key of this id")]
    Unknown,
}

/// The most steps that one run of the schedule takes; more means that two nodes disagree about the plan.
const MAX_STEPS: usize = 32;

/// The keys of this node, and their schedule.
pub(crate) struct Keys {
    directory: Arc<dyn Directory>,
    env: Env,
    master: MasterKey,
    own: Option<Arc<SigningKey>>,
    signing: Signing,
    ring: ArcSwap<Ring>,
    changing: Mutex<()>,
}

/// For how long tokens of each kind outlive the key that made them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    pub(crate) access: Duration,
    pub(crate) refresh: Duration,
}

impl Keys {
    /// Opens the stored keys; at the very first start, makes them.
    pub(crate) async fn load(
        directory: Arc<dyn Directory>,
        env: Env,
        master: MasterKey,
        own: Option<SigningKey>,
        signing: Signing,
        lifetimes: Lifetimes,
        origin: &Origin,
    ) -> Result<Self, KeysError> {
        let own = own.map(Arc::new);
        let draft = Draft {
            directory: &*directory,
            env: &env,
            master: &master,
        };
        for plan in plans(own.as_deref(), &signing, lifetimes) {
            draft.run(plan.essential(), origin).await?;
        }
        let stored = directory.keys().await?;
        let ring = Ring::open(
            &stored,
            own.as_ref(),
            &master,
            signing.rotate_every.is_some(),
        )?
        .ok_or(KeysError::Unknown)?;
        Ok(Self {
            ring: ArcSwap::from_pointee(ring),
            directory,
            env,
            master,
            own,
            signing,
            changing: Mutex::new(()),
        })
    }

    /// The keys as they are now.
    pub(crate) fn ring(&self) -> RingGuard<Arc<Ring>> {
        self.ring.load()
    }

    /// Moves keys on as far as the schedule says, and takes up what other nodes have changed.
    /// Whether the ring changed.
    pub(crate) async fn upkeep(
        &self,
        lifetimes: Lifetimes,
        origin: &Origin,
    ) -> Result<bool, KeysError> {
        let _one_at_a_time = self.changing.lock().await;
        for plan in plans(self.own.as_deref(), &self.signing, lifetimes) {
            self.draft().run(plan, origin).await?;
        }
        self.reload().await
    }

    /// Changes the signing key and the refresh key at once. The staged keys, which verifiers know already, become active.
    pub(crate) async fn rotate(
        &self,
        lifetimes: Lifetimes,
        origin: &Origin,
    ) -> Result<(), KeysError> {
        let _one_at_a_time = self.changing.lock().await;
        if self.own.is_some() {
            return Err(KeysError::OwnKey);
        }
        for plan in plans(None, &self.signing, lifetimes) {
            if plan.publish_for.is_none() {
                continue;
            }
            // Whatever is staged now is right for the plan after this.
            self.draft().run(plan, origin).await?;
            let staged = self
                .directory
                .keys()
                .await?
                .into_iter()
                .find(|key| key.purpose == plan.purpose && key.state == KeyState::Staged);
            if let Some(key) = staged {
                self.directory
                    .move_key(key.id, KeyState::Staged, KeyState::Active, origin)
                    .await?;
            }
            self.draft().run(plan, origin).await?;
        }
        self.reload().await?;
        Ok(())
    }

    /// Takes a key out in an emergency: it is wiped, and if it was the active one another takes its place.
    pub(crate) async fn remove(
        &self,
        which: &str,
        lifetimes: Lifetimes,
        origin: &Origin,
    ) -> Result<KeyInfo, KeysError> {
        let _one_at_a_time = self.changing.lock().await;
        let keys = self.directory.keys().await?;
        let id = keys
            .iter()
            .find(|key| {
                key.state != KeyState::Removed && (key.kid == which || key.id.to_string() == which)
            })
            .map(|key| key.id)
            .ok_or_else(|| {
                if self
                    .own
                    .as_ref()
                    .is_some_and(|own| own.kid() == Some(which))
                {
                    KeysError::OwnKey
                } else {
                    KeysError::Unknown
                }
            })?;
        self.directory
            .remove_key(id, origin)
            .await?
            .ok_or(KeysError::Unknown)?;
        for plan in plans(self.own.as_deref(), &self.signing, lifetimes) {
            self.draft().run(plan, origin).await?;
        }
        self.reload().await?;
        self.ring()
            .infos
            .iter()
            .find(|info| info.id == Some(id))
            .cloned()
            .ok_or(KeysError::Unknown)
    }

    async fn reload(&self) -> Result<bool, KeysError> {
        let stored = self.directory.keys().await?;
        let rotates = self.signing.rotate_every.is_some();
        let ring = Ring::open(&stored, self.own.as_ref(), &self.master, rotates)?
            .ok_or(KeysError::Unknown)?;
        if ring.infos == self.ring().infos {
            return Ok(false);
        }
        self.ring.store(Arc::new(ring));
        Ok(true)
    }

    fn draft(&self) -> Draft<'_> {
        Draft {
            directory: &*self.directory,
            env: &self.env,
            master: &self.master,
        }
    }
}

/// What is wanted of the keys of each purpose.
fn plans(own: Option<&SigningKey>, signing: &Signing, lifetimes: Lifetimes) -> [Plan; 3] {
    let secret = |purpose| Plan {
        purpose,
        algorithm: Some(Algorithm::HS256.name()),
        rotate_every: signing.rotate_every,
        publish_for: Some(signing.publish_for),
        keep_for: lifetimes.refresh,
    };
    [
        Plan {
            purpose: KeyPurpose::Signing,
            algorithm: own.is_none().then(|| signing.algorithm.name()),
            rotate_every: signing.rotate_every,
            publish_for: Some(signing.publish_for),
            keep_for: lifetimes.access,
        },
        secret(KeyPurpose::Refresh),
        Plan {
            rotate_every: None,
            publish_for: None,
            ..secret(KeyPurpose::Device)
        },
    ]
}

/// Where the schedule's steps are taken.
struct Draft<'a> {
    directory: &'a dyn Directory,
    env: &'a Env,
    master: &'a MasterKey,
}

impl Draft<'_> {
    async fn run(&self, plan: Plan, origin: &Origin) -> Result<(), KeysError> {
        for _ in 0..MAX_STEPS {
            let keys = self.directory.keys().await?;
            match plan.next_step(&keys, self.env.now()) {
                None => return Ok(()),
                Some(Step::Make(state)) => {
                    let key = self.make(plan, state).await?;
                    self.directory
                        .add_key(key, state == KeyState::Active, origin)
                        .await?;
                }
                Some(Step::Move(id, from, to)) => {
                    self.directory.move_key(id, from, to, origin).await?;
                }
                Some(Step::Drop(id)) => {
                    self.directory.drop_key(id, origin).await?;
                }
            }
        }
        tracing::warn!(purpose = ?plan.purpose, "the key schedule does not come to rest: do two nodes have different signing settings?");
        Ok(())
    }

    async fn make(&self, plan: Plan, state: KeyState) -> Result<StoredKey, KeysError> {
        let id = KeyId::random(self.env);
        let algorithm = plan.algorithm.unwrap_or_default();
        let (kid, secret) = if plan.purpose == KeyPurpose::Signing {
            generate(algorithm).await?
        } else {
            let secret = Zeroizing::new(self.env.random::<32>().to_vec());
            (id.to_string(), secret)
        };
        let now = self.env.now();
        Ok(StoredKey {
            id,
            purpose: plan.purpose,
            algorithm: algorithm.to_owned(),
            sealed: self
                .master
                .seal(self.env, &ring::context(plan.purpose, &kid), &secret),
            kid,
            state,
            created_at: now,
            since: now,
        })
    }
}

/// Makes a signing key on a thread of its own: an RSA key takes up to a second.
async fn generate(algorithm: &'static str) -> Result<(String, Zeroizing<Vec<u8>>), KeysError> {
    let failed = || KeysError::Make(format!("{algorithm} is not available"));
    let algorithm = Algorithm::from_name(algorithm).ok_or_else(failed)?;
    let (answer, made) = oneshot::channel();
    std::thread::Builder::new()
        .name("key-generation".to_owned())
        .spawn(move || {
            let key = SigningKey::generate(algorithm).and_then(|key| {
                let kid = key.kid().unwrap_or_default().to_owned();
                key.to_pkcs8_der().map(|der| (kid, der))
            });
            // Nobody waits any more: the key is dropped, and wiped.
            drop(answer.send(key));
        })
        .map_err(|cause| KeysError::Make(cause.to_string()))?;
    made.await
        .map_err(|_| failed())?
        .map_err(|cause| KeysError::Make(cause.to_string()))
}
