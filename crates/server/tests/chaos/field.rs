//! Three nodes on shared stores, each with links of its own and a clock of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use crate::asking::{Answer, ask};
use crate::balancer::Balancer;
use crate::binary::{self, BINARY, Server, command_of, run};
use crate::cluster::Cluster;
use crate::free_port::free_port;
use crate::journal::{Journal, why};
use crate::redis_server::RedisServer;
use crate::relay::Relay;
use crate::temp::TempDir;
use crate::wrong_clock::WrongClock;

pub const NODES: usize = 3;
pub const GUARDS: usize = 4;
pub const PASSWORD: &str = "seven sentries at the gate";

/// How long clients wait for an answer; the nodes are told the same. The interval of renewals is 2.5 times as long:
/// ten seconds, so that nothing which a cut link hands on late comes after it.
pub const PATIENCE: Duration = Duration::from_secs(4);

const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// What clients know: where the nodes are, and what they did.
pub struct Field {
    pub ports: Vec<u16>,
    pub journal: Journal,
    pub stop: watch::Sender<bool>,
}

impl Field {
    /// Asks a node. `None` if it has to be asked again, there or elsewhere.
    pub async fn ask(
        &self,
        node: usize,
        request: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let asked = Instant::now();
        match ask(self.ports[node], request, token, body, PATIENCE).await {
            Ok(answer) if answer.is_retryable() => {
                let what = format!("503 {}", answer.body["code"].as_str().unwrap_or_default());
                self.journal.trouble(node, what, asked);
                None
            }
            Ok(answer) => Some(answer),
            Err(error) => {
                self.journal.trouble(node, why(&error), asked);
                None
            }
        }
    }

    /// Asks a node, and is answered so, or has to ask again; any other answer must not be.
    pub async fn expect(
        &self,
        status: u16,
        node: usize,
        request: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let answer = self.ask(node, request, token, body).await?;
        if answer.status == status {
            return Some(answer);
        }
        self.journal
            .wrong(format!("{request} on node {node}: {answer:?}"));
        None
    }

    pub fn is_over(&self) -> bool {
        *self.stop.borrow()
    }
}

/// What a client of these people says.
pub fn credentials(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "client_id": "phone" })
}

/// What a client says to renew.
pub fn renewal(token: &str) -> Value {
    json!({ "client_id": "phone", "refresh_token": token })
}

struct Node {
    folder: TempDir,
    port: u16,
    clock: WrongClock,
    to_postgres: Relay,
    to_redis: Option<Relay>,
    server: Option<Server>,
}

/// How clients find the nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They know all of them, and what befalls each.
    Directly,
    /// As guards do.
    ThroughTheBalancer,
}

/// The machines.
pub struct Machines {
    pub field: Arc<Field>,
    pub balancer: Arc<Balancer>,
    pub cluster: Cluster,
    pub redis: Option<RedisServer>,
    /// The path of the one database.
    database: String,
    nodes: Vec<Node>,
    /// Services, and their secrets.
    pub guards: Vec<(String, String)>,
    /// What starts from now on.
    program: PathBuf,
    /// A session of the one who looks whether all is well.
    probe: String,
}

