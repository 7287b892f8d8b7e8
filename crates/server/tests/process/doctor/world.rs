//! A server behind nginx, over TLS, under one name; and what the doctor says about it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::binary::{Server, command, json, run};
use crate::free_port::free_port;
use crate::nginx::Nginx;
use crate::skip::skip;
use crate::temp::TempDir;

/// A certificate for `localhost`, and its key.
pub const CERTIFICATE: (&str, &str) = (
    include_str!("../../http/data/first.pem"),
    include_str!("../../http/data/first.key.pem"),
);

/// Says so if it is not.
pub fn is_there(program: &str) -> bool {
    let there = Path::new(program).exists();
    if !there {
        skip(&format!("there is no {program}: make setup installs it"));
    }
    there
}

/// How a proxy should be set up. `PORT`, `SERVER`, `APP` and `FOLDER` are filled in.
pub const PROXY: &str = r#"
server {
    listen 127.0.0.1:PORT ssl;
    ssl_certificate FOLDER/cert.pem;
    ssl_certificate_key FOLDER/key.pem;
    add_header Strict-Transport-Security "max-age=31536000" always;

    location / {
        proxy_pass http://127.0.0.1:SERVER;
        proxy_bind 127.0.0.2;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
    }
}
server {
    listen 127.0.0.1:APP ssl;
    ssl_certificate FOLDER/cert.pem;
    ssl_certificate_key FOLDER/key.pem;

    location /v1/ {
        proxy_pass http://127.0.0.1:SERVER;
        proxy_bind 127.0.0.2;
        proxy_set_header X-Forwarded-For $remote_addr;
    }
    location / { return 200 "an application's page"; default_type text/html; }
}
"#;

/// What is not as it should be.
#[derive(Default)]
pub struct Plan<'a> {
    /// In the proxy's configuration: this, in the place of that.
    pub proxy: &'a [(&'a str, &'a str)],
    /// Settings of the server, in the place of what they are; empty: left out.
    pub settings: &'a [(&'a str, &'a str)],
    /// What the client is registered with besides its first origin.
    pub client: &'a [&'a str],
    /// What the doctor is run with.
    pub variables: &'a [(&'a str, &'a str)],
    /// What it is told besides.
    pub arguments: &'a [&'a str],
    /// The origin that it is asked about.
    pub page: Option<&'a str>,
    /// Certificate and key of the proxy.
    pub certificate: Option<(String, String)>,
}

pub struct World {
    pub folder: TempDir,
    pub server: Option<Server>,
    pub nginx: Nginx,
    settings: Vec<(String, String)>,
    app: u16,
}

