//! A first start: somebody to sign in as, two applications registered, and three commands that work as pasted.
//!
//! Everything secret in it is random and shown once; the store keeps hashes. `countersign demo` gives the demo user a new
//! password, `countersign client rotate-secret` the service a new secret.

use countersign_auth::Auth;
use countersign_auth::clients::ClientError;
use countersign_auth::env::Env;
use countersign_auth::model::client::{ClaimSource, Client, ClientKind};
use countersign_auth::model::id::{ClientId, InvalidClientId};
use countersign_auth::model::user::User;
use countersign_auth::password::Password;
use countersign_auth::register::{NewAccount, RegisterError};
use countersign_auth::store::StoreError;
use countersign_auth::visitor::Visitor;
use serde_json::{Map, Value};
use std::time::Duration;

use crate::feed;

/// Who there is to try things with.
pub(crate) const DEMO_USER: &str = "demo@example.com";
/// The application that they sign in to: the playground is one of its pages.
pub(crate) const APP: &str = "demo-app";
/// A service of its own, which hears of revocations.
pub(crate) const SERVICE: &str = "demo-service";
/// What they are called until somebody registers them anew, as their own.
const NAMES: [(&str, &str); 2] = [(APP, "Demo app"), (SERVICE, "Demo service")];
/// The attribute that tells the demo user from somebody who registered with that address: operators alone set any.
const MARK: &str = "demo";
/// Where front-end tools serve what is being developed.
const DEVELOPMENT: [&str; 2] = ["http://localhost:3000", "http://localhost:5173"];
/// Short, so that one sees it renewed.
const ACCESS_TTL: Duration = Duration::from_mins(1);

