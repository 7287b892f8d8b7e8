//! The layer: one pipeline, in numbered steps.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::{OriginalUri, Request},
    response::{IntoResponse, Response},
};
use http::HeaderValue;
use tower::{Layer, Service};

use super::{
    Caller, NotExchanged, RateLimit, Requirement, Scheme, SignIn, Source,
    denial::{Denial, Why},
    origin,
    rate::{Budgets, Left},
    sign_in::is_navigation,
    source::{self, Presented},
};
use crate::net::{
    BadAddress, Connected, Denied, Secret,
    address::{Address, InTheClear},
};

/// A tower layer that serves only who is known: from [`Connected::protect`]. Its rules stand at the
/// top of [this module](super).
#[derive(Clone)]
pub struct Protect(Arc<Rules>);

#[derive(Clone)]
struct Rules {
    guard: Connected,
    sources: Vec<Source>,
    schemes: Vec<Arc<dyn Scheme>>,
    origins: Vec<String>,
    lets_visitors_in: bool,
    requirement: Requirement,
    budgets: Option<Arc<Budgets>>,
    resource_metadata: Option<String>,
    sign_in: Option<SignIn>,
}

/// One request: what an answer to it needs to know.
pub(super) struct Visit {
    rules: Arc<Rules>,
    /// The path that was asked for, if somebody looks at the answer.
    page: Option<String>,
}

impl Connected {
    /// Lets nobody in but who bears a good token, in `Authorization: Bearer`.
    #[must_use]
    pub fn protect(&self) -> Protect {
        Protect(Arc::new(Rules {
            guard: self.clone(),
            sources: vec![Source::Authorization],
            schemes: Vec::new(),
            origins: Vec::new(),
            lets_visitors_in: false,
            requirement: Requirement::new(),
            budgets: None,
            resource_metadata: None,
            sign_in: None,
        }))
    }
}

impl Protect {
    fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Looks for tokens in these places, instead of `Authorization` alone.
    #[must_use]
    pub fn sources(self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.with(|rules| rules.sources = sources.into_iter().collect())
    }

    /// Accepts another scheme in `Authorization`, beside `Bearer`.
    #[must_use]
    pub fn scheme(self, scheme: impl Scheme) -> Self {
        self.with(|rules| rules.schemes.push(Arc::new(scheme)))
    }

    /// Pages of these origins (as `https://app.example`) may send requests with a cookie, beside pages
    /// of this service's own.
    #[must_use]
    pub fn origins(self, origins: impl IntoIterator<Item = String>) -> Self {
        self.with(|rules| rules.origins = origins.into_iter().collect())
    }

    /// Serves requests without a token, too: handlers ask for `Option<Caller>`. A bad token is refused
    /// all the same.
    #[must_use]
    pub fn or_visitors(self) -> Self {
        self.with(|rules| rules.lets_visitors_in = true)
    }

    /// Whoever bears a token must be allowed to this.
    #[must_use]
    pub fn require(self, requirement: Requirement) -> Self {
        self.with(|rules| rules.requirement = requirement)
    }

    /// Nobody asks more often.
    #[must_use]
    pub fn rate_limit(self, limit: RateLimit) -> Self {
        self.with(|rules| rules.budgets = Some(Arc::new(Budgets::new(limit))))
    }

    /// Names this service's metadata in every challenge (RFC 9728 §5.1).
    ///
    /// # Errors
    /// [`BadAddress`] if it is no address.
    pub fn resource_metadata(self, address: &str) -> Result<Self, BadAddress> {
        Address::parse(address, InTheClear::Anyone)?;
        if address.contains(['"', '\\']) {
            return Err(BadAddress::Syntax);
        }
        Ok(self.with(|rules| rules.resource_metadata = Some(address.to_owned())))
    }

    /// Sends people who follow a link and are not signed in to the page where they can; programs get
    /// their challenge as before.
    #[must_use]
    pub fn sign_in(self, sign_in: SignIn) -> Self {
        self.with(|rules| rules.sign_in = Some(sign_in))
    }
}

