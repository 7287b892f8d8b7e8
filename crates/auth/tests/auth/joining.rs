use std::sync::Arc;
use std::time::Duration;

use countersign_auth::account::PasswordForm;
use countersign_auth::env::Timestamp;
use countersign_auth::issue::{Outcome, Signed};
use countersign_auth::joining::JoinError;
use countersign_auth::limits::{Budget, LimitSettings};
use countersign_auth::live::{LiveSession, SessionError};
use countersign_auth::login::{Login, SignIn};
use countersign_auth::model::audit::{AuditQuery, Happening};
use countersign_auth::model::client::{Client, ClientKind, Style};
use countersign_auth::model::id::ClientId;
use countersign_auth::refresh::RefreshError;
use countersign_auth::style::{Given, NewSession};
use countersign_auth::visitor::Visitor;

use crate::world::{PASSWORD, Server, World, password, somebody};

const ANN: &str = "a@example.org";

fn client(id: &str, style: Style) -> Client {
    Client {
        style,
        ..Client::new(
            id.parse().unwrap(),
            ClientKind::Browser,
            Timestamp::default(),
        )
    }
}

/// Ann signs in to the server's own pages, with these applications beside them.
async fn signed_in(world: &World, clients: &[Client]) -> (Server, Pages) {
    let server = world.start().await;
    // The pages' client is nobody's to register.
    let pages = client(ClientId::ACCOUNT, Style::Session);
    let operator = Visitor::operator();
    let known = server.auth.client(Some(ClientId::ACCOUNT));
    let pages = match known {
        Some(pages) => pages,
        None => Arc::new(server.auth.put_client(pages, &operator).await.unwrap()),
    };
    for client in clients {
        let put = server.auth.put_client(client.clone(), &operator).await;
        put.unwrap();
    }
    server.register(ANN).await;
    let name = sign_in(&server, &pages).await;
    (server, Pages { pages, name })
}

async fn sign_in(server: &Server, client: &Client) -> String {
    let login = Login {
        identifier: ANN.to_owned(),
        password: password(PASSWORD),
        client: Some(client.id.to_string()),
    };
    match server.auth.login(login, &somebody()).await.unwrap() {
        SignIn::Complete(Given::Session(session)) => session.name.expose().to_string(),
        other => panic!("{other:?}"),
    }
}

struct Pages {
    pages: Arc<Client>,
    name: String,
}

impl Pages {
    async fn session(&self, server: &Server) -> LiveSession {
        let session = server.auth.use_session(&self.pages, &self.name).await;
        session.unwrap()
    }

    async fn join(&self, server: &Server, client: &str) -> Result<Given, JoinError> {
        let session = self.session(server).await;
        server.auth.join(&session, client, &somebody()).await
    }

    async fn tokens(&self, server: &Server, client: &str) -> Signed {
        match self.join(server, client).await.unwrap() {
            Given::Tokens(signed) => *signed,
            Given::Session(_) => panic!("no tokens"),
        }
    }

    async fn named(&self, server: &Server, client: &str) -> NewSession {
        match self.join(server, client).await.unwrap() {
            Given::Session(session) => *session,
            Given::Tokens(_) => panic!("no session"),
        }
    }
}

async fn renew(server: &Server, client: &str, signed: &Signed) -> Result<Signed, RefreshError> {
    let token = signed.refresh_token.expose();
    server.auth.refresh(Some(client), token, &somebody()).await
}

async fn used(server: &Server, session: &NewSession) -> Result<LiveSession, SessionError> {
    let name = session.name.expose();
    server.auth.use_session(&session.client, &name).await
}

#[tokio::test]
async fn another_application_joins_the_session_and_inherits_what_it_is() {
    let world = World::new();
    let clients = [
        Client {
            scope: Some("orders".to_owned()),
            ..client("shop", Style::Rotating)
        },
        client("forum", Style::Session),
    ];
    let (server, pages) = signed_in(&world, &clients).await;
    server.pass(Duration::from_mins(10));
    let session = pages.session(&server).await;
    let of_pages = session.claims();

    let signed = pages.tokens(&server, "shop").await;
    assert_eq!(signed.outcome, Outcome::Joined);
    assert_eq!(signed.user.email, ANN);
    let token = server.check(&signed);
    assert_eq!((&token.sub, &token.sid), (&of_pages.sub, &of_pages.sid));
    // They were not asked again, and nothing says that they were.
    assert_eq!(token.auth_time, of_pages.auth_time);
    assert_eq!(token.auth_time, Some(token.iat - 600));
    assert_eq!((&token.amr, token.epochs), (&of_pages.amr, of_pages.epochs));
    assert_eq!(token.client_id, "shop");
    assert_eq!(token.scope.as_ref().unwrap().to_string(), "orders");
    let left = session.session().absolute_end();
    let expected = left.since(server.auth.env().now());
    assert_eq!(signed.refresh_expires_in, expected);
    server.rest();
    let renewed = renew(&server, "shop", &signed).await.unwrap();
    assert_eq!(server.check(&renewed).sid, of_pages.sid);

    let forum = pages.named(&server, "forum").await;
    assert_eq!(forum.expires_in, left.since(server.auth.env().now()));
    let live = used(&server, &forum).await.unwrap();
    assert_eq!(live.claims().sid, of_pages.sid);
    assert_eq!(live.claims().client_id, "forum");

    let views = server.auth.my_sessions(&token).await.unwrap();
    assert_eq!(views.len(), 1);
    let names: Vec<_> = views[0].clients.iter().map(ClientId::as_str).collect();
    assert_eq!(names, ["account", "forum", "shop"]);
    let query = AuditQuery {
        what: Some(Happening::SignedIn),
        limit: 10,
        ..AuditQuery::default()
    };
    let lines = server.auth.audit(query).await.unwrap();
    let given: Vec<_> = lines
        .iter()
        .map(|line| {
            let client = line.client.as_ref().unwrap().as_str();
            (client, line.detail.as_deref(), line.session)
        })
        .collect();
    let sid = Some(views[0].id);
    let expected = [
        ("forum", Some("joined"), sid),
        ("shop", Some("joined"), sid),
        ("account", None, sid),
    ];
    assert_eq!(given, expected);
}

