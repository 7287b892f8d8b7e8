//! The playground's figure: from the press of a button to the first refusal, as its page measures it.

use std::error::Error;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::{Answer, exchange, exchange_once, request};
use crate::plan::Plan;
use crate::process::Server;
use crate::report::Report;
use crate::stats::Latencies;

/// A page of the server's own.
const OWN: &str = "Sec-Fetch-Site: same-origin\r\n";
/// The greeting comes a moment after the first answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Presses each of the buttons again and again.
pub fn measure(plan: &Plan, report: &mut Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    report.section("The playground");
    report.say(
        "From the press of a button to the first refusal of the token by the API that is asked without a pause \
         meanwhile: the call, its commit and the answers on their way included. The page shows the same, with what the \
         browser adds.",
    );
    let data = folder.join("playground");
    fs::create_dir(&data)?;
    let server = Server::start(&data, &[])?;
    let password = printed_password(&data.with_extension("log"))?;
    for (button, deed) in [("revoke", "revoke"), ("disable", "disable")] {
        let mut nanos = Vec::new();
        for _ in 0..plan.takings {
            let token = sign_in(server.address, &password)?;
            let bearer = format!("Authorization: Bearer {token}\r\n");
            let (begun, refused) = press(server.address, deed, &bearer)?;
            nanos.push(u64::try_from((refused - begun).as_nanos())?);
            post(server.address, "/playground/enable", OWN, "", |_| ())?;
        }
        let found = Latencies::new(nanos);
        for (name, percent) in [("p50", 50.0), ("p99", 99.0), ("worst", 100.0)] {
            let name = format!("{button} to red: {name}");
            report.once(&name, found.percentile_ms(percent), "ms", None);
        }
    }
    server.stop()?;
    Ok(())
}

/// When the button was pressed, and when the API had refused.
fn press(
    address: SocketAddr,
    deed: &str,
    bearer: &str,
) -> Result<(Instant, Instant), Box<dyn Error>> {
    let mut ask = Vec::new();
    request("GET", "/playground/lamp", bearer, "", &mut ask);
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    if lamp(&mut stream, &ask)? != 200 {
        return Err("the token is not good to begin with".into());
    }
    thread::scope(|scope| {
        let watching = scope.spawn(move || {
            while lamp(&mut stream, &ask)? == 200 {}
            io::Result::Ok(Instant::now())
        });
        let begun = Instant::now();
        let fields = format!("{OWN}{bearer}");
        post(address, &format!("/playground/{deed}"), &fields, "", |_| ())?;
        let refused = watching.join().map_err(|_| "the watcher panicked")?;
        Ok((begun, refused?))
    })
}

fn lamp(stream: &mut TcpStream, ask: &[u8]) -> io::Result<u16> {
    let mut buffer = Vec::new();
    exchange(stream, ask, &mut buffer)?;
    let answer = Answer::parse(&buffer)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(answer.status)
}

fn sign_in(address: SocketAddr, password: &str) -> Result<String, Box<dyn Error>> {
    let body =
        format!(r#"{{"email":"demo@example.com","password":"{password}","client_id":"demo-app"}}"#);
    let body: Value = post(address, "/v1/login", OWN, &body, |answer| {
        serde_json::from_slice(answer.body)
    })??;
    let token = body["access_token"].as_str();
    Ok(token.ok_or("no token for the demo user")?.to_owned())
}

fn post<T>(
    address: SocketAddr,
    path: &str,
    fields: &str,
    body: &str,
    read: impl FnOnce(&Answer<'_>) -> T,
) -> Result<T, Box<dyn Error>> {
    let mut ask = Vec::new();
    request("POST", path, fields, body, &mut ask);
    let (status, read) = exchange_once(address, &ask, |answer| (answer.status, read(answer)))?;
    if (200..300).contains(&status) {
        Ok(read)
    } else {
        Err(format!("{path} answered {status}").into())
    }
}

/// What a first start printed.
fn printed_password(log: &Path) -> Result<String, Box<dyn Error>> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let said = fs::read_to_string(log)?;
        if said.ends_with("Ctrl-C stops it.\n")
            && let Some((_, rest)) = said.split_once(", password ")
            && let Some(password) = rest.split_whitespace().next()
        {
            return Ok(password.to_owned());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(format!("no demo user in {}", log.display()).into())
}
