//! How the program gets into the shops that it is installed in.

mod access;

pub use access::{OpenShop, ShopError, Shops};
