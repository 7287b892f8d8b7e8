//! What can be asked.

use async_graphql::{Context, EmptySubscription, ID, Object, Schema};

use crate::{
    order::{NewOrder, Order, Wish},
    prices::Prices,
    problem::Problem,
    store::Store,
    viewer::{Viewer, login_required},
};

/// The most orders that are listed at once.
const MAX_PAGE: i32 = 100;

/// What can be asked, and by what it is answered.
pub type Api = Schema<Query, Mutation, EmptySubscription>;

/// Answers from these orders, and asks for these prices. Nobody can ask for much at once, and what can be asked
/// stands in `schema.graphql`: the service does not tell it.
#[must_use]
pub fn api(store: Store, prices: Prices) -> Api {
    let query = Query {
        store: store.clone(),
    };
    Schema::build(query, Mutation { store, prices }, EmptySubscription)
        .limit_depth(5)
        .limit_complexity(1000)
        .disable_introspection()
        .disable_suggestions()
        .finish()
}

/// What can be looked at.
pub struct Query {
    store: Store,
}

#[Object]
impl Query {
    /// Who is asking; null for a visitor.
    async fn viewer<'c>(&self, context: &Context<'c>) -> Option<&'c Viewer> {
        context.data_opt()
    }

    /// Your orders, the newest first: `first` (1 to 100) of them, older than the one that is called `after`.
    /// Everybody's, if you are of the support.
    #[graphql(complexity = "page_size(first) * child_complexity")]
    async fn orders(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<ID>,
    ) -> Result<Vec<Order>, Problem> {
        let viewer = login_required(context)?;
        if !(1..=MAX_PAGE).contains(&first) {
            return Err(Problem::invalid("first", "must be 1 to 100"));
        }
        self.store.list(viewer.sees(), first, after).await
    }

    /// One of your orders; anybody's, if you are of the support.
    async fn order(&self, context: &Context<'_>, id: ID) -> Result<Order, Problem> {
        let viewer = login_required(context)?;
        let order = self.store.find(viewer.sees(), id).await?;
        order.ok_or(Problem::NotFound)
    }
}

/// What can be done.
pub struct Mutation {
    store: Store,
    prices: Prices,
}

#[Object]
impl Mutation {
    /// Orders something, at its price of this moment.
    #[graphql(complexity = "200 + child_complexity")]
    async fn create_order(&self, context: &Context<'_>, input: NewOrder) -> Result<Order, Problem> {
        let viewer = login_required(context)?;
        let wish = Wish::try_from(input)?;
        if let Some(order) = self.store.placed(viewer, &wish).await? {
            return Ok(order); // its answer was lost
        }
        let price = self.prices.of(&wish.sku).await?;
        let total = price.times(wish.quantity);
        let total = total.ok_or(Problem::invalid("quantity", "must cost less"))?;
        self.store.place(viewer, wish, total).await
    }

    /// Takes one of your orders back. One that was taken back already stays so.
    #[graphql(complexity = "200 + child_complexity")]
    async fn cancel_order(&self, context: &Context<'_>, id: ID) -> Result<Order, Problem> {
        let viewer = login_required(context)?;
        let order = self.store.cancel(viewer.own(), id).await?;
        order.ok_or(Problem::NotFound)
    }
}

fn page_size(first: i32) -> usize {
    first.clamp(0, MAX_PAGE).unsigned_abs() as usize
}
