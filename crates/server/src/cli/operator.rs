//! Whom a command asks: the running server, or the store itself.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use countersign_store::{BackupError, MoveError};
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::token::TokenError;
use crate::admin::client::{Admin, CallError, find_server};
use crate::config::{Config, ConfigError, Sources};
use crate::open::{OpenError, Opened};
use crate::serve::ServeError;

/// Why a command did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Move(#[from] MoveError),
    #[error("there is no data in {}: `countersign serve` makes it, --data names another folder", .0.display())]
    NoData(PathBuf),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("the password cannot be read: {0}")]
    Password(io::Error),
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Of `doctor`, before it could look at anything.
    #[error("{0}")]
    NothingExamined(Box<Failure>),
    #[error("{0}")]
    Usage(String),
    #[error("the runtime does not start: {0}")]
    Runtime(io::Error),
}

impl Failure {
    /// Stable, for programs.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Config(_) => "invalid_configuration",
            Self::Open(OpenError::Locked { .. })
            | Self::Serve(ServeError::Open(OpenError::Locked { .. })) => "locked",
            Self::Serve(_) => "cannot_serve",
            Self::Open(_) => "cannot_open",
            Self::Call(CallError::Refused(problem)) => &problem.code,
            Self::Call(CallError::Forbidden(_)) => "forbidden",
            Self::Call(CallError::Broken(_)) => "broken_off",
            Self::Call(CallError::Strange(_)) => "not_understood",
            Self::Backup(error) => backup_code(error),
            Self::Move(error) => move_code(error),
            Self::NoData(_) => "no_data",
            Self::Call(CallError::Write(_)) | Self::File { .. } => "file",
            Self::Password(_) => "no_password",
            Self::Token(error) => error.code(),
            Self::NothingExamined(why) => why.code(),
            Self::Usage(_) => "usage",
            Self::Runtime(_) => "runtime",
        }
    }

    /// 1; but 2 where 1 says that a token was refused or a trouble found, and this is that nothing could be looked at.
    pub(super) fn exit_code(&self) -> ExitCode {
        let nothing_seen = matches!(self, Self::Token(_) | Self::NothingExamined(_));
        ExitCode::from(if nothing_seen { 2 } else { 1 })
    }

    /// Whether it is worth a word.
    pub(super) fn is_to_be_said(&self) -> bool {
        !matches!(self, Self::Token(error) if error.is_a_closed_pipe())
    }
}

fn move_code(error: &MoveError) -> &'static str {
    match error {
        MoveError::Connect(_) => "cannot_open",
        MoveError::Target(_) => "target",
        MoveError::Source(_) => "source",
        MoveError::NotEmpty { .. } => "not_empty",
        MoveError::Lost => "lost",
        MoveError::Another => "another_move",
        MoveError::Differs { .. } => "differs",
    }
}

fn backup_code(error: &BackupError) -> &'static str {
    match error {
        BackupError::Open(countersign_store::OpenError::InUse { .. }) => "locked",
        BackupError::Open(_) | BackupError::Panicked => "cannot_open",
        BackupError::Io { .. } => "file",
        BackupError::Occupied { .. } => "occupied",
        BackupError::Damaged { .. } => "damaged",
        BackupError::Foreign { .. } => "no_backup",
    }
}

/// What to do where there is no data yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMissing {
    /// Say so.
    Refuse,
    /// Make it: accounts and clients may be there before the first start.
    Make,
}

/// Whom to ask.
pub(super) struct Operator {
    admin: Admin,
    opened: Option<Opened>,
}

impl Operator {
    /// The running server if there is one, else the store, under its lock.
    pub(super) async fn find(sources: &Sources, missing: IfMissing) -> Result<Self, Failure> {
        let data = Config::data_folder(sources)?;
        if let Some(admin) = find_server(&data).await? {
            return Ok(Self {
                admin,
                opened: None,
            });
        }
        if missing == IfMissing::Refuse && !data.exists() {
            return Err(Failure::NoData(data));
        }
        let config = Config::load(sources)?;
        let opened = Opened::open(&config, &config.issuer(config.listen.port())).await?;
        Ok(Self {
            admin: Admin::Here(opened.desk(&data)),
            opened: Some(opened),
        })
    }

    /// Asks, and closes the store if it was opened for this.
    pub(super) async fn ask<T: DeserializeOwned>(
        sources: &Sources,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Failure> {
        let missing = if path == "/users" || path == "/clients" {
            IfMissing::Make
        } else {
            IfMissing::Refuse
        };
        let missing = if method == Method::POST {
            missing
        } else {
            IfMissing::Refuse
        };
        let operator = Self::find(sources, missing).await?;
        let answer = operator.admin.call(method, path, body).await;
        operator.close().await?;
        Ok(answer?)
    }

    async fn close(self) -> Result<(), Failure> {
        if let Some(opened) = self.opened {
            opened.close().await?;
        }
        Ok(())
    }
}
