//! Rates, told by the standard headers.

use std::time::Duration;

use countersign_guard::axum::RateLimit;

use crate::service::Service;

#[tokio::test]
async fn a_budget_for_each() {
    let hour = Duration::from_hours(1);
    for (limit, by) in [
        (RateLimit::per_token(3, hour), "token"),
        (RateLimit::per_user(3, hour), "user"),
        (RateLimit::per_client(3, hour), "client"),
    ] {
        let service = Service::start(|protect| protect.rate_limit(limit)).await;
        let claims = service.issuer.claims("a");
        let token = service.issuer.sign(&claims);
        for remaining in ["2", "1", "0"] {
            let answer = service.with("/who", &token).await;
            answer.says("u");
            assert_eq!(answer.header("ratelimit-limit"), "3");
            assert_eq!(answer.header("ratelimit-remaining"), remaining);
            assert!(!answer.headers.contains_key("retry-after"));
        }
        let answer = service.with("/who", &token).await;
        answer.is(429, "too_many_requests", "");
        assert_eq!(answer.header("ratelimit-remaining"), "0");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1190..=1200).contains(&wait), "{wait}");
        let reset: u64 = answer.header("ratelimit-reset").parse().unwrap();
        assert!((3590..=3600).contains(&reset), "{reset}");

        // Another of the three is another budget, or not.
        let mut other = claims.clone();
        other.jti = "b".into();
        let is_other = by == "token";
        let status = service
            .with("/who", &service.issuer.sign(&other))
            .await
            .status;
        assert_eq!(status == 200, is_other, "{by}");
        other.sub = "v".into();
        let is_other = by != "client";
        let status = service
            .with("/who", &service.issuer.sign(&other))
            .await
            .status;
        assert_eq!(status == 200, is_other, "{by}");
        other.client_id = "d".into();
        let status = service
            .with("/who", &service.issuer.sign(&other))
            .await
            .status;
        assert_eq!(status, 200, "{by}");
    }
}

#[tokio::test]
async fn a_budget_comes_back() {
    let limit = RateLimit::per_user(2, Duration::from_secs(3));
    let service = Service::start(|protect| protect.rate_limit(limit)).await;
    let token = service.issuer.token("a");
    for status in [200, 200, 429] {
        assert_eq!(service.with("/who", &token).await.status, status);
    }
    tokio::time::sleep(Duration::from_millis(1510)).await;
    assert_eq!(service.with("/who", &token).await.status, 200);
}

/// Nobody spends another's budget with a token that is not good.
#[tokio::test]
async fn bad_tokens_spend_nothing() {
    let limit = RateLimit::per_user(1, Duration::from_hours(1));
    let service = Service::start(|protect| protect.rate_limit(limit)).await;
    let token = service.issuer.token("a");
    let (signed, _) = token.rsplit_once('.').unwrap();
    for _ in 0..5 {
        let forged = format!("{signed}.{}", "A".repeat(86));
        assert_eq!(service.with("/who", &forged).await.status, 401);
    }
    service.with("/who", &token).await.says("u");
}