impl World {
    pub fn start(plan: &Plan<'_>) -> Self {
        let folder = TempDir::new();
        let (certificate, key) = match &plan.certificate {
            Some((certificate, key)) => (certificate.as_str(), key.as_str()),
            None => CERTIFICATE,
        };
        std::fs::write(folder.path().join("cert.pem"), certificate).unwrap();
        std::fs::write(folder.path().join("key.pem"), key).unwrap();
        let (port, app) = (free_port(), free_port());
        let place = folder.path().display().to_string();
        let nginx = Nginx::start(|own| {
            let mut text = PROXY.to_owned();
            for (from, to) in plan.proxy {
                assert!(text.contains(from), "{from}");
                text = text.replace(from, to);
            }
            text.replace("PORT", &own.to_string())
                .replace("SERVER", &port.to_string())
                .replace("APP", &app.to_string())
                .replace("FOLDER", &place)
        });
        let mut settings = vec![
            (
                "COUNTERSIGN_ISSUER".to_owned(),
                format!("https://localhost:{}", nginx.port),
            ),
            (
                "COUNTERSIGN_PROXY_TRUSTED".to_owned(),
                "127.0.0.2".to_owned(),
            ),
        ];
        for (name, value) in plan.settings {
            settings.retain(|(given, _)| given != name);
            if !value.is_empty() {
                settings.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let given: Vec<_> = settings
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let server = Server::start(folder.path(), port, &given);
        settings.push(("COUNTERSIGN_LISTEN".to_owned(), format!("localhost:{port}")));
        let world = Self {
            folder,
            server: Some(server),
            nginx,
            settings,
            app,
        };
        world.register(plan);
        world
    }

    fn register(&self, plan: &Plan<'_>) {
        let page = self.page();
        let add = ["client", "add", "shop", "--origin", &page];
        let added = run(self.folder.path(), &[&add, plan.client].concat());
        assert!(added.status.success(), "{added:?}");
        let add = [
            "client",
            "add",
            "doctor",
            "--kind",
            "service",
            "--scope",
            "revocations",
            "--json",
        ];
        let added = json(&run(self.folder.path(), &add));
        let secret = added["secret"].as_str().unwrap();
        std::fs::write(self.folder.path().join("secret"), secret).unwrap();
    }

    pub fn issuer(&self) -> String {
        format!("https://localhost:{}", self.nginx.port)
    }

    /// The origin of the application.
    pub fn page(&self) -> String {
        format!("https://localhost:{}", self.app)
    }

    /// Looks at everything, from the server's own machine; once more where that was so busy that a revocation took a second.
    pub fn examine(&self, plan: &Plan<'_>) -> Examined {
        let examined = self.look(plan);
        let is_slow = |finding: &Value| {
            let what = finding["what"].as_str().unwrap();
            finding["level"] == "warning" && what.starts_with("a revocation was heard")
        };
        if examined.findings().iter().any(is_slow) {
            return self.look(plan);
        }
        examined
    }

    fn look(&self, plan: &Plan<'_>) -> Examined {
        let (issuer, page) = (self.issuer(), self.page());
        let mut arguments = vec!["doctor", "--json", "--issuer", &issuer];
        arguments.extend(["--app-origin", plan.page.unwrap_or(&page)]);
        arguments.extend(["--service", "doctor", "--service-secret-file", "secret"]);
        arguments.extend(plan.arguments);
        let output = command(self.folder.path(), &arguments)
            .env("SSL_CERT_FILE", self.folder.path().join("cert.pem"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .envs(plan.variables.iter().copied())
            .output()
            .unwrap();
        Examined::of(&output)
    }
}

/// What the doctor said.
#[derive(Debug)]
pub struct Examined {
    pub code: i32,
    pub said: Value,
}

impl Examined {
    pub fn of(output: &Output) -> Self {
        const PAPER: &str = include_str!("../../../../../docs/operators.md");
        let said = serde_json::from_slice(&output.stdout);
        let examined = Self {
            code: output.status.code().unwrap(),
            said: said.unwrap_or_else(|_| panic!("{output:?}")),
        };
        for finding in examined.findings() {
            let check = finding["check"].as_str().unwrap();
            assert!(
                PAPER.contains(&format!("`{check}`")),
                "{check} is not in docs/operators.md"
            );
        }
        examined
    }

    pub fn findings(&self) -> &[Value] {
        self.said["findings"].as_array().unwrap()
    }

    /// Of one level.
    pub fn of_level(&self, level: &str) -> Vec<&Value> {
        let findings = self.findings().iter();
        findings
            .filter(|finding| finding["level"] == level)
            .collect()
    }

    /// What is wrong, as `level check`.
    pub fn troubles(&self) -> BTreeSet<String> {
        let findings = self.findings().iter();
        let wrong = findings.filter(|finding| {
            ["error", "warning"]
                .iter()
                .any(|level| finding["level"] == *level)
        });
        wrong
            .map(|finding| {
                let text = |key: &str| finding[key].as_str().unwrap();
                // Nobody is left with a complaint alone.
                assert!(
                    !text("what").is_empty() && !text("follows").is_empty(),
                    "{finding}"
                );
                format!("{} {}", text("level"), text("check"))
            })
            .collect()
    }

    /// What is to be done about it.
    pub fn cures(&self, check: &str) -> String {
        let of_it = self
            .findings()
            .iter()
            .filter(|finding| finding["check"] == check);
        let cures: Vec<&str> = of_it
            .filter_map(|finding| finding["cure"].as_str())
            .collect();
        cures.join("\n")
    }
}
