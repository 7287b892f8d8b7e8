//! `countersign doctor`

use std::path::PathBuf;
use std::process::ExitCode;

use countersign_auth::clients::check;
use countersign_auth::env::Env;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::model::id::ClientId;
use serde_json::json;

use super::harmless;
use super::operator::Failure;
use super::print::{Output, say};
use crate::admin::client::{CallError, find_server};
use crate::config::{Config, Secret, Sources, check_issuer};
use crate::doctor::site::{Origin, Suffixes};
use crate::doctor::{Finding, Report, Service, Subject, Verdict, examine};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  countersign doctor
  countersign doctor --issuer https://auth.example.com --app-origin https://shop.example.com
  countersign doctor --service doctor --service-secret-file secret --json

On the server's machine, as its user and with its configuration, it sees most; from elsewhere, it sees what others see.
For the feed it needs a service client: countersign client add doctor --kind service --scope revocations

Exit codes: 0 nothing is wrong (as far as was checked), 1 something is, 2 not understood or nothing to begin with.")]
pub(super) struct Args {
    /// The server's address [default: the setting `issuer`, or http://localhost:<port>]
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: Option<String>,
    /// The origin of an application's pages (may be repeated) [default: those of the registered clients, in less detail]
    #[arg(long = "app-origin", value_name = "ORIGIN", value_parser = origin)]
    app_origins: Vec<Origin>,
    /// The client whose pages they are [default: the one on whose list they are, where the server can be asked]
    #[arg(long, value_name = "ID", requires = "app_origins")]
    client: Option<ClientId>,
    /// A service client whose scope holds `revocations`, to follow the feed
    #[arg(long, value_name = "ID", requires = "service_secret_file")]
    service: Option<ClientId>,
    /// A file that holds its secret
    #[arg(long, value_name = "FILE", requires = "service")]
    service_secret_file: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, sources: &Sources, output: Output) -> Result<ExitCode, Failure> {
        let file = sources.file();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::Runtime)?;
        let report = runtime.block_on(async {
            let subject = self.subject(sources).await?;
            let report = examine(&subject).await;
            report.map_err(|error| Failure::Usage(format!("--issuer: {error}")))
        });
        // A look-up of a name that takes long is not waited for.
        runtime.shutdown_background();
        let report = report.map_err(|failure| Failure::NothingExamined(Box::new(failure)))?;
        let [errors, warnings, good, not_checked] = report.count();
        let shown = json!({
            "issuer": report.issuer,
            "errors": errors,
            "warnings": warnings,
            "good": good,
            "not_checked": not_checked,
            "findings": report.findings,
        });
        output.show(&shown, |_| match &file {
            Some(file) => format!(
                "{}, with the settings in {}\n\n{}",
                report.issuer,
                file.display(),
                text(&report)
            ),
            None => format!("{}\n\n{}", report.issuer, text(&report)),
        });
        if output == Output::Text {
            say(&summary(report.count()));
        }
        Ok(ExitCode::from(u8::from(!report.is_good())))
    }

    async fn subject(self, sources: &Sources) -> Result<Subject, Failure> {
        let config = Config::load(sources)?;
        let own = config.issuer(config.listen.port());
        let address = self.issuer.unwrap_or_else(|| own.clone());
        let server = address.parse::<Origin>();
        let server = server.map_err(|error| Failure::Usage(format!("--issuer: {error}")))?;
        // Without a file or a variable, these are the defaults: they are said to be the server's only if it is where they say.
        let is_its = sources.say_anything() || address == own;
        let service = match (self.service, self.service_secret_file) {
            (Some(id), Some(path)) => {
                let secret = Secret::read(&path).map_err(|error| Failure::File { path, error })?;
                Some(Service { id, secret })
            }
            _ => None,
        };
        let socket = match find_server(&config.data).await {
            Ok(socket) => socket,
            // It is there, and not ours to ask: as from elsewhere.
            Err(CallError::Forbidden(_)) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Subject {
            server,
            pages: self.app_origins,
            client: self.client,
            config: is_its.then_some(config),
            socket,
            service,
            suffixes: Suffixes::of_this_machine(),
            env: Env::system(),
        })
    }
}

/// What is wrong first, then what is good, then what is not known.
fn text(report: &Report) -> String {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| finding.verdict.rank());
    let lines = findings.into_iter().map(|finding| {
        let word = match finding.verdict {
            Verdict::Error(_) => "ERROR",
            Verdict::Warning(_) => "warning",
            Verdict::Good => "good",
            Verdict::NotChecked => "not checked",
        };
        let said = format!("{word:11}  {}\n", harmless::text(&finding.what));
        let Some(trouble) = finding.trouble() else {
            return said;
        };
        let (follows, cure) = (&trouble.follows, &trouble.cure);
        let (follows, cure) = (harmless::text(follows), harmless::text(cure));
        format!(
            "{said}{:13}so      {follows}\n{:13}change  {cure}\n\n",
            "", ""
        )
    });
    lines.collect()
}

fn summary([errors, warnings, good, not_checked]: [usize; 4]) -> String {
    let number = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    format!(
        "\n{}, {}, {good} good, {not_checked} not checked",
        number(errors, "error", "errors"),
        number(warnings, "warning", "warnings"),
    )
}

fn issuer(text: &str) -> Result<String, String> {
    check_issuer(text)
        .map(|()| text.to_owned())
        .map_err(|problem| problem.message)
}

/// An origin that could be on a client's list.
fn origin(text: &str) -> Result<Origin, String> {
    let id = ClientId::DEFAULT.parse::<ClientId>();
    let id = id.map_err(|error| error.to_string())?;
    let mut client = Client::new(id, ClientKind::Browser, Env::system().now());
    client.origins = vec![text.to_owned()];
    check(&client).map_err(|error| error.to_string())?;
    text.parse::<Origin>().map_err(|error| error.to_string())
}
