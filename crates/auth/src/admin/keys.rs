//! Keys, as operators see and change them.

use countersign_jose::Algorithm;

use crate::Auth;
use crate::keys::{KeyInfo, KeysError};
use crate::visitor::Visitor;

impl Auth {
    /// All keys, tombstones included.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        self.keys.ring().infos.clone()
    }

    /// Changes keys at once: those that sign with `algorithm`, or all, refresh keys included. What the old ones made
    /// stays good.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn rotate_keys(
        &self,
        algorithm: Option<Algorithm>,
        visitor: &Visitor,
    ) -> Result<Vec<KeyInfo>, KeysError> {
        let origin = visitor.origin(self.env.now());
        let needs = self.needs().await?;
        self.keys.rotate(algorithm, &needs, &origin).await?;
        self.adopt_keys();
        Ok(self.keys())
    }

    /// Takes a key out in an emergency, by its `kid` or id: nothing that it signed is accepted any more.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn remove_key(&self, which: &str, visitor: &Visitor) -> Result<KeyInfo, KeysError> {
        let origin = visitor.origin(self.env.now());
        let needs = self.needs().await?;
        let removed = self.keys.remove(which, &needs, &origin).await?;
        self.adopt_keys();
        self.hear_own().await;
        Ok(removed)
    }
}
