//! What an operator may make the pages look like.

use std::sync::Arc;

use countersign::pages::{Pages, PagesConfig};

use super::person::Person;
use crate::server::{Options, Server};
use crate::support::client::Request;
use crate::support::temp::TempDir;

async fn looking(config: &PagesConfig) -> Server {
    let mut options = Options::default();
    options.http.pages = Arc::new(Pages::open(config).unwrap());
    Server::with(options).await
}

#[tokio::test]
async fn a_name_a_logo_a_colour_and_whom_to_ask() {
    let folder = TempDir::new();
    let logo = folder.path().join("logo.svg");
    std::fs::write(&logo, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    let server = looking(&PagesConfig {
        name: "M\u{fc}ller & <S\u{f6}hne>".to_owned(),
        logo: Some(logo),
        accent: "#7A1F5c".to_owned(),
        support: Some("help+me@example.com".to_owned()),
        templates: None,
    })
    .await;
    let mut alice = Person::new(&server);
    alice.open("/password/forgotten").await;
    let html = alice.page.text();
    assert!(html.contains("M\u{fc}ller &amp; &lt;S\u{f6}hne&gt;"));
    assert!(html.contains("<img src=\"/assets/logo."));
    assert!(html.contains("mailto:help%2Bme@example.com"), "{html}");
    assert!(alice.text().contains("Ask help+me@example.com"));
    assert!(!alice.text().contains("countersign user password"));
    let style = html
        .split("href=\"")
        .find(|link| link.starts_with("/assets/style."))
        .unwrap();
    let style = server
        .send(Request::get(style.split('"').next().unwrap()))
        .await
        .expect(200);
    assert!(
        style
            .text()
            .starts_with(":root{--accent:#7a1f5c;--on-accent:#ffffff}")
    );
    let mut bob = Person::signed_in(&server, "bob@example.com").await;
    bob.open("/account").await;
    assert!(bob.text().contains("contact help+me@example.com"));
    assert!(
        bob.page
            .text()
            .contains("<a href=\"mailto:help%2Bme@example.com")
    );
}

#[tokio::test]
async fn templates_of_ones_own_take_the_place_of_those_of_their_name() {
    let folder = TempDir::new();
    let own = "{% extends \"card.html\" %}{% block title %}Own{% endblock %}\
               {% block card %}<h1>Ours</h1><p>{{ brand.name }} {{ q }}</p>{% endblock %}";
    std::fs::write(folder.path().join("forgotten.html"), own).unwrap();
    let config = PagesConfig {
        name: "<b>".to_owned(),
        templates: Some(folder.path().to_owned()),
        ..PagesConfig::default()
    };
    let server = looking(&config).await;
    let mut alice = Person::new(&server);
    alice
        .open("/password/forgotten?client_id=shop&state=%22")
        .await;
    assert_eq!(alice.heading(), "Ours");
    assert!(
        alice
            .page
            .text()
            .contains("&lt;b&gt; ?client_id=shop&amp;state=%22"),
        "what is put in is escaped"
    );
    alice.open("/login").await;
    assert_eq!(alice.heading(), "Sign in", "the others stay");
}

#[tokio::test]
async fn a_template_that_fails_is_the_servers_fault_and_says_so() {
    let folder = TempDir::new();
    let failing = "{% if \"state\" in q %}{{ nobody.knows }}{% endif %}";
    std::fs::write(folder.path().join("forgotten.html"), failing).unwrap();
    let config = PagesConfig {
        templates: Some(folder.path().to_owned()),
        ..PagesConfig::default()
    };
    let server = looking(&config).await;
    let mut alice = Person::new(&server);
    alice.open("/password/forgotten?state=s").await;
    assert_eq!(alice.page.status, 500);
    assert_eq!(alice.heading(), "Something went wrong");

    // And if the page about that fails, there is the document.
    std::fs::write(folder.path().join("error.html"), failing).unwrap();
    let server = looking(&config).await;
    let mut alice = Person::new(&server);
    alice.open("/password/forgotten?state=s").await;
    assert_eq!(alice.page.code(), "internal");
}

#[test]
fn a_template_that_cannot_be_filled_in_is_refused_with_file_line_reason_and_cure() {
    let built_in = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/pages"));
    let folder = TempDir::new();
    let config = PagesConfig {
        templates: Some(folder.path().to_owned()),
        ..PagesConfig::default()
    };
    // Those of the server, each in its own place, can be.
    for entry in std::fs::read_dir(built_in).unwrap() {
        let from = entry.unwrap().path();
        if from
            .extension()
            .is_some_and(|extension| extension == "html")
        {
            std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
        }
    }
    Pages::open(&config).unwrap();

    for (file, text, line, reason) in [
        (
            "forgotten.html",
            "<p>\n{{ nobody.knows }}",
            2,
            "undefined value",
        ),
        (
            "closed.html",
            "{{ brand.name | shout }}",
            1,
            "unknown filter",
        ),
        (
            "sessions.html",
            "\n\n{% for each in sessions %}{{ each.nobody.knows }}{% endfor %}",
            3,
            "undefined value",
        ),
        (
            "sign-in.html",
            "{% include \"none.html\" %}",
            1,
            "template not found",
        ),
        (
            "error.html",
            "{% if not link %}{{ nobody.knows }}{% endif %}",
            1,
            "undefined value",
        ),
        // Somebody is known on some of the pages that are made of it, and on others nobody is.
        (
            "card.html",
            "{% extends \"layout.html\" %}\n{% block body %}{{ user.who }}{% endblock %}",
            2,
            "undefined value",
        ),
    ] {
        let path = folder.path().join(file);
        let good = std::fs::read(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        let place = format!(
            "{}, line {line}, cannot be filled in: {reason}",
            path.display()
        );
        is_refused(&config, "templates", &place);
        is_refused(
            &config,
            "templates",
            "Compare yours with the server's template of that name",
        );
        std::fs::write(&path, good).unwrap();
    }
}

/// Whether a setting is refused in these words.
fn is_refused(config: &PagesConfig, key: &str, message: &str) {
    let error = Pages::open(config).unwrap_err();
    assert_eq!(error.key, key, "{error}");
    assert!(error.message.contains(message), "{error}");
}

#[test]
fn what_cannot_be_shown_is_refused_with_the_cure() {
    for (key, value, message) in [
        ("name", "", "1 to 60 characters"),
        ("name", "a\nb", "1 to 60 characters"),
        ("accent", "blue", "as in #2b4acb"),
        ("accent", "#ffcc00", "would do"),
        ("support", "javascript:alert(1)", "an email address"),
        ("support", "http://example.com", "an email address"),
    ] {
        let value = value.to_owned();
        let mut config = PagesConfig::default();
        match key {
            "name" => config.name = value,
            "accent" => config.accent = value,
            _ => config.support = Some(value),
        }
        is_refused(&config, key, message);
    }
    // The darker colour that is offered instead is good.
    let colour = |accent: &str| PagesConfig {
        accent: accent.to_owned(),
        ..PagesConfig::default()
    };
    let error = Pages::open(&colour("#ffcc00")).unwrap_err();
    let offered = error.message.rsplit('#').next().unwrap();
    Pages::open(&colour(&format!("#{}", &offered[..6]))).unwrap();
}

#[test]
fn files_that_cannot_be_used_are_refused_with_the_cure() {
    let folder = TempDir::new();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("logo.html"), "x").unwrap();
    std::fs::write(path("big.png"), vec![0; 16_385]).unwrap();
    std::os::unix::fs::symlink("/dev/zero", path("endless.svg")).unwrap();
    for (name, file) in [("misspelled", "signin.html"), ("broken", "sign-in.html")] {
        std::fs::create_dir(path(name)).unwrap();
        std::fs::write(path(name).join(file), "<p>\n{% if %}").unwrap();
    }
    for (name, message) in [
        ("none.svg", "cannot be read"),
        ("logo.html", ".svg, .png or .webp"),
        ("big.png", "has more than 16384 bytes"),
        ("endless.svg", "is no file"),
    ] {
        let config = PagesConfig {
            logo: Some(path(name)),
            ..PagesConfig::default()
        };
        is_refused(&config, "logo", message);
    }
    for (name, message) in [
        ("misspelled", "none of the templates: layout.html"),
        ("broken", "sign-in.html:2"),
        ("nowhere", "cannot be read"),
    ] {
        let config = PagesConfig {
            templates: Some(path(name)),
            ..PagesConfig::default()
        };
        is_refused(&config, "templates", message);
    }
}
