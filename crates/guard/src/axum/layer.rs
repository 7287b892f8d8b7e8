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
    answering::Answering,
    caller::{Known, Token},
    denial::{Denial, Why},
    origin,
    rate::{Budgets, Left},
    sign_in::is_navigation,
    source::{self, Kept},
};
use crate::{
    Claims, Verified,
    net::{
        BadAddress, Connected, Denied, Doubt,
        address::{Address, InTheClear},
    },
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
#[derive(Clone)]
pub(super) struct Visit {
    rules: Arc<Rules>,
    /// The path that was asked for, if somebody looks at the answer.
    page: Option<Arc<str>>,
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
    /// Who calls, or nobody: as far as nothing has to be waited for. The rest is [`settle`](Self::settle).
    fn look(&self, request: &Request) -> Result<Option<Known>, Hitch> {
        let (method, headers) = (request.method(), request.headers());
        // 1. One token at most, wherever it stands.
        let found = source::find(&self.sources, headers).map_err(Why::Unclear)?;
        let Some(presented) = found else {
            return if self.lets_visitors_in {
                Ok(None)
            } else {
                Err(Why::NoToken.into())
            };
        };
        // 2. A cookie comes from a page of ours.
        if presented.in_a_cookie && !origin::is_ours(method, headers, &self.origins) {
            return Err(Why::Foreign.into());
        }
        // 3. Other credentials become a token.
        if let Some(other) = presented.other_scheme {
            let named = |scheme: &&Arc<dyn Scheme>| scheme.name().eq_ignore_ascii_case(other);
            let scheme = self.schemes.iter().find(named).ok_or(Why::UnknownScheme)?;
            return Err(Hitch::Exchange(Arc::clone(scheme), presented.keep()));
        }
        // 4. The token is good, and was not taken back.
        let token = presented.keep();
        match self.guard.check_at_once(presented.credentials) {
            Ok(verified) => Ok(Some(Known {
                verified,
                token: Token::Borne(token),
            })),
            Err(doubt) => Err(Hitch::Doubt(token, doubt)),
        }
    }

    async fn settle(&self, hitch: Hitch) -> Result<Option<Known>, Why> {
        let (verified, token) = match hitch {
            Hitch::Denied(why) => return Err(why),
            Hitch::Exchange(scheme, credentials) => {
                self.exchange(&*scheme, credentials.reveal()).await?
            }
            Hitch::Doubt(token, doubt) => {
                let verified = self.guard.settle(token.reveal(), doubt).await;
                (verified.map_err(Why::Denied)?, Token::Borne(token))
            }
        };
        Ok(Some(Known { verified, token }))
    }

    /// Steps 3 and 4 for other credentials than a token.
    async fn exchange(
        &self,
        scheme: &dyn Scheme,
        credentials: &str,
    ) -> Result<(Verified<Claims>, Token), Why> {
        let token = match scheme.token(credentials, &self.guard).await {
            Ok(token) => token,
            Err(NotExchanged::Wrong) => return Err(Why::WrongCredentials),
            Err(NotExchanged::Unavailable) => return Err(Why::Unavailable),
        };
        match self.guard.check(token.reveal()).await {
            Ok(verified) => Ok((verified, Token::Exchanged(token))),
            Err(denied) => {
                if let Denied::Refused(_) = denied {
                    scheme.forget(credentials);
                }
                Err(Why::Denied(denied))
            }
        }
    }

    fn permit(&self, known: Option<&Known>) -> Result<Option<Left>, Why> {
        let Some(known) = known else {
            return Ok(None);
        };
        // 5. Its owner does not ask too often.
        let left = self.budgets.as_ref().map(|budgets| {
            let now = self.guard.clock().monotonic();
            budgets.take(&known.verified, now)
        });
        if let Some(left) = left.filter(|left| left.wait.is_some()) {
            return Err(Why::TooMany(left));
        }
        // 6. It permits what is asked.
        self.requirement.check(&known.verified, &self.guard)?;
        Ok(left)
    }
}

/// Why a request is not served at once.
enum Hitch {
    Denied(Why),
    /// Credentials of another scheme than `Bearer`.
    Exchange(Arc<dyn Scheme>, Kept),
    /// A token that is not simply good.
    Doubt(Kept, Doubt),
}

impl From<Why> for Hitch {
    fn from(why: Why) -> Self {
        Self::Denied(why)
    }
}

impl Visit {
    /// The service's answer to whom it may serve.
    fn answer<S>(
        self,
        found: Result<Option<Known>, Why>,
        mut request: Request,
        service: &mut S,
    ) -> Answering<S::Future, S::Error>
    where
        S: Service<Request>,
    {
        let permit = |known: Option<Known>| Ok((self.rules.permit(known.as_ref())?, known));
        let (left, known) = match found.and_then(permit) {
            Ok(permitted) => permitted,
            Err(why) => {
                let visit = Some(self);
                let denial = Denial { why, visit };
                return Answering::apart(async { Ok(denial.into_response()) });
            }
        };
        // 7. Nothing behind sees an offer of tokens; and who calls is said by this layer, not by one outside of it.
        source::hide_offers(&self.rules.sources, request.headers_mut());
        let extensions = request.extensions_mut();
        if let Some(known) = known {
            extensions.insert(Caller::new(known, self));
        } else {
            extensions.remove::<Caller>();
            extensions.insert(self);
        }
        Answering::served(service.call(request), left)
    }

    pub(super) fn guard(&self) -> &Connected {
        &self.rules.guard
    }

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
    type Future = Answering<S::Future, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let visit = visit(&self.rules, &request);
        match visit.rules.look(&request) {
            Ok(found) => visit.answer(Ok(found), request, &mut self.service),
            Err(hitch) => {
                // The one that is ready serves; the clone takes its place.
                let next = self.service.clone();
                let mut service = std::mem::replace(&mut self.service, next);
                Answering::apart(async move {
                    let found = visit.rules.settle(hitch).await;
                    visit.answer(found, request, &mut service).await
                })
            }
        }
    }
}

fn visit(rules: &Arc<Rules>, request: &Request) -> Visit {
    let wants_page = rules.sign_in.is_some() && is_navigation(request.method(), request.headers());
    let page = wants_page.then(|| {
        // A nested router sees a part of the path; people know the whole.
        let whole = request.extensions().get::<OriginalUri>();
        let uri = whole.map_or_else(|| request.uri(), |OriginalUri(uri)| uri);
        let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str);
        path.filter(|path| path.starts_with('/')).map(Arc::from)
    });
    Visit {
        rules: Arc::clone(rules),
        page: page.flatten(),
    }
}
