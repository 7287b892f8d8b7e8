//! A server that speaks TLS, and takes up a new certificate while it runs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::binary::Server;
use crate::temp::TempDir;

const FIRST: (&str, &str) = (
    include_str!("../http/data/first.pem"),
    include_str!("../http/data/first.key.pem"),
);
const SECOND: (&str, &str) = (
    include_str!("../http/data/second.pem"),
    include_str!("../http/data/second.key.pem"),
);

fn write(folder: &Path, (certificate, key): (&str, &str)) {
    std::fs::write(folder.join("cert.pem"), certificate).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
}

/// What curl makes of `/livez` if it trusts this certificate alone; `None`: nothing.
fn ask(folder: &Path, port: u16, trusted: &str) -> Option<String> {
    let file = folder.join("trusted.pem");
    std::fs::write(&file, trusted).unwrap();
    let output = Command::new("curl")
        .args(["-sSi", "--max-time", "10", "--cacert"])
        .arg(file)
        .arg(format!("https://localhost:{port}/livez"))
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&output.stdout).to_lowercase();
    output.status.success().then_some(answer)
}

/// Asks until the certificate is in use.
fn wait_for(folder: &Path, port: u16, trusted: &str) {
    for _ in 0..300 {
        if ask(folder, port, trusted).is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the new certificate is not in use");
}

#[test]
fn a_new_certificate_is_taken_up_at_sighup_and_when_the_files_change() {
    let folder = TempDir::new();
    write(folder.path(), FIRST);
    let settings = [
        ("COUNTERSIGN_TLS_CERTIFICATE", "cert.pem"),
        ("COUNTERSIGN_TLS_KEY", "key.pem"),
        ("COUNTERSIGN_ISSUER", "https://localhost"),
    ];
    let server = Server::start(folder.path(), 0, &settings);
    let port = server.port;
    let answer = ask(folder.path(), port, FIRST.0).unwrap();
    assert!(answer.starts_with("http/2 200"), "{answer}");
    assert!(
        answer.contains("strict-transport-security: max-age="),
        "{answer}"
    );
    assert_eq!(ask(folder.path(), port, SECOND.0), None);

    write(folder.path(), SECOND);
    let pid = server.pid().to_string();
    let hang_up = Command::new("kill").args(["-s", "HUP", &pid]).status();
    assert!(hang_up.unwrap().success());
    wait_for(folder.path(), port, SECOND.0);
    assert_eq!(ask(folder.path(), port, FIRST.0), None);

    // Unasked, it looks at the files every ten seconds: too long for every day.
    if std::env::var_os("LONG").is_some_and(|long| long == "1") {
        write(folder.path(), FIRST);
        wait_for(folder.path(), port, FIRST.0);
    }
    server.stop();
}
