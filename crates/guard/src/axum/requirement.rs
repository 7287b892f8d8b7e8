//! What a token must permit, and how long ago its owner may have signed in.

use std::time::Duration;

use serde_json::Value;

use super::denial::Why;
use crate::{Claims, net::Connected};

/// What somebody must be allowed to, beside being known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Requirement {
    scopes: Vec<String>,
    roles: Vec<String>,
    signed_in_within: Option<Duration>,
}

/// What is lacking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Lack {
    /// All that are needed, single spaces between.
    Scope(String),
    Role,
    /// In seconds, how old a sign-in may be (RFC 9470 §3).
    RecentSignIn(u64),
}

impl Requirement {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This word must be in the token's scope, beside those that were named before.
    #[must_use]
    pub fn scope(mut self, word: impl Into<String>) -> Self {
        self.scopes.push(word.into());
        self
    }

    /// This role must be in the claim `roles` (RFC 9068 §2.2.3.1), beside those that were named
    /// before.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// The person must have proved who they are so recently (`auth_time`); the answer tells the
    /// client what to ask for (RFC 9470).
    #[must_use]
    pub fn signed_in_within(self, age: Duration) -> Self {
        Self {
            signed_in_within: Some(age),
            ..self
        }
    }

    pub(super) fn check(&self, claims: &Claims, guard: &Connected) -> Result<(), Why> {
        let has_scope = |word: &String| has_scope(claims, word);
        if !self.scopes.iter().all(has_scope) {
            return Err(Why::Lacks(Lack::Scope(self.scopes.join(" "))));
        }
        if !self.roles.iter().all(|role| has_role(claims, role)) {
            return Err(Why::Lacks(Lack::Role));
        }
        if let Some(age) = self.signed_in_within {
            let now = guard.now().map_err(Why::Denied)?;
            let is_recent = claims
                .auth_time
                .is_some_and(|at| now.as_secs().saturating_sub(at) <= age.as_secs());
            if !is_recent {
                return Err(Why::Lacks(Lack::RecentSignIn(age.as_secs())));
            }
        }
        Ok(())
    }
}

pub(super) fn has_scope(claims: &Claims, word: &str) -> bool {
    claims
        .scope
        .as_ref()
        .is_some_and(|scope| scope.contains(word))
}

pub(super) fn has_role(claims: &Claims, role: &str) -> bool {
    match claims.extra.get("roles") {
        Some(Value::Array(roles)) => roles.iter().any(|held| held == role),
        _ => false,
    }
}