impl Machines {
    /// All of them, at work, with clocks that are so many seconds ahead.
    pub async fn start(way: Way, redis: Option<RedisServer>, clocks: [i32; NODES]) -> Self {
        let cluster = block_in_place(Cluster::new);
        let database = cluster.database();
        let (folder, name) = database.rsplit_once('/').unwrap();
        let folder = folder.rsplit('@').next().unwrap().replace("%2F", "/");
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        let mut balancer = Balancer::new().await;
        let mut nodes = Vec::new();
        for seconds in clocks {
            let folder = TempDir::new();
            let to_redis = match &redis {
                Some(redis) => {
                    let url = redis.url();
                    let socket = url.strip_prefix("redis+unix://").unwrap();
                    Some(Relay::to(socket.into()).await)
                }
                None => None,
            };
            nodes.push(Node {
                clock: WrongClock::new(&folder, seconds),
                folder,
                port: free_port(),
                to_postgres: Relay::to(socket.clone()).await,
                to_redis,
                server: None,
            });
        }
        let ports: Vec<u16> = nodes.iter().map(|node| node.port).collect();
        balancer.lead_to(ports.clone());
        let field = Field {
            ports: match way {
                Way::Directly => ports,
                Way::ThroughTheBalancer => vec![balancer.port; NODES],
            },
            journal: Journal::new(),
            stop: watch::channel(false).0,
        };
        let mut machines = Self {
            field: Arc::new(field),
            balancer: Arc::new(balancer),
            database: name.to_owned(),
            cluster,
            redis,
            nodes,
            guards: Vec::new(),
            program: BINARY.into(),
            probe: String::new(),
        };
        // What is registered on one node is known to those that are there already half a minute later.
        machines.start_node(0);
        machines.add(&["phone", "--kind", "native"]);
        for number in 0..GUARDS {
            let name = format!("guard-{number}");
            let secret = machines.add(&[&name, "--kind", "service", "--scope", "revocations"]);
            machines.guards.push((name, secret));
        }
        for node in 1..NODES {
            machines.start_node(node);
        }
        machines.probe = machines.sign_up("probe@example.com").await;
        machines
    }

    pub fn issuer(&self) -> String {
        format!("http://localhost:{}", self.balancer.port)
    }

    /// Registers a client. Its secret, if it has one.
    fn add(&self, client: &[&str]) -> String {
        let args = [&["client", "add", "--json"][..], client].concat();
        let added = block_in_place(|| binary::json(&run(self.nodes[0].folder.path(), &args)));
        added["secret"].as_str().unwrap_or_default().to_owned()
    }

    /// Somebody new, signed in: the refresh token. Before anything goes wrong.
    pub async fn sign_up(&self, email: &str) -> String {
        let form = credentials(email);
        let person = json!({ "email": email, "password": PASSWORD });
        for (request, body) in [("POST /v1/register", person), ("POST /v1/login", form)] {
            let answer = self.field.ask(0, request, None, Some(&body)).await.unwrap();
            assert!(matches!(answer.status, 200 | 201), "{answer:?}");
            if answer.status == 200 {
                return answer.text("refresh_token");
            }
        }
        unreachable!("who signs in is told so")
    }

    /// Starts the process of a node.
    pub fn start_node(&mut self, number: usize) {
        let settings = self.settings(number);
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let node = &mut self.nodes[number];
        let log = node.folder.path().join("log");
        let log = File::options().create(true).append(true).open(log);
        let mut command = command_of(&self.program, node.folder.path(), &[]);
        command.stderr(log.unwrap());
        let server = block_in_place(|| Server::start_by(command, node.port, &settings));
        node.server = Some(server);
    }

