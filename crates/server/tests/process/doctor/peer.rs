//! Somebody who answers as he likes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;
use std::sync::{Arc, Mutex};

use crate::binary::run;
use crate::temp::TempDir;

/// Answers each request as it was told, by its port and the request's head; and remembers what it was asked.
pub struct Peer {
    pub port: u16,
    asked: Arc<Mutex<String>>,
}

impl Peer {
    pub fn answering(answer: impl Fn(u16, &str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<String>>::default();
        let memory = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n")
                    && stream.read(&mut byte).is_ok_and(|read| read == 1)
                {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head);
                memory.lock().unwrap().push_str(&head);
                // Whoever has seen enough goes.
                drop(stream.write_all(&answer(port, &head)));
            }
        });
        Self { port, asked }
    }

    /// Looks at it with a secret in the hand.
    pub fn examined(&self, json: bool) -> Output {
        let folder = TempDir::new();
        std::fs::write(folder.path().join("secret"), "css_nobody-shall-have-this").unwrap();
        let issuer = format!("http://localhost:{}", self.port);
        let mut arguments = vec![
            "doctor",
            "--issuer",
            &issuer,
            "--app-origin",
            "http://localhost:3000",
            "--client",
            "shop",
        ];
        arguments.extend(["--service", "doctor", "--service-secret-file", "secret"]);
        arguments.extend(json.then_some("--json"));
        run(folder.path(), &arguments)
    }

    pub fn asked(&self) -> String {
        self.asked.lock().unwrap().to_ascii_lowercase()
    }
}

pub fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}
