//! The code to copy: the very text of the examples and papers, whose own tests run it, with this server's address in it.

use crate::first_start::{APP, DEMO_USER, SERVICE};

/// Where the papers say that the server is.
const ADDRESS: &str = "http://localhost:8080";

/// The page, with everything in its place.
pub(super) fn fill(page: &str, issuer: &str) -> String {
    let axum = fenced(include_str!("../../../guard/src/protect.md"), "```no_run\n");
    let nginx = fenced(
        include_str!("../../../../docs/forward-auth.md"),
        "```nginx\n",
    );
    let samples = [
        ("axum", shown(axum)),
        ("nginx", nginx.to_owned()),
        (
            "express",
            include_str!("../../../../examples/verifiers/express-jose.mjs").to_owned(),
        ),
        (
            "python",
            include_str!("../../../../examples/verifiers/flask-pyjwt.py").to_owned(),
        ),
    ];
    let mut page = page
        .replace("{{app}}", APP)
        .replace("{{service}}", SERVICE)
        .replace("{{user}}", DEMO_USER);
    for (name, text) in samples {
        page = page.replace(&format!("{{{{{name}}}}}"), &escaped(text.trim()));
    }
    page.replace(ADDRESS, issuer)
        .replace("https://id.example", issuer)
        // As a proxy says it: by address, since `localhost` may be two.
        .replace(
            "http://127.0.0.1:8080",
            &issuer.replace("localhost", "127.0.0.1"),
        )
}

/// The first block of a paper that begins so.
fn fenced<'a>(paper: &'a str, fence: &str) -> &'a str {
    let block = paper.split_once(fence).map_or("", |(_, rest)| rest);
    block.split_once("```").map_or(block, |(block, _)| block)
}

/// Without the lines that rustdoc hides.
fn shown(block: &str) -> String {
    let lines = block.lines().filter(|line| !line.starts_with("# "));
    lines.collect::<Vec<_>>().join("\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
