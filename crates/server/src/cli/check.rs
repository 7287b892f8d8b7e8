//! `countersign check`

use super::operator::Failure;
use super::print::{Output, say};
use crate::config::{Config, Sources};

pub(super) fn run(sources: &Sources, output: Output) -> Result<(), Failure> {
    let config = Config::load(sources)?;
    let file = sources.file();
    output.show(&config, |config| {
        let source = match &file {
            Some(path) => format!("# {} and the environment", path.display()),
            None => "# defaults and the environment; no file".to_owned(),
        };
        // Every setting is a value that TOML has.
        let shown = toml::to_string_pretty(config).unwrap_or_default();
        format!("{source}\n{shown}")
    });
    if output == Output::Text {
        say("# This configuration can be used.");
    }
    Ok(())
}
