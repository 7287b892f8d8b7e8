//! `countersign move`

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_auth::env::Env;
use countersign_store::{
    Caught, Freeze, Move, MoveError, OpenError, Postgres, Progress, Since, Sqlite, SqliteOptions,
    Verdict, Watch, Written,
};
use http::Method;
use serde_json::json;

use super::operator::Failure;
use super::print::Output;
use crate::admin::client::{Admin, Line, find_server};
use crate::admin::{Frozen, HandOver, HandedOver, Watched};
use crate::config::{Config, Sources};
use crate::open::{self, DATABASE};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything is copied while the source is in use; for the last part, a moment, its server answers 503.
Nobody signs in again: keys, sessions and refresh tokens go along. It can be broken off anywhere and run again.
It needs room for two copies of the store in the data folder.

Examples:
  countersign move --to postgres://countersign@db.example.com/auth
  countersign move --from sqlite:/var/lib/countersign --to postgres://countersign@%2Frun%2Fpostgresql/auth

Without --to the target is the setting `store.postgres`, which keeps a password out of the list of processes.
Afterwards start the server with that setting, and the same issuer and master key."
)]
pub(super) struct Args {
    /// The embedded store: its data folder, or the file in it [default: the data folder]
    #[arg(long, value_name = "sqlite:PATH")]
    from: Option<String>,
    /// The database, which must be empty [default: the setting `store.postgres`]
    #[arg(long, value_name = "postgres://…")]
    to: Option<String>,
}

/// How often the last part is tried.
const TRIES: u32 = 5;
/// Between two lines that say how far it has come.
const SAY: Duration = Duration::from_secs(1);

impl Args {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let data = match &self.from {
            None => Config::data_folder(sources)?,
            Some(from) => folder(from)?,
        };
        let config = Config::load(sources)?;
        let to = self.target(&config)?;
        let place = Postgres::place(&to).map_err(MoveError::Connect)?;
        let database = data.join(DATABASE);
        if !database.exists() {
            return Err(Failure::NoData(data));
        }
        let identity = Sqlite::identify(&database).map_err(open::OpenError::Database)?;
        let target = Move::begin(&to, &config.store.postgres_options(), identity.incarnation).await;
        let moved = match (identity.moved_to, target) {
            (None, target) => {
                let mut work = Work {
                    source: Source::find(&data, &database).await?,
                    target: target?,
                    data,
                    database,
                    env: Env::system(),
                };
                work.go(&place).await?;
                forget_copies(&work.data);
                true
            }
            // It ended between the hand-over and its own end.
            (Some(there), Ok(mut target)) if there == place => {
                let (copy, env) = (copy_of(&data, target.copy()), Env::system());
                target
                    .finish_after(&copy, &database, &mut teller(&env))
                    .await?;
                target.analyze().await?;
                forget_copies(&data);
                true
            }
            (Some(there), Err(MoveError::NotEmpty { .. })) if there == place => false,
            (Some(to), Ok(_)) => {
                return Err(
                    open::OpenError::Database(OpenError::Moved { path: database, to }).into(),
                );
            }
            (Some(_), Err(error)) => return Err(error.into()),
        };
        output.show(&json!({ "moved": true, "to": place }), |_| {
            let before = if moved { "moved" } else { "this store was moved before" };
            format!(
                "{before}. It is now {place}.\nStart the server with `store.postgres`, and the same issuer and master key. \
                 The file stays where it is, and no server opens it any more."
            )
        });
        Ok(())
    }

    fn target(&self, config: &Config) -> Result<String, Failure> {
        let setting = || Some(config.store.postgres.as_ref()?.expose().to_owned());
        let to = self.to.clone().or_else(setting);
        to.ok_or_else(|| {
            Failure::Usage("where to? Say it by --to, or by the setting `store.postgres`".into())
        })
    }
}

/// Where the embedded store is.
fn folder(from: &str) -> Result<PathBuf, Failure> {
    let path = from.strip_prefix("sqlite:").unwrap_or(from);
    if path.contains("://") {
        return Err(Failure::Usage(format!(
            "{path}: only the embedded store can be moved (--from sqlite:PATH)"
        )));
    }
    let path = Path::new(path);
    Ok(if path.ends_with(DATABASE) {
        path.parent().unwrap_or(Path::new(".")).to_owned()
    } else {
        path.to_owned()
    })
}

