//! Keys that rotate by themselves: staged (published, not yet used) → active → retired (still verifies) → gone.
//!
//! Those of one purpose and one algorithm are a ring. Access tokens are signed with the issuer's algorithm, and with
//! whatever else an audience or a client asks for: one ring each, for as long as anybody asks.

mod ring;
mod schedule;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard as RingGuard};
use countersign_jose::{Algorithm, SigningKey};
use tokio::sync::{Mutex, oneshot};
use zeroize::Zeroizing;

use self::ring::Leader;
pub(crate) use self::ring::Ring;
pub use self::ring::{KeyInfo, KeyringError, PublishedKeys};
use self::schedule::{Need, Plan, Step};
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
    /// Of a kind that is in use none is active: somebody took it out of the store by hand.
    #[error(
        "a key that is in use is missing in the store: start the server again, and it makes one"
    )]
    Incomplete,
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
    /// No such ring.
    #[error("nothing is signed with {0} here: `countersign keys list` shows the algorithms in use")]
    NotInUse(&'static str),
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

/// What tokens ask of keys.
#[derive(Clone, Debug)]
pub(crate) struct Needs {
    /// How long an access token may outlive the key that signed it.
    pub(crate) access: Duration,
    /// How long a refresh token may outlive the key that made it.
    pub(crate) refresh: Duration,
    /// What access tokens are signed with beside the issuer's algorithm.
    pub(crate) algorithms: Vec<Algorithm>,
    /// Whether any client is in the style `stateless`.
    pub(crate) stateless: bool,
}

impl Keys {
    /// Opens the stored keys; at the very first start, makes them.
    pub(crate) async fn load(
        directory: Arc<dyn Directory>,
        env: Env,
        master: MasterKey,
        own: Option<SigningKey>,
        signing: Signing,
        needs: &Needs,
        origin: &Origin,
    ) -> Result<Self, KeysError> {
        let own = own.map(Arc::new);
        let draft = Draft {
            directory: &*directory,
            env: &env,
            master: &master,
            own: own.as_ref(),
            signing: &signing,
            needs,
            origin,
        };
        for plan in draft.plans().await? {
            draft.follow(plan.essential()).await?;
        }
        let ring = draft.ring().await?;
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

    /// What nodes compare in place of a setting.
    pub(crate) fn fingerprint(&self, setting: &str, value: &[u8]) -> String {
        self.master.fingerprint(setting, value)
    }

    /// Moves keys on as far as the schedule says, and takes up what other nodes have changed.
    /// Whether the ring changed.
    pub(crate) async fn upkeep(&self, needs: &Needs, origin: &Origin) -> Result<bool, KeysError> {
        let _one_at_a_time = self.changing.lock().await;
        let draft = self.draft(needs, origin);
        for plan in draft.plans().await? {
            draft.follow(plan).await?;
        }
        self.take_up(&draft).await
    }

    /// Changes keys at once: those that sign with `algorithm`, or all, refresh keys included. The staged keys, which
    /// verifiers know already, become active.
    pub(crate) async fn rotate(
        &self,
        algorithm: Option<Algorithm>,
        needs: &Needs,
        origin: &Origin,
    ) -> Result<(), KeysError> {
        let _one_at_a_time = self.changing.lock().await;
        let own = self.own.as_ref().map(|own| own.algorithm());
        if own.is_some() && (algorithm.is_none() || algorithm == own) {
            return Err(KeysError::OwnKey);
        }
        let draft = self.draft(needs, origin);
        if algorithm.is_none() {
            draft.settle_issuer_algorithm().await?;
        }
        let mut plans = draft.plans().await?;
        plans.retain(|plan| {
            plan.need == Need::Used
                && plan.publish_for.is_some()
                && algorithm.is_none_or(|algorithm| {
                    plan.purpose == KeyPurpose::Signing && plan.algorithm == algorithm
                })
        });
        if let (Some(algorithm), true) = (algorithm, plans.is_empty()) {
            return Err(KeysError::NotInUse(algorithm.name()));
        }
        for plan in plans {
            // Whatever is staged now is right for the plan after this.
            draft.follow(plan).await?;
            let keys = self.directory.keys().await?;
            let staged = plan.keys(&keys).find(|key| key.state == KeyState::Staged);
            if let Some(key) = staged {
                self.directory
                    .move_key(key.id, KeyState::Staged, KeyState::Active, origin)
                    .await?;
            }
            draft.follow(plan).await?;
        }
        self.take_up(&draft).await?;
        Ok(())
    }

    /// Takes a key out in an emergency: it is wiped, and if it was an active one another takes its place.
    pub(crate) async fn remove(
        &self,
        which: &str,
        needs: &Needs,
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
        let draft = self.draft(needs, origin);
        for plan in draft.plans().await? {
            draft.follow(plan).await?;
        }
        self.take_up(&draft).await?;
        self.ring()
            .infos
            .iter()
            .find(|info| info.id == Some(id))
            .cloned()
            .ok_or(KeysError::Unknown)
    }

    /// Uses the keys as they are stored now. Whether that is anything new.
    async fn take_up(&self, draft: &Draft<'_>) -> Result<bool, KeysError> {
        let ring = draft.ring().await?;
        if ring.is_like(&self.ring()) {
            return Ok(false);
        }
        self.ring.store(Arc::new(ring));
        Ok(true)
    }

    fn draft<'a>(&'a self, needs: &'a Needs, origin: &'a Origin) -> Draft<'a> {
        Draft {
            directory: &*self.directory,
            env: &self.env,
            master: &self.master,
            own: self.own.as_ref(),
            signing: &self.signing,
            needs,
            origin,
        }
    }
}

