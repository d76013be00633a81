//! Alerts: raised once however often they are seen, looked after, silenced, told, and over by themselves when their condition is.

mod conditions;
mod feeds;
mod handling;
mod kept;
mod machine;
mod races;
mod raising;
mod seen;
mod silences;
mod world;
