//! Debian's nginx, by the configuration of docs/forward-auth.md, in front of a service that believes its headers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::binary::Server;
use crate::free_port::free_port;
use crate::skip::skip;
use crate::temp::TempDir;

pub(crate) const NGINX: &str = "/usr/sbin/nginx";
const SIGN_IN: &str = "https://app.example.com/sign-in";
const BEHIND: &str = "https://behind.example.com";

#[test]
fn a_service_behind_nginx_knows_who_calls() {
    if !Path::new(NGINX).exists() {
        return skip("there is no nginx: make setup installs it");
    }
    let folder = TempDir::new();
    let settings = [
        ("COUNTERSIGN_FORWARD_AUTH_COOKIE", "access"),
        ("COUNTERSIGN_FORWARD_AUTH_SIGN_IN", SIGN_IN),
        ("COUNTERSIGN_FORWARD_AUTH_INTERNAL_AUDIENCE", BEHIND),
    ];
    let server = Server::start(folder.path(), 0, &settings);
    let service = Echo::start();
    let nginx = Nginx::start(|port| {
        let page = include_str!("../../../../docs/forward-auth.md");
        let changes = [
            ("listen 8000;", format!("listen 127.0.0.1:{port};")),
            ("127.0.0.1:8080", format!("127.0.0.1:{}", server.port)),
            ("127.0.0.1:3000", format!("127.0.0.1:{}", service.port)),
        ];
        configured(page, &changes)
    });
    let ask = |head: &str| exchange(nginx.port, head);
    let get = |headers: &str| {
        ask(&format!(
            "GET /orders?x=y HTTP/1.1\r\nHost: localhost\r\n{headers}"
        ))
    };

    // Signed in: it passes, and the service learns who it is.
    let token = signed_in(&server, "alice@example.com");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let claims = claims(&token);
    let who = |answer: &Answer| {
        let names = ["subject", "client", "session"];
        names.map(|name| answer.arrived(&format!("x-auth-{name}")).join(","))
    };
    let expected =
        ["sub", "client_id", "sid"].map(|name| claims[name].as_str().unwrap().to_owned());
    let passed = get(&bearer).expect(200);
    assert!(
        passed.body.starts_with("GET /orders?x=y "),
        "{}",
        passed.body
    );
    assert_eq!(who(&passed), expected);
    let inner = passed.arrived("x-auth-token").join(",");
    assert_eq!(self::claims(&inner)["aud"], BEHIND);
    assert!(
        !passed.body.contains(&token),
        "the caller's own token goes no further"
    );
    let cookie = format!("Cookie: a=b; access={token}\r\n");
    assert_eq!(who(&get(&cookie).expect(200)), expected);

    // Whatever the caller says of itself never arrives.
    let forged = "X-Auth-Subject: root\r\nx-auth-subject: root\r\nX-AUTH-ROLES: admin\r\nX-Auth-Scope: all\r\n\
        X-Auth-Token: forged\r\nX-Auth-Account: forged\r\nX-Auth-Client: forged\r\nX-Auth-Session: forged\r\nX_Auth_Subject: root\r\n";
    let passed = get(&format!("{forged}{bearer}")).expect(200);
    assert_eq!(who(&passed), expected);
    for word in ["root", "admin", "forged", ": all"] {
        assert!(!passed.body.contains(word), "{word}: {}", passed.body);
    }
    get(forged).expect(401);

    // Signed out: 401, or for a browser the way to sign in.
    let refused = get("").expect(401);
    assert_eq!(
        refused.header("www-authenticate"),
        [r#"Bearer realm="countersign""#]
    );
    let page = "Accept: text/html,*/*;q=0.8\r\n";
    let refused = get(page).expect(302);
    assert_eq!(refused.header("location"), [SIGN_IN]);
    get("Authorization: Bearer x\r\n").expect(401);

    // More than one token, or a page of another site that uses the cookie, whatever it says.
    get(&format!("{bearer}{cookie}")).expect(403);
    let post = |headers: &str| {
        ask(&format!(
            "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{headers}"
        ))
    };
    let foreign = "Origin: https://elsewhere.example\r\nX-Forwarded-Method: GET\r\n";
    post(&format!("{foreign}{cookie}")).expect(403);
    assert_eq!(service.served(), 3, "nothing that was refused went on");
    assert_eq!(
        who(&post(&format!("Sec-Fetch-Site: same-origin\r\n{cookie}")).expect(200)),
        expected
    );
    assert_eq!(who(&post(&bearer).expect(200)), expected);

    // The session ends: neither passes any more.
    let out = server_call(
        &server,
        &format!("POST /v1/logout HTTP/1.1\r\n{bearer}"),
        None,
    );
    out.expect(204);
    get(&bearer).expect(401);
    get(&cookie).expect(401);
    assert_eq!(
        get(&format!("{page}{cookie}"))
            .expect(302)
            .header("location"),
        [SIGN_IN]
    );
    assert_eq!(service.served(), 5);

    // A server that does not answer lets nobody pass.
    let other = signed_in(&server, "bob@example.com");
    server.stop();
    get(&format!("Authorization: Bearer {other}\r\n")).expect(500);
    assert_eq!(service.served(), 5);
}

/// Registers somebody and signs them in; the access token.
fn signed_in(server: &Server, email: &str) -> String {
    let form = json!({ "email": email, "password": "seven sentries at the gate" });
    server_call(server, "POST /v1/register HTTP/1.1\r\n", Some(&form)).expect(201);
    let answer = server_call(server, "POST /v1/login HTTP/1.1\r\n", Some(&form)).expect(200);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

fn server_call(server: &Server, head: &str, body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let json = if length > 0 {
        "Content-Type: application/json\r\n"
    } else {
        ""
    };
    let head = format!(
        "{head}Host: localhost:{}\r\n{json}Content-Length: {length}\r\n",
        server.port
    );
    send(
        server.port,
        &format!("{head}Connection: close\r\n\r\n{body}"),
    )
}

fn exchange(port: u16, head: &str) -> Answer {
    send(port, &format!("{head}Connection: close\r\n\r\n"))
}

pub(crate) fn send(port: u16, bytes: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

pub(crate) struct Answer {
    head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        let found = self.head.split(' ').nth(1).unwrap();
        assert_eq!(found, status.to_string(), "{}\n{}", self.head, self.body);
        self
    }

    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        values(&self.head, name)
    }

    /// What came to the service under this name.
    pub(crate) fn arrived(&self, name: &str) -> Vec<&str> {
        values(&self.body, name)
    }
}

fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let named = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value).collect()
}

