//! Connecting: whom a guard begins to trust, and what it will not begin with.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_guard::Guard;
use countersign_guard::Revocation;
use countersign_guard::net::{Denied, NotConnected, Options, ServiceClient, WhenStale};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::fixture::{API, CLIENT, Issuer, SECRET, pace, polling, soon};

#[tokio::test]
async fn connected_it_refuses_what_was_revoked_before_and_after() {
    for (feed, hashed) in [
        (None, false),
        (Some(polling()), false),
        (None, true),
        (Some(polling()), true),
    ] {
        let issuer = Issuer::start().await;
        let tokens = ["a", "b", "c"].map(|jti| issuer.token(jti));
        issuer.end_session_of("a");
        issuer.end_session_of("d");
        let mut options = issuer.options(WhenStale::refuse());
        if let Some(feed) = feed {
            options = options.feed(feed);
        }
        if hashed {
            options = options.hashed_ids();
        }
        let guard = Guard::connect(options).await.unwrap();
        let code = async |token: &str| guard.check(token).await.map_err(|denied| denied.code());
        assert_eq!(code(&tokens[0]).await.unwrap_err(), "session_revoked");
        assert_eq!(code(&tokens[1]).await.unwrap().jti, "b");
        assert!(guard.knowing().connected);
        issuer.end_session_of("b");
        soon("the revocation is heard", async || {
            guard.check(&tokens[1]).await.is_err()
        })
        .await;
        assert_eq!(code(&tokens[1]).await.unwrap_err(), "session_revoked");
        assert_eq!(code(&tokens[2]).await.unwrap().jti, "c");
        let knowing = guard.knowing();
        assert!(
            knowing.connected && knowing.troubles.is_empty(),
            "{knowing:?}"
        );
        assert_eq!(issuer.count("token"), 1);
        assert_eq!(issuer.count("key set"), 1);
    }
}

/// RFC 8414 §3.3: an answer in another's name is none.
#[tokio::test]
async fn metadata_must_name_exactly_this_issuer() {
    for named in ["https://id.example", "", "http://127.0.0.1:1"] {
        let issuer = Issuer::start().await;
        *issuer.world.named.lock().unwrap() = Some(named.into());
        let guard = Guard::connect_in_background(issuer.options(WhenStale::CarryOn)).unwrap();
        soon("the trouble is known", async || {
            !guard.knowing().troubles.is_empty()
        })
        .await;
        let troubles = guard.knowing().troubles.join(" ");
        assert!(troubles.contains("another issuer"), "{troubles}");
        // Without a key set nobody knows whether it is good.
        let denied = guard.check(&issuer.token("a")).await.unwrap_err();
        assert_eq!(denied, Denied::Unanswered);
        // The cure.
        *issuer.world.named.lock().unwrap() = None;
        soon("it recovers", async || {
            guard.check(&issuer.token("a")).await.is_ok()
        })
        .await;
    }
}

#[tokio::test]
async fn options_that_cannot_be_meant() {
    let connect = |issuer: &str| {
        let client = ServiceClient::new(CLIENT, SECRET);
        Guard::connect_in_background(Options::new(issuer, API, client, WhenStale::refuse()))
    };
    let in_the_clear = connect("http://id.example").unwrap_err();
    assert!(
        matches!(in_the_clear, NotConnected::Issuer(_)),
        "{in_the_clear}"
    );
    for issuer in [
        "http://localhost:1/",
        "http://localhost:1/path",
        "http://localhost:1?q",
    ] {
        let path = connect(issuer).unwrap_err();
        assert!(matches!(path, NotConnected::IssuerPath), "{issuer}: {path}");
    }
    let issuer = Issuer::start().await;
    let options = issuer.options(WhenStale::refuse()).leeway(31);
    let leeway = Guard::connect_in_background(options).unwrap_err();
    assert!(matches!(leeway, NotConnected::Leeway), "{leeway}");
    let options = issuer
        .options(WhenStale::refuse())
        .trusting_only("no certificate");
    let pem = Guard::connect_in_background(options).unwrap_err();
    assert!(matches!(pem, NotConnected::NoTrust(_)), "{pem}");
}

const FIRST: (&str, &str) = (
    include_str!("../../../server/tests/http/data/first.pem"),
    include_str!("../../../server/tests/http/data/first.key.pem"),
);
const SECOND: &str = include_str!("../../../server/tests/http/data/second.pem");

/// Puts TLS in front of an issuer, and gives its new name.
async fn secured(issuer: &Issuer) -> String {
    let certificate = CertificateDer::from_pem_slice(FIRST.0.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(FIRST.1.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = issuer.url.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // Who does not trust it goes away.
                if let Ok(mut socket) = acceptor.accept(socket).await {
                    let mut issuer = TcpStream::connect(behind).await.unwrap();
                    drop(copy_bidirectional(&mut socket, &mut issuer).await);
                }
            });
        }
    });
    let name = format!("https://localhost:{port}");
    *issuer.world.named.lock().unwrap() = Some(name.clone());
    name
}