struct Work {
    source: Source,
    target: Move,
    data: PathBuf,
    database: PathBuf,
    env: Env,
}

impl Work {
    async fn go(&mut self, place: &str) -> Result<(), Failure> {
        let mut copy = self.copy_of(self.target.copy());
        if self.target.copy().is_empty() || !copy.exists() {
            forget_copies(&self.data);
            let name = self.take_copy().await?;
            copy = self.copy_of(&name);
            self.target.start_over(&name).await?;
        } else {
            say("going on where it was broken off");
        }
        self.target.fill(&copy, &mut teller(&self.env)).await?;
        let rows = self.target.verify(&copy).await?;
        say(&format!("{rows} rows are there, by number and checksum"));
        self.target.analyze().await?;
        let mut watch = None;
        for rest in (0..TRIES).rev() {
            let watched = if let Some(watched) = watch.take() {
                watched
            } else {
                // From here on the source notes what is written to it; what was written before is in the next copy.
                let watched = self.source.watch(&self.env).await?;
                copy = self.catch_up(&copy).await?;
                watched
            };
            let begun = self.env.clock.elapsed();
            let held = self.source.freeze(&self.env).await?;
            let written = self.source.written(&watched).await?;
            let since = match &written {
                Some(written) => {
                    watch = Some(watched);
                    Since::Written(written)
                }
                None if rest > 0 => {
                    say("the source cannot say what was written to it: once more");
                    continue;
                }
                // However long it takes.
                None => Since::Copy(&copy),
            };
            let mark = async || self.source.hand_over(&held, place, &self.env).await;
            if let Some(caught) = self.target.hand_over(since, &self.database, mark).await? {
                let took = self.env.clock.elapsed().saturating_sub(begun).as_millis();
                say_caught(caught);
                say(&format!("the source took no writes for {took} ms"));
                return Ok(());
            }
            say("the source was written to meanwhile: once more");
        }
        Err(Failure::Usage(
            "the source does not hold still: run it again when there is less to do".into(),
        ))
    }

    async fn catch_up(&mut self, old: &Path) -> Result<PathBuf, Failure> {
        let name = self.take_copy().await?;
        let new = self.copy_of(&name);
        let caught = self.target.catch_up(old, &new, &name).await?;
        drop(fs::remove_file(old));
        say_caught(caught);
        Ok(new)
    }

    /// A copy of the source as it is now. What bears a name is whole.
    async fn take_copy(&self) -> Result<String, Failure> {
        let name = u64::from_be_bytes(self.env.random()).to_string();
        let copy = self.copy_of(&name);
        let draft = copy.with_extension("part");
        drop(fs::remove_file(&draft));
        self.source.copy(&draft).await?;
        let state = Sqlite::schema(&draft).map_err(open::OpenError::Database)?;
        if state.is_none_or(|state| state.verdict != Verdict::Current) {
            return Err(Failure::Usage(
                "the source is of another version: the server and this command must be of one"
                    .into(),
            ));
        }
        fs::rename(&draft, &copy).map_err(|error| Failure::File {
            path: copy.clone(),
            error,
        })?;
        Ok(name)
    }

    fn copy_of(&self, name: &str) -> PathBuf {
        copy_of(&self.data, name)
    }
}

fn say_caught(caught: Caught) {
    say(&format!(
        "caught up: {} rows new or changed, {} gone",
        caught.put, caught.dropped
    ));
}

fn copy_of(data: &Path, name: &str) -> PathBuf {
    data.join(format!("{COPIES}{name}.db"))
}

/// How the names of copies begin.
const COPIES: &str = "moving-";

fn forget_copies(data: &Path) {
    let files = fs::read_dir(data).into_iter().flatten().flatten();
    for file in files {
        if file.file_name().to_string_lossy().starts_with(COPIES) {
            drop(fs::remove_file(file.path()));
        }
    }
}

/// The embedded store: of a running server, or held by this process for as long as it takes.
enum Source {
    Server(Admin),
    Held(Sqlite),
}

