//! A Redis server for one test: in a temporary folder, on a socket there (or on free ports), as nobody in particular.
//!
//! A shell starts it and waits for the end of its own standard input, which is the end of this process, however that
//! comes. Then it stops the server and removes the folder.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A server that runs, or can be started again.
pub struct RedisServer {
    folder: PathBuf,
    options: Vec<String>,
    running: Mutex<Option<(Child, ChildStdin)>>,
}

/// What keeps everything that is acknowledged.
pub const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

impl RedisServer {
    /// One that keeps what it acknowledges.
    pub fn new() -> Self {
        Self::with(&DURABLE)
    }

    /// Without options, it keeps nothing, and never waits for a disk.
    pub fn with(options: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("countersign-redis-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        if is_root() {
            let own = Command::new("chown").arg("nobody").arg(&folder).status();
            assert!(own.unwrap().success());
        }
        let server = Self {
            folder,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            running: Mutex::default(),
        };
        server.start();
        server
    }

    /// Its address, on its socket.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Does something there by hand; what it answers.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let done = Command::new("redis-cli")
            .arg("-s")
            .arg(self.socket())
            .args(arguments)
            .output()
            .expect("Redis is missing: make setup installs it");
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    pub fn start(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(running.is_none(), "it runs");
        let script = r#"
            "$@" >>"$FOLDER/log" 2>&1 <&- &
            server=$!
            read -r how || how=gone
            case $how in
                crash) kill -KILL $server;;
                *) kill -TERM $server;;
            esac
            wait $server
            if [ "$how" = gone ]; then rm -rf "$FOLDER"; fi
            exit 0
        "#;
        let server = unprivileged("redis-server");
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(server.get_program())
            .args(server.get_args())
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--bind",
                "127.0.0.1",
                "--unixsocket",
            ])
            .arg(self.socket())
            .arg("--dir")
            .arg(&self.folder)
            .args(&self.options)
            .env("FOLDER", &self.folder)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let end = shell.stdin.take().unwrap();
        *running = Some((shell, end));
        drop(running);
        self.wait_until_ready();
    }

    /// Stops it, and waits until it has stopped; `crash` as a power cut would, as far as a process can tell.
    pub fn stop(&self, how: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut shell, mut end) = running.take().expect("it runs");
        writeln!(end, "{how}").unwrap();
        assert!(shell.wait().unwrap().success());
    }

    fn wait_until_ready(&self) {
        for _ in 0..3000 {
            let said = self.cli(&["PING"]);
            if said == "PONG" || said.starts_with("NOAUTH") {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("Redis did not start: {log}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // The shell sees the end of its input, and does the rest.
        let running = self
            .running
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((mut shell, end)) = running.take() {
            drop(end);
            let _ = shell.wait();
        }
    }
}

/// Nothing of it needs root.
fn unprivileged(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
        .args(["--inh-caps=-all", "--no-new-privs"])
        .arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}
