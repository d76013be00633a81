//! The words of the product as types: ids, money, statuses, and (feature `orm`) the tables that hold them.
//!
//! May touch nothing else of the product: every other crate builds on this one.

mod events;
mod ids;
mod money;
mod scope;
mod status;
#[cfg(feature = "orm")]
pub mod tables;
mod text_enum;

pub use events::EventType;
pub use ids::*;
pub use money::{Currency, Money, MoneyError};
pub use scope::{ApiScope, UnknownScope};
pub use status::*;
pub use text_enum::UnknownValue;
