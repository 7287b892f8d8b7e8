//! Basic for service clients: exchanged once, remembered, refused for a while when wrong.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use countersign_guard::Revocation;
use countersign_guard::axum::{Basic, Protect};
use tokio::task::JoinSet;

use crate::fixture::{CLIENT, SECRET, patient, soon};
use crate::service::Service;

fn basic(id: &str, secret: &str) -> String {
    let pair = base64_simd::STANDARD.encode_to_string(format!("{id}:{secret}"));
    format!("Basic {pair}")
}

async fn status(service: &Service, authorization: &str) -> u16 {
    let headers = [("authorization", authorization)];
    service.get("/who", &headers).await.status.as_u16()
}

/// The client's tokens are refused, and the next one is good.
async fn cut_off_and_let_in_again(service: &Service, right: &str) {
    let below = 1;
    service.issuer.revoke(Revocation::Client {
        client_id: "c".into(),
        below,
    });
    soon("the client is cut off", async || {
        status(service, right).await == 401
    })
    .await;
    let mut claims = service.issuer.claims("next");
    claims.epochs.client = below;
    service.issuer.grant(&service.issuer.sign(&claims));
}

#[tokio::test]
async fn credentials_are_exchanged_once() {
    let service = Service::start(|protect| protect.scheme(Basic::new())).await;
    service.issuer.grant(&service.issuer.token("service"));
    let before = service.issuer.count("token");
    let right = basic(CLIENT, SECRET);
    for _ in 0..3 {
        service
            .get("/who", &[("authorization", &right)])
            .await
            .says("u");
    }
    assert_eq!(service.issuer.count("token"), before + 1);
    // Cut off: the token that is remembered is refused, and the next one is good.
    cut_off_and_let_in_again(&service, &right).await;
    soon("the next is good", async || {
        status(&service, &right).await == 200
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_are_remembered() {
    let service = Service::start(|protect| protect.scheme(Basic::new())).await;
    let before = service.issuer.count("token");
    let wrong = basic(CLIENT, "css_wrong");
    for _ in 0..5 {
        let answer = service.get("/who", &[("authorization", &wrong)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "credentials_wrong")
        );
        let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(challenges, ["Bearer", "Basic realm=\"services\""]);
        assert!(!answer.text.contains("css_"));
    }
    assert_eq!(service.issuer.count("token"), before + 1);
    // What is no pair is not asked about at all.
    for none in ["Basic !", "Basic AAAA", "Basic abc"] {
        assert!(
            !service
                .get("/who", &[("authorization", none)])
                .await
                .status
                .is_success()
        );
    }
    assert_eq!(service.issuer.count("token"), before + 1);
}

/// Many requests at once, each with its own credentials.
fn all(service: &Arc<Service>, credentials: Vec<String>) -> JoinSet<u16> {
    let ask = |credentials: String| {
        let service = Arc::clone(service);
        async move { status(&service, &credentials).await }
    };
    credentials.into_iter().map(ask).collect()
}

fn guesses(id: &str) -> Vec<String> {
    (0..100).map(|n| basic(id, &format!("css_{n}"))).collect()
}

#[tokio::test]
async fn many_at_once_are_exchanged_once() {
    let service = Arc::new(Service::start(|protect| protect.scheme(Basic::new())).await);
    service.issuer.grant(&service.issuer.token("service"));
    let before = service.issuer.count("token");
    let statuses = all(&service, vec![basic(CLIENT, SECRET); 100]).join_all();
    assert_eq!(statuses.await, [200; 100]);
    let wrong = all(&service, vec![basic(CLIENT, "css_wrong"); 100]).join_all();
    assert_eq!(wrong.await, [401; 100]);
    assert_eq!(service.issuer.count("token"), before + 2);
}

/// Guesses at one client, however slow the issuer is to refuse them, keep no other client from its
/// tokens, nor the one itself once its pair was right.
#[tokio::test]
async fn guesses_keep_nobody_from_their_tokens() {
    let layer = |protect: Protect| protect.scheme(Basic::new());
    let service = Arc::new(Service::at_pace(patient(), layer).await);
    service.issuer.grant(&service.issuer.token("service"));
    service
        .issuer
        .world
        .undecided
        .store(true, Ordering::Relaxed);
    let before = service.issuer.count("token");
    let guesses_at_another = all(&service, guesses("another"));
    soon("they are asked about", async || {
        service.issuer.count("token") == before + 4
    })
    .await;
    let right = basic(CLIENT, SECRET);
    assert_eq!(status(&service, &right).await, 200);
    let guesses_at_the_same = all(&service, guesses(CLIENT));
    soon("they are asked about", async || {
        service.issuer.count("token") == before + 9
    })
    .await;
    // Its token is refused, and it needs another.
    cut_off_and_let_in_again(&service, &right).await;
    assert_eq!(status(&service, &right).await, 200);
    service
        .issuer
        .world
        .undecided
        .store(false, Ordering::Relaxed);
    for guesses in [guesses_at_another, guesses_at_the_same] {
        let statuses = guesses.join_all().await;
        let told = |status| statuses.iter().filter(|told| **told == status).count();
        assert_eq!((told(401), told(503)), (4, 96), "{statuses:?}");
    }
}

#[tokio::test]
async fn without_the_issuer_nobody_is_called_wrong() {
    let mut service = Service::start(|protect| protect.scheme(Basic::new())).await;
    service.issuer.grant(&service.issuer.token("service"));
    service.issuer.stop().await;
    let right = basic(CLIENT, SECRET);
    let answer = service.get("/who", &[("authorization", &right)]).await;
    answer.is(503, "issuer_unanswered", "");
    service.issuer.restart().await;
    soon("it is good", async || status(&service, &right).await == 200).await;
}
