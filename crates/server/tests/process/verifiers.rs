//! The services of `examples/verifiers`: ordinary libraries, which have the published keys and nothing else.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::http::Connection;
use crate::binary::{Server, json, run};
use crate::ledger::PASSWORD;
use crate::skip::skip;
use crate::temp::TempDir;

#[test]
fn express_with_jose() {
    accepts_and_refuses("node", "express-jose.mjs");
}

#[test]
fn express_with_passport() {
    accepts_and_refuses("node", "express-passport.mjs");
}

#[test]
fn flask_with_pyjwt() {
    accepts_and_refuses("python", "flask-pyjwt.py");
}

fn accepts_and_refuses(program: &str, script: &str) {
    let Some(tools) = Tools::find(program) else {
        skip("the tools of `make setup` are missing (target/tools)");
        return;
    };
    let (folder, elsewhere) = (TempDir::new(), TempDir::new());
    let server = Server::start(folder.path(), 0, &[]);
    let other = [
        "client",
        "add",
        "--json",
        "other",
        "--audience",
        "https://other.example",
    ];
    json(&run(folder.path(), &other));
    register(&server);
    let token = sign_in(&server, "default");
    let for_others = sign_in(&server, "other");
    let stranger = Server::start(elsewhere.path(), 0, &[]);
    register(&stranger);
    let of_a_stranger = sign_in(&stranger, "default");
    stranger.stop();

    let service = Service::start(&tools, script, &server.issuer);
    assert_eq!(service.hello(None), 401);
    assert_eq!(service.hello(Some(&token)), 200);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let [header, payload] = [
        signed.split_once('.').unwrap().0,
        signed.split_once('.').unwrap().1,
    ];
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"; // {"alg":"none","typ":"at+jwt"}
    let refused = [
        (
            "a changed signature",
            format!("{signed}.{first}{}", &signature[1..]),
        ),
        ("no signature", format!("{signed}.")),
        ("alg none", format!("{none}.{payload}.")),
        ("half a token", format!("{header}.{payload}")),
        ("no token", "Bearer".into()),
        ("a token for others", for_others),
        ("a stranger's token", of_a_stranger),
    ];
    for (what, token) in &refused {
        assert_eq!(service.hello(Some(token)), 401, "{script}: {what}");
    }

    // As its documentation says: it has no feed.
    let mut connection = server.connect();
    let signed_out = connection.send("POST", "/v1/logout-all", Some(&token), None);
    signed_out.unwrap().expect(204);
    let me = connection.send("GET", "/v1/me", Some(&token), None);
    me.unwrap().expect(401);
    assert_eq!(service.hello(Some(&token)), 200, "{script} has heard");

    // It needs nobody.
    server.stop();
    assert_eq!(service.hello(Some(&token)), 200, "{script} asked");
    println!("{script}: 3 times accepted, {} refused", refused.len() + 1);
}

fn register(server: &Server) {
    let form = json!({ "email": "ada@example.com", "password": PASSWORD });
    let mut connection = server.connect();
    connection.post("/v1/register", &form).unwrap().expect(201);
}

fn sign_in(server: &Server, client: &str) -> String {
    let form = json!({ "email": "ada@example.com", "password": PASSWORD, "client_id": client });
    let reply = server.connect().post("/v1/login", &form).unwrap();
    reply.expect(200).text("access_token")
}

/// What runs the services, and where their packages are.
struct Tools {
    program: PathBuf,
    packages: PathBuf,
}

impl Tools {
    fn find(program: &str) -> Option<Self> {
        let tools = root().join("target/tools");
        let program = tools.join("venv/bin").join(program);
        let packages = tools.join("verifiers/node_modules");
        (program.exists() && packages.exists()).then_some(Self { program, packages })
    }
}

/// One of the services, on a free port.
struct Service {
    child: Child,
    port: u16,
    /// The script, with its packages beside it.
    _folder: TempDir,
}

impl Service {
    fn start(tools: &Tools, script: &str, issuer: &str) -> Self {
        let folder = TempDir::new();
        let copy = folder.path().join(script);
        std::fs::copy(root().join("examples/verifiers").join(script), &copy).unwrap();
        symlink(&tools.packages, folder.path().join("node_modules")).unwrap();
        let mut child = Command::new(&tools.program)
            .arg(&copy)
            .env("ISSUER", issuer)
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse();
        Self {
            port: port.unwrap_or_else(|_| panic!("{script} did not start: {line:?}")),
            child,
            _folder: folder,
        }
    }

    /// The status of its one page.
    fn hello(&self, token: Option<&str>) -> u16 {
        let mut connection = Connection::open(self.port, Duration::from_secs(10)).unwrap();
        let reply = connection.send("GET", "/hello", token, None).unwrap();
        assert_eq!(reply.status == 200, reply.body["sub"] != Value::Null);
        reply.status
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
