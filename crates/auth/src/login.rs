//! Sign-in: from what a person knows to a session with its first grant.

use std::fmt;
use std::time::Duration;

use crate::Auth;
use crate::issue::IssueError;
use crate::limits::device;
use crate::model::audit::{AuditEntry, Happening};
use crate::model::client::{Client, ClientKind};
use crate::model::user::{Credentials, Identifier, User};
use crate::password::{HashError, Password, Verdict};
use crate::store::StoreError;
use crate::style::{Begin, Given};
use crate::visitor::Visitor;

/// What a person signs in with.
#[derive(Clone, Debug)]
pub struct Login {
    /// Address or name, as typed.
    pub identifier: String,
    /// The password.
    pub password: Password,
    /// The application, by default the default client.
    pub client: Option<String>,
}

/// How a sign-in stands.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// It is done.
    Complete(Given),
    /// A further step is needed.
    Challenge(Challenge),
}

/// A further step of a sign-in: what is asked for, and how to go on.
#[derive(Clone)]
pub struct Challenge {
    /// Opaque, of use once: names this sign-in when the answer is given.
    pub continuation: String,
    /// What may be answered with, as `amr` values (RFC 8176 §2).
    pub methods: Vec<String>,
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such user, or another password. The two cannot be told apart, by the answer or by the work that it took.
    #[error("wrong email address, username or password")]
    InvalidCredentials,
    /// The password was right, but the account is disabled.
    #[error("this account is disabled: ask an operator")]
    Disabled,
    /// No such application.
    #[error("there is no client of this id")]
    UnknownClient,
    /// The application is disabled.
    #[error("this client is disabled")]
    ClientDisabled,
    /// A client that nobody signs in to.
    #[error(
        "this client is a service, and nobody signs in to it: it gets its tokens from /oauth/token"
    )]
    Service,
    /// The account changed while the password was being checked.
    #[error("the account changed meanwhile: sign in again")]
    Stale,
    /// Too many attempts.
    #[error("too many attempts: try again later")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The password could not be checked now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A token cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Signs a person in.
    ///
    /// # Errors
    /// [`LoginError`]; no session has begun then.
    pub async fn login(&self, login: Login, visitor: &Visitor) -> Result<SignIn, LoginError> {
        // 1. For which application? Its tokens can be made as they should be, or nothing begins.
        let client = self
            .clients
            .find(login.client.as_deref())
            .ok_or(LoginError::UnknownClient)?;
        if client.kind == ClientKind::Service {
            return Err(LoginError::Service);
        }
        if !client.enabled {
            return Err(LoginError::ClientDisabled);
        }
        let protection = self.protection(&client).map_err(IssueError::from)?;

        // 2. Who do they say they are? What cannot be anybody is treated like somebody unknown. Every epoch is of before
        // the password is looked at: what is taken back meanwhile takes this sign-in along.
        let issuer_epoch = self.directory.issuer_epoch().await?;
        let identifier = Identifier::parse(&login.identifier);
        let credentials = match &identifier {
            Some(identifier) => self.directory.credentials(identifier).await?,
            None => None,
        };

        // 3. May they try? An account is limited under its name, so that unknown ones are limited alike.
        let attempt = self
            .limits
            .sign_in(
                visitor,
                &login.identifier,
                credentials.as_ref().map(|found| found.user.id),
                &self.keys.ring().device,
                self.env.now(),
            )
            .await
            .map_err(|limited| LoginError::Limited {
                retry_after: limited.retry_after,
            })?;

        // 4. Is it them? The same work for everybody.
        let stored = credentials
            .as_ref()
            .and_then(|found| found.password.clone());
        let verdict = match self.hasher.verify(login.password.clone(), stored).await {
            Ok(verdict) => verdict,
            Err(not_looked_at) => {
                attempt.forgiven().await;
                return Err(not_looked_at.into());
            }
        };
        if let (Verdict::Unreadable(cause), Some(found)) = (&verdict, &credentials) {
            tracing::error!(user = %found.user.id, %cause, "a stored password cannot be checked: set a new one");
        }
        let (Verdict::Match { rehash }, Some(found)) = (verdict, &credentials) else {
            let whom = credentials.map(|found| found.user);
            self.note_failure(whom.as_ref(), &client, visitor).await?;
            return Err(LoginError::InvalidCredentials);
        };
        if !found.user.enabled {
            self.note_failure(Some(&found.user), &client, visitor)
                .await?;
            return Err(LoginError::Disabled);
        }
        attempt.succeeded().await;
        if rehash {
            self.rehash(found, login.password, visitor).await?;
        }

        // 5. A session begins, unless something moved meanwhile.
        let begin = Begin {
            user: &found.user,
            issuer_epoch,
            client,
            protection: &protection,
            visitor,
        };
        let mut given = self.begin(begin).await?;
        let device = device::make(&self.keys.ring().device, found.user.id, self.env.random());
        match &mut given {
            Given::Tokens(signed) => signed.device = Some(device),
            Given::Session(session) => session.device = Some(device),
        }
        Ok(SignIn::Complete(given))
    }

    /// Hashes the same password under the present settings. A busy queue puts it off until the next sign-in.
    async fn rehash(
        &self,
        found: &Credentials,
        password: Password,
        visitor: &Visitor,
    ) -> Result<(), LoginError> {
        let (Some(old), Ok(new)) = (&found.password, self.hasher.hash(password).await) else {
            return Ok(());
        };
        let origin = visitor.origin(self.env.now());
        self.directory
            .rehash_password(found.user.id, old, new, &origin)
            .await?;
        Ok(())
    }

    /// Also for nobody in particular: known and unknown names must cost the same.
    async fn note_failure(
        &self,
        user: Option<&User>,
        client: &Client,
        visitor: &Visitor,
    ) -> Result<(), StoreError> {
        let origin = visitor.origin(self.env.now());
        let mut entry = AuditEntry::new(Happening::SignInFailed, &origin).client(client.id.clone());
        entry.user = user.map(|user| user.id);
        self.directory.note(entry).await
    }
}
