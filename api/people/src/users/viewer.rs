//! What signed-in users see of themselves, in all their tenants.

use entities::TenantStatus;
use platform::db::Access;
use platform::{Caller, OpCtx};

use super::error::UserError;
use super::rows::{Membership, UserRow};
use super::service::Users;
use super::store;

/// A signed-in user.
#[derive(Clone, Debug, PartialEq)]
pub struct Viewer {
    /// The user.
    pub user: UserRow,
    /// The user's places, the oldest first; not those that are disabled, not accepted, or in a deleted tenant.
    pub memberships: Vec<ViewerMembership>,
}

/// A place of the viewer.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewerMembership {
    /// The membership.
    pub membership: Membership,
    /// The tenant's name.
    pub company_name: String,
    /// The tenant's state.
    pub tenant_status: TenantStatus,
}

impl Users {
    /// The signed-in user; none for API tokens, merchants and nobody. Needs no tenant: this is where one is chosen from.
    pub async fn viewer(&self, ctx: &OpCtx) -> Result<Option<Viewer>, UserError> {
        let me = match ctx.caller() {
            Caller::User(user) => user.id,
            Caller::Anonymous | Caller::Token(_) | Caller::Merchant(_) | Caller::System => return Ok(None),
        };
        let tx = ctx.db().read(Access::Identity).await?;
        let Some(user) = store::user_row(&tx, me).await? else { return Ok(None) };
        Ok(Some(Viewer { user, memberships: store::own_memberships(&tx, me).await? }))
    }
}
