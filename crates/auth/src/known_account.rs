//! The account behind a token or a session, as it is now: from this node's memory, which the revocation log keeps right.

use std::sync::Arc;

use countersign_guard::{Claims, Verified};

use crate::Auth;
use crate::account::{AccountError, user_of};
use crate::model::user::User;

impl Auth {
    /// The account of somebody who has just been checked, if it is there and enabled. The store is asked about those that
    /// this node does not remember, and about all of them when it has heard nothing for long.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`]; storage failed.
    pub async fn account_of(&self, caller: &Verified<Claims>) -> Result<Arc<User>, AccountError> {
        let known = self
            .accounts
            .get(&caller.sub)
            .filter(|_| self.has_heard().is_ok());
        let account = if let Some(known) = known {
            known
        } else {
            let news = self.accounts.news();
            let user = self.directory.user(user_of(caller)?).await?;
            self.remember_account(user.ok_or(AccountError::NoSuchUser)?, news)
        };
        if account.enabled {
            Ok(account)
        } else {
            Err(AccountError::NoSuchUser)
        }
    }

    /// The account as it was read when `news` was the state of things: the one value of it that this node holds.
    pub(crate) fn remember_account(&self, user: User, news: u64) -> Arc<User> {
        let sub = user.id.to_string();
        if let Some(known) = self.accounts.get(&sub).filter(|known| **known == user) {
            return known;
        }
        let account = Arc::new(user);
        self.accounts.remember(&sub, &account, news);
        account
    }
}
