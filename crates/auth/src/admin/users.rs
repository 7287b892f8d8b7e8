//! Users, as operators see and change them.

use serde_json::{Map, Value, json};

use crate::Auth;
use crate::directory::ChangeUser;
use crate::identifier::{self, InvalidEmail, InvalidName, InvalidUsername};
use crate::model::audit::{AuditEntry, AuditQuery, Happening};
use crate::model::id::UserId;
use crate::model::user::{Identifier, User, UserChange};
use crate::password::{HashError, Password, PasswordPolicyError};
use crate::register::{RegisterError, check_roles};
use crate::store::StoreError;
use crate::visitor::Visitor;

/// How many lines of the audit trail an export holds at most.
const EXPORTED_LINES: u32 = 10_000;

/// What an operator changes: `None` leaves it, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// The address.
    pub email: Option<String>,
    /// The name to sign in with.
    pub username: Option<Option<String>>,
    /// What to call them.
    pub name: Option<Option<String>>,
    /// All roles anew.
    pub roles: Option<Vec<String>>,
    /// Attributes to set, or to remove with `null`.
    pub attributes: Map<String, Value>,
}

/// Why a user was not changed. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    /// No such user.
    #[error("there is no such user")]
    Unknown,
    /// Not an address.
    #[error(transparent)]
    Email(#[from] InvalidEmail),
    /// Not a name to sign in with.
    #[error(transparent)]
    Username(#[from] InvalidUsername),
    /// Not a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A role that is none.
    #[error("{0:?} is not a role: 1 to 64 printable characters without spaces expected")]
    Role(String),
    /// Another user has this address.
    #[error("another account has this email address")]
    EmailTaken,
    /// Another user has this name.
    #[error("another account has this username")]
    UsernameTaken,
    /// The password is not accepted.
    #[error(transparent)]
    Password(#[from] PasswordPolicyError),
    /// The password could not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// The user of this id, address or name.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn find_user(&self, who: &str) -> Result<Option<User>, StoreError> {
        if let Ok(id) = who.parse::<UserId>()
            && let Some(user) = self.directory.user(id).await?
        {
            return Ok(Some(user));
        }
        let Some(identifier) = Identifier::parse(who) else {
            return Ok(None);
        };
        let found = self.directory.credentials(&identifier).await?;
        Ok(found.map(|found| found.user))
    }

    /// Users in the order of their ids.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.directory.users(after, limit).await
    }

    /// Changes a user. Services that keep a copy of the account are told.
    ///
    /// # Errors
    /// [`ChangeUserError`].
    pub async fn change_user(
        &self,
        user: UserId,
        change: AccountChange,
        visitor: &Visitor,
    ) -> Result<User, ChangeUserError> {
        let roles = match change.roles.map(check_roles).transpose() {
            Ok(roles) => roles,
            Err(RegisterError::Role(role)) => return Err(ChangeUserError::Role(role)),
            Err(_) => None,
        };
        let change = UserChange {
            email: change.email.as_deref().map(identifier::email).transpose()?,
            username: match change.username {
                Some(Some(username)) => Some(Some(identifier::username(&username)?)),
                other => other,
            },
            name: match change.name {
                Some(Some(name)) => Some(Some(identifier::name(&name)?)),
                other => other,
            },
            roles,
            attributes: change.attributes,
        };
        let origin = visitor.origin(self.env.now());
        let user = match self.directory.change_user(user, change, &origin).await? {
            ChangeUser::Changed(user) => user,
            ChangeUser::Unknown => return Err(ChangeUserError::Unknown),
            ChangeUser::EmailTaken => return Err(ChangeUserError::EmailTaken),
            ChangeUser::UsernameTaken => return Err(ChangeUserError::UsernameTaken),
        };
        self.hear_own().await;
        Ok(user)
    }

    /// Sets a user's password; all their sessions end.
    ///
    /// # Errors
    /// [`ChangeUserError`].
    pub async fn set_password(
        &self,
        user: UserId,
        password: Password,
        visitor: &Visitor,
    ) -> Result<(), ChangeUserError> {
        let known = self
            .directory
            .user(user)
            .await?
            .ok_or(ChangeUserError::Unknown)?;
        self.check_password(&password, &known.email, known.username.as_deref())?;
        let stored = self.hasher.hash(password).await?;
        let origin = visitor.origin(self.env.now());
        self.directory
            .set_password(user, stored, &origin)
            .await?
            .ok_or(ChangeUserError::Unknown)?;
        self.hear_own().await;
        Ok(())
    }

    /// Disables a user (all their sessions end) or enables them again.
    ///
    /// # Errors
    /// [`ChangeUserError::Unknown`]; storage failed.
    pub async fn set_user_enabled(
        &self,
        user: UserId,
        enabled: bool,
        visitor: &Visitor,
    ) -> Result<User, ChangeUserError> {
        let origin = visitor.origin(self.env.now());
        let user = self
            .directory
            .set_user_enabled(user, enabled, &origin)
            .await?
            .ok_or(ChangeUserError::Unknown)?;
        self.hear_own().await;
        Ok(user)
    }

    /// All that is known about a user, but for the hash of their password.
    ///
    /// # Errors
    /// [`ChangeUserError::Unknown`]; storage failed.
    pub async fn export_user(
        &self,
        user: UserId,
        visitor: &Visitor,
    ) -> Result<Value, ChangeUserError> {
        let now = self.env.now();
        let found = self
            .directory
            .user(user)
            .await?
            .ok_or(ChangeUserError::Unknown)?;
        let origin = visitor.origin(now);
        self.directory
            .note(AuditEntry::new(Happening::UserExported, &origin).user(user))
            .await?;
        let query = AuditQuery {
            user: Some(user),
            limit: EXPORTED_LINES,
            ..AuditQuery::default()
        };
        Ok(json!({
            "user": found,
            "sessions": self.sessions.of_user(user, now).await?,
            "audit": self.directory.audit(query).await?,
        }))
    }

    /// Deletes a user with all that is theirs; the audit trail keeps the id as a pseudonym. Whether there was one.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn delete_user(&self, user: UserId, visitor: &Visitor) -> Result<bool, StoreError> {
        let origin = visitor.origin(self.env.now());
        let deleted = self.directory.delete_user(user, &origin).await?;
        self.hear_own().await;
        Ok(deleted)
    }
}
