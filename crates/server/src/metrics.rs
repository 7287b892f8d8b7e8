//! What operators watch, in the Prometheus text format, on a listener of its own.
//!
//! | metric | labels | what it counts |
//! | --- | --- | --- |
//! | `countersign_http_request_duration_seconds` | `route`, `status` (`2xx`…) | requests, and how long they took |
//! | `countersign_sign_ins_total` | `outcome` | sign-ins |
//! | `countersign_renewals_total` | `outcome` | renewals, by row of the renewal table; `renewed` in a style without one |
//! | `countersign_hashing_…` | | the password hashing threads and their queue |
//! | `countersign_limits_counted_alone_total` | | with sessions in Redis: attempts that this node counted by itself, since Redis did not answer |
//! | `countersign_guard_entries` | `kind` | what this node's guard remembers: verified tokens, and revocations by kind |
//! | `countersign_feed_…` | `reason` | the feed: streams open and ended, the last event heard, the age of that knowledge |
//! | `countersign_store_…` | | the embedded store: what was written, in how many commits; or the connections to PostgreSQL: in use, waited for, how long |
//! | `countersign_clock_ahead_seconds` | | on PostgreSQL: how far this machine's clock is ahead of the database's |
//! | `countersign_nodes`, `…_disagreeing` | | on PostgreSQL: the other nodes, and those whose settings differ though they must not |

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use countersign_auth::issue::{Outcome, Signed};
use countersign_auth::refresh::RefreshError;
use countersign_store::{Postgres, Sqlite};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::feed::Ended;
use crate::http::App;
use crate::nodes::Neighbours;

/// Upper bounds of the latency histogram, in seconds: from what a renewal takes to what a person notices.
const BUCKETS: [f64; 12] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0,
];
/// What a scraper is told (`OpenMetrics` 1.0 §4.1).
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How a sign-in went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignInOutcome {
    Complete,
    Challenge,
    Refused,
    Limited,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GuardLabels {
    kind: &'static str,
}

/// The server's counters.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
    sign_ins: Family<OutcomeLabels, Counter>,
    renewals: Family<OutcomeLabels, Counter>,
    streams_ended: Family<ReasonLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let requests: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let sign_ins = Family::default();
        let renewals = Family::default();
        let streams_ended = Family::default();

        let mut registry = Registry::with_prefix("countersign");
        registry.register_with_unit(
            "http_request_duration",
            "Requests, and how long they took",
            Unit::Seconds,
            requests.clone(),
        );
        registry.register("sign_ins", "Sign-ins by outcome", Family::clone(&sign_ins));
        registry.register(
            "renewals",
            "Renewals by row of the renewal table",
            Family::clone(&renewals),
        );
        registry.register(
            "feed_streams_ended",
            "Streams of the feed that the server ended",
            Family::clone(&streams_ended),
        );
        Self(Arc::new(Inner {
            registry,
            requests,
            sign_ins,
            renewals,
            streams_ended,
        }))
    }

    pub(crate) fn request(&self, route: &str, status: StatusCode, took: Duration) {
        let status = match status.as_u16() {
            ..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        let labels = RequestLabels {
            route: route.to_owned(),
            status,
        };
        let histogram = self.0.requests.get_or_create(&labels);
        histogram.observe(took.as_secs_f64());
    }

    pub(crate) fn stream_ended(&self, ended: Ended) {
        let reason = ended.word();
        self.0
            .streams_ended
            .get_or_create(&ReasonLabels { reason })
            .inc();
    }

    pub(crate) fn sign_in(&self, outcome: SignInOutcome) {
        let outcome = match outcome {
            SignInOutcome::Complete => "complete",
            SignInOutcome::Challenge => "challenge",
            SignInOutcome::Refused => "refused",
            SignInOutcome::Limited => "limited",
            SignInOutcome::Failed => "failed",
        };
        self.0
            .sign_ins
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }

    pub(crate) fn renewal(&self, result: &Result<Signed, RefreshError>) {
        let outcome = match result {
            Ok(signed) => match signed.outcome {
                Outcome::Rotated => "rotated",
                Outcome::Held => "held",
                Outcome::Retried => "retried",
                Outcome::Recovered => "recovered",
                Outcome::Renewed => "renewed",
                // No renewal answers these.
                Outcome::SignedIn | Outcome::Joined | Outcome::PasswordChanged => "other",
            },
            Err(error) => match error {
                RefreshError::Invalid => "invalid",
                RefreshError::Expired => "expired",
                RefreshError::Reused => "reused",
                RefreshError::Ahead => "ahead",
                RefreshError::Superseded => "superseded",
                RefreshError::Spent => "spent",
                RefreshError::Stale => "stale",
                RefreshError::Outdated => "outdated",
                RefreshError::Limited { .. } => "limited",
                RefreshError::UnknownClient => "unknown_client",
                RefreshError::NotRenewed => "not_renewed",
                RefreshError::Issue(_) | RefreshError::Store(_) => "failed",
            },
        };
        self.0
            .renewals
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }
}

/// The store, as far as there is something to see.
#[derive(Clone, Default)]
pub struct Watched {
    /// The embedded one.
    pub file: Option<Sqlite>,
    /// The one that others share, and they.
    pub shared: Option<(Postgres, Arc<Neighbours>)>,
}

impl From<Sqlite> for Watched {
    fn from(store: Sqlite) -> Self {
        Self {
            file: Some(store),
            shared: None,
        }
    }
}

