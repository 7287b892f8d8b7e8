//! English and German: by what the browser says, or by what the address says.

use super::person::Person;
use super::{BACK, server};
use crate::server::PASSWORD;
use crate::support::client::encoded;

#[tokio::test]
async fn the_browser_says_which_language() {
    let server = server().await;
    let mut anna = Person::new(&server).reading("de-AT,de;q=0.8,en;q=0.5");
    anna.open("/login").await;
    assert_eq!(anna.heading(), "Anmelden");
    assert!(anna.page.text().contains("<html lang=\"de\">"));
    anna.fill(&[("identifier", ""), ("password", "")]).await;
    assert_eq!(
        anna.message_at("password").as_deref(),
        Some("Bitte ausfüllen.")
    );
    anna.open("/nirgends").await;
    assert_eq!(anna.heading(), "Seite nicht gefunden");
    let mut luc = Person::new(&server).reading("fr");
    luc.open("/login").await;
    assert_eq!(luc.heading(), "Sign in");
}

#[tokio::test]
async fn the_address_says_it_before_the_browser_and_all_the_way() {
    let server = server().await;
    server.register("anna@example.com").await;
    let mut anna = Person::new(&server);
    let login = format!(
        "/login?client_id=shop&redirect_uri={}&state=s&ui_locales=fr%20de-CH",
        encoded(BACK)
    );
    anna.open(&login).await;
    assert_eq!(anna.heading(), "Anmelden");
    let html = super::person::unescaped(&anna.page.text());
    assert!(
        html.contains("/password/forgotten?client_id=shop"),
        "{html}"
    );
    // The other language, with all that goes along.
    let english = html
        .split("href=\"")
        .map(|link| link.split('"').next().unwrap())
        .find(|link| link.contains("ui_locales=en"))
        .unwrap()
        .to_owned();
    anna.open(&english).await;
    assert_eq!(anna.heading(), "Sign in");
    assert!(anna.text().contains("The Shop"));
    anna.open(&login).await;
    anna.fill(&[("identifier", "anna@example.com"), ("password", PASSWORD)])
        .await;
    // The application is told its state, and nothing of ours.
    assert_eq!(anna.path, format!("{BACK}?state=s"));

    let mut anna = Person::new(&server);
    anna.open("/login?ui_locales=de").await;
    anna.fill(&[("identifier", "anna@example.com"), ("password", PASSWORD)])
        .await;
    assert_eq!(anna.path, "/account?ui_locales=de");
    assert_eq!(anna.heading(), "Profil");
    anna.fill(&[("name", "Anna"), ("username", "")]).await;
    assert_eq!(anna.path, "/account?ui_locales=de&done=profile");
    assert!(anna.text().contains("Ihr Profil ist gespeichert."));
}
