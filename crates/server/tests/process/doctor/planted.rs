//! One thing wrong at a time, each found with its cure.

use std::process::Command;

use countersign::doctor::{Verdict, plain};

use super::peer::{Peer, answer};
use super::world::{Examined, Plan, World, is_there};
use crate::binary::{Server, run};
use crate::free_port::free_port;
use crate::nginx::{NGINX, Nginx};
use crate::temp::TempDir;
use crate::wrong_clock::WrongClock;

/// One thing that is wrong.
struct Planted<'a> {
    name: &'a str,
    plan: Plan<'a>,
    /// All that is found, as `level check`.
    found: &'a [&'a str],
    /// The check that names the cure, and the line that it names; `ISSUER` is filled in.
    cure: (&'a str, &'a str),
}

#[test]
fn what_people_get_wrong_is_found_with_its_cure() {
    if !is_there(NGINX) {
        return;
    }
    let planted = [in_front(), on_the_way(), of_pages(), of_settings()];
    let mut found = 0;
    for one in planted.into_iter().flatten() {
        let mut world = World::start(&one.plan);
        let examined = world.examine(&one.plan);
        let expected = one.found.iter().map(ToString::to_string).collect();
        assert_eq!(
            examined.troubles(),
            expected,
            "{}: {:#}",
            one.name,
            examined.said
        );
        let (check, line) = one.cure;
        let (cures, line) = (
            examined.cures(check),
            line.replace("ISSUER", &world.issuer()),
        );
        assert!(
            cures.contains(&line),
            "{}: {line} is not in {cures}",
            one.name
        );
        assert_eq!(examined.code, 1, "{}", one.name);
        found += 1;
        world.server.take().unwrap().stop();
    }
    println!(
        "RESULT: doctor: {found} planted misconfigurations behind nginx, each found with its cure"
    );
    assert!(found >= 10);
}

/// Which requests are handed on, and as what.
fn in_front() -> Vec<Planted<'static>> {
    vec![
        Planted {
            name: "a path is put in front",
            plan: Plan {
                proxy: &[(
                    "proxy_pass http://127.0.0.1:SERVER;\n        proxy_bind 127.0.0.2;\n        proxy_set_header Host",
                    "proxy_pass http://127.0.0.1:SERVER/auth/;\n        proxy_bind 127.0.0.2;\n        proxy_set_header Host",
                )],
                ..Plan::default()
            },
            found: &["error path"],
            cure: ("path", "proxy_pass http://127.0.0.1:8080; }, with no path"),
        },
        Planted {
            name: "not every path is handed on",
            plan: Plan {
                proxy: &[(
                    "    location / {\n        proxy_pass",
                    "    location /oauth/ { return 404; }\n    location / {\n        proxy_pass",
                )],
                ..Plan::default()
            },
            found: &["error path"],
            cure: ("path", "location / { proxy_pass"),
        },
        Planted {
            name: "under another host's name",
            plan: Plan {
                proxy: &[("Host $host", "Host backend")],
                ..Plan::default()
            },
            found: &["error host"],
            cure: ("host", "proxy_set_header Host $host;"),
        },
        Planted {
            name: "led on to another address",
            plan: Plan {
                proxy: &[(
                    "    location / {\n        proxy_pass",
                    "    location /.well-known/ { return 308 https://www.example.com$request_uri; }\n    location / {\n        proxy_pass",
                )],
                ..Plan::default()
            },
            found: &["error redirect"],
            cure: ("redirect", "issuer = \"https://www.example.com\""),
        },
        Planted {
            name: "callers may say who they are",
            plan: Plan {
                proxy: &[(
                    "X-Forwarded-For $remote_addr",
                    "X-Forwarded-For $http_x_forwarded_for",
                )],
                ..Plan::default()
            },
            found: &["error caller_address"],
            cure: (
                "caller_address",
                "proxy_set_header X-Forwarded-For $remote_addr;",
            ),
        },
        Planted {
            name: "the proxy says nothing of its callers",
            plan: Plan {
                proxy: &[("X-Forwarded-For $remote_addr", "X-Forwarded-For \"\"")],
                ..Plan::default()
            },
            found: &["warning caller_address"],
            cure: (
                "caller_address",
                "proxy_set_header X-Forwarded-For $remote_addr;",
            ),
        },
    ]
}

