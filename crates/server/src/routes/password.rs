//! `POST /v1/me/password`: a new password.

use axum::extract::State;
use axum::response::Response;
use countersign_auth::account::PasswordForm;
use countersign_auth::password::Password;
use utoipa::ToSchema;

use crate::http::{
    self, App, Body, Caller, Code, Credentials, Fields, FromFields, GivenBody, Problem,
    ProblemBody, Visit,
};

/// The old password and the new one.
#[derive(ToSchema)]
#[schema(as = PasswordChange)]
#[expect(
    dead_code,
    reason = "for the OpenAPI document; read through FromFields"
)]
pub(crate) struct PasswordBody {
    /// The one that is still good.
    current_password: String,
    /// The one to be, under the rules of registration.
    new_password: String,
}

impl FromFields for PasswordForm {
    fn from_fields(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            current: Password::new(fields.text("current_password")?),
            new: Password::new(fields.text("new_password")?),
        })
    }
}

/// Change my password
///
/// Ends every other session, and all tokens given so far. This session goes on with the tokens of the answer, or under the
/// new name in its cookie.
#[utoipa::path(
    post,
    path = "/v1/me/password",
    tag = "account",
    security(("bearer" = []), ("session_cookie" = [])),
    request_body = PasswordBody,
    responses(
        (status = 200, description = "Changed; new tokens for this session, or a new name in its cookie", body = GivenBody),
        (status = 401, description = "`session_revoked`, `missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = 403, description = "`wrong_password`, `cross_site`, `browser_request`", body = ProblemBody),
        (status = 422, description = "`password_too_short`, `password_too_long`, `password_common`, `password_is_identifier`", body = ProblemBody),
        (status = 429, description = "`too_many_requests`, with `Retry-After`", body = ProblemBody),
        (status = 503, description = "`busy`, with `Retry-After`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn change(
    State(app): State<App>,
    credentials: Credentials,
    // Before the body is read…
    Caller(_): Caller,
    visit: Visit,
    Body(form): Body<PasswordForm>,
) -> Result<Response, Problem> {
    // …and after it: it may have come slowly, and whoever was signed out meanwhile changes nothing.
    let caller = credentials.check(&app).await?;
    // The answer holds a refresh token, so the way that it would travel must be safe before anything happens.
    let client = app.auth().client(Some(&caller.client_id)).ok_or_else(|| {
        Problem::new(
            Code::TokenRevoked,
            "the client of this token is not registered any more",
        )
    })?;
    visit.admit(&app, &client)?;
    let visitor = visit.visitor();
    let given = app.auth().change_password(&caller, form, &visitor).await?;
    Ok(http::given(&app, given))
}
