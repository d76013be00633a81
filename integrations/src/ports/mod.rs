//! What Noren needs of each kind of provider.

pub mod commerce;
pub mod delivery;
pub mod notification;
pub mod shop;
