//! `countersign user …`

use clap::Subcommand;
use countersign_auth::model::id::UserId;
use countersign_auth::model::user::User;
use http::Method;
use serde_json::{Map, Value, json};

use super::operator::{Failure, Operator};
use super::password::PasswordArgs;
use super::print::{Output, list, or_dash, table, time};
use crate::admin::client::segment;
use crate::config::Sources;

#[derive(Debug, Subcommand)]
#[command(after_help = "WHO is an id, an email address or a username.")]
pub(super) enum Command {
    /// Add a user
    #[command(after_help = "Examples:
  countersign user add ada@example.com --name 'Ada Lovelace' --role editor
  countersign user add ada@example.com --password-file ada.txt
  countersign user add robot@example.com --no-password --attribute team=billing")]
    Add {
        /// The email address
        email: String,
        /// A name to sign in with
        #[arg(long)]
        username: Option<String>,
        /// What to call them
        #[arg(long)]
        name: Option<String>,
        /// A role (may be repeated)
        #[arg(long = "role")]
        roles: Vec<String>,
        /// A field of your own; a value that is no JSON is text (may be repeated)
        #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
        attributes: Vec<(String, Value)>,
        #[command(flatten)]
        password: PasswordArgs,
        /// Add an account that cannot sign in until a password is set
        #[arg(long, conflicts_with = "password_file")]
        no_password: bool,
    },
    /// List users
    List {
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Those after this id
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        after: Option<UserId>,
    },
    /// Show a user
    Show {
        /// Who
        #[arg(allow_hyphen_values = true)]
        who: String,
    },
    /// Change an address, a name or attributes
    #[command(after_help = "Examples:
  countersign user set ada --email ada@example.org
  countersign user set ada --no-name --attribute team=billing --no-attribute desk")]
    Set {
        /// Who
        #[arg(allow_hyphen_values = true)]
        who: String,
        /// A new address
        #[arg(long)]
        email: Option<String>,
        /// A new name to sign in with
        #[arg(long)]
        username: Option<String>,
        /// Take the username away
        #[arg(long, conflicts_with = "username")]
        no_username: bool,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        /// Take the name away
        #[arg(long, conflicts_with = "name")]
        no_name: bool,
        /// Set a field of your own; a value that is no JSON is text (may be repeated)
        #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
        attributes: Vec<(String, Value)>,
        /// Take a field away (may be repeated)
        #[arg(long = "no-attribute", value_name = "NAME")]
        no_attributes: Vec<String>,
    },
    /// Disable a user: sessions and tokens end now, nobody can sign in
    Disable {
        /// Who
        #[arg(allow_hyphen_values = true)]
        who: String,
    },
    /// Enable a user again
    Enable {
        /// Who
        #[arg(allow_hyphen_values = true)]
        who: String,
    },
    /// Set a password: sessions and tokens end now
    #[command(after_help = "Examples:
  countersign user password ada
  pass show ada | countersign user password ada")]
    Password {
        /// Who
        #[arg(allow_hyphen_values = true)]
        who: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Show, give and take roles
    #[command(after_help = "Examples:
  countersign user role ada
  countersign user role ada --add admin --remove editor")]
    Role {
        /// Who
        #[arg(allow_hyphen_values = true)]
        who: String,
        /// A role to give (may be repeated)
        #[arg(long)]
        add: Vec<String>,
        /// A role to take (may be repeated)
        #[arg(long)]
        remove: Vec<String>,
    },
    /// Print everything that is kept about a user, as JSON
    Export {
        /// Who
        #[arg(allow_hyphen_values = true)]
        who: String,
    },
    /// Delete a user; the audit trail keeps the id alone
    Delete {
        /// Who
        #[arg(allow_hyphen_values = true)]
        who: String,
    },
}

/// What the server is asked.
struct Question {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Command {
    pub(super) async fn run(self, sources: &Sources, output: Output) -> Result<(), Failure> {
        match self {
            Self::List { limit, after } => {
                let after = after.map_or_else(String::new, |id| format!("&after={id}"));
                let path = format!("/users?limit={limit}{after}");
                let users: Vec<User> = Operator::ask(sources, Method::GET, &path, None).await?;
                output.show(&users, |users| table_of(users, limit));
            }
            Self::Export { who } => {
                let path = path_of(&who, "/export");
                let export: Value = Operator::ask(sources, Method::GET, &path, None).await?;
                Output::Json.show(&export, Value::to_string);
            }
            Self::Delete { who } => {
                let path = path_of(&who, "");
                let user: User = Operator::ask(sources, Method::DELETE, &path, None).await?;
                output.show(&user, |user| {
                    format!("deleted {} ({})", user.id, user.email)
                });
            }
            other => {
                let Question { method, path, body } = other.question()?;
                let user: User = Operator::ask(sources, method, &path, body).await?;
                output.show(&user, one);
            }
        }
        Ok(())
    }

