//! `POST /v1/login`: sign-in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign_auth::login::{Challenge, Login, LoginError, SignIn};
use countersign_auth::model::client::Client;
use countersign_auth::password::Password;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    self, App, Body, Code, Fields, FromFields, GivenBody, Problem, ProblemBody, Visit,
};
use crate::metrics::SignInOutcome;

/// What a person signs in with: `email` or `username`, and the password.
#[derive(ToSchema)]
#[schema(as = Login)]
#[expect(
    dead_code,
    reason = "for the OpenAPI document; read through FromFields"
)]
pub(crate) struct LoginBody {
    /// Their address; or else `username`.
    #[schema(example = "alice@example.com")]
    email: Option<String>,
    /// Their name; or else `email`.
    username: Option<String>,
    /// The password.
    #[schema(example = "a phrase that only Alice knows")]
    password: String,
    /// The application; by default `default`.
    client_id: Option<String>,
}

/// The body of a sign-in.
pub(crate) struct LoginForm(Login);

impl FromFields for LoginForm {
    fn from_fields(fields: &mut Fields) -> Result<Self, Problem> {
        let email = fields.optional_text("email")?;
        let username = fields.optional_text("username")?;
        let identifier = match (email, username) {
            (Some(identifier), None) | (None, Some(identifier)) => identifier,
            (None, None) => {
                return Err(Problem::new(
                    Code::MissingField,
                    "one of the fields \"email\" and \"username\" is needed",
                )
                .field("email"));
            }
            (Some(_), Some(_)) => {
                return Err(Problem::new(
                    Code::DuplicateField,
                    "give \"email\" or \"username\", not both",
                )
                .field("username"));
            }
        };
        Ok(Self(Login {
            identifier,
            password: Password::new(fields.text("password")?),
            client: fields.optional_text("client_id")?,
        }))
    }
}

/// A further step that is needed before anybody is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChallengeBody {
    challenge: ChallengeStep,
}

/// What is asked for, and how to go on.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChallengeStep {
    /// Opaque, of use once: names this sign-in.
    continuation: String,
    /// What may be answered with (RFC 8176 §2).
    methods: Vec<String>,
}

impl From<Challenge> for ChallengeBody {
    fn from(challenge: Challenge) -> Self {
        let Challenge {
            continuation,
            methods,
        } = challenge;
        Self {
            challenge: ChallengeStep {
                continuation,
                methods,
            },
        }
    }
}

/// Sign in
///
/// Begins a session. A browser client's refresh token comes as an httpOnly cookie; a native client's in the body, and
/// only to requests without `Cookie`, `Origin` and `Sec-Fetch-*` headers. A client of the style `session` or `gateway` gets
/// no token: its session's name comes as an httpOnly cookie, always a new one, and the session that the cookie named before
/// ends.
#[utoipa::path(
    post,
    path = "/v1/login",
    tag = "sign-in",
    request_body = LoginBody,
    responses(
        (status = 200, description = "Signed in", body = GivenBody),
        (status = 401, description = "`invalid_credentials`", body = ProblemBody),
        (status = 403, description = "`account_disabled`, `client_disabled`, `cross_site`, `browser_request`", body = ProblemBody),
        (status = 429, description = "`too_many_requests`, with `Retry-After`", body = ProblemBody),
        (status = 503, description = "`busy`, `cannot_protect`, with `Retry-After`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn login(
    State(app): State<App>,
    visit: Visit,
    Body(LoginForm(login)): Body<LoginForm>,
) -> Result<Response, Problem> {
    let client = app.client(login.client.as_deref())?;
    Ok(match sign_in(&app, &visit, &client, login).await? {
        SignIn::Complete(given) => http::given(&app, given),
        SignIn::Challenge(challenge) => Json(ChallengeBody::from(challenge)).into_response(),
    })
}

/// Signs somebody in to this client, whichever door they came by: the call above, or the page.
pub(crate) async fn sign_in(
    app: &App,
    visit: &Visit,
    client: &Arc<Client>,
    login: Login,
) -> Result<SignIn, Problem> {
    visit.admit(app, client)?;
    let visitor = visit.visitor_signing_in(app, client)?;
    let result = app.auth().login(login, &visitor).await;
    app.metrics().sign_in(match &result {
        Ok(SignIn::Complete(_)) => SignInOutcome::Complete,
        Ok(SignIn::Challenge(_)) => SignInOutcome::Challenge,
        Err(LoginError::InvalidCredentials | LoginError::Disabled) => SignInOutcome::Refused,
        Err(LoginError::Limited { .. }) => SignInOutcome::Limited,
        Err(_) => SignInOutcome::Failed,
    });
    Ok(result?)
}
