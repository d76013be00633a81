//! Tenants, users, API tokens and signing in, in the schema.

mod api_tokens;
mod identity;
mod tenants;
mod users;
mod viewer;

pub use api_tokens::{ApiToken, ApiTokenMutation, ApiTokenQuery};
pub use identity::IdentityMutation;
pub use tenants::{Tenant, TenantMutation, TenantQuery, changed};
pub use users::{User, UserMutation, UserQuery};
pub use viewer::ViewerQuery;
