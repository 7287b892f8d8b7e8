//! What a change makes of a user: the same for every store.

use countersign_auth::model::user::{User, UserChange};
use serde_json::Value;

pub(crate) fn changed(mut user: User, change: UserChange) -> User {
    if let Some(email) = change.email {
        user.email = email;
    }
    if let Some(username) = change.username {
        user.username = username;
    }
    if let Some(name) = change.name {
        user.name = name;
    }
    if let Some(roles) = change.roles {
        user.roles = sorted(roles);
    }
    for (name, value) in change.attributes {
        if value == Value::Null {
            user.attributes.remove(&name);
        } else {
            user.attributes.insert(name, value);
        }
    }
    user
}

pub(crate) fn sorted(mut roles: Vec<String>) -> Vec<String> {
    roles.sort_unstable();
    roles.dedup();
    roles
}
