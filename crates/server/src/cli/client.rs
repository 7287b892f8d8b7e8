//! `countersign client …`

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use countersign_auth::model::client::{ClaimSource, Client, ClientKind, Style};
use countersign_auth::model::encryption::EncryptTo;
use countersign_auth::model::id::ClientId;
use countersign_auth::model::secret::SecretSpan;
use countersign_jose::Algorithm;
use http::Method;
use serde_json::{Map, Value, json};

use super::keys::algorithm;
use super::operator::{Failure, Operator};
use super::print::{Output, list, or_dash, table, time};
use super::user::enabled;
use crate::admin::ShownClient;
use crate::admin::client::segment;
use crate::config::{Sources, duration};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register an application
    #[command(after_help = "Examples:
  countersign client add shop --origin https://shop.example.com --redirect-uri https://shop.example.com/signed-in \\
    --claim roles=roles
  countersign client add phone --kind native --access-ttl 10m --idle-ttl 30d
  countersign client add desk --audience https://orders.example.com --signing-algorithm RS256 \\
    --encrypt-to https://orders.example.com/.well-known/jwks.json --encrypt-alg ECDH-ES
  countersign client add office --style gateway --audience https://office.example.com \\
    --origin https://office.example.com
  countersign client add orders --kind service --audience https://pricing.example.com --scope prices:read")]
    Add(Box<Add>),
    /// List applications
    List,
    /// Show an application
    Show {
        /// Its client_id
        id: ClientId,
    },
    /// Give a service a new secret, shown this once
    RotateSecret {
        /// Its client_id
        id: ClientId,
        /// How long the secret before stays good, so that every instance can be told; 0s if it has leaked [default: 24h]
        #[arg(long, value_name = "DURATION", value_parser = span)]
        overlap: Option<String>,
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
    /// How its sessions go on: rotating, stateless, sliding, session or gateway [default: rotating]
    #[arg(long, value_name = "STYLE", value_parser = style)]
    style: Option<Style>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// An origin from which browsers may call with cookies (may be repeated)
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Where the sign-in page may send browsers back to: the whole address, exactly (may be repeated)
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// In the style gateway: the domain for all of whose hosts its cookie is [default: the one host that set it]
    #[arg(long, value_name = "DOMAIN")]
    cookie_domain: Option<String>,
    /// Forward-auth looks at the account at each request, and hands it to the service behind
    #[arg(long)]
    with_account: bool,
    /// The `aud` of its access tokens [default: the issuer]. A service may have several, of which the first is the default
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// The audience that a service is: it may ask about tokens for it, and hears of their revocation
    #[arg(long, value_name = "AUDIENCE")]
    serves: Option<String>,
    /// What its access tokens are signed with, such as RS256 [default: what its audience or the issuer uses]
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    signing_algorithm: Option<Algorithm>,
    /// To whom its access tokens are encrypted: a file with a public JWK, or the https address of a key set
    #[arg(long, value_name = "FILE|URL")]
    encrypt_to: Option<String>,
    /// What that key is used with, such as ECDH-ES [default: what the key says]
    #[arg(long, value_name = "ALG", requires = "encrypt_to")]
    encrypt_alg: Option<String>,
    /// What the tokens are encrypted with [default: A256GCM]
    #[arg(long, value_name = "ENC", requires = "encrypt_to")]
    encrypt_enc: Option<String>,
    /// The scope of its access tokens, words with spaces between
    #[arg(long)]
    scope: Option<String>,
    /// A claim to add: email, username, name, roles or attributes.<name> (may be repeated)
    #[arg(long = "claim", value_name = "CLAIM=SOURCE", value_parser = claim)]
    claims: Vec<(String, ClaimSource)>,
    /// How long its access tokens live [default: 5m, sliding 24h]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    access_ttl: Option<String>,
    /// How long a session may rest unused [default: 14d, stateless 7d]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    idle_ttl: Option<String>,
    /// How long a session may last at all [default: 90d, stateless and sliding 30d]
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
    /// On a server, for itself: it has a secret, and nobody signs in to it
    Service,
}

impl Command {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        let warning = match &self {
            Self::Add(add) => add.style.and_then(Style::warning),
            _ => None,
        };
        let (method, path, body) = match self {
            Self::List => {
                let clients: Vec<ShownClient> =
                    Operator::ask(sources, Method::GET, "/clients", None).await?;
                output.show(&clients, |clients| table_of(clients));
                return Ok(());
            }
            Self::Add(add) if add.replace => {
                let path = path_of(&add.id, "");
                (Method::PUT, path, Some(add.body()?))
            }
            Self::Add(add) => (Method::POST, "/clients".to_owned(), Some(add.body()?)),
            Self::RotateSecret { id, overlap } => {
                let body = overlap.map_or_else(|| json!({}), |span| json!({ "overlap": span }));
                (Method::POST, path_of(&id, "/secret"), Some(body))
            }
            Self::Show { id } => (Method::GET, path_of(&id, ""), None),
            Self::Disable { id } => (Method::POST, path_of(&id, "/disable"), None),
            Self::Enable { id } => (Method::POST, path_of(&id, "/enable"), None),
        };
        let client: ShownClient = Operator::ask(sources, method, &path, body).await?;
        output.show(&client, one);
        if let Some(warning) = warning {
            eprintln!("countersign: warning: {warning}");
        }
        Ok(())
    }
}

