//! `countersign backup`

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use countersign_store::{Contents, Sqlite};
use serde_json::json;

use super::operator::Failure;
use super::print::Output;
use crate::admin::client::find_server;
use crate::config::{Config, Sources};
use crate::open::DATABASE;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The backup is one file, of one moment, and is looked at before it gets its name. It holds everything but
the master key, which is not needed to restore it. A server that runs goes on meanwhile.

Examples:
  countersign backup /backups/countersign-$(date +%F).db
  countersign restore /backups/countersign-2026-11-26.db

Where the store is PostgreSQL: pg_dump, see docs/operations.md."
)]
pub(super) struct Args {
    /// Where to write it; a file that is there is left alone
    file: PathBuf,
}

impl Args {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let file = self.file;
        let failed = |error| Failure::File {
            path: file.clone(),
            error,
        };
        // What exists is seen before the work, and not only after it.
        if fs::symlink_metadata(&file).is_ok() {
            return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
        }
        let mut draft = file.clone().into_os_string();
        draft.push(format!(".{}.part", std::process::id()));
        let draft = PathBuf::from(draft);
        let made = copy(sources, &draft).await.and_then(|()| {
            let contents = Sqlite::inspect(&draft)?;
            // Unlike a new name, this gives way to a file that has come meanwhile.
            fs::hard_link(&draft, &file).map_err(failed)?;
            sync_folder_of(&file).map_err(failed)?;
            Ok(contents)
        });
        drop(fs::remove_file(&draft));
        say(&file, made?, output);
        Ok(())
    }
}

async fn copy(sources: &Sources, to: &Path) -> Result<(), Failure> {
    let data = Config::data_folder(sources)?;
    if let Some(server) = find_server(&data).await? {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .map_err(|error| Failure::File {
                path: to.to_owned(),
                error,
            })?;
        return Ok(server.download("/backup", file).await?);
    }
    let config = Config::load(sources)?;
    if config.store.postgres.is_some() {
        return Err(Failure::Usage(
            "store.postgres is set: back the database up with pg_dump (docs/operations.md)".into(),
        ));
    }
    let database = data.join(DATABASE);
    if !database.exists() {
        return Err(Failure::NoData(data));
    }
    Ok(Sqlite::back_up_closed(&database, to)?)
}

fn say(file: &Path, contents: Contents, output: Output) {
    let shown = json!({
        "file": file,
        "schema": contents.schema,
        "users": contents.users,
        "clients": contents.clients,
    });
    output.show(&shown, |_| {
        format!(
            "wrote {}: {} users, {} clients",
            file.display(),
            contents.users,
            contents.clients
        )
    });
}

fn sync_folder_of(file: &Path) -> std::io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
