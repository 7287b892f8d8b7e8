//! The style `gateway` with Debian's nginx, by the configuration of docs/styles/gateway.md: applications on host names of
//! their own, in front of services that believe their headers.

use std::path::Path;

use serde_json::{Value, json};

use crate::binary::{Server, run};
use crate::nginx::{Answer, Echo, NGINX, Nginx, claims, configured, send};
use crate::skip::skip;
use crate::temp::TempDir;

const ALICE: &str = "alice@example.com";
const SHOP: &str = "shop.example.com";
const OFFICE: &str = "office.example.com";
/// Two hosts of one application, which share a cookie.
const CLUB: [&str; 2] = ["www.club.example", "club.example"];

#[test]
fn two_applications_behind_nginx_on_two_hosts() {
    if !Path::new(NGINX).exists() {
        return skip("there is no nginx: make setup installs it");
    }
    let world = World::start();
    let (shop, office) = (&world.shop, &world.office);
    let mut alice = world.browser();

    // Nobody: 401, or for a browser the way to sign in, which everybody may see.
    alice.get(SHOP, "/orders", "").expect(401);
    let sent = alice
        .get(SHOP, "/orders", "Accept: text/html\r\n")
        .expect(302);
    assert_eq!(sent.header("location"), ["/welcome/"]);
    let welcome = alice.get(SHOP, "/welcome/", "").expect(200);
    assert_eq!(welcome.body, "Welcome");
    assert_eq!((shop.served(), office.served()), (0, 0));

    // Signed in on one host: its application learns who it is, and gets a token for itself.
    let form = json!({ "email": ALICE, "password": PASSWORD });
    alice.post(SHOP, "/v1/register", OWN, &form).expect(201);
    alice.sign_in(SHOP, "shop").expect(200);
    let passed = alice.get(SHOP, "/orders?x=y", "").expect(200);
    assert!(
        passed.body.starts_with("GET /orders?x=y "),
        "{}",
        passed.body
    );
    let told = token_of(&passed);
    assert_eq!(
        (&told["aud"], &told["client_id"]),
        (&json!("https://shop.example.com"), &json!("shop"))
    );
    for (header, claim) in [
        ("subject", "sub"),
        ("client", "client_id"),
        ("session", "sid"),
    ] {
        assert_eq!(
            passed.arrived(&format!("x-auth-{header}")),
            [told[claim].as_str().unwrap()]
        );
    }
    let account = passed.arrived("x-auth-account").concat();
    let account: Value = serde_json::from_str(&account).unwrap();
    assert_eq!(account["email"], ALICE);
    assert!(
        !passed.body.contains("csi1_"),
        "the cookie goes no further: {}",
        passed.body
    );

    // Of no use on the other host: it is not sent there, and means nothing there.
    alice.get(OFFICE, "/files", "").expect(401);
    let name = alice.value(SHOP, "__Host-countersign-shop.session");
    for client in ["shop", "office"] {
        let cookie = format!("Cookie: __Host-countersign-{client}.session={name}\r\n");
        world.browser().get(OFFICE, "/files", &cookie).expect(401);
    }
    assert_eq!(office.served(), 0);
    alice.sign_in(OFFICE, "office").expect(200);
    let passed = alice.get(OFFICE, "/files", "").expect(200);
    let told = token_of(&passed);
    assert_eq!(
        (&told["aud"], &told["client_id"]),
        (&json!("https://office.example.com"), &json!("office"))
    );

    // Whatever the caller says of itself never arrives, and chooses no other application.
    let forged = "X-Auth-Subject: root\r\nX-Auth-Account: {}\r\nX-Auth-Client: shop\r\nX-Auth-Token: forged\r\n\
        X-Auth-Roles: root\r\nX-Auth-Scope: root\r\nX-Auth-Session: root\r\n";
    let passed = alice
        .get(OFFICE, "/files?client_id=shop", forged)
        .expect(200);
    assert_eq!(passed.arrived("x-auth-client"), ["office"]);
    for word in ["root", "{}", "forged", ": shop"] {
        assert!(!passed.body.contains(word), "{word}: {}", passed.body);
    }
    // No page gets at the token that is for the application.
    for path in [
        "/gateway/office",
        "/v1/../gateway/office",
        "/v1/%2e%2e/gateway/office",
        "/_auth",
    ] {
        let answer = alice.get(OFFICE, path, OWN);
        assert!(answer.header("x-auth-token").is_empty(), "{path}");
    }

    foreign_pages_get_nothing(&world, &mut alice);

    // Signed out on one host, and on that alone: the sessions are two.
    let shop_form = json!({ "client_id": "shop" });
    alice.post(SHOP, "/v1/logout", OWN, &shop_form).expect(204);
    let late = format!("Cookie: __Host-countersign-shop.session={name}\r\n");
    world.browser().get(SHOP, "/orders", &late).expect(401);
    alice.get(SHOP, "/orders", "").expect(401);
    alice.get(OFFICE, "/files", "").expect(200);

    one_cookie_for_two_hosts(&world, &mut alice);

    // Disabled: everywhere.
    let disabled = run(world.folder.path(), &["user", "disable", ALICE]);
    assert!(disabled.status.success(), "{disabled:?}");
    alice.get(OFFICE, "/files", "").expect(401);
}

