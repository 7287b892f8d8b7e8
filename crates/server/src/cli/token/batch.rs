//! A verdict for every line.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use super::TokenError;
use super::lines::{Input, Line, Lines};
use super::verdict::Verdict;
use crate::cli::print::Output;

/// Judges the lines of standard input one by one, a line of verdict for each, whatever is in it.
///
/// Verdicts are written together while lines are waiting, and before the next is waited for: fast
/// in bulk, and nobody who sends one token at a time waits for an answer.
pub(super) fn judge(
    form: Input,
    output: Output,
    judge: impl Fn(&str) -> Verdict,
) -> Result<ExitCode, TokenError> {
    let mut lines = Lines::new(io::stdin().lock(), form);
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut number = 0;
    let mut refused = 0_u64;
    loop {
        if lines.would_wait() {
            out.flush().map_err(TokenError::Output)?;
        }
        let verdict = match lines.next().map_err(TokenError::Input)? {
            Some(Line::Text(token)) => judge(&token),
            Some(Line::Unreadable(why)) => Verdict::of_unreadable(why),
            None => break,
        };
        number += 1;
        refused += u64::from(verdict.is_refusal());
        writeln!(out, "{}", verdict.line(number, output)).map_err(TokenError::Output)?;
    }
    out.flush().map_err(TokenError::Output)?;
    if number == 0 {
        // Whoever goes on after "nothing was refused" should have had something looked at.
        let nothing = "no token on standard input: one a line is expected";
        return Err(TokenError::Usage(nothing.to_owned()));
    }
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
