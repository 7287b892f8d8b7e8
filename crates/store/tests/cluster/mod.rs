//! A PostgreSQL server for the tests of one binary: in a temporary folder, on a socket there, as nobody in particular.
//!
//! A shell starts it and waits for the end of its own standard input, which is the end of this process, however that
//! comes. Then it stops the server and removes the folder.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// A server that runs.
pub struct Cluster {
    folder: PathBuf,
    bin: PathBuf,
    /// In its address, if it is not the usual one.
    port: Option<u16>,
    next: AtomicU32,
    running: Mutex<Option<(Child, ChildStdin)>>,
}

/// Where Debian, and others, keep the programs that are on nobody's path.
const BINARIES: &str = "/usr/lib/postgresql";

impl Cluster {
    /// The one of this binary, started with the first call.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// One of its own, for a test that stops it.
    pub fn new() -> Self {
        Self::with(None, |_| "listen_addresses = ''".to_owned())
    }

    /// One that listens on `localhost`, too, on this port, and speaks TLS there with this certificate and key.
    pub fn with_tls(port: u16, certificate: &str, key: &str) -> Self {
        Self::with(Some(port), |folder| {
            for (name, pem) in [("server.pem", certificate), ("server.key", key)] {
                let file = folder.join(name);
                std::fs::write(&file, pem).unwrap();
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
                give_away(&file);
            }
            let file = |name: &str| folder.join(name).display().to_string();
            format!(
                "listen_addresses = localhost\nport = {port}\nssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'",
                file("server.pem"),
                file("server.key")
            )
        })
    }

    fn with(port: Option<u16>, settings: impl FnOnce(&Path) -> String) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let bin = binaries().expect("PostgreSQL is missing: make setup installs it");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("countersign-pg-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        give_away(&folder);
        let made = unprivileged(&bin.join("initdb"))
            .arg("--pgdata")
            .arg(folder.join("data"))
            .args([
                "--username=countersign",
                "--auth=trust",
                "--no-sync",
                "--no-instructions",
            ])
            .args(["--encoding=UTF8", "--locale=C.UTF-8"])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let conf = folder.join("data/postgresql.conf");
        let mut conf = std::fs::OpenOptions::new().append(true).open(conf).unwrap();
        writeln!(conf, "{}", settings(&folder)).unwrap();
        let cluster = Self {
            port,
            folder,
            bin,
            next: AtomicU32::new(0),
            running: Mutex::default(),
        };
        cluster.start();
        cluster
    }

    /// The address of a fresh, empty database.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.address(&name)
    }

    /// Runs statements in a database, each by itself; what they print, unadorned.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let done = Command::new(self.bin.join("psql"))
            .args([
                "-XAtqv",
                "ON_ERROR_STOP=1",
                "-d",
                &self.address(database),
                "-c",
                sql,
            ])
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    pub fn start(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(running.is_none(), "it runs");
        // SIGINT: a fast shutdown.
        let script = r#"
            "$@" >"$FOLDER/log" 2>&1 <&- &
            server=$!
            read -r how || how=gone
            case $how in
                crash) kill -QUIT $server; wait $server;;
                *) kill -INT $server; wait $server;;
            esac
            if [ "$how" = gone ]; then rm -rf "$FOLDER"; fi
        "#;
        let server = unprivileged(&self.bin.join("postgres"));
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(server.get_program())
            .args(server.get_args())
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-k", &self.folder.display().to_string()])
            .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
            .args(["-c", "max_connections=300", "-c", "shared_buffers=32MB"])
            .env("FOLDER", &self.folder)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let end = shell.stdin.take().unwrap();
        *running = Some((shell, end));
        self.wait_until_ready();
    }

    /// Stops it, and waits until it has stopped; `crash` as a power cut would, as far as a process can tell.
    pub fn stop(&self, how: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut shell, mut end) = running.take().expect("it runs");
        writeln!(end, "{how}").unwrap();
        assert!(shell.wait().unwrap().success() || how == "crash");
    }

    fn address(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("postgres://countersign@{folder}{port}/{database}")
    }

    fn wait_until_ready(&self) {
        for _ in 0..600 {
            let ready = Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-t", "1", "-d", &self.address("postgres")])
                .status();
            if ready.unwrap().success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL did not start: {log}");
    }
}

impl Drop for Cluster {
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

/// The folder of the newest `initdb`.
fn binaries() -> Option<PathBuf> {
    let newest = std::fs::read_dir(BINARIES)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("initdb").exists().then_some((version, bin))
        })
        .max();
    if let Some((_, bin)) = newest {
        return Some(bin);
    }
    let asked = Command::new("pg_config").arg("--bindir").output().ok()?;
    let bin = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
    bin.join("initdb").exists().then_some(bin)
}

/// PostgreSQL refuses root.
fn unprivileged(program: &Path) -> Command {
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

/// To whom the server runs as.
fn give_away(path: &Path) {
    if is_root() {
        let own = Command::new("chown").arg("nobody").arg(path).status();
        assert!(own.unwrap().success());
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}
