//! Every algorithm, claim and error says in its documentation where the standards speak of it.

/// What no standard has: bounds of our own, and a library that fails.
const OURS: [&str; 2] = ["TooLong", "Failed"];

#[test]
fn every_algorithm_claim_and_error_names_its_section() {
    let mut documented = 0;
    let mut lacking = Vec::new();
    for (source, enums) in [
        (
            include_str!("../src/algorithm.rs"),
            &["pub enum Algorithm {"][..],
        ),
        (
            include_str!("../src/jwe/algorithm.rs"),
            &[
                "pub enum KeyManagement {",
                "pub enum ContentEncryption {",
                "pub enum AgreementCurve {",
            ],
        ),
        (
            include_str!("../src/error.rs"),
            &[
                "pub enum KeyError {",
                "pub enum SignError {",
                "pub enum EncryptError {",
                "pub enum Claim {",
                "pub enum Refused {",
            ],
        ),
    ] {
        for head in enums {
            let (_, rest) = source.split_once(head).expect(head);
            let (body, _) = rest.split_once("\n}\n").expect("an end");
            for (name, text) in variants(body) {
                documented += 1;
                let cites = text.contains("RFC ") && text.contains('§');
                if !cites && !OURS.contains(&name) {
                    lacking.push(format!("{head} {name}"));
                }
            }
        }
    }
    println!("{documented} algorithms, claims and errors");
    assert!(documented > 110, "{documented}");
    assert_eq!(lacking, [""; 0]);
}

/// The variants of an enum, with what is said about each.
fn variants(body: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut text = String::new();
    for line in body.lines() {
        // Four spaces: what stands deeper is of a variant's fields.
        let Some(line) = line.strip_prefix("    ") else {
            continue;
        };
        if let Some(more) = line.strip_prefix("/// ") {
            text.push_str(more);
        } else if line.starts_with(char::is_uppercase) {
            let end = line.find(|c: char| !c.is_alphanumeric());
            found.push((
                &line[..end.unwrap_or(line.len())],
                std::mem::take(&mut text),
            ));
        }
    }
    found
}
