//! The configuration: what is refused, in which words; what is shown; what is written.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::binary::{Server, command, run};
use crate::temp::TempDir;

const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// `countersign check` on this file and these variables.
fn check(folder: &Path, file: &str, variables: &[(&str, &str)]) -> Output {
    std::fs::write(folder.join("countersign.toml"), file).unwrap();
    let mut command = command(folder, &["check", "--json"]);
    command.envs(variables.iter().copied()).output().unwrap()
}

/// What is wrong, and which words must be in what is said about it: the key first, then the cure.
const FILES: [(&str, &[&str]); 93] = [
    (
        "[store]\nmysql = 'mysql://localhost/auth'",
        &["line 2 (mysql)", "unknown field `mysql`", "`postgres`"],
    ),
    (
        "[store]\npostgres = 'mysql://ann:hush-hush@localhost/auth'",
        &[
            "store.postgres:",
            "cannot be read",
            "postgres://user@host/database",
        ],
    ),
    (
        "[store]\nredis = 'postgres://ann:hush-hush@localhost/auth'",
        &["store.redis:", "cannot be read", "rediss://"],
    ),
    (
        "[store]\npostgres = 'postgres://localhost/auth'\npostgres_file = 'address'",
        &[
            "store.postgres:",
            "given twice",
            "store.postgres_file",
            "keep one",
        ],
    ),
    (
        "[store]\npostgres_root_certificates = 'roots.pem'",
        &[
            "store.postgres_root_certificates:",
            "store.postgres, which is missing",
            "leave this out",
        ],
    ),
    (
        "[store]\npostgres = 'postgres://ann:hush-hush@127.0.0.1:no/auth'",
        &[
            "store.postgres:",
            "cannot be read",
            "postgres://user@host/database",
        ],
    ),
    (
        "[store]\npostgres = 'postgres://ann:hush-hush@db.example.com/auth?sslmode=disable'\n\
         postgres_root_certificates = 'roots.pem'",
        &["store.postgres:", "sslmode=disable", "leave one"],
    ),
    (
        "[store]\npostgres = 'postgres://localhost/auth'\npostgres_root_certificates = 'none.pem'",
        &["store.postgres:", "root certificates in none.pem"],
    ),
    (
        "[store]\npostgres = 'postgres://localhost/auth'",
        &["master_key:", "missing", "openssl rand -hex 32"],
    ),
    (
        "[store]\npostgres = 'postgres://localhost/auth'\ncommit_delay = '5ms'",
        &["store.commit_delay:", "store.postgres", "leave one"],
    ),
    ("[store]\nconnections = 0", &["(connections)", "nonzero"]),
    (
        "[store]\nredis = 'http://:hush-hush@127.0.0.1'",
        &[
            "store.redis:",
            "cannot be read",
            "rediss://user:password@host:port",
        ],
    ),
    (
        "[store]\nredis = 'redis://:hush-hush@sessions.example.com'",
        &["store.redis:", "another machine", "rediss://", "?tls=off"],
    ),
    (
        "[store]\nredis = 'redis://localhost'\nredis_file = 'redis'",
        &[
            "store.redis:",
            "given twice",
            "store.redis_file",
            "keep one",
        ],
    ),
    (
        "[store]\nredis_file = 'nowhere'",
        &["store.redis_file:", "nowhere cannot be read"],
    ),
    (
        "isuer = 'x'",
        &["line 1 (isuer)", "unknown field `isuer`", "`issuer`"],
    ),
    (
        "[signing]\nalgoritm = 'ES256'",
        &["line 2 (algoritm)", "`algorithm`"],
    ),
    ("[nonsense]\nx = 1", &["line 1", "unknown field `nonsense`"]),
    ("listen = 8080", &["line 1 (listen)", "expected a string"]),
    ("listen = 'localhost'", &["(listen)", "localhost:8080"]),
    ("listen = 'example.com:80'", &["(listen)", "0.0.0.0:8443"]),
    (
        "listen = '0.0.0.0:8080'\nissuer = 'https://a.example.com'",
        &["listen:", "plain HTTP", "tls.certificate", "proxy.trusted"],
    ),
    (
        "listen = '[::]:8080'\nissuer = 'https://a.example.com'",
        &["listen:", "plain HTTP"],
    ),
    (
        "listen = '0.0.0.0:8080'\n[proxy]\ntrusted = ['10.0.0.0/8']",
        &["issuer:", "https://auth.example.com"],
    ),
    ("issuer = 'auth.example.com'", &["issuer:", "https://"]),
    (
        "issuer = 'http://auth.example.com'",
        &["issuer:", "localhost only"],
    ),
    (
        "issuer = 'https://auth.example.com/'",
        &["issuer:", "trailing slash"],
    ),
    (
        "issuer = 'https://auth.example.com/x'",
        &["issuer:", "path"],
    ),
    (
        "issuer = 'https://auth.example.com?x'",
        &["issuer:", "query"],
    ),
    (
        "issuer = 'https://me@auth.example.com'",
        &["issuer:", "user name"],
    ),
    (
        "issuer = 'https://Auth.example.com'",
        &["issuer:", "lower case"],
    ),
    (
        "issuer = 'ftp://auth.example.com'",
        &["issuer:", "https://"],
    ),
    (
        "registration = 'maybe'",
        &["(registration)", "`open`", "`closed`"],
    ),
    ("[tls]\ncertificate = 'c.pem'", &["tls.key:", "missing"]),
    ("[tls]\nkey = 'k.pem'", &["tls.certificate:", "missing"]),
    (
        "[tls]\ncertificate = 'c.pem'\nkey = 'k.pem'",
        &["tls:", "c.pem"],
    ),
    (
        "[proxy]\ntrusted = ['10.0.0.1/8']",
        &["(trusted)", "10.0.0.0/8"],
    ),
    ("[proxy]\ntrusted = ['proxy']", &["(trusted)", "192.0.2.7"]),
    ("[proxy]\nheader = 'via'", &["(header)", "`forwarded`"]),
    (
        "[metrics]\nlisten = 'localhost:8080'",
        &["metrics.listen:", "another port"],
    ),
    (
        "[metrics]\nlisten = '0.0.0.0:9464'",
        &["metrics.listen:", "one interface"],
    ),
    (
        "[signing]\nalgorithm = 'none'",
        &["signing.algorithm:", "ES256"],
    ),
    (
        "[signing]\nalgorithm = 'HS256'",
        &["signing.algorithm:", "JWT_SECRET"],
    ),
    (
        "[signing]\nrotate_every = '90'",
        &["(rotate_every)", "\"90d\"", "never"],
    ),
    (
        "[signing]\nrotate_every = '5m'",
        &["signing.rotate_every:", "1h to 3660d"],
    ),
    (
        "[signing]\npublish_for = '1s'",
        &["signing.publish_for:", "1m to 30d"],
    ),
    (
        "[signing]\nrotate_every = '1d'\npublish_for = '2d'",
        &["signing.publish_for:", "rotate_every"],
    ),
    (
        "[signing]\nkey_file = 'nowhere.pem'",
        &["signing.key_file:", "nowhere.pem"],
    ),
    ("[signing]\nkey = 'not a key'", &["signing.key:"]),
    (
        "[passwords]\nmemory_kib = 8",
        &["passwords.memory_kib:", "19456"],
    ),
    ("[passwords]\npasses = 0", &["passwords:"]),
    (
        "[passwords]\nalgorithm = 'bcrypt'\ncost = 40",
        &["passwords:"],
    ),
    ("[passwords]\nprofile = 'mine'", &["(profile)", "`nist`"]),
    (
        "[passwords]\npepper = 'short'",
        &["passwords.pepper:", "16 bytes"],
    ),
    (
        "[sessions]\nclient_timeout = '1ms'",
        &["sessions.client_timeout:", "100ms to 1m"],
    ),
    ("[log]\nlevel = 'loud=very'", &["log.level:", "debug"]),
    (
        "master_key = 'abc'",
        &["master_key:", "openssl rand -hex 32"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'native'\n[[client]]\nid = 'a'\nkind = 'native'",
        &["client a:", "keep one"],
    ),
    ("[[client]]\nid = 'a'", &["line 1", "missing field `kind`"]),
    (
        "[[client]]\nid = 'a'\nkind = 'native'\nsigning_algorithm = 'none'",
        &["(signing_algorithm)", "ES256"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'native'\nsigning_algorithm = 'HS256'",
        &["client a:", "can sign, too", "key pair"],
    ),
    (
        "[[audience]]\nname = 'https://api.example'\nsigning_algorithm = 'HS256'",
        &["audience https://api.example:", "can sign, too"],
    ),
    (
        "[[audience]]\nname = 'http://localhost:8080'\nsigning_algorithm = 'RS256'",
        &[
            "audience http://localhost:8080:",
            "the issuer itself",
            "signing.algorithm",
        ],
    ),
    (
        "[[audience]]\nname = 'x'\n[[audience]]\nname = 'x'",
        &["audience x:", "keep one"],
    ),
    ("[[audience]]\nname = ''", &["audience :", "1 to 200"]),
    (
        "[signing]\nalgorithm = 'HS256'\n[[audience]]\nname = 'x'\nsigning_algorithm = 'RS256'",
        &[
            "audience x:",
            "beside signing.algorithm HS256",
            "that secret alone",
        ],
    ),
    (
        "[signing]\nalgorithm = 'HS256'\npublish = ['RS256']",
        &["signing.publish:", "beside signing.algorithm HS256"],
    ),
    (
        "[signing]\npublish = ['HS256']",
        &["signing.publish:", "key pair"],
    ),
    (
        "[[audience]]\nname = 'x'\nsigning_algorithm = 'RS256'\n[[client]]\nid = 'a'\nkind = 'native'\n\
         audience = 'x'\nsigning_algorithm = 'PS256'",
        &["client a:", "PS256", "RS256", "the same in both"],
    ),
    (
        "[[audience]]\nname = 'x'\nencrypt_to = { jwks_uri = 'https://x/1' }\n[[client]]\nid = 'a'\n\
         kind = 'native'\naudience = 'x'\nencrypt_to = { jwks_uri = 'https://x/2' }",
        &[
            "client a:",
            "https://x/1",
            "https://x/2",
            "the same in both",
        ],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'native'\nencrypt_to = { jwks_uri = 'https://x/' }",
        &["client a:", "account API", "an audience of its own"],
    ),
    (
        "[[audience]]\nname = 'x'\nencrypt_to = { jwks_uri = 'http://x.example/' }",
        &["audience x, encrypt_to.jwks_uri:", "https is needed"],
    ),
    (
        "[[audience]]\nname = 'x'\nencrypt_to = { jwk = '{\"kty\":\"oct\",\"k\":\"AAAA\"}' }",
        &["(encrypt_to)", "private key or a secret"],
    ),
    (
        "[[audience]]\nname = 'x'\nencrypt_to = { jwks_uri = 'https://x/', alg = 'dir' }",
        &[
            "(encrypt_to)",
            "dir is not offered",
            "RSA-OAEP-256, ECDH-ES",
        ],
    ),
    (
        "[fetch]\nprivate_hosts = ['https://localhost']",
        &["fetch.private_hosts:", "without a port"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'service'\nstyle = 'stateless'",
        &["client a:", "no sessions", "leave style out"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'browser'\nstyle = 'gateway'",
        &["client a:", "needs an audience", "behind the proxy"],
    ),
    (
        "issuer = 'https://a.example.com'\n[[client]]\nid = 'a'\nkind = 'browser'\nstyle = 'gateway'\n\
         audience = 'https://a.example.com'",
        &["client a:", "cannot be the issuer"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'browser'\nstyle = 'gateway'\naudience = 'x'\n\
         origins = ['https://a.example.com']\ncookie_domain = 'example.org'",
        &["client a:", "each lies in that domain"],
    ),
    (
        "[[client]]\nid = 'account'\nkind = 'browser'",
        &["client account:", "the server's own", "another id"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'browser'\nredirect_uris = ['http://a.example.com/']",
        &["client a:", "not an address to come back to", "https://"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'service'\nredirect_uris = ['https://a.example.com/']",
        &["client a:", "nobody signs in to it"],
    ),
    (
        "[pages]\naccent = '#9db2ff'",
        &["pages.accent:", "too light", "would do"],
    ),
    (
        "[pages]\nlogo = 'nowhere.svg'",
        &["pages.logo:", "cannot be read"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'service'\nstyle = 'sliding'",
        &["client a:", "no sessions", "leave style out"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'native'\nstyle = 'session'",
        &["client a:", "travels in a cookie", "only a browser client"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'service'\nstyle = 'session'",
        &["client a:", "only a browser client"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'browser'\nstyle = 'session'\nsigning_algorithm = 'RS256'",
        &["client a:", "gets no tokens", "leave signing_algorithm"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'native'\nstyle = 'sliding'\nidle_ttl = '2d'",
        &["client a:", "set access_ttl", "leave idle_ttl out"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'native'\nstyle = 'sliding'\naudience = 'https://x.example'\n\
         encrypt_to = { jwks_uri = 'https://x.example/keys' }",
        &["client a:", "sliding", "leave encrypt_to out"],
    ),
    (
        "[forward_auth]\nrefuse_pages = 'redirect'",
        &["forward_auth.refuse_pages:", "set forward_auth.sign_in"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'native'\nstyle = 'eternal'",
        &["unknown variant `eternal`", "`rotating`", "`stateless`"],
    ),
    (
        "[[client]]\nid = 'a'\nkind = 'browser'\norigins = ['a.example.com']",
        &["client a:", "not an origin"],
    ),
];

#[test]
fn what_is_wrong_in_a_file_is_named_with_its_cure() {
    let folder = TempDir::new();
    for (file, words) in FILES {
        let output = check(folder.path(), file, &[]);
        assert_eq!(output.status.code(), Some(1), "{file}: {output:?}");
        let failure: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(failure["error"]["code"], "invalid_configuration", "{file}");
        let message = failure["error"]["message"].as_str().unwrap();
        for word in words {
            assert!(
                message.contains(word),
                "{file}\n{word:?} is not in: {message}"
            );
        }
        // The server says the same, and does not start.
        let said = refuses_to_start(folder.path(), &[]);
        for line in message.lines() {
            assert!(said.contains(line), "{file}\n{line:?} is not in: {said}");
        }
    }
    println!("{} wrong files", FILES.len());
}

/// What the server says, which does not start on what is in the folder.
pub fn refuses_to_start(folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut server = command(folder, &["serve"])
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut greeting = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut greeting).unwrap();
    if !greeting.is_empty() {
        server.kill().unwrap();
    }
    let output = server.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{greeting}{said}");
    said
}

/// An algorithm, the secret that services are to share for it, and the words.
const SECRETS: [(&str, &str, &[&str]); 7] = [
    (
        "HS256",
        "your-256-bit-secret",
        &["at least 32 bytes", "openssl rand"],
    ),
    (
        "HS512",
        "what the services of one team share, 48 bytes....",
        &["at least 64 bytes", "openssl rand"],
    ),
    ("HS256", "", &["at least 32 bytes", "openssl rand"]),
    (
        "HS256",
        "changeme-changeme-changeme-changeme-chan",
        &["repeats itself", "its first 9 bytes", "openssl rand"],
    ),
    (
        "HS384",
        "0000000000000000000000000000000000000000000000000000000000000000",
        &["repeats itself", "its first 1 bytes", "openssl rand"],
    ),
    (
        "HS256",
        include_str!("../http/data/first.key.pem"),
        &["the text of a key", "random bytes"],
    ),
    (
        "HS512",
        "of forty bytes, which are enough for 256of forty bytes, which are enough for 256",
        &["its first 40 bytes", "openssl rand"],
    ),
];

#[test]
fn a_weak_secret_is_refused() {
    let folder = TempDir::new();
    for (algorithm, secret, words) in SECRETS {
        let file = format!("[signing]\nalgorithm = '{algorithm}'");
        let variables = [("JWT_SECRET", secret)];
        let output = check(folder.path(), &file, &variables);
        assert_eq!(output.status.code(), Some(1), "{secret}: {output:?}");
        let said = refuses_to_start(folder.path(), &variables);
        for text in [&said, &String::from_utf8(output.stderr).unwrap()] {
            for word in [&["JWT_SECRET:"], words].concat() {
                assert!(text.contains(word), "{secret}\n{word:?} is not in: {text}");
            }
            assert!(secret.is_empty() || !text.contains(secret), "{text}");
        }
    }
    // Long enough for one algorithm, and the file that holds it.
    let file = "[signing]\nalgorithm = 'HS256'";
    let long = SECRETS[1].1;
    assert!(
        check(folder.path(), file, &[("JWT_SECRET", long)])
            .status
            .success()
    );
    let both = [("JWT_SECRET", long), ("JWT_SECRET_FILE", "secret")];
    let said = refuses_to_start(folder.path(), &both);
    assert!(said.contains("JWT_SECRET: given twice"), "{said}");
    let said = refuses_to_start(folder.path(), &[("JWT_SECRET_FILE", "nowhere")]);
    assert!(said.contains("JWT_SECRET_FILE: nowhere"), "{said}");
}

/// An embedded store that was not taken along, beside a database that would take its place.
#[test]
fn two_stores_that_contradict_are_refused() {
    let folder = TempDir::new();
    Server::start(folder.path(), 0, &[]).stop();
    // Never used: nobody would be missed.
    let database = [
        (
            "COUNTERSIGN_STORE_POSTGRES",
            "postgres://ann:hush-hush@127.0.0.1:1/auth",
        ),
        ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
    ];
    let said = refuses_to_start(folder.path(), &database);
    assert!(said.contains("store.postgres: cannot connect"), "{said}");
    let add = ["user", "add", "ada@example.com", "--no-password"];
    assert!(run(folder.path(), &add).status.success());
    let said = refuses_to_start(folder.path(), &database);
    for word in [
        "store.postgres: names a database",
        "countersign.db holds accounts of the embedded store",
        "`countersign move`",
    ] {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    // Taken away, it contradicts nothing.
    let data = folder.path().join("countersign-data");
    std::fs::rename(data.join("countersign.db"), data.join("aside.db")).unwrap();
    let said = refuses_to_start(folder.path(), &database);
    assert!(said.contains("store.postgres: cannot connect"), "{said}");
}

/// Variable, value, words.
const VARIABLES: [(&str, &str, &[&str]); 9] = [
    (
        "COUNTERSIGN_SIGNIN_ALGORITHM",
        "ES256",
        &["COUNTERSIGN_SIGNIN_ALGORITHM", "no such setting"],
    ),
    (
        "COUNTERSIGN_SIGNING_ALGORITM",
        "ES256",
        &["COUNTERSIGN_SIGNING_ALGORITHM"],
    ),
    (
        "COUNTERSIGN_SIGNING_ROTATE_EVERY",
        "soon",
        &["COUNTERSIGN_SIGNING_ROTATE_EVERY", "90d"],
    ),
    (
        "COUNTERSIGN_PASSWORDS_MEMORY_KIB",
        "much",
        &["COUNTERSIGN_PASSWORDS_MEMORY_KIB", "whole number"],
    ),
    (
        "COUNTERSIGN_PASSWORDS_MEMORY_KIB",
        "-1",
        &["COUNTERSIGN_PASSWORDS_MEMORY_KIB"],
    ),
    (
        "COUNTERSIGN_PROXY_TRUSTED",
        "10.0.0.0/8, x",
        &["COUNTERSIGN_PROXY_TRUSTED", "192.0.2.7"],
    ),
    (
        "COUNTERSIGN_JWT_SECRET",
        "x",
        &["the name of this variable is JWT_SECRET"],
    ),
    (
        "COUNTERSIGN_MASTER_KEY_FILE",
        "nowhere",
        &["master_key_file:", "nowhere"],
    ),
    (
        "COUNTERSIGN_CONFIG",
        "nowhere.toml",
        &["nowhere.toml", "countersign init"],
    ),
];

#[test]
fn what_is_wrong_in_a_variable_is_named_with_its_cure() {
    let folder = TempDir::new();
    for (name, value, words) in VARIABLES {
        let output = check(folder.path(), "", &[(name, value)]);
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        for word in words {
            assert!(
                text.contains(word),
                "{name}={value}\n{word:?} is not in: {text}"
            );
        }
    }
    let both = [
        ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
        ("COUNTERSIGN_MASTER_KEY_FILE", "x"),
    ];
    let output = check(folder.path(), "", &both);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("master_key: given twice"), "{text}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let folder = TempDir::new();
    let file = "issuer = 'x'\n[tls]\nkey = 'k'\n[sessions]\nclient_timeout = '1h'";
    let output = check(folder.path(), file, &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    for key in ["issuer:", "tls.certificate:", "sessions.client_timeout:"] {
        assert!(text.contains(key), "{text}");
    }
}

#[test]
fn secrets_are_never_shown() {
    const SECRET: &str = "a secret of forty-four bytes, as it happens.";
    let folder = TempDir::new();
    std::fs::write(folder.path().join("pepper"), SECRET).unwrap();
    let file = format!(
        "master_key = '{MASTER_KEY}'\n[signing]\nalgorithm = 'HS256'\n[passwords]\npepper_file = 'pepper'\n\
         [store]\npostgres = 'postgres://ann:{SECRET}@localhost/auth'\nredis = 'redis+unix:///run/redis?pass={SECRET}'"
    );
    let shown = check(folder.path(), &file, &[("JWT_SECRET", SECRET)]);
    assert!(shown.status.success(), "{shown:?}");
    let settings: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(settings["master_key"], "(hidden)");
    assert_eq!(settings["passwords"]["pepper"], "(hidden)");
    assert_eq!(settings["store"]["postgres"], "(hidden)");
    assert_eq!(settings["store"]["redis"], "(hidden)");
    let plain = command(folder.path(), &["check"])
        .env("JWT_SECRET", SECRET)
        .output()
        .unwrap();
    assert!(plain.status.success(), "{plain:?}");
    // Nor where the value is wrong: in a wrong line, of a wrong kind, twice.
    let line = check(folder.path(), &format!("master_key = ['{SECRET}']"), &[]);
    let broken = check(folder.path(), &format!("master_key = '{SECRET}"), &[]);
    let wrong = check(folder.path(), &format!("master_key = '{SECRET}'"), &[]);
    let variable = check(folder.path(), "", &[("COUNTERSIGN_MASTER_KEY", SECRET)]);
    // Numbers, and a broken line in the middle of a key.
    let number = check(folder.path(), "master_key = 4711471147114711", &[]);
    let fraction = check(folder.path(), "[passwords]\npepper = 4711.4711", &[]);
    let key = "[signing]\nkey = \"\"\"-----BEGIN PRIVATE KEY-----\nMIGH4711\\E4711==\n\"\"\"";
    let key = check(folder.path(), key, &[]);
    for output in [line, broken, wrong, variable, number, fraction, key] {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains(SECRET) && !said.contains("4711"), "{said}");
    }
    for output in [shown, plain] {
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(
            !said.contains(SECRET) && !said.contains(MASTER_KEY),
            "{said}"
        );
    }
}

#[test]
fn a_variable_wins_over_the_file_and_an_argument_over_both() {
    let folder = TempDir::new();
    let file =
        "data = 'from-file'\n[sessions]\nclient_timeout = '4s'\n[proxy]\ntrusted = ['10.0.0.0/8']";
    let variables = [
        ("COUNTERSIGN_SESSIONS_CLIENT_TIMEOUT", "2s"),
        ("COUNTERSIGN_DATA", "from-variable"),
        ("COUNTERSIGN_PROXY_TRUSTED", "192.0.2.7, 2001:db8::/32"),
        ("COUNTERSIGN_PASSWORDS_THREADS", "3"),
    ];
    let output = check(folder.path(), file, &variables);
    let settings: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(settings["sessions"]["client_timeout"], "2s");
    assert_eq!(settings["data"], "from-variable");
    assert_eq!(
        settings["proxy"]["trusted"],
        serde_json::json!(["192.0.2.7/32", "2001:db8::/32"])
    );
    assert_eq!(settings["passwords"]["threads"], 3);
    let mut argument = command(
        folder.path(),
        &["check", "--json", "--data", "from-argument"],
    );
    let output = argument.envs(variables).output().unwrap();
    let settings: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(settings["data"], "from-argument");
}

#[test]
fn what_check_prints_is_a_configuration_again() {
    let folder = TempDir::new();
    let file = "[[client]]\nid = 'shop'\nkind = 'browser'\naccess_ttl = '10m'\nclaims = { roles = 'roles' }";
    check(folder.path(), file, &[]);
    let first = run(folder.path(), &["check"]);
    assert!(first.status.success(), "{first:?}");
    std::fs::write(folder.path().join("countersign.toml"), &first.stdout).unwrap();
    let second = run(folder.path(), &["check"]);
    assert_eq!(first.stdout, second.stdout);
}

#[test]
fn init_writes_what_check_accepts_and_serve_runs() {
    let folder = TempDir::new();
    let init = ["init", "--issuer", "https://auth.example.org"];
    let written = run(folder.path(), &init);
    assert!(written.status.success(), "{written:?}");
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(text.lines().count() < 60, "short");

    let again = run(folder.path(), &init);
    assert_eq!(
        again.status.code(),
        Some(1),
        "a file that is there is left alone"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let checked = run(folder.path(), &["check", "--json"]);
    let settings: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(settings["issuer"], "https://auth.example.org");

    // Every line that is commented out is a setting, too.
    let all: Vec<&str> = text
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| is_setting(rest))
                .unwrap_or(line)
        })
        .collect();
    let all = all.join("\n");
    std::fs::write(folder.path().join("all.toml"), all).unwrap();
    let output = run(folder.path(), &["check", "--config", "all.toml"]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = complaints.lines().skip(1).map(str::trim).collect();
    let about_files = lines.iter().all(|line| line.contains("/etc/countersign/"));
    assert!(about_files && lines.len() == 2, "{complaints}");

    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let server = Server::start(folder.path(), 0, &[("COUNTERSIGN_DATA", data)]);
    assert_eq!(server.issuer, "https://auth.example.org");
    let mut connection = server.connect();
    connection
        .send("GET", "/readyz", None, None)
        .unwrap()
        .expect(200);
    server.stop();
}

fn is_setting(line: &str) -> bool {
    let is_key = |key: &str| {
        key.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| is_key(key))
}

#[test]
fn clients_of_the_file_are_there_when_the_server_is() {
    let folder = TempDir::new();
    let file = folder.path().join("countersign.toml");
    let client =
        "[[client]]\nid = 'shop'\nkind = 'browser'\norigins = ['https://shop.example.com']\n";
    std::fs::write(&file, client).unwrap();
    Server::start(folder.path(), 0, &[]).stop();
    let show = || -> Value {
        serde_json::from_slice(&run(folder.path(), &["client", "show", "shop", "--json"]).stdout)
            .unwrap()
    };
    let first = show();
    assert_eq!(first["origins"][0], "https://shop.example.com");
    // Disabled by an operator, changed in the file: both hold.
    assert!(
        run(folder.path(), &["client", "disable", "shop"])
            .status
            .success()
    );
    std::fs::write(&file, client.replace("shop.example.com", "new.example.com")).unwrap();
    Server::start(folder.path(), 0, &[]).stop();
    let second = show();
    assert_eq!(second["origins"][0], "https://new.example.com");
    assert_eq!(second["enabled"], false);
    assert_eq!(second["created_at"], first["created_at"]);

    let bad = client.replace("https://shop.example.com", "https://shop.example.com/");
    std::fs::write(&file, bad).unwrap();
    let output = run(folder.path(), &["serve", "--listen", "localhost:0"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("client shop:") && text.contains("is not an origin"),
        "{text}"
    );
}

#[test]
fn a_master_key_that_is_lost_is_missed_not_replaced() {
    let folder = TempDir::new();
    Server::start(folder.path(), 0, &[]).stop();
    let key = folder.path().join("countersign-data/master.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let serve = ["serve", "--listen", "localhost:0"];
    let output = run(folder.path(), &serve);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("master.key is missing") && text.contains("backup"),
        "{text}"
    );
    assert!(!key.exists());

    let wrong = command(folder.path(), &serve)
        .env("COUNTERSIGN_MASTER_KEY", MASTER_KEY)
        .output();
    let text = String::from_utf8_lossy(&wrong.unwrap().stderr).into_owned();
    assert!(text.contains("another master key"), "{text}");

    std::fs::write(&key, kept).unwrap();
    Server::start(folder.path(), 0, &[]).stop();

    // Lost for good: what the new one does not open is taken out, and the server goes on with new keys.
    std::fs::remove_file(&key).unwrap();
    let new_key = [("COUNTERSIGN_MASTER_KEY", MASTER_KEY)];
    let mut removed = 0;
    while let Some(kid) = sealed_key(folder.path(), &new_key) {
        let remove = command(folder.path(), &["keys", "remove", &kid])
            .envs(new_key)
            .output();
        assert!(remove.unwrap().status.success());
        removed += 1;
        assert!(removed < 10, "{kid} does not go");
    }
    // Signing, refresh and device; the staged ones, if the short life was long enough for them.
    assert!((3..=5).contains(&removed), "{removed} keys");
    Server::start(folder.path(), 0, &new_key).stop();
}

/// The key that keeps the server from starting; `None`: none does, as far as `keys list` can tell.
fn sealed_key(folder: &Path, variables: &[(&str, &str)]) -> Option<String> {
    let mut list = command(folder, &["keys", "list"]);
    let output = list.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let (_, rest) = text.split_once("`countersign keys remove ")?;
    Some(rest.split('`').next().unwrap().to_owned())
}
