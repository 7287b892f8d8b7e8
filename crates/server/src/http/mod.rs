//! The edge: what every request meets before a route, and every answer on its way out.

mod address;
mod answer;
mod app;
mod caller;
mod code;
mod cookies;
mod edge;
mod errors;
mod fingerprint;
mod form;
mod json;
mod oauth;
mod openapi;
mod origin;
mod problem;
mod query;
mod router;
mod visit;

pub use address::{ForwardedHeader, Peer, TrustedProxies};
pub use app::{App, ForwardAuth, RefusePages, Settings};
pub use code::Code;
pub use problem::Problem;
pub use router::router;

pub(crate) use answer::{GivenBody, Profile, Tokens, TokensBody, cookies_of, given, with_cookies};
pub(crate) use caller::{Bearer, Caller, Credentials, use_session};
pub(crate) use cookies::{CookiePolicy, Cookies, Kind as CookieKind};
pub(crate) use fingerprint::fingerprint;
pub(crate) use form::{Form, decode, encode};
pub(crate) use json::{Body, Fields, FromFields, OptionalBody};
pub(crate) use oauth::{OAuthError, OAuthErrorBody, Proof};
pub(crate) use origin::{Site, listed_for};
pub(crate) use problem::ProblemBody;
pub(crate) use visit::Visit;
