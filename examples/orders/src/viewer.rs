//! Who is asking, as the token says: all that this service knows of people.

use async_graphql::{Context, ID, SimpleObject};
use countersign_guard::axum::Caller;

use crate::{problem::Problem, store::Whose};

/// Who may see everybody's orders.
const SUPPORT: &str = "support";

/// Who is asking.
#[derive(Clone, Debug, SimpleObject)]
pub struct Viewer {
    /// The subject of your token.
    pub id: ID,
    /// Whether you see everybody's orders.
    pub is_support: bool,
}

impl Viewer {
    /// Whoever the guard let in.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        Self {
            id: ID::from(&*caller.sub),
            is_support: caller.has_role(SUPPORT),
        }
    }

    /// Whose orders this viewer may look at.
    #[must_use]
    pub fn sees(&self) -> Whose {
        if self.is_support {
            Whose::Everybodys
        } else {
            self.own()
        }
    }

    /// Whose orders this viewer may change.
    #[must_use]
    pub fn own(&self) -> Whose {
        Whose::Of(self.id.to_string())
    }
}

/// The viewer, for resolvers that are not for visitors: those are told where to sign in.
///
/// # Errors
/// [`Problem::LoginRequired`] for a visitor.
pub fn login_required<'c>(context: &Context<'c>) -> Result<&'c Viewer, Problem> {
    context.data_opt().ok_or(Problem::LoginRequired)
}
