//! From the embedded store to PostgreSQL under load, with the mover and the server killed on the way.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection as Sql;
use serde_json::{Value, json};

use crate::binary::http::{Connection, Reply};
use crate::binary::{Server, command, json, run};
use crate::cluster::Cluster;
use crate::ledger::{PASSWORD, refresh, sign_in};
use crate::skip::is_long;
use crate::temp::TempDir;

/// Hashes that cost little: the more people come and go meanwhile, the better.
const QUICK: [(&str, &str); 3] = [
    ("COUNTERSIGN_LIMITS_ATTEMPTS", "off"),
    ("COUNTERSIGN_PASSWORDS_MEMORY_KIB", "7168"),
    ("COUNTERSIGN_PASSWORDS_PASSES", "1"),
];

/// So many people more, each with a password, a session and a grant like the one that is there.
fn multiply(database: &Path, people: u32) {
    let file = Sql::open(database).unwrap();
    file.execute_batch(&format!(
        "PRAGMA synchronous = OFF;
         CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {people})
             SELECT i FROM n;
         INSERT INTO users SELECT 1000 + i, randomblob(16), 'many' || i || '@example.com', 'many' || i, 'Ünal \" ' || i,
             roles, '{{\"team\":\"a\\u0000b\",\"n\":1.10}}', enabled, epoch, created_at, updated_at
             FROM n, (SELECT * FROM users LIMIT 1);
         INSERT INTO passwords SELECT 1000 + i, hash FROM n, (SELECT hash FROM passwords LIMIT 1);
         INSERT INTO sessions SELECT 1000 + i,
             unhex(printf('%016x', unixepoch() * 1000 + 86400000 * (1 + i % 90)) || hex(randomblob(16))),
             1000 + i, user_epoch, issuer_epoch, auth_time, amr, idle_end, device, NULL
             FROM n, (SELECT * FROM sessions LIMIT 1);
         INSERT INTO grants SELECT unixepoch() * 1000 + 86400000 * (1 + i % 90), randomblob(32), 1000 + i, client,
             client_epoch, scope, style, cur, prev, floor, rotated_at, handed_at, retries, recoveries, network, strangers,
             stranger_now FROM n, (SELECT * FROM grants LIMIT 1);"
    ))
    .unwrap();
}

/// People who register, sign in and sign out all the time, wherever the server is.
struct Crowd {
    stop: Arc<AtomicBool>,
    people: JoinHandle<Vec<Person>>,
}

struct Person {
    email: String,
    /// What was acknowledged: a session that lives, or one that was ended.
    refresh: Option<String>,
    ended: Option<(String, String)>,
}

impl Crowd {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let people = thread::spawn(move || {
            let mut people = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                let email = format!("crowd{}@example.com", people.len());
                let mut person = Person {
                    email,
                    refresh: None,
                    ended: None,
                };
                // Whoever gets no answer, or a 503, has done nothing that is counted on.
                if person.live(port).is_some() {
                    people.push(person);
                }
            }
            people
        });
        Self { stop, people }
    }

    fn finish(self) -> Vec<Person> {
        self.stop.store(true, Ordering::SeqCst);
        self.people.join().unwrap()
    }
}

impl Person {
    fn live(&mut self, port: u16) -> Option<()> {
        let pause = || thread::sleep(Duration::from_millis(20));
        let patience = Duration::from_secs(10);
        let mut connection = Connection::open(port, patience).map_err(|_| pause()).ok()?;
        let mut ask = |path: &str, body: &Value| {
            let reply = connection.post(path, body).map_err(|_| pause()).ok()?;
            assert!(matches!(reply.status, 200 | 201 | 409 | 503), "{reply:?}");
            (reply.status != 503).then_some(reply).or_else(|| {
                pause();
                None
            })
        };
        // A lost answer: they are there already.
        ask(
            "/v1/register",
            &json!({ "email": self.email, "password": PASSWORD }),
        )?;
        let credentials =
            json!({ "email": self.email, "password": PASSWORD, "client_id": "phone" });
        if let Some(reply) = ask("/v1/login", &credentials) {
            self.refresh = Some(reply.text("refresh_token"));
        }
        if let Some(reply) = ask("/v1/login", &credentials) {
            let (refresh, access) = (reply.text("refresh_token"), reply.text("access_token"));
            let out = connection.send("POST", "/v1/logout", Some(&access), None);
            if out.is_ok_and(|reply| reply.status == 204) {
                self.ended = Some((refresh, access));
            }
        }
        Some(())
    }
}

fn mover(folder: &Path, database: &str) -> Command {
    let mut mover = command(folder, &["move", "--json"]);
    mover
        .env("COUNTERSIGN_STORE_POSTGRES", database)
        .env("COUNTERSIGN_MASTER_KEY_FILE", "countersign-data/master.key");
    mover
}

