//! What a provider's records become in a store's tables: the columns and their rules, the checks, the cells.
//!
//! Imports follow these rules with many records of a file, `changes` with the few of one event. Touches `entities` values and
//! the records of the port `commerce`; runs nothing itself.

mod fill;
mod forgotten;
mod rows;
mod search;
mod shape;
mod stage;

pub(crate) use fill::{Words, instant_text, merging_lock};
pub(crate) use forgotten::{Forgotten, Thing, customer_of, digest};
pub(crate) use rows::{Batch, Form, Object};
pub(crate) use search::{Completion, PAGE, completions, order_text, parts_of};
pub(crate) use shape::{
    CUSTOMERS, LINK_ORDERS, ORDER_ITEMS, ORDERS, PRODUCT_VARIANTS, PRODUCTS, REJECTIONS, SEARCH, SHAPES, Shape, children_of, shape, vanished,
};
pub(crate) use stage::{For, NO_KIND, OWN_LINE, Stager};
