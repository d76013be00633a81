//! What people and shops ask about their data, in the schema.

mod changes;
mod query;
mod requests;

pub use changes::PrivacyMutation;
pub use query::PrivacyQuery;
pub use requests::PrivacyRequest;