/// A service that answers with what it was asked.
pub(crate) struct Echo {
    pub(crate) port: u16,
    served: Arc<AtomicU32>,
}

impl Echo {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = Arc::<AtomicU32>::default();
        let counted = served.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                    head.push(byte[0]);
                }
                let length = head.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).unwrap();
                stream.write_all(&head).unwrap();
            }
        });
        Self { port, served }
    }

    pub(crate) fn served(&self) -> u32 {
        self.served.load(Ordering::SeqCst)
    }
}

/// The configuration that a page shows, with these in the place of what stands there.
pub(crate) fn configured(page: &str, changes: &[(&str, String)]) -> String {
    let block = page.split_once("```nginx\n").unwrap().1;
    let block = block.split_once("```").unwrap().0.to_owned();
    changes.iter().fold(block, |block, (from, to)| {
        assert!(block.contains(from), "{from}");
        block.replace(from, to)
    })
}

/// nginx, in a folder of its own, as nobody in particular.
pub(crate) struct Nginx {
    pub(crate) port: u16,
    folder: TempDir,
}

impl Nginx {
    /// With the configuration for a port.
    pub(crate) fn start(servers: impl FnOnce(u16) -> String) -> Self {
        let folder = TempDir::new();
        let port = free_port();
        let servers = servers(port);
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String = temporary
            .map(|kind| format!("{kind}_temp_path {kind};\n"))
            .concat();
        let configuration = format!(
            "pid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{servers}}}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
        let mut command = if is_root() {
            let ids = ["-u", "-g"].map(|which| id(&[which, "nobody"]));
            chown(folder.path(), Some(ids[0]), Some(ids[1])).unwrap();
            let mut command = Command::new("setpriv");
            command
                .args([format!("--reuid={}", ids[0]), format!("--regid={}", ids[1])])
                .args(["--clear-groups", "--inh-caps=-all", "--no-new-privs", NGINX]);
            command
        } else {
            Command::new(NGINX)
        };
        // It returns when its sockets are open.
        let began = command
            .args(["-e", "error.log", "-c", "nginx.conf", "-p"])
            .arg(folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .status();
        assert!(began.unwrap().success());
        Self { port, folder }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.path().join("nginx.pid"));
        if let Ok(pid) = pid {
            drop(
                Command::new("kill")
                    .args(["-s", "TERM", pid.trim()])
                    .status(),
            );
        }
    }
}

fn is_root() -> bool {
    id(&["-u"]) == 0
}

fn id(args: &[&str]) -> u32 {
    let told = Command::new("id").args(args).output().unwrap().stdout;
    String::from_utf8(told).unwrap().trim().parse().unwrap()
}