/// By the cookie, though it comes along.
fn foreign_pages_get_nothing(world: &World, alice: &mut Browser<'_>) {
    let served = world.shop.served();
    let none = Value::Null;
    let foreign = "Origin: https://elsewhere.example\r\nSec-Fetch-Site: cross-site\r\nX-Forwarded-Method: GET\r\n";
    let sibling = "Origin: https://office.example.com\r\nSec-Fetch-Site: same-site\r\n";
    for page in [foreign, sibling, ""] {
        alice.post(SHOP, "/orders", page, &none).expect(403);
        let form = json!({ "client_id": "shop" });
        alice.post(SHOP, "/v1/logout", page, &form).expect(403);
    }
    for page in [foreign, sibling] {
        let socket = format!(
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{page}"
        );
        alice.get(SHOP, "/live", &socket).expect(403);
        let form = json!({ "email": ALICE, "password": PASSWORD, "client_id": "shop" });
        alice.post(SHOP, "/v1/login", page, &form).expect(403);
    }
    assert_eq!(
        world.shop.served(),
        served,
        "nothing that was refused went on"
    );
    alice.post(SHOP, "/orders", OWN, &none).expect(200);
}

/// Signed in on both, and out on both.
fn one_cookie_for_two_hosts(world: &World, alice: &mut Browser<'_>) {
    alice.sign_in(CLUB[0], "club").expect(200);
    for host in CLUB {
        let told = token_of(&alice.get(host, "/", "").expect(200));
        assert_eq!(told["aud"], "https://club.example");
    }
    let name = alice.value(CLUB[1], "__Secure-countersign-club.session");
    let form = json!({ "client_id": "club" });
    alice.post(CLUB[1], "/v1/logout", OWN, &form).expect(204);
    let late = format!("Cookie: __Secure-countersign-club.session={name}\r\n");
    for host in CLUB {
        alice.get(host, "/", "").expect(401);
        world.browser().get(host, "/", &late).expect(401);
    }
}

const PASSWORD: &str = "seven sentries at the gate";
/// What a browser says of a page of the host that it asks.
const OWN: &str = "Sec-Fetch-Site: same-origin\r\n";

/// A server, the services of three applications, and nginx in front of all of them.
struct World {
    folder: TempDir,
    nginx: Nginx,
    shop: Echo,
    office: Echo,
    _club: Echo,
    _server: Server,
}

