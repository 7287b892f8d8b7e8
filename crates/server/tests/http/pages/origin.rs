//! Forms are taken from these pages alone, and pages are read by people.

use super::person::Person;
use super::{APP, server};
use crate::server::PASSWORD;
use crate::support::client::Request;

const FORMS: [&str; 6] = [
    "/login",
    "/register",
    "/logout",
    "/account",
    "/account/password",
    "/account/sessions",
];

#[tokio::test]
async fn a_form_from_elsewhere_does_nothing_with_or_without_a_cookie() {
    let server = server().await;
    let alice = Person::signed_in(&server, "alice@example.com").await;
    let cookies = alice.browser.cookies();
    let own = server.issuer.clone();
    let refused: [&[(&str, &str)]; 9] = [
        &[
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
        ],
        &[("Origin", "https://evil.example")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", "null")],
        // The page of an application may call the API for its client, and send none of these forms.
        &[("Origin", APP), ("Sec-Fetch-Site", "same-site")],
        &[("Origin", APP)],
        // Nor may whatever does not say where it comes from: an old browser with a stranger's page is such.
        &[],
    ];
    let before = server.dump();
    for path in FORMS {
        for headers in refused {
            for with_cookie in [false, true] {
                let mut request = Request::post(path).header("Accept", "text/html");
                if with_cookie {
                    request = request.header("Cookie", &cookies);
                }
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                let fields = [
                    ("identifier", "alice@example.com"),
                    ("email", "mallory@example.com"),
                    ("password", PASSWORD),
                    ("name", "Mallory"),
                    ("current_password", PASSWORD),
                    ("new_password", "a password of mallory's"),
                    ("end", "all"),
                ];
                let answer = server.send(request.form(&fields)).await;
                assert_eq!(
                    answer.status,
                    403,
                    "{path} {headers:?}: {}",
                    answer.everything()
                );
                assert!(answer.headers("set-cookie").is_empty());
                assert!(
                    answer.text().contains("This form came from another site"),
                    "{}",
                    answer.text()
                );
            }
        }
    }
    assert_eq!(server.dump(), before);
    let fields = [("identifier", "alice@example.com"), ("password", PASSWORD)];
    for headers in [("Sec-Fetch-Site", "same-origin"), ("Origin", own.as_str())] {
        let request = Request::post("/login").header(headers.0, headers.1);
        server.send(request.form(&fields)).await.expect(303);
    }
}

#[tokio::test]
async fn no_other_pages_script_reads_a_page() {
    let server = server().await;
    let alice = Person::signed_in(&server, "alice@example.com").await;
    let cookies = alice.browser.cookies();
    for (headers, status) in [
        // A link, from anywhere; the address bar; an old browser.
        (
            &[
                ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Mode", "navigate"),
            ][..],
            200,
        ),
        (
            &[("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")],
            200,
        ),
        (&[], 200),
        (
            &[
                ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Mode", "no-cors"),
            ],
            403,
        ),
        (
            &[
                ("Origin", APP),
                ("Sec-Fetch-Site", "same-site"),
                ("Sec-Fetch-Mode", "cors"),
            ],
            403,
        ),
        (&[("Origin", APP)], 403),
        (&[("Origin", "https://evil.example")], 403),
    ] {
        for path in [
            "/account",
            "/account/sessions",
            "/account/activity",
            "/login",
        ] {
            let request = headers.iter().fold(
                Request::get(path)
                    .header("Accept", "text/html")
                    .header("Cookie", &cookies),
                |request, (name, value)| request.header(name, value),
            );
            let answer = server.send(request).await;
            assert_eq!(answer.status, status, "{path} {headers:?}");
            assert_eq!(answer.text().contains("alice@example.com"), status == 200);
            assert_eq!(answer.header("access-control-allow-origin"), None);
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
}
