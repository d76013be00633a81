//! The people of a tenant: inviting them, what they are there, shutting them out.
//!
//! A user may belong to several tenants. What a tenant's administrator does reaches the user's place in that tenant, never the
//! account that other tenants share.

mod error;
mod rows;
mod service;
mod store;
mod viewer;

pub use error::UserError;
pub use rows::{Member, Membership, MembershipRow, UserRow, UserSort};
pub use service::{Invitation, Invited, ResetLink, Users};
pub use viewer::{Viewer, ViewerMembership};

pub(crate) use store::user_row;
