//! One data folder, one process; one socket, for its owner only.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binary::{BINARY, Server, command, run};
use crate::temp::TempDir;

#[test]
fn a_second_server_refuses_to_start() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let second = run(
        folder.path(),
        &["serve", "--listen", "localhost:0", "--json"],
    );
    assert_eq!(second.status.code(), Some(1));
    let text = String::from_utf8_lossy(&second.stderr);
    assert!(
        text.contains(r#""code":"locked""#) && text.contains("--data"),
        "{text}"
    );
    assert!(second.stdout.is_empty(), "{second:?}");
    // The first one is not disturbed by it.
    assert!(run(folder.path(), &["user", "list"]).status.success());
    server.stop();
}

#[test]
fn a_store_that_is_held_without_a_socket_is_left_alone() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    std::fs::remove_file(folder.path().join("countersign-data/countersign.sock")).unwrap();
    let output = run(folder.path(), &["user", "list"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("is in use by another process"), "{text}");
    server.stop();
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let other = TempDir::new();
    let listen = format!("localhost:{}", server.port);
    let output = run(other.path(), &["serve", "--listen", &listen]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains(&format!("listen: cannot listen on {listen}")),
        "{text}"
    );
    assert!(text.contains("stop what listens there"), "{text}");
    server.stop();
}

#[test]
fn a_socket_left_behind_is_replaced() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    server.kill();
    let socket = folder.path().join("countersign-data/countersign.sock");
    assert!(socket.exists());
    assert!(run(folder.path(), &["user", "list"]).status.success());
    let server = Server::start(folder.path(), 0, &[]);
    assert!(run(folder.path(), &["user", "list"]).status.success());
    server.stop();
    assert!(!socket.exists());
}

#[test]
fn everything_in_the_data_folder_is_its_owners_alone() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let data = folder.path().join("countersign-data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&data), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    for name in [
        "countersign.db",
        "countersign.db-wal",
        "countersign.sock",
        "master.key",
    ] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} is not in {names:?}"
        );
    }
    server.stop();
}

/// A copy of the binary, which may lie where nobody else can reach it.
///
/// Another process writes it: were it open for writing here, children of other tests could inherit that, and it could
/// not be run ("text file busy").
fn binary_for_everybody(folder: &Path) -> PathBuf {
    let copy = folder.join("countersign");
    let mut install = Command::new("install");
    install.args(["-m", "755", BINARY]).arg(&copy);
    assert!(install.status().unwrap().success());
    copy
}

/// The server asks the kernel who calls; the modes of folder and socket are opened here, so that it is asked.
#[test]
fn another_user_is_turned_away() {
    let folder = TempDir::new();
    let server = Server::start(folder.path(), 0, &[]);
    let data = folder.path().join("countersign-data");
    let socket = data.join("countersign.sock");
    let is_root = std::fs::metadata(&socket).unwrap().uid() == 0;
    let can_be_another = is_root && Command::new("setpriv").arg("--version").output().is_ok();
    if !can_be_another {
        skip("another user cannot be played: root and setpriv are needed");
        return;
    }
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let copy = binary_for_everybody(folder.path());
    open(folder.path(), 0o755);
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&copy);
        command
            .args(["user", "list", "--json"])
            .current_dir(folder.path());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let kept_out = as_nobody();
    assert!(kept_out.contains(r#""code":"forbidden""#), "{kept_out}");
    open(&data, 0o755);
    open(&socket, 0o666);
    let hung_up = as_nobody();
    assert!(hung_up.contains(r#""code":"broken_off""#), "{hung_up}");
    // Its owner gets in as before.
    assert!(run(folder.path(), &["user", "list"]).status.success());
    server.stop();
}

/// A server has a user of its own as a rule, and root is who looks after it.
#[test]
fn root_is_let_in_wherever_the_server_runs() {
    let folder = TempDir::new();
    let is_root = std::fs::metadata(folder.path()).unwrap().uid() == 0;
    let can_be_another = is_root && Command::new("setpriv").arg("--version").output().is_ok();
    if !can_be_another {
        skip("another user cannot be played: root and setpriv are needed");
        return;
    }
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), everybody).unwrap();
    let copy = binary_for_everybody(folder.path());
    let mut as_nobody = command(folder.path(), &[]);
    let like: Vec<_> = as_nobody
        .get_envs()
        .map(|(name, _)| name.to_owned())
        .collect();
    as_nobody = Command::new("setpriv");
    as_nobody
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(copy)
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null());
    for name in like {
        as_nobody.env_remove(name);
    }
    let server = Server::start_by(as_nobody, 0, &[]);
    let socket = folder.path().join("countersign-data/countersign.sock");
    assert_eq!(std::fs::metadata(socket).unwrap().uid(), 65534);
    let list = run(folder.path(), &["user", "list"]);
    assert!(list.status.success(), "{list:?}");
    server.stop();
}

fn skip(reason: &str) {
    println!("SKIPPED: {reason}");
    assert!(
        std::env::var_os("STRICT").is_none_or(|strict| strict != "1"),
        "{reason}"
    );
}