/// What is done to requests and answers.
fn on_the_way() -> Vec<Planted<'static>> {
    vec![
        Planted {
            name: "Authorization is taken away",
            plan: Plan {
                proxy: &[(
                    "proxy_set_header Host $host;",
                    "proxy_set_header Host $host; proxy_set_header Authorization \"\";",
                )],
                ..Plan::default()
            },
            found: &["error authorization"],
            cure: ("authorization", "proxy_set_header Authorization"),
        },
        Planted {
            name: "the event stream is held back",
            plan: Plan {
                proxy: &[(
                    "proxy_set_header Host $host;",
                    "proxy_set_header Host $host; proxy_ignore_headers X-Accel-Buffering;",
                )],
                ..Plan::default()
            },
            found: &["error feed"],
            cure: ("feed", "proxy_buffering off;"),
        },
        Planted {
            name: "the key set may not be kept",
            plan: Plan {
                proxy: &[(
                    "proxy_set_header Host $host;",
                    "proxy_set_header Host $host; proxy_hide_header Cache-Control; add_header Cache-Control no-store;",
                )],
                ..Plan::default()
            },
            found: &["warning key_set_caching", "warning hsts"],
            cure: ("key_set_caching", "add_header"),
        },
        Planted {
            name: "the key set may be kept for a month",
            plan: Plan {
                proxy: &[(
                    "proxy_set_header Host $host;",
                    "proxy_set_header Host $host; expires 30d;",
                )],
                ..Plan::default()
            },
            found: &["error key_set_caching"],
            cure: ("key_set_caching", "expires"),
        },
        Planted {
            name: "the key set has no name to ask by",
            plan: Plan {
                proxy: &[(
                    "proxy_set_header Host $host;",
                    "proxy_set_header Host $host; proxy_hide_header ETag;",
                )],
                ..Plan::default()
            },
            found: &["warning key_set_caching"],
            cure: ("key_set_caching", "proxy_hide_header ETag;"),
        },
        Planted {
            name: "browsers are not told to stay with https",
            plan: Plan {
                proxy: &[(
                    "add_header Strict-Transport-Security \"max-age=31536000\" always;",
                    "",
                )],
                ..Plan::default()
            },
            found: &["warning hsts"],
            cure: ("hsts", "add_header Strict-Transport-Security"),
        },
    ]
}

/// Cookies and CORS.
fn of_pages() -> Vec<Planted<'static>> {
    vec![
        Planted {
            name: "the cookie's path is changed",
            plan: Plan {
                proxy: &[(
                    "proxy_set_header Host $host;",
                    "proxy_set_header Host $host; proxy_cookie_path / /auth/;",
                )],
                ..Plan::default()
            },
            found: &["error cookie"],
            cure: ("cookie", "proxy_cookie_path"),
        },
        Planted {
            name: "cookies are taken away",
            plan: Plan {
                proxy: &[(
                    "proxy_set_header Host $host;",
                    "proxy_set_header Host $host; proxy_set_header Cookie \"\";",
                )],
                ..Plan::default()
            },
            found: &["error cookie"],
            cure: ("cookie", "proxy_set_header Cookie"),
        },
        Planted {
            name: "the proxy answers preflights itself",
            plan: Plan {
                proxy: &[(
                    "    location / {\n        proxy_pass",
                    "    location / {\n        if ($request_method = OPTIONS) { return 204; }\n        proxy_pass",
                )],
                ..Plan::default()
            },
            found: &["error preflight"],
            cure: ("preflight", "hand OPTIONS on to the server"),
        },
        Planted {
            name: "the proxy allows everybody as well",
            plan: Plan {
                proxy: &[(
                    "proxy_set_header Host $host;",
                    "proxy_set_header Host $host; add_header Access-Control-Allow-Origin * always;",
                )],
                ..Plan::default()
            },
            found: &["error preflight", "warning hsts"],
            cure: ("preflight", "add_header"),
        },
        Planted {
            name: "an origin that is on nobody's list",
            plan: Plan {
                page: Some("https://localhost:4"),
                ..Plan::default()
            },
            found: &["error origin"],
            cure: ("origin", "origins = [\"https://localhost:4\"]"),
        },
        Planted {
            name: "an origin that is not on this client's list",
            plan: Plan {
                page: Some("https://localhost:4"),
                arguments: &["--client", "shop"],
                ..Plan::default()
            },
            found: &["error origin"],
            cure: ("origin", "[[client]] id = \"shop\""),
        },
        Planted {
            name: "pages of another site",
            plan: Plan {
                client: &["--origin", "https://shop.example.com"],
                page: Some("https://shop.example.com"),
                ..Plan::default()
            },
            found: &["error style"],
            cure: ("style", "style = \"gateway\" in [[client]] id = \"shop\""),
        },
        Planted {
            name: "a gateway that is not there",
            plan: Plan {
                client: &["--style", "gateway", "--audience", "https://shop"],
                proxy: &[("location /v1/ {", "location /elsewhere/ {")],
                ..Plan::default()
            },
            found: &["error cookie"],
            cure: ("cookie", "location /v1/ { proxy_pass"),
        },
    ]
}

