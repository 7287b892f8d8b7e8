//! Registration: a new account, by its owner or by an operator.

use serde_json::{Map, Value};
use std::time::Duration;

use crate::Auth;
use crate::directory::AddUser;
use crate::identifier::{self, InvalidEmail, InvalidName, InvalidUsername};
use crate::model::id::UserId;
use crate::model::user::{NewUser, User};
use crate::password::{HashError, Password, PasswordPolicyError};
use crate::store::StoreError;
use crate::visitor::Visitor;

/// What a person registers with.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Their address, as typed.
    pub email: String,
    /// The password.
    pub password: Password,
    /// What to call them.
    pub name: Option<String>,
    /// A name to sign in with.
    pub username: Option<String>,
}

/// What an operator adds.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The address, as typed.
    pub email: String,
    /// The password; without one nobody can sign in with a password until one is set.
    pub password: Option<Password>,
    /// What to call them.
    pub name: Option<String>,
    /// A name to sign in with.
    pub username: Option<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// The operator's own fields.
    pub attributes: Map<String, Value>,
}

/// Why an account was not added. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Registration is closed.
    #[error("registration is closed here: ask an operator for an account")]
    Closed,
    /// Not an address.
    #[error(transparent)]
    Email(#[from] InvalidEmail),
    /// Not a name to sign in with.
    #[error(transparent)]
    Username(#[from] InvalidUsername),
    /// Not a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A role that is empty, too long, or holds a space or control character.
    #[error("{0:?} is not a role: 1 to 64 printable characters without spaces expected")]
    Role(String),
    /// The password is not accepted.
    #[error(transparent)]
    Password(#[from] PasswordPolicyError),
    /// Another user has this address.
    #[error("an account with this email address exists already: sign in, or use another address")]
    EmailTaken,
    /// Another user has this name.
    #[error("this username is taken: choose another")]
    UsernameTaken,
    /// Too many attempts.
    #[error("too many registrations from this address: try again later")]
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The password could not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Adds an account for whoever asks, if registration is open.
    ///
    /// # Errors
    /// [`RegisterError`]; nothing has changed then.
    pub async fn register(
        &self,
        registration: Registration,
        visitor: &Visitor,
    ) -> Result<User, RegisterError> {
        if !self.settings.registration {
            return Err(RegisterError::Closed);
        }
        self.limits
            .registration(visitor, self.env.now())
            .await
            .map_err(|limited| RegisterError::Limited {
                retry_after: limited.retry_after,
            })?;
        let Registration {
            email,
            password,
            name,
            username,
        } = registration;
        let account = NewAccount {
            email,
            password: Some(password),
            name,
            username,
            roles: Vec::new(),
            attributes: Map::new(),
        };
        self.add_user(account, visitor).await
    }

    /// Adds an account on an operator's word.
    ///
    /// # Errors
    /// [`RegisterError`], but never `Closed` or `Limited`; nothing has changed then.
    pub async fn add_user(
        &self,
        account: NewAccount,
        visitor: &Visitor,
    ) -> Result<User, RegisterError> {
        let email = identifier::email(&account.email)?;
        let username = account
            .username
            .as_deref()
            .map(identifier::username)
            .transpose()?;
        let name = account.name.as_deref().map(identifier::name).transpose()?;
        let roles = check_roles(account.roles)?;
        let password = match account.password {
            Some(password) => {
                self.settings.passwords.check(
                    &password,
                    &[&email, username.as_deref().unwrap_or_default()],
                )?;
                Some(self.hasher.hash(password).await?)
            }
            None => None,
        };
        let at = self.env.now();
        let user = NewUser {
            id: UserId::random(&self.env),
            email,
            username,
            name,
            roles,
            attributes: account.attributes,
            password,
            at,
        };
        match self.directory.add_user(user, &visitor.origin(at)).await? {
            AddUser::Added(user) => Ok(user),
            AddUser::EmailTaken => Err(RegisterError::EmailTaken),
            AddUser::UsernameTaken => Err(RegisterError::UsernameTaken),
        }
    }
}

/// Sorted, without duplicates, each of them sane.
pub(crate) fn check_roles(mut roles: Vec<String>) -> Result<Vec<String>, RegisterError> {
    let sane = |role: &str| {
        (1..=64).contains(&role.chars().count())
            && !role.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    if let Some(role) = roles.iter().find(|role| !sane(role)) {
        return Err(RegisterError::Role(role.clone()));
    }
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}
