//! The doors: GraphQL over HTTP, GraphiQL, health. What comes in is bounded here and knows its caller when it goes on.

mod client;
mod console;
mod endpoint;
mod graphiql;
mod health;
mod installs;
mod live;
mod metrics;
mod negotiate;
mod operation;
mod parameters;
mod places;
mod refusal;
mod room;
mod router;
mod server;
mod slow;
mod socket;
mod stall;
mod throttle;
mod webhooks;

pub use client::TrustedProxies;
pub use graphiql::Example;
pub use health::Health;
pub use live::{Guests, Live, LiveLimits};
pub use places::Places;
pub use router::router;
pub use server::serve;
pub(crate) use slow::announce_slow;
pub use slow::{OnSlow, PATIENCE, SlowRequest, Times};
pub use socket::{SOCKETS, SocketTimes};
pub use throttle::Throttle;