/// What the server was told.
fn of_settings() -> Vec<Planted<'static>> {
    vec![
        Planted {
            name: "another issuer",
            plan: Plan {
                settings: &[("COUNTERSIGN_ISSUER", "https://auth.example.com")],
                arguments: &["--client", "shop"],
                ..Plan::default()
            },
            found: &["error issuer", "error key_set"],
            cure: ("issuer", "issuer = \"ISSUER\""),
        },
        Planted {
            name: "the proxy is nobody",
            plan: Plan {
                settings: &[("COUNTERSIGN_PROXY_TRUSTED", "")],
                ..Plan::default()
            },
            found: &["warning proxy", "warning caller_address"],
            cure: ("caller_address", "[proxy] trusted = [\"127.0.0.2\"]"),
        },
        Planted {
            name: "everybody is a proxy",
            plan: Plan {
                settings: &[("COUNTERSIGN_PROXY_TRUSTED", "0.0.0.0/0,::/0")],
                ..Plan::default()
            },
            found: &["error proxy"],
            cure: ("proxy", "[proxy] trusted"),
        },
    ]
}

#[test]
fn a_server_that_is_away_is_told_from_one_that_is_not_there() {
    if !is_there(NGINX) {
        return;
    }
    let plan = Plan::default();
    let mut world = World::start(&plan);
    world.server.take().unwrap().stop();
    let away = world.examine(&plan);
    assert_eq!(
        (away.code, &away.of_level("error")[0]["check"]),
        (1, &"reach".into()),
        "{away:?}"
    );
    assert!(away.cures("reach").contains("start the server"), "{away:?}");
    // What was not looked at is said.
    assert!(
        away.of_level("not_checked")
            .iter()
            .any(|finding| finding["check"] == "everything_else")
    );
}

/// In seconds.
const DAY: i32 = 86_400;

/// A certificate for this name, for a year, signed by itself; and its key.
fn certificate(name: &str) -> (String, String) {
    let folder = TempDir::new();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "365"])
        .args(["-subj", "/CN=test", "-keyout", "key", "-out", "certificate"])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    (read("certificate"), read("key"))
}

#[test]
fn certificates_that_are_no_good_are_told_apart() {
    if !(is_there(NGINX) && is_there("/usr/bin/openssl")) {
        return;
    }
    let folder = TempDir::new();
    // An hour more: no check is made at the very second of the certificate's.
    let at = |days: i32| WrongClock::new(&folder, days * DAY + 3600).variables();
    let strangers = folder.path().join("strangers.pem");
    std::fs::write(&strangers, include_str!("../../http/data/second.pem")).unwrap();
    let strangers = strangers.display().to_string();
    let own = certificate("localhost");
    for (given, days, trusted, level, words, cure) in [
        (own.clone(), 300, None, "good", "good for 64 days", ""),
        (
            own.clone(),
            360,
            None,
            "warning",
            "good for 4 days",
            "renew it",
        ),
        (own.clone(), 366, None, "error", "has expired", "renew it"),
        (own.clone(), -2, None, "error", "not valid yet", "clock"),
        (
            certificate("auth.example.com"),
            0,
            None,
            "error",
            "not for localhost",
            "a certificate for localhost",
        ),
        (
            own,
            0,
            Some(&strangers),
            "error",
            "nobody whom this machine trusts",
            "fullchain.pem",
        ),
    ] {
        let clock = at(days);
        let mut variables: Vec<(&str, &str)> = Vec::new();
        variables.extend(clock.iter().map(|(name, value)| (*name, value.as_str())));
        variables.extend(trusted.map(|path| ("SSL_CERT_FILE", path.as_str())));
        let plan = Plan {
            certificate: Some(given),
            variables: &variables,
            ..Plan::default()
        };
        let examined = World::start(&plan).examine(&plan);
        let mut findings = examined.findings().iter();
        let tls = findings.find(|finding| finding["check"] == "tls").unwrap();
        assert_eq!(tls["level"], level, "{tls}");
        let text = |key: &str| tls[key].as_str().unwrap_or_default();
        assert!(
            text("what").contains(words) && text("cure").contains(cure),
            "{tls}"
        );
    }
}

