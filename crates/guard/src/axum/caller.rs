//! Who is calling, as an argument of a handler.

use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use super::{
    Denial, Requirement,
    denial::Why,
    layer::Visit,
    requirement::{has_role, has_scope},
    source::Kept,
};
use crate::{
    Claims, Verified,
    net::{Account, Connected, Ended, Secret},
};

/// Who is calling: an extractor for handlers behind [`Protect`](super::Protect). It reads like the
/// token's [`Claims`]. As `Option<Caller>` it is `None` for visitors, where
/// [`or_visitors`](super::Protect::or_visitors) lets them in; as `Caller` it is refused to them.
#[derive(Clone)]
pub struct Caller(Arc<Inner>);

struct Inner {
    known: Known,
    visit: Visit,
}

/// Somebody whose token is good.
pub(super) struct Known {
    pub verified: Verified<Claims>,
    pub token: Token,
}

/// That token: as it came, or what other credentials stand for.
pub(super) enum Token {
    Borne(Kept),
    Exchanged(Secret),
}

impl Caller {
    pub(super) fn new(known: Known, visit: Visit) -> Self {
        Self(Arc::new(Inner { known, visit }))
    }

    /// The token's claims, and the proof that they were verified.
    #[must_use]
    pub fn verified(&self) -> &Verified<Claims> {
        &self.0.known.verified
    }

    /// Whether the token's scope has this word.
    #[must_use]
    pub fn has_scope(&self, word: &str) -> bool {
        has_scope(self, word)
    }

    /// Whether this role is in the claim `roles`.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        has_role(self, role)
    }

    /// Whether the caller is allowed to this; the error is the answer to give.
    ///
    /// # Errors
    /// [`Denial`] if something is lacking.
    pub fn require(&self, requirement: &Requirement) -> Result<(), Denial> {
        requirement
            .check(self, self.guard())
            .map_err(|why| self.denial(why))
    }

    /// What the issuer says of the account: see [`Connected::account`].
    ///
    /// # Errors
    /// [`Denial`] if the issuer says no, or cannot be asked.
    pub async fn account(&self) -> Result<Option<Arc<Account>>, Denial> {
        let token = match &self.0.known.token {
            Token::Borne(token) => token.reveal(),
            Token::Exchanged(token) => token.reveal(),
        };
        let account = self.guard().account(token).await;
        account.map_err(|denied| self.denial(Why::Denied(denied)))
    }

    /// Resolves when the token is not good any more: see [`Connected::watch`].
    pub fn watch(&self) -> impl Future<Output = Ended> + Send + 'static + use<> {
        self.guard().watch(self.verified())
    }

    fn guard(&self) -> &Connected {
        self.0.visit.guard()
    }

    fn denial(&self, why: Why) -> Denial {
        let visit = Some(self.0.visit.clone());
        Denial { why, visit }
    }
}

impl Deref for Caller {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        self.verified()
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(self.verified()).finish()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Denial;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denial> {
        let caller =
            <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        caller.ok_or_else(|| Denial {
            why: Why::NoToken,
            visit: parts.extensions.get().cloned(),
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Denial;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Denial> {
        let caller = parts.extensions.get().cloned();
        // Without the layer nobody has looked: that is no visitor.
        if caller.is_none() && parts.extensions.get::<Visit>().is_none() {
            return Err(Denial {
                why: Why::NoLayer,
                visit: None,
            });
        }
        Ok(caller)
    }
}

/// What a handler demands, as a type.
pub trait Demand {
    /// What the caller must be allowed to.
    fn requirement() -> Requirement;
}

/// A [`Caller`] who is allowed to what `D` demands: others never reach the handler.
#[derive(Clone, Debug)]
pub struct Allowed<D> {
    caller: Caller,
    demand: PhantomData<fn() -> D>,
}

impl<D> Deref for Allowed<D> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<D: Demand, S: Send + Sync> FromRequestParts<S> for Allowed<D> {
    type Rejection = Denial;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denial> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        caller.require(&D::requirement())?;
        let demand = PhantomData;
        Ok(Self { caller, demand })
    }
}