impl Add {
    fn body(self) -> Result<Value, Failure> {
        let kind = match self.kind {
            Kind::Browser => ClientKind::Browser,
            Kind::Native => ClientKind::Native,
            Kind::Service => ClientKind::Service,
        };
        let claims: Map<String, Value> = self
            .claims
            .into_iter()
            .map(|(name, source)| (name, json!(source)))
            .collect();
        let mut audiences = self.audiences.into_iter();
        let audience = audiences.next();
        let more_audiences: Vec<String> = audiences.collect();
        let mut body = json!({
            "id": self.id, "kind": kind, "style": self.style, "origins": self.origins, "claims": claims,
            "name": self.name, "audience": audience, "scope": self.scope,
            "more_audiences": more_audiences, "serves": self.serves, "redirect_uris": self.redirect_uris,
            "signing_algorithm": self.signing_algorithm.map(Algorithm::name),
            "cookie_domain": self.cookie_domain, "with_account": self.with_account,
        });
        if let Some(to) = self.encrypt_to {
            body["encrypt_to"] = json!(encrypt_to(&to, self.encrypt_alg, self.encrypt_enc)?);
        }
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
        Ok(body)
    }
}

/// The key itself is sent, or where it is. It is looked at here, so that a private one goes nowhere.
fn encrypt_to(to: &str, alg: Option<String>, enc: Option<String>) -> Result<EncryptTo, Failure> {
    let mut form = if to.starts_with("https://") || to.starts_with("http://") {
        json!({ "jwks_uri": to })
    } else {
        let path = PathBuf::from(to);
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::File { path, error })?;
        json!({ "jwk": text })
    };
    for (name, value) in [("alg", alg), ("enc", enc)] {
        if let Some(value) = value {
            form[name] = value.into();
        }
    }
    serde_json::from_value(form).map_err(|error| Failure::Usage(format!("--encrypt-to: {error}")))
}

fn path_of(id: &ClientId, rest: &str) -> String {
    format!("/clients/{}{rest}", segment(id.as_str()))
}

fn claim(text: &str) -> Result<(String, ClaimSource), String> {
    let (name, source) = text.split_once('=').ok_or("CLAIM=SOURCE expected")?;
    let source = source.parse().map_err(|error| format!("{error}"))?;
    Ok((name.to_owned(), source))
}

fn style(text: &str) -> Result<Style, String> {
    Style::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Style::ALL.into_iter().map(Style::name).collect();
        format!("one of {} expected", names.join(", "))
    })
}

fn span(text: &str) -> Result<String, duration::InvalidDuration> {
    duration::parse(text).map(|_| text.to_owned())
}

fn kind(kind: ClientKind) -> String {
    match kind {
        ClientKind::Browser => "browser",
        ClientKind::Native => "native",
        ClientKind::Service => "service",
    }
    .to_owned()
}

/// A service has no sessions.
fn style_of(client: &Client) -> Option<String> {
    (client.kind != ClientKind::Service).then(|| client.style.name().to_owned())
}

fn table_of(clients: &[ShownClient]) -> String {
    let rows: Vec<[String; 6]> = clients
        .iter()
        .map(|ShownClient { client, .. }| {
            [
                client.id.to_string(),
                kind(client.kind),
                or_dash(style_of(client).as_ref()),
                or_dash(client.audience.as_ref()),
                client.origins.join(","),
                enabled(client.enabled),
            ]
        })
        .collect();
    table(
        ["ID", "KIND", "STYLE", "AUDIENCE", "ORIGINS", "STATE"],
        &rows,
    )
}

fn one(shown: &ShownClient) -> String {
    let client = &shown.client;
    let sessions = client.kind != ClientKind::Service;
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
        ("style", style_of(client)),
        ("audience", audiences(client)),
        ("serves", client.serves.clone()),
        (
            "signed with",
            client.signing_algorithm.map(|alg| alg.name().to_owned()),
        ),
        (
            "encrypted to",
            client.encrypt_to.as_ref().map(EncryptTo::to_string),
        ),
        ("scope", client.scope.clone()),
        ("origins", some(client.origins.clone())),
        ("redirects to", some(client.redirect_uris.clone())),
        ("cookie for", client.cookie_domain.clone()),
        (
            "with account",
            client.with_account.then(|| "at each request".to_owned()),
        ),
        ("claims", some(claims)),
        ("access token", span(client.access_ttl)),
        ("idle session", span(client.idle_ttl).filter(|_| sessions)),
        ("session", span(client.absolute_ttl).filter(|_| sessions)),
        ("state", Some(enabled(client.enabled))),
        ("registered", Some(time(client.created_at))),
        (
            "secrets",
            some(shown.secrets.iter().map(secret_of).collect()),
        ),
        (
            "secret",
            shown
                .secret
                .as_ref()
                .map(|secret| format!("{secret} (shown this once)")),
        ),
    ])
}

fn audiences(client: &Client) -> Option<String> {
    let all: Vec<&str> = client
        .audience
        .iter()
        .chain(&client.more_audiences)
        .map(String::as_str)
        .collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn secret_of(span: &SecretSpan) -> String {
    let made = time(span.created_at);
    match span.ends_at {
        None => format!("of {made}"),
        Some(end) => format!("of {made}, until {}", time(end)),
    }
}