/// `GET /metrics`, for a listener that only operators reach.
pub fn router(app: &App, store: impl Into<Watched>) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .with_state((app.clone(), store.into()))
}

async fn show(State((app, store)): State<(App, Watched)>) -> Response {
    match encode(&app, &store) {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn encode(app: &App, store: &Watched) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode_registry(&mut text, &app.metrics().0.registry)?;
    encode_registry(&mut text, &snapshot(app, store.file.as_ref()))?;
    if let Some((database, neighbours)) = &store.shared {
        encode_registry(&mut text, &of_a_shared_store(app, database, neighbours))?;
    }
    encode_eof(&mut text)?;
    Ok(text)
}

/// What others count, as it is now.
fn snapshot(app: &App, store: Option<&Sqlite>) -> Registry {
    let mut registry = Registry::with_prefix("countersign");
    let stats = app.auth().stats();
    let hasher = stats.hasher;
    let store = store.map(Sqlite::stats);
    let (heard, age) = app.auth().feed_head();
    for (name, help, value) in [
        (
            "hashing_waiting",
            "Passwords that wait for a hashing thread",
            hasher.waiting,
        ),
        (
            "hashing_capacity",
            "How many passwords may wait",
            hasher.capacity,
        ),
        (
            "hashing_busy",
            "Passwords that are being hashed",
            hasher.busy,
        ),
        (
            "hashing_memory_bytes",
            "Memory that the hashing threads hold",
            hasher.memory,
        ),
    ] {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    for (name, help, value) in [
        ("hashing_done", "Passwords hashed", hasher.done),
        (
            "hashing_refused",
            "Passwords turned away because too many waited",
            hasher.refused,
        ),
        (
            "hashing_abandoned",
            "Passwords that nobody waited for any more",
            hasher.abandoned,
        ),
        (
            "feed_events",
            "The number of the last event of the revocation log that was heard",
            heard.sequence,
        ),
    ]
    .into_iter()
    .chain(store.into_iter().flat_map(|store| {
        [
            ("store_jobs", "Verbs done by the store's writer", store.jobs),
            ("store_commits", "Transactions made durable", store.commits),
        ]
    })) {
        let counter: Counter = Counter::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    }
    if let Some(alone) = stats.counted_alone {
        let counter: Counter = Counter::default();
        counter.inc_by(alone);
        registry.register(
            "limits_counted_alone",
            "Attempts that this node counted by itself, since Redis did not answer",
            counter,
        );
    }
    let guard: Family<GuardLabels, Gauge> = Family::default();
    for (kind, entries) in [
        ("verified", stats.guard.cached),
        ("sessions", stats.guard.sessions),
        ("tokens", stats.guard.tokens),
        ("subjects", stats.guard.subjects),
        ("clients", stats.guard.clients),
        ("keys", stats.guard.keys),
    ] {
        let entries = i64::try_from(entries).unwrap_or(i64::MAX);
        guard.get_or_create(&GuardLabels { kind }).set(entries);
    }
    registry.register("guard_entries", "What this node's guard remembers", guard);
    let readers: Gauge = Gauge::default();
    readers.set(i64::try_from(app.places().count()).unwrap_or(i64::MAX));
    registry.register("feed_readers", "Streams of the feed that are open", readers);
    let gauge: Gauge<f64, AtomicU64> = Gauge::default();
    gauge.set(age.as_secs_f64());
    registry.register_with_unit(
        "feed_age",
        "How long ago the revocation log was last known to hold nothing new",
        Unit::Seconds,
        gauge,
    );
    registry
}

/// What only nodes that share a store have.
fn of_a_shared_store(app: &App, database: &Postgres, neighbours: &Neighbours) -> Registry {
    let mut registry = Registry::with_prefix("countersign");
    let stats = database.stats();
    let heard = neighbours.heard();
    for (name, help, value) in [
        (
            "store_connections_limit",
            "Connections that this node may open for its verbs",
            stats.limit,
        ),
        (
            "store_connections_in_use",
            "Connections on which a verb is under way",
            stats.in_use,
        ),
        (
            "store_waiting",
            "Verbs that wait for a connection",
            usize::try_from(stats.waiting).unwrap_or(usize::MAX),
        ),
        ("nodes", "Other nodes that live", heard.nodes),
        (
            "nodes_disagreeing",
            "Other nodes whose settings differ where they must not",
            heard.disagree.len(),
        ),
    ] {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let verbs: Counter = Counter::default();
    verbs.inc_by(stats.verbs);
    registry.register("store_verbs", "Verbs asked of the store", verbs);
    let waited: Counter<f64, AtomicU64> = Counter::default();
    waited.inc_by(stats.waited.as_secs_f64());
    registry.register_with_unit(
        "store_waited",
        "Time that verbs waited for a connection, all together",
        Unit::Seconds,
        waited,
    );
    let ahead: Gauge<f64, AtomicU64> = Gauge::default();
    let millis = app.auth().clock_ahead();
    let millis = i32::try_from(millis).unwrap_or(if millis < 0 { i32::MIN } else { i32::MAX });
    ahead.set(f64::from(millis) / 1000.0);
    registry.register_with_unit(
        "clock_ahead",
        "How far this machine's clock is ahead of the database's",
        Unit::Seconds,
        ahead,
    );
    registry
}
