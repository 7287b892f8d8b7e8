//! An order, and what somebody must say to place one.

use std::fmt;

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// The most that is sold at once.
const MAX_QUANTITY: i32 = 100;

/// An order, as it was placed.
#[derive(Clone, Debug, SimpleObject)]
pub struct Order {
    /// Names it.
    pub id: ID,
    /// Who placed it.
    pub owner: ID,
    /// What was ordered.
    pub sku: String,
    /// How many.
    pub quantity: i32,
    /// What all of them cost, by the price of that moment.
    pub total: Money,
    /// What became of it.
    pub state: OrderState,
    /// When, in UTC (RFC 3339).
    pub placed_at: String,
}

/// What became of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum OrderState {
    /// It stands.
    Placed,
    /// Its owner took it back.
    Cancelled,
}

/// An amount of money.
#[derive(Clone, PartialEq, Eq, Debug, SimpleObject, Serialize, Deserialize)]
pub struct Money {
    /// In the currency's minor unit, such as cents.
    pub amount: i32,
    /// By its code (ISO 4217).
    pub currency: String,
}

impl Money {
    /// So many times as much; `None` if nobody has that much.
    #[must_use]
    pub fn times(self, quantity: i32) -> Option<Self> {
        let amount = self.amount.checked_mul(quantity)?;
        Some(Self { amount, ..self })
    }
}

/// What to order.
#[derive(InputObject)]
pub struct NewOrder {
    /// What: the price list names it.
    sku: String,
    /// How many: 1 to 100.
    quantity: i32,
    /// Chosen by you, another for each order: 1 to 64 printable characters. The same key again is answered with
    /// the same order, so that whoever heard no answer can ask again.
    key: String,
}

/// A [`NewOrder`] that can be meant.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: i32,
    /// The key under which it is placed once.
    pub key: String,
}

/// The name of something that is sold, perhaps: its letters can stand in an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sku(String);

impl TryFrom<NewOrder> for Wish {
    type Error = Problem;

    fn try_from(order: NewOrder) -> Result<Self, Problem> {
        let NewOrder { sku, quantity, key } = order;
        if !(1..=MAX_QUANTITY).contains(&quantity) {
            return Err(Problem::invalid("quantity", "must be 1 to 100"));
        }
        if !(1..=64).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let must = "must be 1 to 64 printable ASCII characters";
            return Err(Problem::invalid("key", must));
        }
        let sku = Sku::new(sku);
        let sku = sku.ok_or(Problem::invalid("sku", "must be 1 to 40 of a-z, 0-9 and -"))?;
        Ok(Self { sku, quantity, key })
    }
}

impl Wish {
    /// The order that stands under this key, if it is for what is wished.
    ///
    /// # Errors
    /// [`Problem::KeyReused`] if it is for something else.
    pub fn is_met_by(&self, order: Order) -> Result<Order, Problem> {
        if order.sku == self.sku.0 && order.quantity == self.quantity {
            Ok(order)
        } else {
            Err(Problem::KeyReused)
        }
    }
}

impl Sku {
    fn new(text: String) -> Option<Self> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=40).contains(&text.len()) && text.bytes().all(is_plain);
        is_name.then_some(Self(text))
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
