//! Outgoing webhooks, from a change over GraphQL to a receiver that knows nothing but the Standard Webhooks specification.

mod addresses;
mod endpoints;
mod faults;
mod giving_up;
mod receiver;
mod told;
mod upkeep;
mod world;
