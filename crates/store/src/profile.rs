//! Users as they are added and changed: the same for every store.

use countersign_auth::model::user::{NewUser, User, UserChange};
use countersign_auth::password::StoredPassword;
use serde_json::Value;

/// The user, and the hash of their password, which is kept apart.
pub(crate) fn added(new: NewUser) -> (User, Option<StoredPassword>) {
    let user = User {
        id: new.id,
        email: new.email,
        username: new.username,
        name: new.name,
        roles: sorted(new.roles),
        attributes: new.attributes,
        enabled: true,
        epoch: 0,
        created_at: new.at,
        updated_at: new.at,
    };
    (user, new.password)
}

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

fn sorted(mut roles: Vec<String>) -> Vec<String> {
    roles.sort_unstable();
    roles.dedup();
    roles
}
