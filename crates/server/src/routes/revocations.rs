//! `/v1/revocations`: the feed, for services that check tokens on their own.

use std::borrow::Cow;

use axum::extract::{Extension, Query as Pairs, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use countersign_auth::MAX_LEEWAY;
use countersign_auth::feed::News;
use countersign_auth::model::revocation::Cursor;
use countersign_guard::{Claims, Event, Verified};
use serde::Serialize;
use utoipa::ToSchema;

use crate::feed::{self, After, Ear, Query, SCOPE, View};
use crate::http::{App, Bearer, Code, Problem, ProblemBody};
use crate::listen::Stopping;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A page of the log.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocations)]
pub(crate) struct Page<'e> {
    /// `snapshot`: all that still matters, to be added to what is known. `tail`: what follows the cursor that was sent.
    #[schema(example = "tail")]
    kind: &'static str,
    /// What is refused from now on, in order: see docs/feed.md.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Cow<'e, Event>>,
    /// Where the reader stands now; not while a snapshot goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "d3f1c6b2a9e80417:42")]
    cursor: Option<String>,
    /// What to send as `after` for the snapshot's next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Whether there is more to be read at once.
    more: bool,
    /// How old the knowledge of this node is, in milliseconds.
    as_of: u64,
    /// The time of this node, in milliseconds since 1970.
    now: u64,
    /// The largest leeway that a verifier may use, in seconds: events are kept so much longer.
    #[schema(example = 30)]
    leeway: u64,
    /// How identifiers are written: `plain` or `hashed`.
    #[schema(example = "plain")]
    ids: &'static str,
}

/// Read the revocation log
///
/// A page of what follows a cursor; without one, or with one of another incarnation, a snapshot.
#[utoipa::path(
    get,
    path = "/v1/revocations",
    tag = "feed",
    security(("bearer" = [])),
    params(
        ("after" = Option<String>, Query, description = "The `cursor` or `next` of an earlier answer"),
        ("limit" = Option<u32>, Query, description = "How many events at most; 1000 unless it is less"),
        ("audience" = Option<String>, Query, description = "Only what can concern tokens for this audience"),
        ("ids" = Option<String>, Query, description = "`plain`, or `hashed`"),
    ),
    responses(
        (status = 200, description = "A page", body = Page),
        (status = 400, description = "`invalid_cursor`, `wrong_type`, `unknown_field`, `duplicate_field`", body = ProblemBody),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = 403, description = "`insufficient_scope`", body = ProblemBody),
        (status = 503, description = "`unavailable`, with `Retry-After`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn poll(
    State(app): State<App>,
    bearer: Bearer,
    Pairs(pairs): Pairs<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let reader = admit(&app, &bearer)?;
    let query = reader.limit(Query::read(pairs)?)?;
    let (after, to) = match query.after {
        None => (None, None),
        Some(After::Cursor(cursor)) => (Some(cursor), None),
        Some(After::Snapshot { at, to }) => (Some(at), Some(to)),
    };
    let auth = app.auth();
    let looked = auth.env().clock.elapsed();
    let page = auth.feed_page(after, query.limit()).await?;
    let to = if page.anew {
        Some(page.head.sequence)
    } else {
        to
    };
    let more = match to {
        Some(to) => page.cursor.sequence < to,
        None => !page.is_last(),
    };
    let next = to.filter(|_| more).map(|to| {
        let at = page.cursor;
        After::Snapshot { at, to }.to_string()
    });
    let as_of = auth.env().clock.elapsed().saturating_sub(looked);
    let view = View::new(&app, query);
    let body = Page {
        kind: if to.is_some() { "snapshot" } else { "tail" },
        events: view.events(&page.entries),
        cursor: next.is_none().then(|| page.cursor.to_string()),
        next,
        more,
        as_of: u64::try_from(as_of.as_millis()).unwrap_or(u64::MAX),
        now: auth.env().now().as_millis(),
        leeway: MAX_LEEWAY.as_secs(),
        ids: view.ids(),
    };
    Ok(axum::Json(body).into_response())
}