#[test]
fn a_clock_that_is_wrong_is_found() {
    if !is_there(NGINX) {
        return;
    }
    let folder = TempDir::new();
    for (ahead, level) in [(300, "error"), (10, "warning")] {
        let clock = WrongClock::new(&folder, ahead).variables();
        let variables = clock
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let plan = Plan {
            variables: &variables,
            ..Plan::default()
        };
        let examined = World::start(&plan).examine(&plan);
        assert_eq!(
            examined.troubles(),
            [format!("{level} clock")].into(),
            "{examined:?}"
        );
        assert!(examined.cures("clock").contains("NTP"));
    }
}

/// Port 80, as the proxy should serve it and as it should not.
#[test]
fn plain_http_must_lead_to_https() {
    if !is_there(NGINX) {
        return;
    }
    let server = free_port();
    let folder = TempDir::new();
    let _server = Server::start(folder.path(), server, &[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (serves, rank, word) in [
        (
            "return 301 https://localhost$request_uri;".to_owned(),
            2,
            "leads to https",
        ),
        ("return 426;".to_owned(), 2, "refused (426)"),
        (
            "return 301 http://localhost/;".to_owned(),
            0,
            "never gets to https",
        ),
        (
            format!("location / {{ proxy_pass http://127.0.0.1:{server}; }}"),
            0,
            "reads passwords",
        ),
    ] {
        let nginx = Nginx::start(|port| format!("server {{ listen 127.0.0.1:{port}; {serves} }}"));
        let address = "https://localhost".parse().unwrap();
        let finding = runtime.block_on(plain::examine(&address, nginx.port));
        assert_eq!(finding.verdict.rank(), rank, "{finding:?}");
        let said = format!("{} {:?}", finding.what, finding.verdict);
        assert!(said.contains(word), "{said}");
    }
    let nobody = runtime.block_on(plain::examine(
        &"https://localhost".parse().unwrap(),
        free_port(),
    ));
    assert_eq!(nobody.verdict, Verdict::Good);
}

/// A node whose clock is not its database's, as it says itself.
#[test]
fn a_node_that_is_not_ready_is_quoted() {
    let peer = Peer::answering(|port, head| {
        if head.starts_with("GET /readyz") {
            let body =
                r#"{"code":"unavailable","detail":"the clock is 5 s ahead of the database's"}"#;
            let kind = "Content-Type: application/problem+json\r\n";
            return answer("503 Service Unavailable", kind, body);
        }
        let body = format!(r#"{{"issuer":"http://localhost:{port}"}}"#);
        answer("200 OK", "", &body)
    });
    let examined = Examined::of(&peer.examined(true));
    let ready = examined.of_level("error");
    let ready = ready
        .iter()
        .find(|finding| finding["check"] == "ready")
        .unwrap();
    assert!(
        ready["what"]
            .as_str()
            .unwrap()
            .contains("5 s ahead of the database's"),
        "{ready}"
    );
    assert!(ready["cure"].as_str().unwrap().contains("NTP"), "{ready}");
}

#[test]
fn with_nothing_to_begin_with_it_says_so() {
    let folder = TempDir::new();
    for (arguments, word) in [
        (&["--config", "none.toml"][..], "none.toml"),
        (
            &["--service", "doctor", "--service-secret-file", "none"],
            "none",
        ),
    ] {
        let output = run(folder.path(), &[&["doctor"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(word),
            "{output:?}"
        );
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

/// An address of another kind, or another name, than the server's own.
#[test]
fn who_asks_at_another_address_is_told_which() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let port = server.port;
    let look = |issuer: &str| {
        let arguments = ["doctor", "--json", "--issuer", issuer];
        Examined::of(&run(TempDir::new().path(), &arguments))
    };
    let secure = look(&format!("https://localhost:{port}"));
    let tls = secure.of_level("error")[0]["what"].to_string();
    assert!(tls.contains("does not speak TLS"), "{secure:?}");
    assert!(
        secure.cures("tls").contains("tls.certificate"),
        "{secure:?}"
    );
    // No redirect is possible from a port to itself.
    let plain = secure.cures("plain_http");
    assert!(
        plain.contains(&format!("TLS alone on port {port}")),
        "{plain}"
    );

    let other = look(&format!("http://127.0.0.1:{port}"));
    let cure = other.cures("issuer");
    for name in [
        &format!("issuer = \"http://127.0.0.1:{port}\""),
        &format!("--issuer {}", server.issuer),
    ] {
        assert!(cure.contains(name), "{cure}");
    }
    server.stop();
}
