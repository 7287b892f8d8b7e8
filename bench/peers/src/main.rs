//! josekit, measured next to countersign-jose by `make bench`. `bench/src/tokens/peer.rs` says what is asked and
//! answered: one JSON object a line, in and out.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use josekit::jwe::{
    self, A256GCMKW, A256KW, Dir, ECDH_ES_A256KW, JweDecrypter, JweEncrypter, JweHeader,
    RSA_OAEP_256,
};
use josekit::jwk::Jwk;
use serde_json::{Value, json};

const TURN: Duration = Duration::from_millis(1);
const WARM_UP: Duration = Duration::from_millis(100);

type Failure = Box<dyn Error>;
type Keys = (Box<dyn JweEncrypter>, Box<dyn JweDecrypter>);

/// An operation, and how often it is repeated in a turn.
struct Operation {
    op: Box<dyn Fn() -> Result<(), Failure>>,
    size: u32,
}

fn main() -> Result<(), Failure> {
    let mut operations = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match request["turn"].as_str() {
            Some(name) => turn(operations.as_ref(), name),
            None => prepare(&request, &mut operations),
        };
        let answer = answer.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn prepare(task: &Value, operations: &mut Option<[Operation; 2]>) -> Result<Value, Failure> {
    let text = |name: &str| {
        task[name]
            .as_str()
            .map(str::to_owned)
            .ok_or("no such member")
    };
    let (encrypter, decrypter) = keys(&text("alg")?, &task["jwk"])?;
    let mut header = JweHeader::new();
    header.set_content_encryption(text("enc")?);
    header.set_content_type("JWT");
    let (plaintext, token) = (text("plaintext")?, text("token")?);
    let encrypt = move || jwe::serialize_compact(plaintext.as_bytes(), &header, &*encrypter);
    let sample = encrypt()?;
    *operations = Some([
        warm(Box::new(move || {
            black_box(encrypt()?);
            Ok(())
        }))?,
        warm(Box::new(move || {
            black_box(jwe::deserialize_compact(black_box(&token), &*decrypter)?);
            Ok(())
        }))?,
    ]);
    Ok(json!({ "token": sample }))
}

fn keys(alg: &str, jwk: &Value) -> Result<Keys, Failure> {
    let jwk = Jwk::from_bytes(jwk.to_string())?;
    Ok(match alg {
        "dir" => (
            Box::new(Dir.encrypter_from_jwk(&jwk)?),
            Box::new(Dir.decrypter_from_jwk(&jwk)?),
        ),
        "A256KW" => (
            Box::new(A256KW.encrypter_from_jwk(&jwk)?),
            Box::new(A256KW.decrypter_from_jwk(&jwk)?),
        ),
        "A256GCMKW" => (
            Box::new(A256GCMKW.encrypter_from_jwk(&jwk)?),
            Box::new(A256GCMKW.decrypter_from_jwk(&jwk)?),
        ),
        "RSA-OAEP-256" => (
            Box::new(RSA_OAEP_256.encrypter_from_jwk(&jwk)?),
            Box::new(RSA_OAEP_256.decrypter_from_jwk(&jwk)?),
        ),
        "ECDH-ES+A256KW" => (
            Box::new(ECDH_ES_A256KW.encrypter_from_jwk(&jwk)?),
            Box::new(ECDH_ES_A256KW.decrypter_from_jwk(&jwk)?),
        ),
        other => return Err(format!("no algorithm {other}").into()),
    })
}

fn warm(op: Box<dyn Fn() -> Result<(), Failure>>) -> Result<Operation, Failure> {
    let start = Instant::now();
    while start.elapsed() < WARM_UP {
        op()?;
    }
    let mut operation = Operation { op, size: 1 };
    while repeat(&operation)? < TURN {
        operation.size *= 2;
    }
    Ok(operation)
}

fn turn(operations: Option<&[Operation; 2]>, name: &str) -> Result<Value, Failure> {
    let [encrypt, decrypt] = operations.ok_or("nothing was prepared")?;
    let operation = if name == "encrypt" { encrypt } else { decrypt };
    let spent = repeat(operation)?.as_secs_f64() * 1e6;
    Ok(json!({ "us": spent / f64::from(operation.size) }))
}

fn repeat(operation: &Operation) -> Result<Duration, Failure> {
    let start = Instant::now();
    for _ in 0..operation.size {
        (operation.op)()?;
    }
    Ok(start.elapsed())
}
