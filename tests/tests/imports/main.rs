//! Importing Shopify's bulk files, on both databases: the real shop, every fault, and what is left when a run is killed.

mod cdnow;
mod crash;
mod faults;
mod rows;
mod shop;
mod slices;
