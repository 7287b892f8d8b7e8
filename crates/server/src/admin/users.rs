//! Users.

use axum::Json;
use axum::extract::{Path, Query, State};
use countersign_auth::admin::users::AccountChange;
use countersign_auth::model::id::UserId;
use countersign_auth::model::user::User;
use countersign_auth::password::Password;
use countersign_auth::register::NewAccount;
use countersign_auth::visitor::Visitor;
use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Desk, Problem};

/// The most users in one answer.
const PAGE: u32 = 1000;

type Answer<T> = Result<Json<T>, Problem>;

/// Which users to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    after: Option<UserId>,
    limit: Option<u32>,
}

/// A user to add. Without a password nobody can sign in with one until one is set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserForm {
    email: String,
    password: Option<PasswordText>,
    username: Option<String>,
    name: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// What to change: an absent field stays, `null` empties it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserForm {
    email: Option<String>,
    #[serde(default, deserialize_with = "present")]
    username: Option<Replacement>,
    #[serde(default, deserialize_with = "present")]
    name: Option<Replacement>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordForm {
    password: PasswordText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleForm {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// A value, or `null` to empty the field.
type Replacement = Option<String>;

/// A password in a body.
struct PasswordText(Password);

impl<'de> Deserialize<'de> for PasswordText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(Password::new(text)))
    }
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Replacement>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(super) async fn list(State(desk): State<Desk>, Query(page): Query<Page>) -> Answer<Vec<User>> {
    let limit = page.limit.unwrap_or(PAGE).min(PAGE);
    Ok(Json(desk.auth.users(page.after, limit).await?))
}

pub(super) async fn add(
    State(desk): State<Desk>,
    Json(form): Json<NewUserForm>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let account = NewAccount {
        email: form.email,
        password: form.password.map(|text| text.0),
        name: form.name,
        username: form.username,
        roles: form.roles,
        attributes: form.attributes,
    };
    let user = desk.auth.add_user(account, &Visitor::operator()).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

pub(super) async fn show(State(desk): State<Desk>, Path(who): Path<String>) -> Answer<User> {
    Ok(Json(desk.user(&who).await?))
}

pub(super) async fn change(
    State(desk): State<Desk>,
    Path(who): Path<String>,
    Json(form): Json<UserForm>,
) -> Answer<User> {
    let change = AccountChange {
        email: form.email,
        username: form.username,
        name: form.name,
        roles: None,
        attributes: form.attributes,
    };
    desk.change(&who, change).await
}

pub(super) async fn change_roles(
    State(desk): State<Desk>,
    Path(who): Path<String>,
    Json(form): Json<RoleForm>,
) -> Answer<User> {
    let _one_at_a_time = desk.one_at_a_time.lock().await;
    let mut roles = desk.user(&who).await?.roles;
    roles.retain(|role| !form.remove.contains(role));
    roles.extend(form.add);
    let change = AccountChange {
        roles: Some(roles),
        ..AccountChange::default()
    };
    desk.change(&who, change).await
}

pub(super) async fn enable(State(desk): State<Desk>, Path(who): Path<String>) -> Answer<User> {
    desk.set_enabled(&who, true).await
}

pub(super) async fn disable(State(desk): State<Desk>, Path(who): Path<String>) -> Answer<User> {
    desk.set_enabled(&who, false).await
}

pub(super) async fn set_password(
    State(desk): State<Desk>,
    Path(who): Path<String>,
    Json(form): Json<PasswordForm>,
) -> Answer<User> {
    let user = desk.user(&who).await?;
    let password = form.password.0;
    desk.auth
        .set_password(user.id, password, &Visitor::operator())
        .await?;
    Ok(Json(user))
}

pub(super) async fn export(State(desk): State<Desk>, Path(who): Path<String>) -> Answer<Value> {
    let user = desk.user(&who).await?;
    let export = desk.auth.export_user(user.id, &Visitor::operator()).await?;
    Ok(Json(export))
}

pub(super) async fn delete(State(desk): State<Desk>, Path(who): Path<String>) -> Answer<User> {
    let user = desk.user(&who).await?;
    if desk.auth.delete_user(user.id, &Visitor::operator()).await? {
        Ok(Json(user))
    } else {
        Err(Problem::no_such_user(&who))
    }
}

impl Desk {
    /// The user of this id, address or username.
    pub(super) async fn user(&self, who: &str) -> Result<User, Problem> {
        let found = self.auth.find_user(who).await?;
        found.ok_or_else(|| Problem::no_such_user(who))
    }

    async fn change(&self, who: &str, change: AccountChange) -> Answer<User> {
        let user = self.user(who).await?;
        let changed = self
            .auth
            .change_user(user.id, change, &Visitor::operator())
            .await?;
        Ok(Json(changed))
    }

    async fn set_enabled(&self, who: &str, enabled: bool) -> Answer<User> {
        let user = self.user(who).await?;
        let changed = self
            .auth
            .set_user_enabled(user.id, enabled, &Visitor::operator())
            .await?;
        Ok(Json(changed))
    }
}
