//! Live alerts on sockets, by the protocol graphql-transport-ws: who hears of what, and what comes of those who were away, may not
//! listen any more, or read too slowly.

mod changes;
mod fair;
mod paying;
mod places;
mod protocol;
mod replay;
mod rights;
mod slow;
mod world;
