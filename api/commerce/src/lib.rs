//! Shops and what happens in them: stores, their products, customers and orders.

pub mod activity;
pub mod catalog;
pub mod changes;
pub mod customers;
pub mod deliveries;
pub mod demo;
pub mod health;
pub mod imports;
pub mod installs;
pub mod orders;
pub mod privacy;
mod records;
pub mod stores;
pub mod sync;
