//! The end of a token, for connections that stay open.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{Connected, Denied, shared::Shared};
use crate::{Claims, Verified};

/// After news, the next are awaited so much later: a storm of revocations costs every open
/// connection a few looks a second, not one for each.
const PAUSE: Duration = Duration::from_millis(50);

/// How often age and time are looked at without news.
const LOOK: Duration = Duration::from_secs(1);

/// Why an open connection has to end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the connection ends: {0}")]
pub struct Ended(pub Denied);

/// Holds `_guard` so that it goes on hearing.
pub(super) async fn watch(
    _guard: Connected,
    shared: Arc<Shared>,
    verified: Verified<Claims>,
) -> Ended {
    let mut changed = shared.changed.subscribe();
    loop {
        // Marked before the look: what comes during it is seen after it.
        changed.borrow_and_update();
        if let Err(denied) = look(&shared, &verified) {
            return Ended(denied);
        }
        tokio::select! {
            // The sender lives in `shared`.
            _ = changed.changed() => {}
            () = sleep(LOOK) => {}
        }
        if let Err(denied) = look(&shared, &verified) {
            return Ended(denied);
        }
        sleep(PAUSE).await;
    }
}

fn look(shared: &Shared, verified: &Verified<Claims>) -> Result<(), Denied> {
    shared.guard.check_again(verified, shared.now()?)?;
    shared.is_fresh().map_err(|age| Denied::Stale { age })
}
