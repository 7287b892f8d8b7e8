//! Pages that say what went wrong; and for programs the document, as ever.

use super::person::Person;
use super::server;
use crate::support::client::Request;

#[tokio::test]
async fn a_person_gets_a_page_and_a_program_the_document() {
    let server = server().await;
    let mut person = Person::new(&server);
    person.open("/nowhere").await;
    assert_eq!(person.page.status, 404);
    assert_eq!(person.heading(), "Page not found");
    assert!(person.text().contains("Go to your account"));
    assert!(person.page.text().contains("href=\"&#x2f;account\""));
    person.send("/account/activity", &[]).await;
    assert_eq!(person.page.status, 405);
    assert!(person.page.header("allow").is_some());
    assert_eq!(person.heading(), "This address is not for that");

    for (request, status, code) in [
        (Request::get("/nowhere"), 404, "not_found"),
        (
            Request::get("/nowhere").header("Accept", "*/*"),
            404,
            "not_found",
        ),
        (
            Request::get("/nowhere").header("Accept", "application/json"),
            404,
            "not_found",
        ),
        // What is not for people answers as it says, whoever asks.
        (
            Request::get("/v1/me").header("Accept", "text/html"),
            401,
            "missing_token",
        ),
        (
            Request::get("/v1/nowhere").header("Accept", "text/html"),
            404,
            "not_found",
        ),
    ] {
        server.send(request).await.refused(status, code);
    }
}

#[tokio::test]
async fn what_is_for_programs_answers_in_documents_and_every_page_in_pages() {
    let server = server().await;
    let document = server.send(Request::get("/openapi.json")).await.json();
    let documented = document["paths"].as_object().unwrap().keys();
    let programs: Vec<String> = documented
        .map(|path| path.replace(['{', '}'], ""))
        .chain(["/openapi.json", "/client/countersign.js"].map(str::to_owned))
        .collect();
    assert!(programs.len() > 15, "{programs:?}");
    for path in programs {
        // What no path answers to, so that each refuses it.
        let request = Request::new("PUT", &path).header("Accept", "text/html");
        let answer = server.send(request).await;
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{path}");
    }
    for path in ["/", "/login", "/register", "/account", "/account/sessions"] {
        let request = Request::new("PUT", path).header("Accept", "text/html");
        let answer = server.send(request).await.expect(405);
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("text/html; charset=utf-8"), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_name_is_told_by_a_page() {
    let server = server().await;
    let request = Request::get("/login")
        .header("Host", "evil.example")
        .header("Accept", "text/html");
    let answer = server.send(request).await.expect(421);
    assert!(answer.text().contains("does not go by that name"));
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_told_by_a_page() {
    let server = server().await;
    let mut alice = Person::new(&server);
    for (body, kind, status) in [
        ("identifier=%zz", "application/x-www-form-urlencoded", 400),
        (
            "identifier=a&identifier=b",
            "application/x-www-form-urlencoded",
            400,
        ),
        ("{}", "application/json", 415),
        (
            &*"x".repeat(20_000),
            "application/x-www-form-urlencoded",
            413,
        ),
    ] {
        let request = Request::post("/login")
            .header("Accept", "text/html")
            .header("Content-Type", kind)
            .body(body);
        let answer = alice.browser.send(request).await.expect(status);
        assert!(
            answer.text().contains("This form cannot be read"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn what_the_server_cannot_do_now_is_told_with_a_reference() {
    let server = server().await;
    let mut alice = Person::signed_in(&server, "alice@example.com").await;
    server.lose_store().await;
    alice.open("/account/activity").await;
    assert_eq!(alice.page.status, 503);
    assert_eq!(alice.heading(), "Not at the moment");
    let id = alice.page.header("x-request-id").unwrap().to_owned();
    assert!(
        alice
            .text()
            .contains(&format!("Reference for your administrator: {id}"))
    );
    assert!(alice.page.header("retry-after").is_some());
    // A form that was filled in is not thrown away.
    alice
        .send(
            "/login",
            &[("identifier", "alice@example.com"), ("password", "x")],
        )
        .await;
    assert_eq!(alice.page.status, 503);
    assert_eq!(alice.value_of("identifier"), "alice@example.com");
    assert!(alice.alert().unwrap().contains("Try again in"));
}

#[tokio::test]
async fn the_page_about_a_forgotten_password_says_who_can_help() {
    let server = server().await;
    let mut alice = Person::new(&server);
    alice
        .open("/password/forgotten?client_id=shop&state=s")
        .await;
    assert_eq!(alice.page.status, 200);
    let text = alice.text();
    assert!(
        text.contains("Ask your administrator for a new password."),
        "{text}"
    );
    assert!(
        text.contains("countersign user password <email or username>"),
        "{text}"
    );
    assert!(
        super::person::unescaped(&alice.page.text())
            .contains("href=\"/login?client_id=shop&state=s\"")
    );
}
