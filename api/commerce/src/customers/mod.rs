//! Customers: buyers in a store, who are persons.

mod list;
mod row;

pub use list::{CustomerFilter, CustomerSort};
pub use row::CustomerRow;

use platform::reading::Reading;

/// The face of customers.
pub type Customers = Reading<CustomerRow>;
