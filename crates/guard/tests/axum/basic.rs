//! Basic for service clients: exchanged once, remembered, refused for a while when wrong.

use countersign_guard::Revocation;
use countersign_guard::axum::Basic;

use crate::fixture::{CLIENT, SECRET, soon};
use crate::service::Service;

fn basic(id: &str, secret: &str) -> String {
    let pair = base64_simd::STANDARD.encode_to_string(format!("{id}:{secret}"));
    format!("Basic {pair}")
}

async fn status(service: &Service, authorization: &str) -> u16 {
    let headers = [("authorization", authorization)];
    service.get("/who", &headers).await.status.as_u16()
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
    let below = 1;
    service.issuer.revoke(Revocation::Client {
        client_id: "c".into(),
        below,
    });
    soon("the client is cut off", async || {
        status(&service, &right).await == 401
    })
    .await;
    let mut claims = service.issuer.claims("next");
    claims.epochs.client = below;
    service.issuer.grant(&service.issuer.sign(&claims));
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
