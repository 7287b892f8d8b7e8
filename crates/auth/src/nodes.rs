//! What nodes that share a store tell each other of themselves.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;

use crate::Auth;
use crate::model::node::Node;
use crate::store::StoreError;

/// How long a node is believed to live that says nothing.
pub const SILENCE: Duration = Duration::from_secs(90);

impl Auth {
    /// Says that this node lives and what it is. Those that live beside it.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn announce(&self, node: &Node) -> Result<Vec<Node>, StoreError> {
        let before = node.seen_at.minus(SILENCE);
        self.directory.announce(node, before).await
    }

    /// Says that it stops.
    ///
    /// # Errors
    /// Storage failed; the others find out by its silence.
    pub async fn leave(&self, name: &str) -> Result<(), StoreError> {
        self.directory.leave(name).await
    }

    /// What tells the store of this node's sessions from every other one, where that is apart from the directory.
    #[must_use]
    pub fn sessions_identity(&self) -> Option<String> {
        self.sessions.identity()
    }

    /// What nodes compare in place of a setting: whoever has no master key learns nothing of its value, even if it is
    /// a secret that could be guessed.
    #[must_use]
    pub fn fingerprint(&self, setting: &str, value: &[u8]) -> String {
        self.keys.fingerprint(setting, value)
    }
}

/// The first 9 bytes of the MAC of the name, its end, and the value.
pub(crate) fn fingerprint(key: &hmac::Key, setting: &str, value: &[u8]) -> String {
    let mut mac = hmac::Context::with_key(key);
    mac.update(setting.as_bytes());
    mac.update(&[0]);
    mac.update(value);
    URL_SAFE_NO_PAD.encode_to_string(&mac.sign().as_ref()[..9])
}