/// Starts it, and lets it come to where it says something that begins like this.
fn until(mut mover: Command, what: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut mover = mover
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(mover.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with(what) {
        line.clear();
        assert_ne!(
            said.read_line(&mut line).unwrap(),
            0,
            "it ended: {:?}",
            mover.wait()
        );
        print!("{line}");
    }
    (mover, said)
}

/// What else it says, and how it ends.
fn the_rest(
    mover: Child,
    mut said: BufReader<std::process::ChildStderr>,
) -> (String, std::process::Output) {
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    println!("{rest}");
    (rest, mover.wait_with_output().unwrap())
}

/// For how many milliseconds it held writes.
fn held_for(said: &str) -> u64 {
    let (_, rest) = said.split_once("took no writes for ").unwrap();
    rest.split_once(" ms").unwrap().0.parse().unwrap()
}

/// The whole answer.
fn raw(port: u16, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.to_ascii_lowercase()
}

/// A source at work, with so many people; what ann and bob have, of whom bob's sessions were ended.
struct World {
    folder: TempDir,
    cluster: Cluster,
    database: String,
    issuer: String,
    ann: Reply,
    bob: Reply,
}

impl World {
    fn new(people: u32) -> (Self, Server) {
        let folder = TempDir::new();
        let path = folder.path();
        let server = Server::start(path, 0, &QUICK);
        let (port, issuer) = (server.port, server.issuer.clone());
        let phone = ["client", "add", "phone", "--kind", "native", "--json"];
        json(&run(path, &phone));
        let mut connection = server.connect();
        let [ann, bob] = ["ann@example.com", "bob@example.com"].map(|email| {
            let person = json!({ "email": email, "password": PASSWORD });
            let reply = connection.post("/v1/register", &person);
            reply.unwrap().expect(201);
            sign_in(&mut connection, email).unwrap()
        });
        let end = ["sessions", "end-all", "bob@example.com", "--json"];
        json(&run(path, &end));
        server.stop();
        multiply(&file(&folder), people);
        let server = Server::start(path, port, &QUICK);
        let cluster = Cluster::new();
        let world = Self {
            database: cluster.database(),
            folder,
            cluster,
            issuer,
            ann,
            bob,
        };
        (world, server)
    }

    fn mover(&self) -> Command {
        mover(self.folder.path(), &self.database)
    }

    /// No server works with a target that is not whole.
    fn is_not_served(&self) {
        let early = command(self.folder.path(), &["serve", "--data", "elsewhere"])
            .env("COUNTERSIGN_STORE_POSTGRES", &self.database)
            .env("COUNTERSIGN_MASTER_KEY_FILE", "countersign-data/master.key")
            .env("COUNTERSIGN_LISTEN", "localhost:0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&early.stderr);
        assert!(!early.status.success(), "{said}");
        assert!(said.contains("not finished"), "{said}");
    }

    /// No server opens the source any more.
    fn is_left(&self) {
        let serve = ["serve", "--listen", "localhost:0"];
        let again = command(self.folder.path(), &serve).output().unwrap();
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(!again.status.success(), "{said}");
        assert!(said.contains("was moved to PostgreSQL at"), "{said}");
        assert!(said.contains("store.postgres"), "{said}");
    }

    /// What is there is what was there.
    fn is_equal(&self) {
        let sqlite = Sql::open(file(&self.folder)).unwrap();
        let name = self.database.rsplit('/').next().unwrap();
        let mut first = Vec::new();
        for (here, there) in [
            ("count(*) FROM users", "count(*) FROM users"),
            ("count(*) FROM sessions", "count(*) FROM sessions"),
            ("count(*) FROM grants", "count(*) FROM grants"),
            ("count(*) FROM audit", "count(*) FROM audit"),
            (
                "hex(sealed) FROM keys ORDER BY id",
                "upper(encode(sealed, 'hex')) FROM keys ORDER BY id",
            ),
            ("incarnation FROM issuer", "incarnation FROM issuer"),
            ("sequence FROM issuer", "sequence FROM issuer"),
            ("sum(epoch) FROM users", "sum(epoch) FROM users"),
            (
                "attributes FROM users WHERE key = 1001",
                "attributes FROM users WHERE key = 1001",
            ),
        ] {
            let column = here.replacen(" FROM", " AS x FROM", 1);
            let sql = format!("SELECT CAST(x AS TEXT) FROM (SELECT {column})");
            let mut statement = sqlite.prepare(&sql).unwrap();
            let rows = statement.query_map([], |row| row.get::<_, String>(0));
            let here: Vec<String> = rows.unwrap().collect::<Result<_, _>>().unwrap();
            let sql = format!("SET search_path = countersign; SELECT {there}");
            let moved = self.cluster.sql(name, &sql);
            assert_eq!(moved.lines().collect::<Vec<_>>(), here, "{there}");
            first.push(here[0].clone());
        }
        println!("{first:?}");
    }

    /// Every client carries on, and what was ended stays so.
    fn goes_on(&self, port: u16, crowd: &[Person]) {
        let moved = [
            ("COUNTERSIGN_STORE_POSTGRES", self.database.as_str()),
            ("COUNTERSIGN_MASTER_KEY_FILE", "countersign-data/master.key"),
            ("COUNTERSIGN_ISSUER", self.issuer.as_str()),
        ];
        let settings = [&moved[..], &QUICK].concat();
        let server = Server::start(self.folder.path(), port, &settings);
        let mut connection = server.connect();
        let renewed = refresh(&mut connection, &self.ann.text("refresh_token")).unwrap();
        let access = renewed.expect(200).text("access_token");
        assert_eq!(me(&mut connection, &access), 200);
        let ended = refresh(&mut connection, &self.bob.text("refresh_token")).unwrap();
        assert_eq!(ended.status, 401);
        assert_eq!(me(&mut connection, &self.bob.text("access_token")), 401);
        let (mut live, mut over) = (0, 0);
        for person in crowd {
            if let Some(token) = &person.refresh {
                let reply = refresh(&mut connection, token).unwrap();
                assert_eq!(reply.status, 200, "{}: {reply:?}", person.email);
                live += 1;
            }
            if let Some((token, access)) = &person.ended {
                assert_eq!(refresh(&mut connection, token).unwrap().status, 401);
                assert_eq!(me(&mut connection, access), 401, "{}", person.email);
                over += 1;
            }
        }
        assert!(live > 1 && over > 1, "{live} live, {over} over");
        println!("of the crowd, {live} sessions went on, {over} stayed ended");
        let person = json!({ "email": "new@example.com", "password": PASSWORD });
        let reply = connection.post("/v1/register", &person);
        reply.unwrap().expect(201);
        sign_in(&mut connection, "new@example.com").unwrap();
        server.stop();
    }

    /// A second time nothing happens, nobody else's store goes there, and no copy is left.
    fn is_over(&self) {
        let again = self.mover().output().unwrap();
        assert!(again.status.success(), "{again:?}");
        let other = TempDir::new();
        Server::start(other.path(), 0, &[]).stop();
        let refused = mover(other.path(), &self.database).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(r#""code":"not_empty""#), "{said}");
        // What was moved is missed, and not called finished.
        let name = self.database.rsplit('/').next().unwrap();
        self.cluster.sql(name, "DROP SCHEMA countersign CASCADE");
        for _ in 0..2 {
            let missed = self.mover().output().unwrap();
            let said = String::from_utf8_lossy(&missed.stderr);
            assert!(said.contains(r#""code":"lost""#), "{said}");
        }
        let left = fs::read_dir(self.folder.path().join("countersign-data")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        let is_copy = |name: &&std::ffi::OsString| name.to_string_lossy().starts_with("moving-");
        assert_eq!(left.iter().filter(is_copy).count(), 0, "{left:?}");
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("countersign-data/countersign.db")
}

fn me(connection: &mut Connection, token: &str) -> u16 {
    let me = connection.send("GET", "/v1/me", Some(token), None);
    me.unwrap().status
}

#[test]
fn everything_is_moved_while_it_is_in_use() {
    let people = if is_long() { 1_000_000 } else { 10_000 };
    let (world, server) = World::new(people);
    let port = server.port;
    let crowd = Crowd::start(port);

    // The mover dies.
    let (mut first, _) = until(world.mover(), "passwords: ");
    first.kill().unwrap();
    first.wait().unwrap();
    world.is_not_served();

    // The server dies, and the mover finds nobody to ask for what has changed.
    let (second, said) = until(world.mover(), "going on");
    server.kill();
    let (said, answer) = the_rest(second, said);
    assert_eq!(answer.status.code(), Some(1), "{said}");
    let server = Server::start(world.folder.path(), port, &QUICK);

    let (third, said) = until(world.mover(), "going on");
    let (said, answer) = the_rest(third, said);
    assert!(answer.status.success(), "{said}");
    for word in ["by number and checksum", "caught up"] {
        assert!(said.contains(word), "{said}");
    }
    // However many there are: what was written during one comparison is put while nothing else can be.
    assert!(!said.contains("once more"), "{said}");
    let stop = held_for(&said);
    println!("of {people} people, nothing was written for {stop} ms");
    assert!(stop < 5_000, "{said}");
    let ann = r#"{"email":"ann@example.com","password":"seven sentries at the gate"}"#;
    for (request, body) in [("POST /v1/login", ann), ("GET /readyz", "")] {
        let answer = raw(port, request, body);
        assert!(answer.starts_with("http/1.1 503"), "{request}: {answer}");
        assert!(answer.contains("\r\nretry-after: "), "{request}: {answer}");
    }
    let crowd = crowd.finish();
    server.stop();

    world.is_left();
    world.is_equal();
    world.goes_on(port, &crowd);
    world.is_over();
}
