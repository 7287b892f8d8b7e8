//! Addresses, user names and display names: which are accepted, and in which form they are kept.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use countersign_auth::identifier::{
    InvalidEmail, InvalidName, InvalidUsername, email, name, username,
};
use countersign_auth::model::user::Identifier;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;

#[test]
fn emails() {
    for (typed, kept) in [
        ("ann@example.org", "ann@example.org"),
        (
            "  Ann.Miller+News@Example.ORG\n",
            "ann.miller+news@example.org",
        ),
        (
            "o'brien_1@sub.example-one.org",
            "o'brien_1@sub.example-one.org",
        ),
        ("demo@localhost", "demo@localhost"),
        ("用户@例子.公司", "用户@例子.公司"),
        ("ÅSA@EXAMPLE.SE", "åsa@example.se"),
        ("A\u{30a}sa@example.se", "åsa@example.se"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@1.example", "a@1.example"),
    ] {
        assert_eq!(email(typed).as_deref(), Ok(kept), "{typed:?}");
    }
    let long_local = format!("{}@example.org", "a".repeat(65));
    let long_label = format!("a@{}.org", "a".repeat(64));
    let long = format!("a@{}org", "a.".repeat(126));
    for (typed, why) in [
        ("", InvalidEmail::Form),
        ("ann", InvalidEmail::Form),
        ("@example.org", InvalidEmail::Form),
        ("ann@", InvalidEmail::Form),
        ("ann@@example.org", InvalidEmail::Form),
        ("ann@miller@example.org", InvalidEmail::Form),
        (".ann@example.org", InvalidEmail::Form),
        ("ann.@example.org", InvalidEmail::Form),
        ("ann..miller@example.org", InvalidEmail::Form),
        ("ann miller@example.org", InvalidEmail::Character(' ')),
        ("ann\r\nBcc: x@example.org", InvalidEmail::Character('\r')),
        ("ann\0@example.org", InvalidEmail::Character('\0')),
        ("\"ann\"@example.org", InvalidEmail::Character('"')),
        ("<ann@example.org", InvalidEmail::Character('<')),
        (
            "ann\u{202e}@example.org",
            InvalidEmail::Character('\u{202e}'),
        ),
        (
            "an\u{200b}n@example.org",
            InvalidEmail::Character('\u{200b}'),
        ),
        ("ann@example", InvalidEmail::Domain),
        ("ann@example.org.", InvalidEmail::Domain),
        ("ann@.example.org", InvalidEmail::Domain),
        ("ann@example..org", InvalidEmail::Domain),
        ("ann@-example.org", InvalidEmail::Domain),
        ("ann@example-.org", InvalidEmail::Domain),
        ("ann@exam_ple.org", InvalidEmail::Domain),
        ("ann@exam ple.org", InvalidEmail::Domain),
        ("ann@example.org>", InvalidEmail::Domain),
        ("ann@[127.0.0.1]", InvalidEmail::Domain),
        ("ann@127.0.0.1", InvalidEmail::Domain),
        (long_local.as_str(), InvalidEmail::TooLong),
        (long_label.as_str(), InvalidEmail::Domain),
        (long.as_str(), InvalidEmail::TooLong),
        (&*"a".repeat(1_000_000), InvalidEmail::TooLong),
    ] {
        let shown: String = typed.chars().take(40).collect();
        assert_eq!(email(typed), Err(why), "{shown:?}");
    }
}

#[test]
fn usernames() {
    let longest = "a".repeat(64);
    for (typed, kept) in [
        ("ann", "ann"),
        (" Ann.Miller ", "ann.miller"),
        ("7of9", "7of9"),
        ("a_b-c.d", "a_b-c.d"),
        (longest.as_str(), longest.as_str()),
    ] {
        assert_eq!(username(typed).as_deref(), Ok(kept), "{typed:?}");
    }
    for (typed, why) in [
        ("", InvalidUsername::Length),
        ("an", InvalidUsername::Length),
        (&*"a".repeat(65), InvalidUsername::Length),
        ("ann@example.org", InvalidUsername::Character('@')),
        ("ann miller", InvalidUsername::Character(' ')),
        ("änn", InvalidUsername::Character('ä')),
        // A Cyrillic а, which looks like a Latin one; and a full-width one.
        ("\u{430}nn", InvalidUsername::Character('\u{430}')),
        ("ａnn", InvalidUsername::Character('ａ')),
        ("ann\0", InvalidUsername::Character('\0')),
        (".ann", InvalidUsername::Start),
        ("_ann", InvalidUsername::Start),
        ("-ann", InvalidUsername::Start),
    ] {
        assert_eq!(username(typed), Err(why), "{typed:?}");
    }
}

#[test]
fn names() {
    for (typed, kept) in [
        ("Ann Miller", "Ann Miller"),
        ("  Zoe\u{308}  ", "Zoë"),
        ("김철수", "김철수"),
        ("👩‍🚒", "👩‍🚒"),
        ("<script>", "<script>"),
    ] {
        assert_eq!(name(typed).as_deref(), Ok(kept), "{typed:?}");
    }
    for (typed, why) in [
        ("", InvalidName::Empty),
        (" \u{a0}\t", InvalidName::Empty),
        (&*"a".repeat(201), InvalidName::TooLong),
        (&*"e\u{301}".repeat(101), InvalidName::TooLong),
        (&*"a".repeat(1_000_000), InvalidName::TooLong),
        ("Ann\nMiller", InvalidName::Character('\n')),
        ("Ann\u{1b}[31m", InvalidName::Character('\u{1b}')),
        ("Ann\u{202e}relliM", InvalidName::Character('\u{202e}')),
    ] {
        assert_eq!(name(typed), Err(why), "{typed:.20?}");
    }
}

#[test]
fn what_is_typed_is_an_address_or_a_name() {
    let parsed = |typed| Identifier::parse(typed);
    assert_eq!(
        parsed(" Ann@Example.org"),
        Some(Identifier::Email("ann@example.org".to_owned()))
    );
    assert_eq!(parsed("Ann"), Some(Identifier::Username("ann".to_owned())));
    assert_eq!(parsed("ann@"), None);
    assert_eq!(parsed("an"), None);
}

/// Texts near enough to addresses that many of them are some, in scripts whose cases and compositions are odd.
fn near_addresses() -> impl Strategy<Value = String> {
    let odd = r"[a-zA-Z0-9.+ \u{c5}\u{df}\u{130}\u{131}\u{149}\u{1c4}-\u{1cc}\u{345}\u{3a3}\u{3c2}\u{3c3}\u{300}-\u{308}\u{1e9e}\u{1f80}-\u{1fff}\u{2126}-\u{212b}\u{ac00}\u{1100}\u{1161}]";
    let part = |most: usize| {
        let part = format!("{odd}{{1,{most}}}");
        proptest::string::string_regex(&part).unwrap()
    };
    prop_oneof![
        4 => (part(12), part(8)).prop_map(|(local, domain)| format!("{local}@{domain}.org")),
        1 => part(20),
        1 => "[A-Za-z0-9._-]{2,9}",
        1 => any::<String>(),
    ]
}

#[test]
fn normalising_twice_is_normalising_once() {
    let counts = [const { Cell::new(0) }; 4];
    let count = |which: usize| counts[which].set(counts[which].get() + 1);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(4000)
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&near_addresses(), |typed| {
        count(0);
        if let Ok(kept) = email(&typed) {
            count(1);
            prop_assert_eq!(email(&kept), Ok(kept.clone()));
            prop_assert_eq!(Identifier::parse(&typed), Some(Identifier::Email(kept)));
        }
        if let Ok(kept) = username(&typed) {
            count(2);
            prop_assert_eq!(username(&kept), Ok(kept.clone()));
            prop_assert!(email(&kept).is_err(), "{} is both", kept);
        }
        if let Ok(kept) = name(&typed) {
            count(3);
            prop_assert_eq!(name(&kept), Ok(kept.clone()));
        }
        Ok(())
    });
    outcome.unwrap();
    let [texts, emails, usernames, names] = counts.map(Cell::into_inner);
    println!("{texts} texts: {emails} addresses, {usernames} user names, {names} names");
    assert!(
        emails > 400 && usernames > 20 && names > 400,
        "too rare to show anything"
    );
}
