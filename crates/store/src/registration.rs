//! Clients as they are changed: the same for every store.

use countersign_auth::model::audit::Happening;
use countersign_auth::model::client::Client;

/// What becomes of `before` when it is put as `client`, and what that is called; `None` if it stays as it is.
///
/// Whatever takes the ground from under what was issued raises the client's epoch: that it is disabled, and that it gets
/// another style, whose rules the sessions of the old one never knew.
pub(crate) fn changed(before: &Client, client: Client) -> Option<(Client, Happening)> {
    let mut client = Client {
        epoch: before.epoch,
        created_at: before.created_at,
        ..client
    };
    if client == *before {
        return None;
    }
    let what = match (before.enabled, client.enabled) {
        (true, false) => Happening::ClientDisabled,
        (false, true) => Happening::ClientEnabled,
        _ => Happening::ClientChanged,
    };
    if what == Happening::ClientDisabled || client.style != before.style {
        client.epoch += 1;
    }
    Some((client, what))
}