/// Whoever took an application over would else be let in to all of them.
#[tokio::test]
async fn only_the_pages_session_vouches() {
    let world = World::new();
    let clients = [
        client("shop", Style::Rotating),
        client("forum", Style::Session),
    ];
    let (server, pages) = signed_in(&world, &clients).await;
    let forum = server.auth.client(Some("forum")).unwrap();
    let name = sign_in(&server, &forum).await;
    let session = server.auth.use_session(&forum, &name).await.unwrap();
    let refused = server.auth.join(&session, "shop", &somebody()).await;
    assert!(
        matches!(refused, Err(JoinError::NotItsToGive)),
        "{refused:?}"
    );
    // Neither does one that joined theirs; and they need no other grant for themselves.
    let joined = pages.named(&server, "forum").await;
    let session = used(&server, &joined).await.unwrap();
    for other in ["shop", ClientId::ACCOUNT] {
        let refused = server.auth.join(&session, other, &somebody()).await;
        assert!(
            matches!(refused, Err(JoinError::NotItsToGive)),
            "{refused:?}"
        );
    }
    let own = pages.join(&server, ClientId::ACCOUNT).await;
    assert!(matches!(own, Err(JoinError::NotItsToGive)), "{own:?}");
}

#[tokio::test]
async fn what_can_join_no_session_is_told_why() {
    let world = World::new();
    let gateway = Client {
        audience: Some("https://wiki.example".to_owned()),
        ..client("gateway", Style::Gateway)
    };
    let native = Client {
        kind: ClientKind::Native,
        ..client("native", Style::Rotating)
    };
    let service = Client {
        kind: ClientKind::Service,
        ..client("service", Style::Rotating)
    };
    let disabled = Client {
        enabled: false,
        ..client("disabled", Style::Rotating)
    };
    // Sessions of these end sooner than the pages' would, or rest for another time: nobody gets a longer one by way of them.
    let short = Client {
        absolute_ttl: Client::ABSOLUTE_TTL / 2,
        ..client("short", Style::Rotating)
    };
    let restless = Client {
        idle_ttl: Client::IDLE_TTL / 2,
        ..client("restless", Style::Rotating)
    };
    let lazy = Client {
        idle_ttl: Client::IDLE_TTL + Duration::from_secs(1),
        ..client("lazy", Style::Rotating)
    };
    let clients = [
        client("stateless", Style::Stateless),
        client("sliding", Style::Sliding),
        gateway,
        native,
        service,
        disabled,
        short,
        restless,
        lazy,
    ];
    let (server, pages) = signed_in(&world, &clients).await;
    for (id, expected) in [
        ("stateless", "nothing is kept"),
        ("sliding", "nothing is kept"),
        ("gateway", "the application's own host"),
        ("native", "holds its tokens itself"),
        ("service", "has no sessions"),
        ("disabled", "is disabled"),
        ("short", "end sooner"),
        ("restless", "rest for another time"),
        ("lazy", "rest for another time"),
        ("nobodys", "no client of this id"),
    ] {
        let session = pages.session(&server).await;
        let offered = server.auth.can_join(&session, id).unwrap_err().to_string();
        assert!(offered.contains(expected), "{id}: {offered}");
        let refused = pages.join(&server, id).await.unwrap_err();
        assert_eq!(refused.to_string(), offered);
    }
    let session = pages.session(&server).await;
    let views = server.auth.my_sessions(session.claims());
    assert_eq!(views.await.unwrap()[0].clients.len(), 1);
}

