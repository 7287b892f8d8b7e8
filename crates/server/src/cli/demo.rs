//! `countersign demo`

use http::Method;

use super::operator::{Failure, Operator};
use super::print::{Output, list};
use crate::admin::Demo;
use crate::config::Sources;

pub(super) async fn run(sources: &Sources, output: Output) -> Result<(), Failure> {
    let demo: Demo = Operator::ask(sources, Method::POST, "/demo", None).await?;
    output.show(&demo, |demo| {
        list(&[
            ("playground", Some(demo.playground.clone())),
            ("email", Some(demo.email.clone())),
            (
                "password",
                Some(format!("{} (shown this once)", demo.password)),
            ),
        ])
    });
    Ok(())
}
