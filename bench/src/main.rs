//! `make bench`: every figure that the project promises, measured in one run and printed next to its goal.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench measures by the machine's clock, and ends at the first thing that is not as it should be"
)]

mod bare;
mod load;
mod machine;
mod plan;
mod process;
mod report;
mod stats;
mod tokens;
mod work;

use std::error::Error;

use plan::Plan;
use report::Report;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut report = Report::default();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare-peer", size] => bare::serve(size.parse()?)?,
        ["tokens"] => tokens::measure(&Plan::full(), &mut report),
        _ => {}
    }
    Ok(())
}

/// How many threads can run at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