/// What a node remembers of a session may let its user in to what it is for; anything new, the store is asked about.
#[tokio::test]
async fn a_session_that_is_over_vouches_for_nobody() {
    let world = World::new();
    let clients = [
        client("shop", Style::Rotating),
        client("forum", Style::Session),
    ];
    let (server, pages) = signed_in(&world, &clients).await;
    let session = pages.session(&server).await;
    let signed = pages.tokens(&server, "shop").await;
    // Signed out at the shop: of everything.
    let token = signed.refresh_token.expose();
    server.auth.logout(token, &somebody()).await.unwrap();
    assert_eq!(server.refused(&signed), "session_revoked");
    for id in ["shop", "forum"] {
        let refused = server.auth.join(&session, id, &somebody()).await;
        assert!(matches!(refused, Err(JoinError::Over)), "{refused:?}");
    }
    let gone = server.auth.use_session(&pages.pages, &pages.name).await;
    assert!(gone.is_err());
}

#[tokio::test]
async fn theft_at_one_application_ends_all_of_them() {
    let world = World::new();
    let clients = [
        client("shop", Style::Rotating),
        client("forum", Style::Session),
    ];
    let (server, pages) = signed_in(&world, &clients).await;
    let mut signed = pages.tokens(&server, "shop").await;
    let forum = pages.named(&server, "forum").await;
    let stolen = signed.clone();
    for _ in 0..2 {
        server.rest();
        signed = renew(&server, "shop", &signed).await.unwrap();
    }
    let theft = renew(&server, "shop", &stolen).await;
    assert!(matches!(theft, Err(RefreshError::Reused)), "{theft:?}");
    assert_eq!(server.refused(&signed), "session_revoked");
    assert!(used(&server, &forum).await.is_err());
    let gone = server.auth.use_session(&pages.pages, &pages.name).await;
    assert!(gone.is_err());
}

/// Signing in to the same application again leaves nothing behind that a thief could go on with.
#[tokio::test]
async fn whoever_joins_again_leaves_nothing_behind() {
    let world = World::new();
    let clients = [
        client("shop", Style::Rotating),
        client("forum", Style::Session),
    ];
    let (server, pages) = signed_in(&world, &clients).await;
    let (at_shop, at_forum) = (
        pages.tokens(&server, "shop").await,
        pages.named(&server, "forum").await,
    );
    // Two answers at once are both good: the browser keeps one of them.
    let (again, named_again) = (
        pages.tokens(&server, "shop").await,
        pages.named(&server, "forum").await,
    );
    for signed in [&at_shop, &again] {
        renew(&server, "shop", signed).await.unwrap();
    }
    for named in [&at_forum, &named_again] {
        used(&server, named).await.unwrap();
    }
    server.rest();
    let (last, last_named) = (
        pages.tokens(&server, "shop").await,
        pages.named(&server, "forum").await,
    );
    // Longer than a node may say yes from memory.
    server.pass(Duration::from_mins(6));
    for signed in [&at_shop, &again] {
        let refused = renew(&server, "shop", signed).await;
        assert!(matches!(refused, Err(RefreshError::Invalid)), "{refused:?}");
    }
    for named in [&at_forum, &named_again] {
        let refused = used(&server, named).await;
        assert!(matches!(refused, Err(SessionError::Unknown)));
    }
    renew(&server, "shop", &last).await.unwrap();
    used(&server, &last_named).await.unwrap();
}

/// Whoever was shown the old password's successor goes on; every application has to ask for its place again.
#[tokio::test]
async fn a_new_password_leaves_the_pages_alone_signed_in() {
    let world = World::new();
    let clients = [client("shop", Style::Rotating)];
    let (server, mut pages) = signed_in(&world, &clients).await;
    let signed = pages.tokens(&server, "shop").await;
    let before = pages.session(&server).await;
    let form = PasswordForm {
        current: password(PASSWORD),
        new: password("a better horse battery"),
    };
    let caller = before.claims();
    let changed = server.auth.change_password(caller, form, &somebody()).await;
    let Given::Session(renamed) = changed.unwrap() else {
        panic!("no session");
    };
    assert_eq!(server.refused(&signed), "subject_revoked");
    let refused = renew(&server, "shop", &signed).await;
    assert!(
        matches!(refused, Err(RefreshError::Superseded)),
        "{refused:?}"
    );
    let over = server.auth.join(&before, "shop", &somebody()).await;
    assert!(matches!(over, Err(JoinError::Over)), "{over:?}");
    pages.name = renamed.name.expose().to_string();
    let again = pages.tokens(&server, "shop").await;
    assert_eq!(server.check(&again).epochs.subject, 1);
    assert_eq!(server.check(&again).sid, caller.sid);
}

#[tokio::test]
async fn joining_is_limited_as_renewing_is() {
    let mut world = World::new();
    world.settings.limits = LimitSettings {
        refresh: Some(Budget {
            burst: 2,
            every: Duration::from_secs(10),
        }),
        ..LimitSettings::default()
    };
    let clients = [client("shop", Style::Rotating)];
    let (server, pages) = signed_in(&world, &clients).await;
    for _ in 0..2 {
        pages.join(&server, "shop").await.unwrap();
    }
    let refused = pages.join(&server, "shop").await;
    let Err(JoinError::Limited { retry_after }) = refused else {
        panic!("{refused:?}");
    };
    server.pass(retry_after);
    pages.join(&server, "shop").await.unwrap();
}
