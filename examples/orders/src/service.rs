//! What both services need: settings from the environment, a guard, a listener, and a good end.

use std::{env, error::Error, fs, io, process::ExitCode};

use axum::Router;
use countersign_guard::{
    Guard,
    net::{Connected, Options, ServiceClient, WhenStale},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// What is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// Nothing was said.
    #[error("the variable {0} is missing: scripts/demo sets all of them")]
    Missing(&'static str),
    /// It names a file that cannot be read.
    #[error("{variable}: {path}: {error}")]
    Unreadable {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
}

/// The value of a variable.
///
/// # Errors
/// [`BadSetting::Missing`] if it has none.
pub fn setting(name: &'static str) -> Result<String, BadSetting> {
    env::var(name).map_err(|_| BadSetting::Missing(name))
}

/// What stands in the file that a variable names: where secrets belong. The arguments of a process can be read
/// by everybody on the machine.
fn secret(name: &'static str) -> Result<String, BadSetting> {
    let path = setting(name)?;
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) => Err(BadSetting::Unreadable {
            variable: name,
            path,
            error,
        }),
    }
}

/// The guard of the service client `me`, once it is informed: tokens of `ISSUER` for `ADDRESS` are good. If it
/// hears nothing for a minute, it refuses all of them rather than accept one that was taken back.
///
/// # Errors
/// What is wrong with the environment, or with the issuer.
pub async fn guard(me: &str) -> Result<Connected, Box<dyn Error>> {
    let client = ServiceClient::new(me, secret("CLIENT_SECRET_FILE")?);
    let (issuer, audience) = (setting("ISSUER")?, setting("ADDRESS")?);
    let options = Options::new(issuer, audience, client, WhenStale::refuse());
    Ok(Guard::connect(options).await?)
}

/// Serves on `LISTEN` until Ctrl-C or SIGTERM.
///
/// # Errors
/// If it cannot listen there.
pub async fn serve(app: Router) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(setting("LISTEN")?).await?;
    println!("listens on {}", listener.local_addr()?);
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let end = async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(end)
        .await?;
    Ok(())
}

/// How the process ends, and what it says then.
#[must_use]
pub fn end(name: &str, result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
