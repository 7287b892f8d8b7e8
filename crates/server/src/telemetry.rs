//! The log: for eyes on a terminal, JSON for everything else, always on standard error.

use std::io::{IsTerminal, stderr};

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text on a terminal, else JSON.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How to log.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a line looks like.
    pub format: Format,
    /// Which lines there are: a level, or directives as in `warn,countersign::request=info`.
    pub filter: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            filter: String::from("info"),
        }
    }
}

/// A filter that is none.
#[derive(Debug, thiserror::Error)]
#[error("not a log filter: {0}; a level is enough: error, warn, info, debug or trace")]
pub struct InvalidFilter(#[from] ParseError);

/// Starts logging, panics included: a panic in a request is answered with 500 and costs nobody else anything, so its
/// line here is all that tells of it. A second call changes nothing.
///
/// # Errors
/// [`InvalidFilter`].
pub fn init(settings: &Settings) -> Result<(), InvalidFilter> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let terminal = stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(terminal);
    let text = match settings.format {
        Format::Auto => terminal,
        Format::Text => true,
        Format::Json => false,
    };
    // What fails is a second call: the first one's subscriber stays.
    let _ = if text {
        builder.compact().try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str().unwrap_or("(no message)");
        tracing::error!(place, said, "a defect: something panicked");
    }));
    Ok(())
}