/// Why a first start failed.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The demo user.
    #[error("the demo user: {0}")]
    User(#[from] RegisterError),
    /// What was to be a client's id.
    #[error(transparent)]
    Id(#[from] InvalidClientId),
    /// A client.
    #[error("the client {id}: {cause}")]
    Client {
        /// Which.
        id: &'static str,
        /// Why.
        #[source]
        cause: ClientError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was made, with the secrets that are shown now and never again.
pub(crate) struct FirstStart {
    password: String,
    /// Of the service; `None` if it was registered before.
    secret: Option<String>,
    /// For the account that the commands register.
    example: String,
}

/// Makes the demo user and the clients, if nobody is registered yet. The user comes last: it is by them that the next
/// start knows of this one. The server answers already, so the address may be taken meanwhile: then it was no first start.
///
/// # Errors
/// [`FirstStartError`].
pub(crate) async fn begin(auth: &Auth) -> Result<Option<FirstStart>, FirstStartError> {
    if !auth.users(None, 1).await?.is_empty() {
        return Ok(None);
    }
    let [(app, app_name), (service, service_name)] = NAMES;
    register(auth, app, ClientKind::Browser, |client| {
        app_name.clone_into(&mut client.name);
        client.origins = DEVELOPMENT.map(str::to_owned).to_vec();
        client.redirect_uris = DEVELOPMENT.map(|origin| format!("{origin}/")).to_vec();
        client.claims = [("name", ClaimSource::Name), ("roles", ClaimSource::Roles)]
            .map(|(claim, source)| (claim.to_owned(), source))
            .into();
        client.access_ttl = ACCESS_TTL;
    })
    .await?;
    let added = register(auth, service, ClientKind::Service, |client| {
        service_name.clone_into(&mut client.name);
        client.scope = Some(feed::SCOPE.to_owned());
    })
    .await?;
    let secret = match added {
        Some(id) => Some(new_secret(auth, &id).await?),
        None => None,
    };
    let password = new_password(auth.env());
    let account = NewAccount {
        email: DEMO_USER.to_owned(),
        password: Some(Password::new(password.clone())),
        name: Some("Demo".to_owned()),
        username: None,
        roles: vec!["visitor".to_owned()],
        attributes: Map::from_iter([(MARK.to_owned(), Value::Bool(true))]),
    };
    match auth.add_user(account, &Visitor::operator()).await {
        Ok(_) => Ok(Some(FirstStart {
            password,
            secret,
            example: new_password(auth.env()),
        })),
        Err(RegisterError::EmailTaken) => {
            if secret.is_some() {
                tracing::warn!(
                    "{DEMO_USER} was registered before the demo user could be, so there is none; nobody was shown the secret \
                     of {service}: `countersign client rotate-secret {service}` gives it a new one"
                );
            }
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The demo user, if there is one.
///
/// # Errors
/// The store failed.
pub(crate) async fn demo_user(auth: &Auth) -> Result<Option<User>, StoreError> {
    Ok(auth.find_user(DEMO_USER).await?.filter(is_demo))
}

/// Whether a first start made this account.
pub(crate) fn is_demo(user: &User) -> bool {
    user.attributes.get(MARK) == Some(&Value::Bool(true))
}

/// The clients that are enabled and still what a first start made of them.
pub(crate) fn demo_clients(auth: &Auth) -> Vec<&'static str> {
    let is_left = |(id, name): &(&str, &str)| {
        let client = auth.client(Some(id));
        client.is_some_and(|client| client.enabled && client.name == *name)
    };
    let left = NAMES.into_iter().filter(is_left);
    left.map(|(id, _)| id).collect()
}

/// 80 random bits in 16 characters that are not taken for one another: Crockford's base 32.
pub(crate) fn new_password(env: &Env) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    env.random::<16>()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .into_iter()
        .collect()
}

/// Where the playground is.
pub(crate) fn playground(issuer: &str) -> String {
    format!("{issuer}/playground")
}

impl FirstStart {
    /// What to print.
    pub(crate) fn greeting(&self, issuer: &str) -> String {
        let (playground, password) = (playground(issuer), &self.password);
        let origins = DEVELOPMENT.join(" or ");
        let secret = match &self.secret {
            Some(secret) => format!("its secret is {secret}"),
            None => "its secret is as it was".to_owned(),
        };
        let [register, sign_in, me] = self.commands(issuer);
        format!(
            "\nOpen this, and sign in:\n\
             \n  {playground}\n  {DEMO_USER}, password {password}\n\
             \nTwo applications to go on with:\n\
             \n  {APP}      for pages of {origins}\n  {SERVICE}  {secret}\n\
             \nOr paste these, one after the other, into another terminal:\n\
             \n  # register\n  {register}\n\
             \n  # sign in\n  {sign_in}\n\
             \n  # who am I? The token is checked, nothing is looked up but the account\n  {me}\n\
             \nThese secrets are shown this once. `countersign demo` gives the demo user a new password.\n"
        )
    }

    /// Register, sign in, ask who is calling.
    fn commands(&self, issuer: &str) -> [String; 3] {
        let json = "-H 'Content-Type: application/json'";
        let password = &self.example;
        let body = format!(r#"'{{"email":"grace@example.com","password":"{password}"}}'"#);
        [
            format!("curl -sS {issuer}/v1/register {json} -d {body}"),
            format!(
                "TOKEN=$(curl -sS {issuer}/v1/login {json} -d {body} | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
            ),
            format!("curl -sS {issuer}/v1/me -H \"Authorization: Bearer $TOKEN\""),
        ]
    }
}

/// What a later start says of the demo user.
pub(crate) fn reminder(issuer: &str) -> String {
    let playground = playground(issuer);
    format!("  try it   {playground} ({DEMO_USER}; `countersign demo` gives a new password)\n")
}

/// Registers a client, unless there is one of this id. `None`: there was one.
async fn register(
    auth: &Auth,
    id: &'static str,
    kind: ClientKind,
    describe: impl FnOnce(&mut Client),
) -> Result<Option<ClientId>, FirstStartError> {
    if auth.client(Some(id)).is_some() {
        return Ok(None);
    }
    let mut client = Client::new(id.parse()?, kind, auth.env().now());
    describe(&mut client);
    let put = auth.put_client(client, &Visitor::operator()).await;
    let put = put.map_err(|cause| FirstStartError::Client { id, cause })?;
    Ok(Some(put.id))
}

async fn new_secret(auth: &Auth, id: &ClientId) -> Result<String, FirstStartError> {
    let operator = Visitor::operator();
    let secret = auth.add_client_secret(id, Duration::ZERO, &operator).await;
    let secret = secret.map_err(|cause| FirstStartError::Client { id: SERVICE, cause })?;
    Ok(secret.expose().to_owned())
}
