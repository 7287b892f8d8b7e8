//! Tests that need something which may be missing, and tests that have a long form.

/// Says loudly that a test did not run; with `STRICT=1` that is a failure.
pub fn skip(reason: &str) {
    println!("SKIPPED: {reason}");
    assert!(!is_set("STRICT"), "{reason}, and STRICT=1 forbids to skip");
}

/// Whether the long forms were asked for.
pub fn is_long() -> bool {
    is_set("LONG")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value == "1")
}
