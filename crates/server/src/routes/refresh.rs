//! `POST /v1/refresh`: renewal.

use axum::extract::State;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::refresh::RefreshError;
use utoipa::ToSchema;

use crate::http::{
    App, Code, CookieKind, Fields, FromFields, OptionalBody, Problem, ProblemBody, Tokens,
    TokensBody, Visit,
};

/// What is to be renewed. Browser clients may send nothing at all: the cookie says it.
#[derive(ToSchema)]
#[schema(as = Refresh)]
pub(crate) struct RefreshBody {
    /// The application; by default `default`.
    client_id: Option<String>,
    /// Native clients: the refresh token; in the style `sliding` the access token.
    refresh_token: Option<String>,
}

impl FromFields for RefreshBody {
    fn from_fields(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            client_id: fields.optional_text("client_id")?,
            refresh_token: fields.optional_text("refresh_token")?,
        })
    }
}

/// Renew
///
/// A fresh access token, and the refresh token to present next time: browsers get it as a cookie, native clients in the
/// body. To present the same one again is safe: after a lost answer, or from two tabs at once.
#[utoipa::path(
    post,
    path = "/v1/refresh",
    tag = "sign-in",
    request_body(content = Option<RefreshBody>),
    security(("refresh_cookie" = []), ()),
    responses(
        (status = 200, description = "Renewed", body = TokensBody),
        (status = 401, description = "Sign in again: `no_refresh_token`, `refresh_invalid`, `refresh_expired`, `refresh_reused`, \
            `refresh_ahead`, `refresh_superseded`, `session_revoked`", body = ProblemBody),
        (status = 400, description = "`not_renewable`: this client's sessions live on by being used", body = ProblemBody),
        (status = 403, description = "`cross_site`, `browser_request`", body = ProblemBody),
        (status = 429, description = "`too_many_retries`, with `Retry-After`", body = ProblemBody),
        (status = 503, description = "`cannot_protect`, with `Retry-After`: nothing was spent", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn refresh(
    State(app): State<App>,
    visit: Visit,
    OptionalBody(form): OptionalBody<RefreshBody>,
) -> Result<Tokens, Problem> {
    let client = app.client(form.client_id.as_deref())?;
    visit.admit(&app, &client)?;
    if client.style.is_opaque() {
        return Err(RefreshError::NotRenewed.into());
    }
    let token = match client.kind {
        ClientKind::Browser if form.refresh_token.is_some() => {
            return Err(Problem::new(
                Code::UnknownField,
                "a browser client's refresh token is in its cookie, never in a body",
            )
            .field("refresh_token"));
        }
        ClientKind::Browser => visit.refresh_cookie(&app, &client)?.ok_or_else(|| {
            Problem::new(Code::NoRefreshToken, "there is no refresh cookie: sign in")
        })?,
        // A service has been refused by now.
        ClientKind::Native | ClientKind::Service => {
            form.refresh_token.as_deref().ok_or_else(|| {
                Problem::new(Code::MissingField, "the field \"refresh_token\" is missing")
                    .field("refresh_token")
            })?
        }
    };

    let id = client.id.as_str();
    let result = app.auth().refresh(Some(id), token, &visit.visitor()).await;
    app.metrics().renewal(&result);
    result
        .map(|signed| Tokens::new(&app, signed))
        .map_err(|error| refused(&app, &client, error))
}

/// The refusal; with it the cookie goes, if it can be of no use any more.
fn refused(app: &App, client: &Client, error: RefreshError) -> Problem {
    let clears = error.clears_cookie() && client.kind == ClientKind::Browser;
    let problem = Problem::from(error);
    match app.cookies().clear(CookieKind::Refresh, client) {
        Some(cookie) if clears => problem.set_cookie(cookie),
        _ => problem,
    }
}
