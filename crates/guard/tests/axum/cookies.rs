//! A token in a cookie: the one rule against cross-site requests.

use countersign_guard::axum::Source;

use crate::service::Service;

#[tokio::test]
async fn a_cookie_in_a_request_from_a_foreign_page() {
    let service = Service::start(|protect| {
        protect
            .sources([Source::Cookie("access".into()), Source::Authorization])
            .origins(["https://app.example".to_owned()])
    })
    .await;
    let token = service.issuer.token("a");
    let (cookie, bearer) = (format!("access={token}"), format!("Bearer {token}"));
    let site = |site| ("sec-fetch-site", site);
    let origin = |origin| ("origin", origin);
    let cases = [
        (vec![], false),
        (vec![site("same-origin")], true),
        (vec![site("same-site")], false),
        (vec![site("cross-site")], false),
        (vec![site("none")], false),
        (vec![site("same-origin"), site("same-origin")], false),
        (vec![origin("https://app.example")], true),
        (
            vec![site("cross-site"), origin("https://app.example")],
            true,
        ),
        (vec![origin("https://app.example.evil")], false),
        (vec![origin("http://app.example")], false),
        (vec![origin("null")], false),
        (
            vec![
                origin("https://app.example"),
                origin("https://evil.example"),
            ],
            false,
        ),
    ];
    for (from, good) in cases {
        let with = |more: &[(&'static str, &'static str)]| {
            let mut headers = vec![("cookie", cookie.as_str())];
            headers.extend(from.iter().copied());
            headers.extend(more);
            headers
        };
        for method in ["POST", "PUT", "DELETE", "PATCH", "QUERY"] {
            let answer = service.ask(method, "/who", &with(&[])).await;
            if good {
                answer.says("u");
            } else {
                answer.is(403, "foreign_page", "");
            }
        }
        // Opening a WebSocket is a GET, and more than reading.
        let answer = service
            .get("/who", &with(&[("upgrade", "websocket")]))
            .await;
        assert_eq!(answer.status.is_success(), good, "{from:?}");
        // Safe methods change nothing, and no page can set this header on another's behalf.
        service.get("/who", &with(&[])).await.says("u");
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(from);
        service.ask("POST", "/who", &headers).await.says("u");
    }
}
