//! What is said to Shopify, against a stand-in that speaks it: every call, whatever befalls it, and data that is whole or says that it is not.

mod calls;
mod deliveries;
mod documents;
mod exports;
mod pages;
mod tokens;
mod world;
