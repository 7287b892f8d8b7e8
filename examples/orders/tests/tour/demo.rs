//! The demo on free ports, in a folder of its own; all of its processes end with it.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

pub use crate::free_port::free_port;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

pub const PASSWORD: &str = "seven sentries at the gate";

/// A running demo.
pub struct Demo {
    script: Child,
    pub folder: PathBuf,
    pub server: String,
    pub metrics: String,
    pub orders: String,
    pub pricing: String,
    /// What it printed.
    pub said: String,
    client: Client<HttpConnector, Full<&'static [u8]>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// A string if it is no JSON.
    pub body: Value,
}

impl Demo {
    pub fn start() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-tour-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self::start_in(folder, [(); 4].map(|()| free_port()))
    }

    /// With the ports of the server, its metrics, orders and pricing.
    pub fn start_in(folder: PathBuf, ports: [u16; 4]) -> Self {
        let bin = bin();
        assert!(
            bin.join("countersign").exists(),
            "the tour needs the server: cargo build -p countersign"
        );
        let names = ["SERVER_PORT", "METRICS_PORT", "ORDERS_PORT", "PRICING_PORT"];
        // Whoever runs the tests in the background may ignore Ctrl-C, and what they start would, too.
        let mut script = Command::new("env")
            .args(["--default-signal=INT", "bash"])
            .arg(root().join("scripts/demo"))
            .current_dir(&folder)
            .env("DEMO_BIN", bin)
            .envs(names.into_iter().zip(ports.map(|port| port.to_string())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(script.stdout.take().unwrap());
        let mut said = String::new();
        while !said.ends_with("Ctrl-C stops all three.\n") {
            let read = stdout.read_line(&mut said).unwrap();
            assert_ne!(read, 0, "the demo ended: {:?}\n{said}", script.wait());
        }
        let [server, metrics, orders, pricing] =
            ports.map(|port| format!("http://localhost:{port}"));
        Self {
            script,
            folder,
            server,
            metrics,
            orders,
            pricing,
            said,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Ctrl-C, and the wait for a good end; the folder stays.
    pub fn interrupt(mut self) -> PathBuf {
        signal("INT", &self.script.id().to_string());
        assert!(self.script.wait().unwrap().success());
        std::mem::take(&mut self.folder)
    }

    /// The process of one of the three.
    pub fn pid(&self, name: &str) -> String {
        let path = self.folder.join(format!("countersign-demo/{name}.pid"));
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    /// What the papers say, with this demo's addresses in the place of those that they show.
    pub fn addressed(&self, text: &str) -> String {
        text.replace("http://localhost:8080", &self.server)
            .replace("http://localhost:9464", &self.metrics)
            .replace("http://localhost:4000", &self.orders)
            .replace("http://localhost:4001", &self.pricing)
    }

    /// `countersign …`, beside the server.
    pub fn countersign(&self, args: &[&str]) -> String {
        let output = Command::new(bin().join("countersign"))
            .args(args)
            .env(
                "COUNTERSIGN_DATA",
                self.folder.join("countersign-demo/server"),
            )
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub async fn send(
        &self,
        method: Method,
        address: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // A test's few bytes may stay until its end.
        let body: &'static [u8] = body.leak().as_bytes();
        let request = request.body(Full::new(body)).unwrap();
        let answer = self.client.request(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = || String::from_utf8(bytes.to_vec()).unwrap().into();
        Answer {
            status: head.status,
            headers: head.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
        }
    }

    pub async fn get(&self, address: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, address, headers, String::new())
            .await
    }

    pub async fn post(&self, address: &str, token: Option<&str>, body: &Value) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let json = (header::CONTENT_TYPE.as_str(), "application/json");
        let mut headers = vec![json];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        self.send(Method::POST, address, &headers, body.to_string())
            .await
    }

    /// GraphQL.
    pub async fn ask(&self, token: Option<&str>, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        self.post(&format!("{}/graphql", self.orders), token, &body)
            .await
    }

    pub async fn register(&self, name: &str) {
        let form = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        let address = format!("{}/v1/register", self.server);
        assert_eq!(self.post(&address, None, &form).await.status, 201);
    }

    /// An access token that this client gets for somebody.
    pub async fn sign_in(&self, name: &str, client: &str) -> String {
        let answer = self.login(name, client).await;
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn login(&self, name: &str, client: &str) -> Answer {
        let form = json!({
            "email": format!("{name}@example.com"), "password": PASSWORD, "client_id": client,
        });
        let address = format!("{}/v1/login", self.server);
        self.post(&address, None, &form).await
    }

    /// Registers somebody, who signs in to the shop.
    pub async fn customer(&self, name: &str) -> String {
        self.register(name).await;
        self.sign_in(name, "shop").await
    }

    /// Places an order, and gives its id.
    pub async fn order(&self, token: &str, key: &str) -> String {
        let answer = self.create(token, "lamp", 1, key).await;
        answer.data("createOrder")["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub async fn create(&self, token: &str, sku: &str, quantity: i32, key: &str) -> Answer {
        let query = "mutation($input: NewOrder!) { createOrder(input: $input) {
            id owner sku quantity state placedAt total { amount currency }
        } }";
        let input = json!({ "sku": sku, "quantity": quantity, "key": key });
        self.ask(Some(token), query, json!({ "input": input }))
            .await
    }

    /// The ids of all orders that somebody sees, newest first.
    pub async fn orders_of(&self, token: &str) -> Vec<String> {
        let answer = self
            .ask(Some(token), "{ orders { id } }", Value::Null)
            .await;
        let orders = answer.data("orders").as_array().unwrap();
        let ids = orders.iter().map(|order| order["id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }
}

impl Answer {
    /// What was asked for; there must be no error.
    #[track_caller]
    pub fn data(&self, field: &str) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.body.get("errors").is_none(), "{self:?}");
        &self.body["data"][field]
    }

    /// The code of the error.
    #[track_caller]
    pub fn code(&self) -> &str {
        let code = &self.body["errors"][0]["extensions"]["code"];
        code.as_str().unwrap_or_else(|| panic!("no code: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // The whole group, unless it was interrupted: whatever became of the test.
        if !self.folder.as_os_str().is_empty() {
            signal("KILL", &format!("-{}", self.script.id()));
            drop(self.script.wait());
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

pub fn signal(name: &str, process: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, "--", process])
        .status();
    assert!(sent.unwrap().success(), "kill -s {name} {process}");
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where the binaries are.
pub fn bin() -> PathBuf {
    let orders = Path::new(env!("CARGO_BIN_EXE_orders"));
    orders.parent().unwrap().to_owned()
}

/// Runs commands in the folder of a demo; what they print, errors included.
pub fn bash(demo: &Demo, script: &str) -> String {
    let bin = bin().display().to_string();
    let script = script.replace("$PWD/target/debug", &bin);
    let mut child = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &format!("exec 2>&1\n{script}")])
        .current_dir(&demo.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{ended}\n{script}\n{said}");
    said
}

/// Waits until this is so, for a while.
pub async fn until(mut is_so: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..5000 {
        if is_so().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}
