//! A server for a script that puts itself in front of it: at an address of the script's, and ended and started as it asks.

use serde_json::{Value, json};

use crate::binary::{self, Server};
use crate::temp::TempDir;
use crate::wrong_clock::WrongClock;

/// What a script asks for, one at a time:
///
/// - `{"start": {"issuer", "ahead"?, "settings"?}}`: a server of this issuer, whose clock is so many seconds ahead, with
///   these variables; it tells the `port`.
/// - `{"restart": true}`: `kill -9`, and the same again.
/// - `{"command": […]}`: what the command line answers with `--json`.
#[derive(Default)]
pub struct Field {
    running: Option<Running>,
}

struct Running {
    server: Server,
    settings: Vec<(String, String)>,
    /// Last, so that it goes when the server is gone.
    folder: TempDir,
}

impl Field {
    pub fn give(&mut self, asked: &Value) -> Value {
        if let Some(start) = asked.get("start") {
            let running = Running::start(start);
            let port = running.server.port;
            self.running = Some(running);
            return json!({ "port": port });
        }
        let running = self.running.take().unwrap();
        let (running, answer) = match asked.get("command") {
            Some(command) => {
                let answer = running.command(command);
                (running, answer)
            }
            None => (running.again(), json!({})),
        };
        self.running = Some(running);
        answer
    }
}

impl Running {
    fn start(start: &Value) -> Self {
        let folder = TempDir::new();
        let issuer = start["issuer"].as_str().unwrap().to_owned();
        let mut settings = vec![
            ("COUNTERSIGN_ISSUER".to_owned(), issuer),
            ("COUNTERSIGN_LIMITS_ATTEMPTS".to_owned(), "off".to_owned()),
        ];
        if let Some(seconds) = start["ahead"].as_i64() {
            let clock = WrongClock::new(&folder, i32::try_from(seconds).unwrap());
            let variables = clock.variables().into_iter();
            settings.extend(variables.map(|(name, value)| (name.to_owned(), value)));
        }
        for (name, value) in start["settings"].as_object().into_iter().flatten() {
            settings.push((name.clone(), value.as_str().unwrap().to_owned()));
        }
        Self {
            server: serve(&folder, 0, &settings),
            settings,
            folder,
        }
    }

    fn again(self) -> Self {
        let port = self.server.port;
        self.server.kill();
        Self {
            server: serve(&self.folder, port, &self.settings),
            ..self
        }
    }

    fn command(&self, words: &Value) -> Value {
        let words = words.as_array().unwrap().iter();
        let mut args: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
        args.push("--json");
        binary::json(&binary::run(self.folder.path(), &args))
    }
}

fn serve(folder: &TempDir, port: u16, settings: &[(String, String)]) -> Server {
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Server::start(folder.path(), port, &settings)
}