    /// Everything that is answered with the user.
    fn question(self) -> Result<Question, Failure> {
        let (method, path, body) = match self {
            Self::Add {
                email,
                username,
                name,
                roles,
                attributes,
                password,
                no_password,
            } => {
                let attributes: Map<String, Value> = attributes.into_iter().collect();
                let mut body = json!({
                    "email": email, "username": username, "name": name, "roles": roles, "attributes": attributes,
                });
                if !no_password {
                    body["password"] = password.read()?.expose().into();
                }
                (Method::POST, "/users".to_owned(), Some(body))
            }
            Self::Set {
                who,
                email,
                username,
                no_username,
                name,
                no_name,
                attributes,
                no_attributes,
            } => {
                let mut body = Map::new();
                let mut set = |key: &str, value: Option<String>, clear: bool| {
                    if let Some(value) = value {
                        body.insert(key.to_owned(), value.into());
                    } else if clear {
                        body.insert(key.to_owned(), Value::Null);
                    }
                };
                set("email", email, false);
                set("username", username, no_username);
                set("name", name, no_name);
                let removed = no_attributes.into_iter().map(|name| (name, Value::Null));
                let attributes: Map<String, Value> =
                    attributes.into_iter().chain(removed).collect();
                if !attributes.is_empty() {
                    body.insert("attributes".to_owned(), attributes.into());
                }
                if body.is_empty() {
                    return Err(Failure::Usage("nothing to change: see --help".to_owned()));
                }
                (Method::PATCH, path_of(&who, ""), Some(body.into()))
            }
            Self::Password { who, password } => {
                let body = json!({ "password": password.read()?.expose() });
                (Method::PUT, path_of(&who, "/password"), Some(body))
            }
            Self::Role { who, add, remove } if add.is_empty() && remove.is_empty() => {
                (Method::GET, path_of(&who, ""), None)
            }
            Self::Role { who, add, remove } => {
                let body = json!({ "add": add, "remove": remove });
                (Method::POST, path_of(&who, "/roles"), Some(body))
            }
            Self::Disable { who } => (Method::POST, path_of(&who, "/disable"), None),
            Self::Enable { who } => (Method::POST, path_of(&who, "/enable"), None),
            Self::Show { who } | Self::Export { who } | Self::Delete { who } => {
                (Method::GET, path_of(&who, ""), None)
            }
            Self::List { .. } => (Method::GET, "/users".to_owned(), None),
        };
        Ok(Question { method, path, body })
    }
}

pub(super) fn path_of(who: &str, rest: &str) -> String {
    format!("/users/{}{rest}", segment(who))
}

/// `name=value`; a value that is no JSON is taken as text.
fn attribute(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("NAME=VALUE expected")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

fn table_of(users: &[User], limit: u32) -> String {
    let rows: Vec<[String; 6]> = users
        .iter()
        .map(|user| {
            [
                user.id.to_string(),
                user.email.clone(),
                or_dash(user.username.as_ref()),
                user.roles.join(","),
                enabled(user.enabled),
                time(user.created_at),
            ]
        })
        .collect();
    let mut text = table(
        ["ID", "EMAIL", "USERNAME", "ROLES", "STATE", "SINCE"],
        &rows,
    );
    let is_full = u32::try_from(users.len()).is_ok_and(|count| count >= limit);
    if let Some(last) = users.last().filter(|_| is_full) {
        text.push_str(&["there may be more: --after ", &last.id.to_string()].concat());
    }
    text
}

fn one(user: &User) -> String {
    let attributes =
        (!user.attributes.is_empty()).then(|| Value::Object(user.attributes.clone()).to_string());
    list(&[
        ("id", Some(user.id.to_string())),
        ("email", Some(user.email.clone())),
        ("username", user.username.clone()),
        ("name", user.name.clone()),
        ("roles", Some(user.roles.join(", "))),
        ("attributes", attributes),
        ("state", Some(enabled(user.enabled))),
        ("registered", Some(time(user.created_at))),
        ("changed", Some(time(user.updated_at))),
    ])
}

pub(super) fn enabled(enabled: bool) -> String {
    if enabled { "enabled" } else { "disabled" }.to_owned()
}