/// What is written is noted as long as it is kept.
enum Watching {
    Line { _kept: Line, watch: u64 },
    Watch(Watch),
}

/// Nothing is written as long as it is kept.
enum Held {
    Line { _kept: Line, freeze: u64 },
    Freeze(Freeze),
}

impl Source {
    async fn find(data: &Path, database: &Path) -> Result<Self, Failure> {
        if let Some(server) = find_server(data).await? {
            return Ok(Self::Server(server));
        }
        let opened = Sqlite::open(database, &SqliteOptions::default());
        Ok(Self::Held(opened.map_err(open::OpenError::Database)?))
    }

    async fn copy(&self, to: &Path) -> Result<(), Failure> {
        match self {
            Self::Held(store) => Ok(store.back_up(to).await?),
            Self::Server(server) => {
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(to)
                    .map_err(|error| Failure::File {
                        path: to.to_owned(),
                        error,
                    })?;
                Ok(server.download("/backup", file).await?)
            }
        }
    }

    async fn watch(&self, env: &Env) -> Result<Watching, Failure> {
        match self {
            Self::Server(server) => {
                let (line, watched) = server.hold::<Watched>("/move/watch").await?;
                Ok(Watching::Line {
                    _kept: line,
                    watch: watched.watch,
                })
            }
            Self::Held(store) => {
                let watch = store.watch(u64::from_be_bytes(env.random())).await;
                Ok(Watching::Watch(watch.map_err(open::OpenError::Store)?))
            }
        }
    }

    /// What was written since, if that is known.
    async fn written(&self, watching: &Watching) -> Result<Option<Written>, Failure> {
        match (self, watching) {
            (Self::Server(server), Watching::Line { watch, .. }) => {
                let path = format!("/move/written/{watch}");
                Ok(server.call(Method::GET, &path, None).await?)
            }
            (Self::Held(store), Watching::Watch(watch)) => {
                let written = store.written(watch.name()).await;
                Ok(written.map_err(open::OpenError::Store)?)
            }
            _ => Ok(None),
        }
    }

    async fn freeze(&self, env: &Env) -> Result<Held, Failure> {
        match self {
            Self::Server(server) => {
                let (line, frozen) = server.hold::<Frozen>("/move/freeze").await?;
                Ok(Held::Line {
                    _kept: line,
                    freeze: frozen.freeze,
                })
            }
            Self::Held(store) => {
                let frozen = store.freeze(u64::from_be_bytes(env.random())).await;
                let frozen = frozen.map_err(open::OpenError::Store)?;
                let frozen = frozen.ok_or_else(|| Failure::Usage("the store is frozen".into()))?;
                Ok(Held::Freeze(frozen))
            }
        }
    }

    async fn hand_over(&self, held: &Held, to: &str, env: &Env) -> Result<bool, Failure> {
        match (self, held) {
            (Self::Server(server), Held::Line { freeze, .. }) => {
                let hand_over = HandOver {
                    freeze: *freeze,
                    to: to.to_owned(),
                };
                let path = "/move/done";
                let handed: HandedOver = server
                    .call(Method::POST, path, Some(json!(hand_over)))
                    .await?;
                Ok(handed.done)
            }
            (Self::Held(store), Held::Freeze(freeze)) => {
                let handed = store.hand_over(freeze.name(), to, env.now()).await;
                Ok(handed.map_err(open::OpenError::Store)?)
            }
            _ => Ok(false),
        }
    }
}

/// Says how far it has come, now and then.
fn teller(env: &Env) -> impl FnMut(Progress) {
    let clock = env.clock.clone();
    let mut last = clock.elapsed();
    let mut begun = (last, 0, "");
    move |progress: Progress| {
        let now = clock.elapsed();
        let Progress { table, done, of } = progress;
        if begun.2 != table {
            begun = (last, 0, table);
        }
        if now.saturating_sub(last) < SAY && done < of {
            return;
        }
        last = now;
        let took = now.saturating_sub(begun.0).as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "a rate, for people")]
        let rate = (done - begun.1.min(done)) as f64 / took;
        say(&format!("{table}: {done} of {of} rows, {rate:.0} a second"));
    }
}

/// To standard error: the answer alone goes to standard output.
fn say(text: &str) {
    eprintln!("{text}");
}
