//! `countersign client …`

use clap::{Subcommand, ValueEnum};
use countersign_auth::model::client::{ClaimSource, Client, ClientKind};
use countersign_auth::model::id::ClientId;
use http::Method;
use serde_json::{Map, Value, json};

use super::operator::{Failure, Operator};
use super::print::{Output, list, or_dash, table, time};
use super::user::enabled;
use crate::admin::client::segment;
use crate::config::{Sources, duration};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register an application
    #[command(after_help = "Examples:
  countersign client add shop --kind browser --origin https://shop.example.com --claim roles=roles
  countersign client add phone --kind native --access-ttl 10m --idle-ttl 30d")]
    Add(Add),
    /// List applications
    List,
    /// Show an application
    Show {
        /// Its client_id
        id: ClientId,
    },
    /// Disable an application: its sessions and tokens end now
    Disable {
        /// Its client_id
        id: ClientId,
    },
    /// Enable an application again
    Enable {
        /// Its client_id
        id: ClientId,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Its client_id: 1 to 40 characters of a-z, 0-9 and '-'
    id: ClientId,
    /// Where it runs, and so where its refresh token may travel
    #[arg(long, value_enum, default_value_t = Kind::Browser)]
    kind: Kind,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// An origin from which browsers may call with cookies (may be repeated)
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// The `aud` of its access tokens [default: the issuer]
    #[arg(long)]
    audience: Option<String>,
    /// The scope of its access tokens, words with spaces between
    #[arg(long)]
    scope: Option<String>,
    /// A claim to add: email, username, name, roles or attributes.<name> (may be repeated)
    #[arg(long = "claim", value_name = "CLAIM=SOURCE", value_parser = claim)]
    claims: Vec<(String, ClaimSource)>,
    /// How long its access tokens live [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    access_ttl: Option<String>,
    /// How long a session may rest unused [default: 14d]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    idle_ttl: Option<String>,
    /// How long a session may last at all [default: 90d]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    absolute_ttl: Option<String>,
    /// Change the application of this id, if there is one; what is not said here gets its default
    #[arg(long)]
    replace: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// In a browser: the refresh token is in an httpOnly cookie
    Browser,
    /// On a device: the refresh token is in bodies
    Native,
}

impl Command {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let (method, path, body) = match self {
            Self::List => {
                let clients: Vec<Client> =
                    Operator::ask(sources, Method::GET, "/clients", None).await?;
                output.show(&clients, |clients| table_of(clients));
                return Ok(());
            }
            Self::Add(add) if add.replace => {
                let path = path_of(&add.id, "");
                (Method::PUT, path, Some(add.body()))
            }
            Self::Add(add) => (Method::POST, "/clients".to_owned(), Some(add.body())),
            Self::Show { id } => (Method::GET, path_of(&id, ""), None),
            Self::Disable { id } => (Method::POST, path_of(&id, "/disable"), None),
            Self::Enable { id } => (Method::POST, path_of(&id, "/enable"), None),
        };
        let client: Client = Operator::ask(sources, method, &path, body).await?;
        output.show(&client, one);
        Ok(())
    }
}

impl Add {
    fn body(self) -> Value {
        let kind = match self.kind {
            Kind::Browser => ClientKind::Browser,
            Kind::Native => ClientKind::Native,
        };
        let claims: Map<String, Value> = self
            .claims
            .into_iter()
            .map(|(name, source)| (name, json!(source)))
            .collect();
        let mut body = json!({
            "id": self.id, "kind": kind, "origins": self.origins, "claims": claims,
            "name": self.name, "audience": self.audience, "scope": self.scope,
        });
        let spans = [
            ("access_ttl", self.access_ttl),
            ("idle_ttl", self.idle_ttl),
            ("absolute_ttl", self.absolute_ttl),
        ];
        for (key, span) in spans {
            if let Some(span) = span {
                body[key] = span.into();
            }
        }
        body
    }
}

fn path_of(id: &ClientId, rest: &str) -> String {
    format!("/clients/{}{rest}", segment(id.as_str()))
}

fn claim(text: &str) -> Result<(String, ClaimSource), String> {
    let (name, source) = text.split_once('=').ok_or("CLAIM=SOURCE expected")?;
    let source = source.parse().map_err(|error| format!("{error}"))?;
    Ok((name.to_owned(), source))
}

fn span(text: &str) -> Result<String, duration::InvalidDuration> {
    duration::parse(text).map(|_| text.to_owned())
}

fn kind(kind: ClientKind) -> String {
    match kind {
        ClientKind::Browser => "browser",
        ClientKind::Native => "native",
    }
    .to_owned()
}

fn table_of(clients: &[Client]) -> String {
    let rows: Vec<[String; 5]> = clients
        .iter()
        .map(|client| {
            [
                client.id.to_string(),
                kind(client.kind),
                or_dash(client.audience.as_ref()),
                client.origins.join(","),
                enabled(client.enabled),
            ]
        })
        .collect();
    table(["ID", "KIND", "AUDIENCE", "ORIGINS", "STATE"], &rows)
}

fn one(client: &Client) -> String {
    let span = |value| Some(duration::Shown(value).to_string());
    let claims: Vec<String> = client
        .claims
        .iter()
        .map(|(name, source)| format!("{name} from {}", json!(source).as_str().unwrap_or_default()))
        .collect();
    let some = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join(", "));
    list(&[
        ("id", Some(client.id.to_string())),
        ("name", Some(client.name.clone())),
        ("kind", Some(kind(client.kind))),
        ("audience", client.audience.clone()),
        ("scope", client.scope.clone()),
        ("origins", some(client.origins.clone())),
        ("claims", some(claims)),
        ("access token", span(client.access_ttl)),
        ("idle session", span(client.idle_ttl)),
        ("session", span(client.absolute_ttl)),
        ("state", Some(enabled(client.enabled))),
        ("registered", Some(time(client.created_at))),
    ])
}
