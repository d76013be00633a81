//! Live alerts on sockets, by the protocol graphql-transport-ws: who hears of what, and what comes of those who were away, may not
//! listen any more, or read too slowly.

mod broken;
mod changes;
mod fair;
mod frames;
mod paying;
mod places;
mod protocol;
mod replay;
mod rights;
mod slow;
mod world;
