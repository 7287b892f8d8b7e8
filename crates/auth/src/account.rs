//! One's own account: profile, sessions, password.

use std::time::Duration;

use countersign_guard::{Claims, Verified};

use crate::Auth;
use crate::directory::ChangeUser;
use crate::identifier::{self, InvalidName, InvalidUsername};
use crate::issue::IssueError;
use crate::model::audit::{AuditEntry, AuditQuery};
use crate::model::id::{SessionId, UserId};
use crate::model::session::SessionView;
use crate::model::user::{Identifier, User, UserChange};
use crate::password::{HashError, Password, PasswordPolicyError, Verdict};
use crate::store::StoreError;
use crate::style::{Given, NewPassword};
use crate::visitor::Visitor;

/// Why something about one's own account was refused. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The account has been deleted or disabled meanwhile, or the token is about no user.
    #[error("there is no such account any more, or it is disabled")]
    NoSuchUser,
    /// No such session, or not one of the caller's.
    #[error("you have no session of this id: it may have ended already")]
    NoSuchSession,
    /// There may be others that nothing is kept of.
    #[error(
        "the server keeps no list of some applications' sessions, and so cannot end all but one: end all of them, this \
         one included (/v1/logout-all), or change the password"
    )]
    SessionsNotKept,
    /// Not a name to sign in with.
    #[error(transparent)]
    Username(#[from] InvalidUsername),
    /// Not a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Another user has this name.
    #[error("this username is taken: choose another")]
    UsernameTaken,
    /// Too many changes.
    #[error("too many changes: try again later")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a password was not changed. The old one is still good.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The current password is another one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The new password is not accepted.
    #[error(transparent)]
    Policy(#[from] PasswordPolicyError),
    /// The session ended, or the account changed meanwhile.
    #[error("the session is over: sign in again")]
    SessionOver,
    /// Too many attempts.
    #[error("too many attempts: try again later")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The password could not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A token cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What people may change about themselves: `None` leaves it, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// What to call them.
    pub name: Option<Option<String>>,
    /// A name to sign in with.
    pub username: Option<Option<String>>,
}

/// A change of password.
#[derive(Clone, Debug)]
pub struct PasswordForm {
    /// The one that is still good.
    pub current: Password,
    /// The one to be.
    pub new: Password,
}

impl Auth {
    /// The caller's account.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn me(&self, caller: &Verified<Claims>) -> Result<User, AccountError> {
        let user = user_of(caller)?;
        self.directory
            .user(user)
            .await?
            .ok_or(AccountError::NoSuchUser)
    }

    /// Changes the caller's profile.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn change_me(
        &self,
        caller: &Verified<Claims>,
        change: ProfileChange,
        visitor: &Visitor,
    ) -> Result<User, AccountError> {
        let user = user_of(caller)?;
        self.limits
            .profile_change(user, self.env.now())
            .await
            .map_err(|limited| AccountError::Limited {
                retry_after: limited.retry_after,
            })?;
        let change = UserChange {
            name: change.name.map(normalised(identifier::name)).transpose()?,
            username: change
                .username
                .map(normalised(identifier::username))
                .transpose()?,
            ..UserChange::default()
        };
        let origin = visitor.origin(self.env.now());
        let changed = match self.directory.change_user(user, change, &origin).await? {
            ChangeUser::Changed(user) => user,
            ChangeUser::UsernameTaken => return Err(AccountError::UsernameTaken),
            // No address is changed here.
            ChangeUser::Unknown | ChangeUser::EmailTaken => return Err(AccountError::NoSuchUser),
        };
        self.hear_own().await;
        Ok(changed)
    }

    /// The caller's live sessions, latest use first.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn my_sessions(
        &self,
        caller: &Verified<Claims>,
    ) -> Result<Vec<SessionView>, AccountError> {
        let user = user_of(caller)?;
        Ok(self.sessions.of_user(user, self.env.now()).await?)
    }

    /// What the audit trail says of the caller's account, newest first.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn my_activity(
        &self,
        caller: &Verified<Claims>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, AccountError> {
        let query = AuditQuery {
            user: Some(user_of(caller)?),
            limit,
            ..AuditQuery::default()
        };
        Ok(self.directory.audit(query).await?)
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    /// [`AccountError::NoSuchSession`] also for somebody else's.
    pub async fn end_my_session(
        &self,
        caller: &Verified<Claims>,
        session: SessionId,
        visitor: &Visitor,
    ) -> Result<(), AccountError> {
        let user = user_of(caller)?;
        if session_of(caller)? == session {
            return self.end_session_of(caller, visitor).await;
        }
        let origin = visitor.origin(self.env.now());
        let ended = self.sessions.end(session, Some(user), &origin).await?;
        self.hear_own().await;
        if ended {
            Ok(())
        } else {
            Err(AccountError::NoSuchSession)
        }
    }

    /// Ends all sessions of the caller but the one that asks. How many there were.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn end_my_other_sessions(
        &self,
        caller: &Verified<Claims>,
        visitor: &Visitor,
    ) -> Result<u64, AccountError> {
        let user = user_of(caller)?;
        let mine = session_of(caller)?;
        if self.clients.any(|client| !client.style.keeps_sessions()) {
            return Err(AccountError::SessionsNotKept);
        }
        let origin = visitor.origin(self.env.now());
        let ended = self
            .sessions
            .end_all_of_user(user, Some(mine), &origin)
            .await?;
        self.hear_own().await;
        Ok(ended)
    }

    /// Changes the caller's password. Their other sessions end; this one goes on with what is answered.
    ///
    /// # Errors
    /// [`PasswordError`]; the old password is still good then.
    pub async fn change_password(
        &self,
        caller: &Verified<Claims>,
        form: PasswordForm,
        visitor: &Visitor,
    ) -> Result<Given, PasswordError> {
        let over = |_| PasswordError::SessionOver;
        let user = user_of(caller).map_err(over)?;
        let session = session_of(caller).map_err(over)?;
        let client = self
            .clients
            .find(Some(&caller.client_id))
            .filter(|client| client.enabled)
            .ok_or(PasswordError::SessionOver)?;
        let protection = self.protection(&client).map_err(IssueError::from)?;
        let user = self
            .directory
            .user(user)
            .await?
            .ok_or(PasswordError::SessionOver)?;
        // Under the epoch of the caller: where nothing is kept of a session, nothing else would say that it is over.
        let found = self
            .directory
            .credentials(&Identifier::Email(user.email))
            .await?
            .filter(|found| found.user.id == user.id)
            .filter(|found| found.user.epoch == caller.epochs.subject)
            .ok_or(PasswordError::SessionOver)?;

        let attempt = self
            .limits
            .password_change(session, self.env.now())
            .await
            .map_err(|limited| PasswordError::Limited {
                retry_after: limited.retry_after,
            })?;
        match self.hasher.verify(form.current, found.password).await {
            Ok(Verdict::Match { .. }) => attempt.succeeded().await,
            Ok(Verdict::Mismatch) => return Err(PasswordError::WrongPassword),
            Ok(Verdict::Unreadable(cause)) => {
                tracing::error!(user = %found.user.id, %cause, "a stored password cannot be checked: set a new one");
                return Err(PasswordError::WrongPassword);
            }
            Err(not_looked_at) => {
                attempt.forgiven().await;
                return Err(not_looked_at.into());
            }
        }
        self.check_password(&form.new, &found.user.email, found.user.username.as_deref())?;
        let password = self.hasher.hash(form.new).await?;

        self.replace_password(NewPassword {
            caller,
            session,
            user: found.user,
            password,
            client,
            protection: &protection,
            visitor,
        })
        .await
    }

    pub(crate) fn check_password(
        &self,
        password: &Password,
        email: &str,
        username: Option<&str>,
    ) -> Result<(), PasswordPolicyError> {
        let own = [email, username.unwrap_or_default()];
        self.settings.passwords.check(password, &own)
    }
}

/// The user that a token is about.
pub(crate) fn user_of(caller: &Verified<Claims>) -> Result<UserId, AccountError> {
    caller.sub.parse().map_err(|_| AccountError::NoSuchUser)
}

/// The session that a token belongs to.
pub(crate) fn session_of(caller: &Verified<Claims>) -> Result<SessionId, AccountError> {
    let sid = caller.sid.as_deref().and_then(|sid| sid.parse().ok());
    sid.ok_or(AccountError::NoSuchSession)
}

/// Normalises what is there; what is to be emptied stays empty.
fn normalised<E>(
    normalise: impl Fn(&str) -> Result<String, E>,
) -> impl Fn(Option<String>) -> Result<Option<String>, E> {
    move |text| text.as_deref().map(&normalise).transpose()
}