/// Follow the revocation log
///
/// Server-sent events: a snapshot unless the reader resumes, then what follows, with a heartbeat. See docs/feed.md.
#[utoipa::path(
    get,
    path = "/v1/revocations/stream",
    tag = "feed",
    security(("bearer" = [])),
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The last `id` of an earlier stream"),
        ("after" = Option<String>, Query, description = "The same, or the `cursor` of a page, where the header cannot be set"),
        ("audience" = Option<String>, Query, description = "Only what can concern tokens for this audience"),
        ("ids" = Option<String>, Query, description = "`plain`, or `hashed`"),
    ),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = 400, description = "`invalid_cursor`, `wrong_type`, `unknown_field`, `duplicate_field`", body = ProblemBody),
        (status = 401, description = "`missing_token`, `token_invalid`, `token_expired`, `token_revoked`", body = ProblemBody),
        (status = 403, description = "`insufficient_scope`", body = ProblemBody),
        (status = 429, description = "`too_many_requests`: too many streams; with `Retry-After`", body = ProblemBody),
        (status = 503, description = "`unavailable`, with `Retry-After`", body = ProblemBody),
        (status = "default", description = "Any other refusal", body = ProblemBody),
    ),
)]
pub(crate) async fn stream(
    State(app): State<App>,
    bearer: Bearer,
    stopping: Option<Extension<Stopping>>,
    headers: HeaderMap,
    Pairs(pairs): Pairs<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    // 1. Who asks, and for what?
    let reader = admit(&app, &bearer)?;
    let query = reader.limit(Query::read(pairs)?)?;
    if query.limit.is_some() {
        return Err(Problem::new(Code::UnknownField, "a stream has no limit").field("limit"));
    }
    let after = match headers.get(LAST_EVENT_ID) {
        // It is newer than what stands in the address.
        Some(id) => Some(feed::place(id.to_str().unwrap_or_default())?),
        None => query.after,
    };
    let after = match after {
        None => None,
        Some(After::Cursor(cursor)) => Some(cursor),
        Some(After::Snapshot { .. }) => {
            return Err(Problem::new(
                Code::InvalidCursor,
                "a page's next is no cursor: a stream sends a snapshot of its own",
            )
            .field("after"));
        }
    };

    // 2. Is there a place?
    let place = app
        .places()
        .take(&reader.token.client_id, app.settings().feed)?;

    // 3. Does the log go on from where the reader stands?
    let after = resumable(&app, after).await?;

    let view = View::new(&app, query);
    let stopping = stopping.map(|Extension(stopping)| stopping);
    let ear = Ear {
        bearer,
        token: reader.token,
    };
    let body = feed::open(app, ear, view, after, stopping, place);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        // nginx holds answers back until they fill a buffer, unless it is told not to.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, body).into_response())
}

/// The cursor, if the log goes on from it. One that is ahead of the log begins a new incarnation.
async fn resumable(app: &App, after: Option<Cursor>) -> Result<Option<Cursor>, Problem> {
    let Some(cursor) = after else {
        return Ok(None);
    };
    let auth = app.auth();
    let known = !matches!(auth.feed_news(cursor, 0), News::Elsewhere);
    if known || !auth.feed_page(after, 1).await?.anew {
        Ok(after)
    } else {
        Ok(None)
    }
}

/// Who reads the log.
struct Reader {
    token: Verified<Claims>,
    /// The audience that it is, if its registration says so. It hears of nothing else.
    serves: Option<String>,
}

/// A service, whose token's scope says that it may. People's tokens are with applications, whose business it is not who
/// else signs out.
fn admit(app: &App, bearer: &Bearer) -> Result<Reader, Problem> {
    let caller = bearer.check(app)?;
    let is_service = caller.sid.is_none() && caller.sub == caller.client_id;
    let scope = caller.scope.as_ref();
    let is_given = scope.is_some_and(|scope| scope.contains(SCOPE));
    if !(is_service && is_given) {
        return Err(forbidden(
            "a service's token is needed, whose scope holds \"revocations\"",
        ));
    }
    let client = app.auth().client(Some(&caller.client_id));
    Ok(Reader {
        serves: client.and_then(|client| client.serves.clone()),
        token: caller,
    })
}

impl Reader {
    /// What it asks for, within what it may hear.
    fn limit(&self, mut query: Query) -> Result<Query, Problem> {
        if let Some(own) = &self.serves {
            let asked = query.audience.get_or_insert_with(|| own.clone());
            if asked != own {
                return Err(forbidden(
                    "this client is registered to serve another audience, and hears of that alone",
                )
                .field("audience"));
            }
        }
        Ok(query)
    }
}

fn forbidden(detail: &'static str) -> Problem {
    Problem::new(Code::InsufficientScope, detail).scope(SCOPE)
}
