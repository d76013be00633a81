//! Where a caller stands in this request: in one tenant, above all of them, or nowhere yet.

use std::sync::Arc;

use entities::{ApiScope, MembershipRole, StoreId, TenantId, TenantStatus, TokenRole};

use super::caller::{Caller, MembershipFact, MerchantCaller, TokenCaller, UserCaller};
use super::rights::Kind;

/// Where a caller stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Not known.
    Nobody,
    /// Known, but in no tenant: a new user, or one of several tenants who has chosen none.
    SignedIn {
        /// Whether choosing a tenant would help.
        several: bool,
    },
    /// Above all tenants.
    Platform,
    /// In one tenant.
    Tenant {
        /// The tenant.
        tenant: TenantId,
        /// Its state.
        status: TenantStatus,
        /// As what.
        kind: Kind,
        /// The stores that the caller is limited to.
        stores: Option<Arc<[StoreId]>>,
        /// The scopes that an integration is limited to.
        scopes: Option<Arc<[ApiScope]>>,
    },
}

/// The tenant asked for is not the caller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header Noren-Tenant names a tenant that this caller does not belong to")]
pub struct StandingError;

impl Standing {
    /// Where `caller` stands, having chosen a tenant or not. A deleted tenant is nobody's.
    pub fn of(caller: &Caller, chosen: Option<TenantId>) -> Result<Self, StandingError> {
        match caller {
            Caller::Anonymous => Ok(Self::Nobody),
            Caller::System => Ok(chosen.map_or(Self::Platform, acting_in)),
            Caller::Token(token) => of_token(token, chosen),
            Caller::User(user) => of_user(user, chosen),
            Caller::Merchant(merchant) => of_merchant(merchant, chosen),
        }
    }

    /// The tenant that the caller is in.
    pub fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Tenant { tenant, .. } => Some(*tenant),
            Self::Nobody | Self::SignedIn { .. } | Self::Platform => None,
        }
    }
}

/// A platform administrator who has chosen a tenant works in it alone, and is not stopped by its suspension.
fn acting_in(tenant: TenantId) -> Standing {
    Standing::Tenant { tenant, status: TenantStatus::Active, kind: Kind::PlatformAdmin, stores: None, scopes: None }
}

fn of_token(token: &TokenCaller, chosen: Option<TenantId>) -> Result<Standing, StandingError> {
    match (token.role, token.tenant) {
        (TokenRole::PlatformAdmin, _) => Ok(chosen.map_or(Standing::Platform, acting_in)),
        (_, None | Some((_, TenantStatus::Deleted))) => Ok(Standing::Nobody),
        (_, Some((tenant, _))) if chosen.is_some_and(|chosen| chosen != tenant) => Err(StandingError),
        (role, Some((tenant, status))) => {
            let (kind, scopes) = match role {
                TokenRole::TenantAdmin => (Kind::TenantAdmin, None),
                TokenRole::TenantMember => (Kind::TenantMember, None),
                TokenRole::Integration | TokenRole::PlatformAdmin => (Kind::Integration, Some(token.scopes.clone())),
            };
            Ok(Standing::Tenant { tenant, status, kind, stores: None, scopes })
        }
    }
}

fn of_merchant(merchant: &MerchantCaller, chosen: Option<TenantId>) -> Result<Standing, StandingError> {
    let (tenant, status) = (merchant.tenant, merchant.tenant_status);
    match chosen {
        _ if status == TenantStatus::Deleted => Ok(Standing::Nobody),
        Some(chosen) if chosen != tenant => Err(StandingError),
        Some(_) | None => Ok(Standing::Tenant { tenant, status, kind: Kind::Merchant, stores: Some([merchant.store].into()), scopes: None }),
    }
}

fn of_user(user: &UserCaller, chosen: Option<TenantId>) -> Result<Standing, StandingError> {
    let mut open = user.memberships.iter().filter(|m| m.tenant_status != TenantStatus::Deleted);
    match chosen {
        Some(chosen) => match open.find(|m| m.tenant == chosen) {
            Some(membership) => Ok(in_membership(membership)),
            None if user.platform_admin => Ok(acting_in(chosen)),
            None => Err(StandingError),
        },
        None if user.platform_admin => Ok(Standing::Platform),
        None => Ok(match (open.next(), open.next()) {
            (Some(only), None) => in_membership(only),
            (first, _) => Standing::SignedIn { several: first.is_some() },
        }),
    }
}

fn in_membership(membership: &MembershipFact) -> Standing {
    let kind = match (membership.role, &membership.stores) {
        (MembershipRole::TenantAdmin, _) => Kind::TenantAdmin,
        (MembershipRole::TenantMember, None) => Kind::TenantMember,
        (MembershipRole::TenantMember, Some(_)) => Kind::StoreMember,
    };
    let stores = if kind == Kind::StoreMember { membership.stores.clone() } else { None };
    Standing::Tenant { tenant: membership.tenant, status: membership.tenant_status, kind, stores, scopes: None }
}
