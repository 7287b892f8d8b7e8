//! Servers that are as they should be: nothing bad is said, and what was not looked at is told.

use super::world::{CERTIFICATE, Examined, Plan, World, is_there};
use crate::binary::{Server, command, run};
use crate::free_port::free_port;
use crate::nginx::{NGINX, Nginx};
use crate::temp::TempDir;

/// Everything was looked at, and it is all good.
#[test]
fn nothing_bad_is_said_about_a_good_server() {
    if !is_there(NGINX) {
        return;
    }
    for client in [
        &[][..],
        &["--style", "session"],
        &["--style", "sliding"],
        &["--style", "gateway", "--audience", "https://shop"],
    ] {
        let plan = Plan {
            client,
            ..Plan::default()
        };
        let mut world = World::start(&plan);
        let examined = world.examine(&plan);
        for finding in examined.findings() {
            assert_eq!(finding["level"], "good", "{client:?}: {finding}");
        }
        assert_eq!(examined.code, 0);
        assert!(examined.findings().len() >= 15, "{examined:?}");
        world.server.take().unwrap().stop();
    }
}

/// From elsewhere less can be seen, and that is said.
#[test]
fn what_was_not_looked_at_is_said() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let elsewhere = TempDir::new();
    let look = |arguments: &[&str]| {
        let all = [
            &["doctor", "--json", "--issuer", &server.issuer][..],
            arguments,
        ]
        .concat();
        Examined::of(&run(elsewhere.path(), &all))
    };
    let examined = look(&[]);
    assert_eq!(
        (examined.code, examined.troubles().len()),
        (0, 0),
        "{examined:?}"
    );
    assert_eq!(
        checks(&examined),
        [
            "configuration",
            "pages",
            "caller_address",
            "feed",
            "signing_key"
        ]
    );
    // Whose pages they are, the server says to those pages alone; of what style, it says as far as it matters.
    let page = ["--app-origin", "http://localhost:3000"];
    assert!(checks(&look(&page)).contains(&"origin".to_owned()));
    let add = |id: &str, more: &[&str]| {
        let all = [&["client", "add", id, "--origin", page[1]][..], more].concat();
        assert!(run(folder.path(), &all).status.success());
    };
    add("shop", &[]);
    add("office", &["--style", "session"]);
    add("phone", &["--kind", "native"]);
    for (client, troubles) in [
        ("shop", &[][..]),
        ("office", &[]),
        ("phone", &["error origin"]),
        ("nobody", &["error origin"]),
        ("default", &["error origin"]),
    ] {
        let examined = look(&[&page[..], &["--client", client]].concat());
        let expected = troubles.iter().map(ToString::to_string).collect();
        assert_eq!(examined.troubles(), expected, "{client}: {examined:?}");
    }
    server.stop();
}

fn checks(examined: &Examined) -> Vec<String> {
    let unknown = examined.of_level("not_checked").into_iter();
    unknown
        .map(|finding| finding["check"].as_str().unwrap().to_owned())
        .collect()
}

/// With no settings at all, and with TLS of its own.
#[test]
fn a_server_without_a_proxy_is_well() {
    let folder = TempDir::new();
    let (certificate, key) = CERTIFICATE;
    std::fs::write(folder.path().join("cert.pem"), certificate).unwrap();
    std::fs::write(folder.path().join("key.pem"), key).unwrap();
    let tls = [
        ("COUNTERSIGN_TLS_CERTIFICATE", "cert.pem"),
        ("COUNTERSIGN_TLS_KEY", "key.pem"),
    ];
    for settings in [&[][..], &tls] {
        let port = free_port();
        let server = Server::start(folder.path(), port, settings);
        let output = command(folder.path(), &["doctor", "--json"])
            .env("COUNTERSIGN_LISTEN", format!("localhost:{port}"))
            .envs(settings.iter().copied())
            .env("SSL_CERT_FILE", "cert.pem")
            .output()
            .unwrap();
        let examined = Examined::of(&output);
        assert_eq!(
            (examined.code, examined.troubles().len()),
            (0, 0),
            "{:#}",
            examined.said
        );
        assert_eq!(checks(&examined), ["feed"], "{:#}", examined.said);
        server.stop();
    }
}

/// It is another site than its pages, and their proxy hands the server's calls on: nobody needs to say so.
#[test]
fn a_gateway_is_known_from_elsewhere() {
    if !is_there(NGINX) {
        return;
    }
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    for (handed_on, troubles) in [("/v1/", &[][..]), ("/elsewhere/", &["error style"])] {
        let nginx = Nginx::start(|port| {
            let place = format!(
                "location {handed_on} {{ proxy_pass http://127.0.0.1:{}; }}",
                server.port
            );
            format!("server {{ listen 127.0.0.1:{port}; {place} location / {{ return 404; }} }}")
        });
        let page = format!("http://127.0.0.1:{}", nginx.port);
        let add = ["client", "add", "office", "--replace", "--style", "gateway"];
        let add = [
            &add[..],
            &["--audience", "https://office", "--origin", &page],
        ]
        .concat();
        let added = run(folder.path(), &add);
        assert!(added.status.success(), "{added:?}");
        let elsewhere = TempDir::new();
        let look = [
            "doctor",
            "--json",
            "--issuer",
            &server.issuer,
            "--app-origin",
            &page,
            "--client",
            "office",
        ];
        let examined = Examined::of(&run(elsewhere.path(), &look));
        let expected = troubles.iter().map(ToString::to_string).collect();
        assert_eq!(examined.troubles(), expected, "{:#}", examined.said);
    }
    server.stop();
}
