//! A server that is none, and wants something of whoever looks at it.

use super::peer::{Peer, answer};
use super::world::Examined;

#[test]
fn a_secret_is_shown_to_nobody_who_calls_himself_otherwise() {
    let other = Peer::answering(|_, _| answer("200 OK", "", "{}"));
    let port = other.port;
    let body = format!(
        r#"{{"issuer":"http://localhost:{port}","jwks_uri":"http://localhost:{port}/keys","token_endpoint":"http://localhost:{port}/token"}}"#
    );
    let peer = Peer::answering(move |_, _| answer("200 OK", "", &body));
    let examined = Examined::of(&peer.examined(true));
    assert!(examined.troubles().contains("error issuer"), "{examined:?}");
    let not_told = examined.of_level("not_checked");
    assert!(
        not_told.iter().any(|finding| finding["check"] == "feed"),
        "{examined:?}"
    );
    // base64 of "doctor:css"
    for secret in ["basic", "css_", "zg9jdg9yomnzc"] {
        assert!(!peer.asked().contains(secret), "{}", peer.asked());
    }
    assert_eq!(
        other.asked(),
        "",
        "an address that an answer names is not asked"
    );
}

#[test]
fn no_redirect_is_followed() {
    let other = Peer::answering(|_, _| answer("200 OK", "", "{}"));
    let headers = format!("Location: http://localhost:{}/\r\n", other.port);
    let peer = Peer::answering(move |_, _| answer("302 Found", &headers, ""));
    let examined = Examined::of(&peer.examined(true));
    assert_eq!(
        examined.troubles(),
        ["error redirect".to_owned()].into(),
        "{examined:?}"
    );
    assert_eq!(other.asked(), "");
}

#[test]
fn nothing_that_it_says_moves_the_cursor() {
    let peer = Peer::answering(|_, _| {
        let body = r#"{"code":"wrong_host","detail":"\u001b[2Jgone\r\n\u202egood"}"#;
        answer("421 X", "Content-Type: application/problem+json\r\n", body)
    });
    let output = peer.examined(false);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("ERROR") && said.contains("gone"), "{said}");
    assert!(!said.contains(['\u{1b}', '\r', '\u{202e}']), "{said:?}");
}

#[test]
fn answers_without_end_are_not_read_to_their_end() {
    let peer = Peer::answering(|port, _| {
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n".to_vec();
        answer.extend(format!(r#"{{"issuer":"http://localhost:{port}"}}"#).bytes());
        answer.resize(answer.len() + 4 * 1024 * 1024, b' ');
        answer
    });
    let examined = Examined::of(&peer.examined(true));
    assert_eq!(
        examined.troubles(),
        ["error reach".to_owned()].into(),
        "{examined:?}"
    );
    let what = examined.of_level("error")[0]["what"].to_string();
    assert!(what.contains("larger than 1024 KiB"), "{what}");
}