impl World {
    fn start() -> Self {
        let folder = TempDir::new();
        let settings = [("COUNTERSIGN_ISSUER", "https://auth.example.com")];
        let server = Server::start(folder.path(), 0, &settings);
        let add = |line: &str| {
            let args: Vec<&str> = "client add".split(' ').chain(line.split(' ')).collect();
            let added = run(folder.path(), &args);
            assert!(added.status.success(), "{added:?}");
        };
        add(
            "shop --style gateway --audience https://shop.example.com --origin https://shop.example.com --with-account",
        );
        add(
            "office --style gateway --audience https://office.example.com --origin https://office.example.com",
        );
        add(
            "club --style gateway --audience https://club.example --origin https://club.example \
             --origin https://www.club.example --cookie-domain club.example",
        );
        let [shop, office, club] = [Echo::start(), Echo::start(), Echo::start()];
        let pages = folder.path().join("pages");
        std::fs::create_dir_all(pages.join("welcome")).unwrap();
        std::fs::write(pages.join("welcome/index.html"), "Welcome").unwrap();
        let nginx = Nginx::start(|port| {
            let page = include_str!("../../../../docs/styles/gateway.md");
            let hosts = [
                (SHOP, "shop", &shop),
                (OFFICE, "office", &office),
                (CLUB[0], "club", &club),
                (CLUB[1], "club", &club),
            ];
            let blocks = hosts.map(|(host, client, service)| {
                let changes = [
                    ("listen 8000;", format!("listen 127.0.0.1:{port};")),
                    (
                        "server_name shop.example.com;",
                        format!("server_name {host};"),
                    ),
                    (
                        "127.0.0.1:8080/gateway/shop;",
                        format!("127.0.0.1:8080/gateway/{client};"),
                    ),
                    ("127.0.0.1:8080", format!("127.0.0.1:{}", server.port)),
                    ("127.0.0.1:3000", format!("127.0.0.1:{}", service.port)),
                    ("/srv/shop", pages.display().to_string()),
                ];
                configured(page, &changes)
            });
            blocks.concat()
        });
        Self {
            folder,
            nginx,
            shop,
            office,
            _club: club,
            _server: server,
        }
    }

    /// One that has no cookies.
    fn browser(&self) -> Browser<'_> {
        Browser {
            nginx: &self.nginx,
            jar: Vec::new(),
        }
    }
}

/// Keeps cookies as RFC 6265bis says: of a host, or of a domain.
struct Browser<'w> {
    nginx: &'w Nginx,
    jar: Vec<Cookie>,
}

struct Cookie {
    host: String,
    is_for_all_below: bool,
    name: String,
    value: String,
}

impl Cookie {
    fn goes_to(&self, host: &str) -> bool {
        let below = host
            .strip_suffix(&self.host)
            .is_some_and(|rest| rest.ends_with('.'));
        host == self.host || (self.is_for_all_below && below)
    }
}

impl Browser<'_> {
    fn get(&mut self, host: &str, path: &str, headers: &str) -> Answer {
        self.send(host, &format!("GET {path} HTTP/1.1\r\n{headers}"), "")
    }

    fn post(&mut self, host: &str, path: &str, headers: &str, body: &Value) -> Answer {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}",
            body.len()
        );
        self.send(host, &head, &body)
    }

    fn sign_in(&mut self, host: &str, client: &str) -> Answer {
        let form = json!({ "email": ALICE, "password": PASSWORD, "client_id": client });
        self.post(host, "/v1/login", OWN, &form)
    }

    fn value(&self, host: &str, name: &str) -> String {
        let mut cookies = self.jar.iter().filter(|cookie| cookie.goes_to(host));
        let found = cookies.find(|cookie| cookie.name == name);
        found.unwrap().value.clone()
    }

    fn send(&mut self, host: &str, head: &str, body: &str) -> Answer {
        let cookies = self.jar.iter().filter(|cookie| cookie.goes_to(host));
        let pairs: Vec<String> = cookies
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        let cookie = match pairs.as_slice() {
            [] => String::new(),
            pairs => format!("Cookie: {}\r\n", pairs.join("; ")),
        };
        let head = format!("{head}Host: {host}\r\n{cookie}Connection: close\r\n\r\n{body}");
        let answer = send(self.nginx.port, &head);
        for line in answer.header("set-cookie") {
            self.keep(host, line);
        }
        answer
    }

    fn keep(&mut self, host: &str, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        let domain = attributes.iter().find_map(|a| a.strip_prefix("Domain="));
        // What else a browser would not keep (RFC 6265bis §4.1.3, §5.7).
        assert!(
            attributes.contains(&"Secure") && attributes.contains(&"Path=/"),
            "{line}"
        );
        assert_eq!(name.starts_with("__Host-"), domain.is_none(), "{line}");
        let cookie = Cookie {
            host: domain.unwrap_or(host).to_owned(),
            is_for_all_below: domain.is_some(),
            name: name.to_owned(),
            value: value.to_owned(),
        };
        assert!(cookie.goes_to(host), "{line}");
        self.jar
            .retain(|old| (&old.host, &old.name) != (&cookie.host, &cookie.name));
        if !attributes.contains(&"Max-Age=0") {
            self.jar.push(cookie);
        }
    }
}

/// What the token says that came to the service.
fn token_of(answer: &Answer) -> Value {
    claims(&answer.arrived("x-auth-token").concat())
}