impl Rules {
    /// Lets a request in, with its caller in it; or says why not.
    async fn admit(&self, visit: &Arc<Visit>, request: &mut Request) -> Result<Option<Left>, Why> {
        // 0. Who calls is said by this layer, not by one outside of it.
        request.extensions_mut().remove::<Caller>();
        // 1. One token at most, wherever it stands; and nothing behind sees one that was offered.
        let found = source::find(&self.sources, request.headers()).map_err(Why::Unclear)?;
        source::hide_offers(&self.sources, request.headers_mut());
        let Some(presented) = found else {
            return if self.lets_visitors_in {
                Ok(None)
            } else {
                Err(Why::NoToken)
            };
        };
        // 2. A cookie comes from a page of ours.
        let (method, headers) = (request.method(), request.headers());
        if presented.in_a_cookie && !origin::is_ours(method, headers, &self.origins) {
            return Err(Why::Foreign);
        }
        // 3. Other credentials become a token.
        let (token, scheme) = self.exchange(&presented).await?;
        // 4. The token is good, and was not taken back.
        let verified = match self.guard.check(token.reveal()).await {
            Ok(verified) => verified,
            Err(denied) => {
                if let (Some(scheme), Denied::Refused(_)) = (scheme, &denied) {
                    scheme.forget(presented.credentials.reveal());
                }
                return Err(Why::Denied(denied));
            }
        };
        // 5. Its owner does not ask too often.
        let left = self.budgets.as_ref().map(|budgets| {
            let now = self.guard.clock().monotonic();
            budgets.take(&verified, now)
        });
        if let Some(left) = left.filter(|left| left.wait.is_some()) {
            return Err(Why::TooMany(left));
        }
        // 6. It permits what is asked.
        let now = self.guard.now().map_err(Why::Denied)?;
        self.requirement.check(&verified, now).map_err(Why::Lacks)?;
        let caller = Caller::new(verified, token, self.guard.clone(), Arc::clone(visit));
        request.extensions_mut().insert(caller);
        Ok(left)
    }

    async fn exchange(&self, presented: &Presented) -> Result<(Secret, Option<&dyn Scheme>), Why> {
        let Some(other) = &presented.other_scheme else {
            return Ok((presented.credentials.clone(), None));
        };
        let named = |scheme: &&Arc<dyn Scheme>| scheme.name().eq_ignore_ascii_case(other);
        let scheme = self.schemes.iter().find(named).ok_or(Why::UnknownScheme)?;
        let credentials = presented.credentials.reveal();
        match scheme.token(credentials, &self.guard).await {
            Ok(token) => Ok((token, Some(&**scheme))),
            Err(NotExchanged::Wrong) => Err(Why::WrongCredentials),
            Err(NotExchanged::Unavailable) => Err(Why::Unavailable),
        }
    }
}

impl Visit {
    pub(super) fn resource_metadata(&self) -> Option<&str> {
        self.rules.resource_metadata.as_deref()
    }

    /// The schemes beside `Bearer`.
    pub(super) fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.rules.schemes.iter().map(|scheme| scheme.name())
    }

    /// Where somebody who looks at the answer can sign in.
    pub(super) fn sign_in(&self, max_age: Option<u64>) -> Option<HeaderValue> {
        let sign_in = self.rules.sign_in.as_ref()?;
        sign_in.location(self.page.as_deref()?, max_age)
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit")
            .field("page", &self.page)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Protect {
    type Service = Protected<S>;

    fn layer(&self, service: S) -> Protected<S> {
        let rules = Arc::clone(&self.0);
        Protected { rules, service }
    }
}

/// A service behind [`Protect`].
#[derive(Clone)]
pub struct Protected<S> {
    rules: Arc<Rules>,
    service: S,
}

impl<S> Service<Request> for Protected<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = futures::Answering<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        // The one that is ready serves; the clone takes its place.
        let next = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, next);
        let visit = visit(&self.rules, &request);
        Box::pin(async move {
            request.extensions_mut().insert(Arc::clone(&visit));
            match visit.rules.admit(&visit, &mut request).await {
                Ok(left) => {
                    let mut response = service.call(request).await?.into_response();
                    if let Some(left) = left {
                        left.tell(response.headers_mut());
                    }
                    Ok(response)
                }
                Err(why) => Ok(Denial {
                    why,
                    visit: Some(visit),
                }
                .into_response()),
            }
        })
    }
}

/// The future has a name, since a type must be said.
mod futures {
    use std::pin::Pin;

    pub type Answering<E> =
        Pin<Box<dyn Future<Output = Result<axum::response::Response, E>> + Send>>;
}

fn visit(rules: &Arc<Rules>, request: &Request) -> Arc<Visit> {
    let wants_page = rules.sign_in.is_some() && is_navigation(request.method(), request.headers());
    // A nested router sees a part of the path; people know the whole.
    let whole = request.extensions().get::<OriginalUri>();
    let uri = whole.map_or_else(|| request.uri(), |OriginalUri(uri)| uri);
    let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    Arc::new(Visit {
        rules: Arc::clone(rules),
        page: path
            .filter(|path| wants_page && path.starts_with('/'))
            .map(str::to_owned),
    })
}
