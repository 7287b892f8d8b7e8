//! What tells one version of a file from the next, in its address or its `ETag`.

use std::hash::{DefaultHasher, Hasher};

/// Sixteen hexadecimal digits, the same at every node of one build. It is no defence: whoever chooses a file can make two
/// that have the same.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}
