//! Orders and their items.

mod list;
mod row;

pub use list::{OrderFilter, OrderItemSort, OrderSort};
pub use row::{OrderItemRow, OrderRow};

use platform::reading::Reading;

/// The face of orders.
pub type Orders = Reading<OrderRow>;
/// The face of order items.
pub type OrderItems = Reading<OrderItemRow>;