/// `https` is spoken with whom it is named for, and with nobody whose certificate is not trusted.
#[tokio::test]
async fn https_with_whom_is_trusted() {
    let issuer = Issuer::start().await;
    let name = secured(&issuer).await;
    let options = |roots: &str| {
        let client = ServiceClient::new(CLIENT, SECRET);
        let options = Options::new(&name, API, client, WhenStale::refuse());
        options.pace(pace()).trusting_only(roots)
    };
    let guard = Guard::connect(options(FIRST.0)).await.unwrap();
    let mut claims = issuer.claims("a");
    claims.iss.clone_from(&name);
    let token = issuer.sign(&claims);
    guard.check(&token).await.unwrap();
    issuer.end_session_of("a");
    soon("it is heard", async || guard.check(&token).await.is_err()).await;

    let asked = issuer.count("metadata");
    let guard = Guard::connect_in_background(options(SECOND)).unwrap();
    soon("the trouble is known", async || {
        !guard.knowing().troubles.is_empty()
    })
    .await;
    let troubles = guard.knowing().troubles.join(" ");
    assert!(troubles.contains("no secure connection"), "{troubles}");
    assert_eq!(issuer.count("metadata"), asked);
}

/// Where there is no TLS, `https` is not given up.
#[tokio::test]
async fn https_is_not_given_up() {
    let issuer = Issuer::start().await;
    let https = issuer.url.replace("http:", "https:");
    let client = ServiceClient::new(CLIENT, SECRET);
    let options = Options::new(https, API, client, WhenStale::refuse()).trusting_only(FIRST.0);
    let guard = Guard::connect_in_background(options).unwrap();
    soon("the trouble is known", async || {
        !guard.knowing().troubles.is_empty()
    })
    .await;
    let troubles = guard.knowing().troubles.join(" ");
    assert!(troubles.contains("no secure connection"), "{troubles}");
    assert_eq!(issuer.count("metadata"), 0);
}

#[tokio::test]
async fn before_it_has_heard_anything_it_refuses() {
    let issuer = Issuer::start().await;
    issuer.world.silent.store(true, Ordering::Relaxed);
    let guard = Guard::connect_in_background(issuer.options(WhenStale::refuse())).unwrap();
    let token = issuer.token("a");
    soon("the keys are there", async || {
        matches!(guard.check(&token).await, Err(Denied::Stale { age: None }))
    })
    .await;
    assert!(
        timeout(Duration::from_millis(50), guard.ready())
            .await
            .is_err()
    );
    issuer.world.silent.store(false, Ordering::Relaxed);
    soon("it recovers", async || guard.check(&token).await.is_ok()).await;
    timeout(Duration::from_millis(50), guard.ready())
        .await
        .unwrap();
}

/// A service token is fetched once for its life, and anew when it was refused.
#[tokio::test]
async fn service_tokens() {
    let mut issuer = Issuer::start().await;
    let guard = issuer.guard(WhenStale::refuse()).await;
    let pricing = guard
        .service_token("https://pricing.example", Some("price:read"))
        .unwrap();
    let before = issuer.count("token");
    let (one, other) = tokio::join!(pricing.get(), pricing.get());
    let one = one.unwrap();
    assert_eq!(one.reveal(), other.unwrap().reveal());
    assert_eq!(issuer.count("token"), before + 1);
    assert_eq!(format!("{one:?}"), "[secret]");
    pricing.reject(&one);
    assert_ne!(pricing.get().await.unwrap().reveal(), one.reveal());

    // The feed's own token is cut off, and replaced.
    issuer.world.cut_service_tokens();
    issuer.restart().await;
    issuer.end_session_of("a");
    let token = issuer.token("a");
    soon("the feed goes on", async || {
        guard.check(&token).await.is_err()
    })
    .await;

    // A wrong secret, told to the log alone.
    let client = ServiceClient::new(CLIENT, "css_wrong");
    let wrong = Options::new(&issuer.url, API, client, WhenStale::refuse());
    let wrong = Guard::connect_in_background(wrong.pace(pace())).unwrap();
    soon("the trouble is known", async || {
        !wrong.knowing().troubles.is_empty()
    })
    .await;
    let troubles = wrong.knowing().troubles.join(" ");
    assert!(troubles.contains("401 (invalid_client)"), "{troubles}");
    assert!(!troubles.contains("css_"), "{troubles}");
    assert_eq!(
        wrong.check(&token).await.unwrap_err(),
        Denied::Stale { age: None }
    );
}

/// `Guard::with_keys`: whatever happens, it does not hear of it.
#[tokio::test]
async fn with_keys_alone_nothing_is_heard() {
    let issuer = Issuer::start().await;
    let keys = countersign_jose::KeySet::new(vec![issuer.key.verifying_key()]).unwrap();
    let verifier = countersign_jose::Verifier::new(&issuer.url, API, "at+jwt", keys);
    let guard = Guard::with_keys(verifier, 10);
    guard.ready().await;
    let token = issuer.token("a");
    issuer.revoke(Revocation::All { below: 9 });
    assert_eq!(guard.check(&token).await.unwrap().jti, "a");
    assert!(!guard.knowing().connected && guard.knowing().age.is_none());
    assert!(guard.service_token(API, None).is_none());
    assert_eq!(guard.account(&token).await, Err(Denied::Unanswered));
    assert_eq!(issuer.count("key set"), 0);
}