    /// What a program says that must not start there.
    pub fn refused(&self, number: usize, program: &Path) -> String {
        let output = command_of(program, self.nodes[number].folder.path(), &["serve"])
            .envs(self.settings(number))
            .env("COUNTERSIGN_LISTEN", "localhost:0")
            .output();
        let output = output.unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn settings(&self, number: usize) -> Vec<(&'static str, String)> {
        let node = &self.nodes[number];
        let postgres = format!(
            "postgres://countersign@127.0.0.1:{}/{}",
            node.to_postgres.port, self.database
        );
        let mut settings = vec![
            ("COUNTERSIGN_STORE_POSTGRES", postgres),
            ("COUNTERSIGN_MASTER_KEY", MASTER_KEY.to_owned()),
            ("COUNTERSIGN_ISSUER", self.issuer()),
            (
                "COUNTERSIGN_SESSIONS_CLIENT_TIMEOUT",
                format!("{}s", PATIENCE.as_secs()),
            ),
            ("COUNTERSIGN_LIMITS_ATTEMPTS", "off".to_owned()),
        ];
        if let Some(link) = &node.to_redis {
            let url = format!("redis://127.0.0.1:{}", link.port);
            settings.push(("COUNTERSIGN_STORE_REDIS", url));
        }
        settings.extend(node.clock.variables());
        settings
    }

    /// `kill -9`.
    pub fn kill_node(&mut self, number: usize) {
        let server = self.nodes[number].server.take().unwrap();
        block_in_place(|| server.kill());
    }

    /// SIGTERM, when the balancer sends it nothing new; then it finishes what it has begun.
    pub async fn take_out(&mut self, number: usize) {
        self.balancer.drain(Some(number));
        sleep(Duration::from_millis(500)).await;
        let server = self.nodes[number].server.take().unwrap();
        block_in_place(|| server.stop());
    }

    /// Starts this program there, and lets the balancer know.
    pub async fn bring_back(&mut self, number: usize, program: &Path) {
        program.clone_into(&mut self.program);
        self.start_node(number);
        self.until_well(&[number]).await;
        self.balancer.drain(None);
    }

    /// Runs statements in the database.
    pub fn sql(&self, sql: &str) -> String {
        let sql = format!("SET search_path = countersign; {sql}");
        block_in_place(|| self.cluster.sql(&self.database, &sql))
    }

    pub fn clock(&self, node: usize) -> &WrongClock {
        &self.nodes[node].clock
    }

    pub fn link_to_postgres(&self, node: usize) -> &Relay {
        &self.nodes[node].to_postgres
    }

    pub fn link_to_redis(&self, node: usize) -> Option<&Relay> {
        self.nodes[node].to_redis.as_ref()
    }

    /// How these nodes answer when they are asked whether they are ready.
    pub async fn readiness(&self, node: usize) -> Option<Answer> {
        let patience = Duration::from_secs(1);
        let port = self.nodes[node].port;
        ask(port, "GET /readyz", None, None, patience).await.ok()
    }

    /// Until these nodes are ready, and renew. How long that took.
    pub async fn until_well(&mut self, nodes: &[usize]) -> Duration {
        let began = Instant::now();
        for &node in nodes {
            while !self.is_well(node).await {
                // Far longer than it may take.
                let is_late = began.elapsed() > Duration::from_mins(1);
                assert!(!is_late, "node {node}: {}", self.last_words(node).await);
                sleep(Duration::from_millis(20)).await;
            }
        }
        began.elapsed()
    }

    async fn is_well(&mut self, node: usize) -> bool {
        let ready = self.readiness(node).await;
        if ready.is_none_or(|answer| answer.status != 200) {
            return false;
        }
        let (port, body) = (self.nodes[node].port, renewal(&self.probe));
        let patience = Duration::from_secs(1);
        let renewed = ask(port, "POST /v1/refresh", None, Some(&body), patience).await;
        let Ok(answer) = renewed else { return false };
        if answer.status == 200 {
            self.probe = answer.text("refresh_token");
        } else if !answer.is_retryable() {
            self.field.journal.wrong(format!("the probe: {answer:?}"));
        }
        answer.status == 200
    }

    /// What can be said of a node that does not come back.
    async fn last_words(&self, node: usize) -> String {
        let ready = self.readiness(node).await;
        let log = std::fs::read_to_string(self.nodes[node].folder.path().join("log"));
        let log = log.unwrap_or_default();
        let log: Vec<&str> = log.lines().rev().take(5).collect();
        format!("{ready:?}; {log:#?}")
    }

    /// Every address that is registered.
    pub fn registered(&self) -> Vec<String> {
        let emails = self.sql("SELECT email FROM users");
        emails.lines().map(ToOwned::to_owned).collect()
    }

    /// What the nodes said of requests that failed otherwise than by an outage.
    pub fn defects(&self) -> Vec<String> {
        let logs = self.nodes.iter().map(|node| {
            let log = std::fs::read_to_string(node.folder.path().join("log"));
            log.unwrap_or_default()
        });
        let lines: Vec<String> = logs
            .flat_map(|log| log.lines().map(ToOwned::to_owned).collect::<Vec<_>>())
            .collect();
        let is_defect =
            |line: &&String| line.contains("a request failed") || line.contains("panicked");
        lines.iter().filter(is_defect).cloned().collect()
    }

    pub fn stop(self) {
        for server in self.nodes.into_iter().filter_map(|node| node.server) {
            block_in_place(|| server.stop());
        }
    }
}
