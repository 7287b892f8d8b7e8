//! The audit trail, as operators read it.

use crate::Auth;
use crate::model::audit::{AuditEntry, AuditQuery};
use crate::store::StoreError;

impl Auth {
    /// The audit trail, newest first.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        self.directory.audit(query).await
    }
}