/// What keys there should be, and where the steps towards that are taken.
struct Draft<'a> {
    directory: &'a dyn Directory,
    env: &'a Env,
    master: &'a MasterKey,
    own: Option<&'a Arc<SigningKey>>,
    signing: &'a Signing,
    needs: &'a Needs,
    origin: &'a Origin,
}

impl Draft<'_> {
    /// What is wanted of each ring: of those in use, and of those that were.
    async fn plans(&self) -> Result<Vec<Plan>, KeysError> {
        let used = self.signs_with().await?;
        let stored = self.directory.keys().await?;
        let unused = stored
            .iter()
            .filter(|key| key.purpose == KeyPurpose::Signing)
            .filter_map(|key| Algorithm::from_name(&key.algorithm));
        let mut algorithms: Vec<Algorithm> = Vec::new();
        for algorithm in used.iter().copied().chain(unused) {
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        let signing = algorithms.into_iter().map(|algorithm| Plan {
            purpose: KeyPurpose::Signing,
            algorithm,
            need: if used.contains(&algorithm) {
                Need::Used
            } else {
                Need::Unused
            },
            rotate_every: self.signing.rotate_every,
            publish_for: Some(self.signing.publish_for),
            keep_for: self.needs.access,
        });
        let refresh = Plan {
            purpose: KeyPurpose::Refresh,
            algorithm: Algorithm::HS256,
            need: Need::Used,
            rotate_every: self.signing.rotate_every,
            publish_for: Some(self.signing.publish_for),
            keep_for: self.needs.refresh,
        };
        let device = Plan {
            purpose: KeyPurpose::Device,
            rotate_every: None,
            publish_for: None,
            ..refresh
        };
        let stateless = Plan {
            purpose: KeyPurpose::Stateless,
            need: if self.needs.stateless {
                Need::Used
            } else {
                Need::Unused
            },
            ..refresh
        };
        Ok(signing.chain([refresh, stateless, device]).collect())
    }

    /// The algorithms of which there must be a stored key: the issuer's (and the one that is to be it), and what is
    /// asked for beside; but not that of the operator's own key, and nothing beside a shared secret.
    async fn signs_with(&self) -> Result<Vec<Algorithm>, KeysError> {
        let Some(own) = self.own else {
            let issuers = [self.issuer_algorithm().await?, self.signing.algorithm];
            let all = issuers.into_iter().chain(self.needs.algorithms.clone());
            return Ok(all.collect());
        };
        let own = own.algorithm();
        let beside = self.needs.algorithms.iter().copied();
        Ok(beside
            .filter(|algorithm| *algorithm != own && !own.is_symmetric())
            .collect())
    }

    /// Which stored key signs where nothing else is asked for. Notes it when it is another than before.
    async fn issuer_algorithm(&self) -> Result<Algorithm, KeysError> {
        let noted = self.directory.issuer_algorithm().await?;
        let algorithm = schedule::issuer_algorithm(
            self.signing.algorithm,
            noted.as_deref().and_then(Algorithm::from_name),
            &self.directory.keys().await?,
            self.signing.publish_for,
            self.env.now(),
        );
        if noted.as_deref() != Some(algorithm.name()) {
            self.directory
                .set_issuer_algorithm(algorithm.name(), self.origin)
                .await?;
        }
        Ok(algorithm)
    }

    /// Lets the wanted algorithm be the issuer's now, whether or not verifiers can have heard of its key.
    async fn settle_issuer_algorithm(&self) -> Result<(), KeysError> {
        let wanted = self.signing.algorithm.name();
        if self.directory.issuer_algorithm().await?.as_deref() != Some(wanted) {
            self.directory
                .set_issuer_algorithm(wanted, self.origin)
                .await?;
        }
        Ok(())
    }

    /// Takes the steps of one plan.
    async fn follow(&self, plan: Plan) -> Result<(), KeysError> {
        for _ in 0..MAX_STEPS {
            let keys = self.directory.keys().await?;
            match plan.next_step(&keys, self.env.now()) {
                None => return Ok(()),
                Some(Step::Make(state)) => {
                    let key = self.make(plan, state).await?;
                    self.directory
                        .add_key(key, state == KeyState::Active, self.origin)
                        .await?;
                }
                Some(Step::Move(id, from, to)) => {
                    self.directory.move_key(id, from, to, self.origin).await?;
                }
                Some(Step::Drop(id)) => {
                    self.directory.drop_key(id, self.origin).await?;
                }
            }
        }
        tracing::warn!(purpose = ?plan.purpose, algorithm = plan.algorithm.name(), "the key schedule does not come to rest: do two nodes have different signing settings?");
        Ok(())
    }

    async fn make(&self, plan: Plan, state: KeyState) -> Result<StoredKey, KeysError> {
        let id = KeyId::random(self.env);
        let (kid, secret) = if plan.purpose == KeyPurpose::Signing {
            generate(plan.algorithm).await?
        } else {
            let secret = Zeroizing::new(self.env.random::<32>().to_vec());
            (id.to_string(), secret)
        };
        let now = self.env.now();
        Ok(StoredKey {
            id,
            purpose: plan.purpose,
            algorithm: plan.algorithm.name().to_owned(),
            sealed: self
                .master
                .seal(self.env, &ring::context(plan.purpose, &kid), &secret),
            kid,
            state,
            created_at: now,
            since: now,
        })
    }

    /// The stored keys, opened.
    async fn ring(&self) -> Result<Ring, KeysError> {
        let leader = match self.own {
            Some(own) => Leader::Own(own),
            None => Leader::Stored(self.issuer_algorithm().await?),
        };
        let stored = self.directory.keys().await?;
        let rotates = self.signing.rotate_every.is_some();
        Ring::open(&stored, leader, self.master, rotates)?.ok_or(KeysError::Incomplete)
    }
}

/// Makes a signing key on a thread of its own: an RSA key takes up to a second.
async fn generate(algorithm: Algorithm) -> Result<(String, Zeroizing<Vec<u8>>), KeysError> {
    let failed = || KeysError::Make(format!("{} is not available", algorithm.name()));
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
