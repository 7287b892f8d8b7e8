//! How the doctor asks: one request after the other, each bounded in time and size, to no other machine than the one that
//! was named. No redirect is followed, and no address that an answer names is asked.

use std::net::IpAddr;
use std::time::Duration;

use countersign_auth::env::Env;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::Value;
use tokio::time::timeout;

use crate::fetch::{self, Answer, FetchError, InvalidUrl, Policy, Url, ask};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most of somebody else's words that is repeated.
const QUOTED: usize = 200;

/// Somebody to ask.
pub(super) struct Asker {
    origin: String,
    url: Url,
    agent: HeaderValue,
    /// In the name that requests give themselves, to know them again by.
    nonce: String,
}

impl Asker {
    /// The server at this origin.
    pub(super) fn new(origin: &str, env: &Env) -> Result<Self, InvalidUrl> {
        let nonce = env.random::<8>().map(|byte| format!("{byte:02x}")).concat();
        let version = env!("CARGO_PKG_VERSION");
        let agent = format!("countersign-doctor/{version} ({nonce})");
        Ok(Self {
            url: format!("{origin}/").parse()?,
            origin: origin.to_owned(),
            agent: HeaderValue::try_from(agent).map_err(|_| InvalidUrl::Syntax)?,
            nonce,
        })
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    pub(super) fn get(&self, path: &str) -> Question<'_> {
        self.question(Method::GET, path)
    }

    pub(super) fn post(&self, path: &str) -> Question<'_> {
        self.question(Method::POST, path)
    }

    pub(super) fn question(&self, method: Method, path: &str) -> Question<'_> {
        Question {
            asker: self,
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

/// A request that is being written.
pub(super) struct Question<'a> {
    asker: &'a Asker,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Question<'_> {
    /// A value that cannot be in a header is left out.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.append(name, value);
        }
        self
    }

    pub(super) fn json(self, value: &Value) -> Self {
        let mut question = self.header(header::CONTENT_TYPE, "application/json");
        question.body = value.to_string().into();
        question
    }

    /// Fields whose values need no escaping.
    pub(super) fn form(self, text: &str) -> Self {
        let mut question = self.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        question.body = text.to_owned().into();
        question
    }

    /// Asks, and reads the whole answer.
    pub(super) async fn send(self) -> Result<Reply, Unanswered> {
        let asker = self.asker;
        let (url, request) = self.written()?;
        let work = async {
            let answer = ask(&url, Policy::ANYWHERE, request).await?;
            let (status, local) = (answer.status(), answer.local());
            let headers = answer.headers().clone();
            let body = answer.document().await?;
            Ok::<_, FetchError>(Reply {
                status,
                headers,
                body,
                local,
            })
        };
        Ok(asker.in_time(work).await?)
    }

    /// Asks, and reads the head of an answer that may have no end.
    pub(super) async fn begin(self) -> Result<Answer, Unanswered> {
        let asker = self.asker;
        let (url, request) = self.written()?;
        Ok(asker.in_time(ask(&url, Policy::ANYWHERE, request)).await?)
    }

    fn written(self) -> Result<(Url, Request<Full<Bytes>>), InvalidUrl> {
        let url: Url = format!("{}{}", self.asker.origin, self.path).parse()?;
        let mut request = fetch::request(&url).map(|_| Full::new(self.body));
        *request.method_mut() = self.method;
        let headers = request.headers_mut();
        headers.extend(self.headers);
        headers.insert(header::USER_AGENT, self.asker.agent.clone());
        Ok((url, request))
    }
}

impl Asker {
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let too_slow = |_| FetchError::TooSlow {
            host: self.url.host().to_owned(),
            patience: PATIENCE,
        };
        // A connection in all its states is large, and there is one in every question.
        timeout(PATIENCE, Box::pin(work)).await.map_err(too_slow)?
    }
}

/// An answer, whole.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// This machine's own address in the connection.
    pub(super) local: IpAddr,
}

impl Reply {
    /// The one header of this name, if there is one and it is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How many lines of this header there are.
    pub(super) fn lines(&self, name: &HeaderName) -> usize {
        self.headers.get_all(name).iter().count()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `code` of a refusal, if it is a countersign server that refuses.
    pub(super) fn code(&self) -> Option<String> {
        let kind = self.header(&header::CONTENT_TYPE);
        let is_problem = kind.is_some_and(|kind| kind.starts_with("application/problem+json"));
        let code = self.json().get("code")?.as_str()?.to_owned();
        is_problem.then_some(code)
    }

    /// Why it refuses, in its own words.
    pub(super) fn detail(&self) -> String {
        let value = self.json();
        let detail = value.get("detail").and_then(Value::as_str);
        quoted(detail.unwrap_or_default())
    }

    /// Whether it is this refusal.
    pub(super) fn is(&self, code: &str) -> bool {
        self.code().as_deref() == Some(code)
    }
}

/// Somebody else's words, cut short. Whoever shows them sees that they do no harm.
pub(super) fn quoted(text: &str) -> String {
    text[..text.floor_char_boundary(QUOTED)].to_owned()
}
