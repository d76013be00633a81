//! Outgoing webhooks, from a change over GraphQL to a receiver that knows nothing but the Standard Webhooks specification.

mod addresses;
mod backlog;
mod endpoints;
mod faults;
mod giving_up;
mod integrations;
mod receiver;
mod told;
mod upkeep;
mod world;
