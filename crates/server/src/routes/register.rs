//! `POST /v1/register`: a new account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_auth::password::Password;
use countersign_auth::register::Registration;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{App, Body, Fields, FromFields, Problem, ProblemBody, Profile, Visit};

/// What a person registers with.
#[derive(ToSchema)]
#[schema(as = Registration)]
#[expect(
    dead_code,
    reason = "for the OpenAPI document; read through FromFields"
)]
pub(crate) struct RegistrationBody {
    /// Their address; unique.
    #[schema(example = "alice@example.com")]
    email: String,
    /// At least 8 characters (an operator may ask for more), at most 256; none of the most common ones.
    #[schema(example = "a phrase that only Alice knows")]
    password: String,
    /// What to call them.
    name: Option<String>,
    /// A name to sign in with, besides the address; unique.
    username: Option<String>,
}

impl FromFields for Registration {
    fn from_fields(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            email: fields.text("email")?,
            password: Password::new(fields.text("password")?),
            name: fields.optional_text("name")?,
            username: fields.optional_text("username")?,
        })
    }
}

/// A new account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    user: Profile,
}

/// Register
///
/// Adds an account. It signs nobody in: call `/v1/login` next.
#[utoipa::path(
    post,
    path = "/v1/register",
    tag = "sign-in",
    request_body = RegistrationBody,
    responses(
        (status = 201, description = "The account is there", body = Registered),
        (status = 409, description = "`email_taken`, `username_taken`", body = ProblemBody),
        (status = 422, description = "`invalid_email`, `invalid_username`, `invalid_name`, `password_too_short`, \
            `password_too_long`, `password_common`, `password_is_identifier`", body = ProblemBody),
        (status = 403, description = "`registration_closed`, `cross_site`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn register(
    State(app): State<App>,
    visit: Visit,
    Body(registration): Body<Registration>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let registered = app.auth().register(registration, &visit.visitor()).await;
    let user = registered?.into();
    Ok((StatusCode::CREATED, Json(Registered { user })))
}
