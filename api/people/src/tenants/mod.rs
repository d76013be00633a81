//! The organisations that use Noren: their contacts, their life, their data keys.

mod error;
mod keys;
mod rows;
mod service;
mod state;
mod store;

pub use error::TenantError;
pub use keys::{TenantKeyError, TenantKeys};
pub use rows::{TenantFilter, TenantRow, TenantSort, TenantSummary};
pub use service::{NewTenant, TenantChanges, TenantReading, Tenants};
pub use state::{Transition, TransitionError};

use entities::TenantId;
use platform::Permit;
use platform::callers::Action;

pub use store::lock_tenant;

/// A tenant was named that is not the caller's.
pub struct NotMine;

/// The tenant that an input is about: the permit's own, or the one that a platform administrator names, if any.
pub fn target<A: Action>(permit: &Permit<A>, named: Option<TenantId>) -> Result<Option<TenantId>, NotMine> {
    match (permit.tenant(), named) {
        (Some(mine), Some(named)) if mine != named => Err(NotMine),
        (Some(mine), _) => Ok(Some(mine)),
        (None, named) => Ok(named),
    }
}
