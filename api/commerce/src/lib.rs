//! Shops and what happens in them: stores, their products, customers and orders.

pub mod catalog;
pub mod customers;
pub mod demo;
pub mod imports;
pub mod orders;
pub mod stores;
