//! The public contract: types and resolvers. They read the selection, call the rooms' faces and translate; they decide nothing.

mod commerce;
mod connection;
mod cost;
mod document;
mod enums;
mod errors;
mod inbox;
mod input;
mod live;
mod loaders;
mod node;
mod objects;
mod ops;
mod payload;
mod people;
mod privacy;
mod render;
mod scalars;
mod schema;
mod selection;
mod services;

pub use cost::{OperationCost, Purse, whole_seconds};
pub use document::{DocumentCache, Limits, Refused};
pub use errors::{Code, refusal};
pub use live::{Live, Topic, Wants, cursor, expired};
pub use loaders::Loaders;
pub use render::Written;
pub use schema::{NorenSchema, build, sdl};
pub use services::Services;
