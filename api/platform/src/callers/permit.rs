//! The proof that an action is allowed, and how far. Only [`OpCtx::authorize`](super::OpCtx::authorize) makes one.

use std::marker::PhantomData;
use std::sync::Arc;

use entities::{StoreId, TenantId, TenantStatus};
use sea_orm::DbBackend;
use sea_orm::sea_query::{ExprTrait, SelectStatement, SimpleExpr};

use super::caller::Caller;
use super::rights::{Action, Kind, Mode, Reach};
use super::standing::Standing;

/// How far a permit reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every tenant.
    Platform,
    /// One tenant.
    Tenant(TenantId),
    /// Some stores of one tenant.
    Stores(TenantId, Arc<[StoreId]>),
}

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody is signed in.
    #[error("this needs a caller: send `Authorization: Bearer …` with an API token or the access token from signIn")]
    Unauthenticated,
    /// The caller has several tenants and has chosen none.
    #[error("choose a tenant: send the header Noren-Tenant with one of the ids in viewer.memberships")]
    ChooseTenant,
    /// The caller has chosen a tenant, for what is done above all of them.
    #[error("this is done above all tenants: send it without the header Noren-Tenant")]
    LeaveTenant,
    /// The caller's role or scopes do not include it.
    #[error("this caller may not {action}{}", .needs.as_ref().map(|s| format!("; it needs the scope {s}")).unwrap_or_default())]
    Forbidden {
        /// The action.
        action: &'static str,
        /// The scope that would allow it.
        needs: Option<&'static str>,
    },
    /// The tenant is suspended.
    #[error("the tenant is suspended: its data can be read, not changed")]
    Suspended,
}

impl Denied {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::ChooseTenant | Self::LeaveTenant | Self::Forbidden { .. } | Self::Suspended => "FORBIDDEN",
        }
    }
}

/// The proof that action `A` is allowed within [`Scope`].
#[derive(Debug)]
pub struct Permit<A> {
    scope: Scope,
    own: Option<String>,
    action: PhantomData<A>,
}

impl<A: Action> Permit<A> {
    pub(super) fn for_standing(standing: &Standing, caller: &Caller) -> Result<Self, Denied> {
        let mut own = None;
        let scope = match standing {
            Standing::Nobody => return Err(Denied::Unauthenticated),
            Standing::SignedIn { several: true } => return Err(Denied::ChooseTenant),
            Standing::SignedIn { several: false } => return Err(forbidden::<A>(None)),
            Standing::Platform if A::RIGHT.platform_admin == Reach::No => return Err(forbidden::<A>(None)),
            Standing::Platform => Scope::Platform,
            Standing::Tenant { tenant, status, kind, stores, scopes } => {
                let reach = A::RIGHT.reach(*kind, scopes.as_deref());
                if reach == Reach::No {
                    return Err(forbidden::<A>(Some(*kind)));
                }
                if A::RIGHT.mode == Mode::Write && *status != TenantStatus::Active && *kind != Kind::PlatformAdmin {
                    return Err(Denied::Suspended);
                }
                own = (*kind == Kind::Integration).then(|| caller.key());
                match (reach, stores) {
                    (Reach::Stores, Some(stores)) => Scope::Stores(*tenant, stores.clone()),
                    _ => Scope::Tenant(*tenant),
                }
            }
        };
        Ok(Self { scope, own, action: PhantomData })
    }

    /// How far the permit reaches.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The caller's key, where the permit reaches only their own of what belongs to whoever made it: integrations do not handle each
    /// other's.
    pub fn own_alone(&self) -> Option<&str> {
        self.own.as_deref()
    }

    /// The tenant that it is limited to.
    pub fn tenant(&self) -> Option<TenantId> {
        match self.scope {
            Scope::Platform => None,
            Scope::Tenant(tenant) | Scope::Stores(tenant, _) => Some(tenant),
        }
    }

    /// The one tenant that a list is of; a list over all tenants is not to be had.
    pub fn one_tenant(&self) -> Result<TenantId, Denied> {
        self.tenant().ok_or(Denied::ChooseTenant)
    }

    /// Holds for what is done above all tenants, such as making one: inside of a tenant nothing else can be seen or written.
    pub fn above_tenants(&self) -> Result<(), Denied> {
        if self.tenant().is_some() { Err(Denied::LeaveTenant) } else { Ok(()) }
    }

    /// Whether it covers a tenant.
    pub fn covers(&self, tenant: TenantId) -> bool {
        self.tenant().is_none_or(|mine| mine == tenant)
    }

    /// Whether it covers a store of a tenant that it covers.
    pub fn covers_store(&self, store: StoreId) -> bool {
        match &self.scope {
            Scope::Platform | Scope::Tenant(_) => true,
            Scope::Stores(_, stores) => stores.contains(&store),
        }
    }

    /// Limits a select to what the permit reaches: the first lock of tenancy.
    pub fn limit(&self, query: &mut SelectStatement, backend: DbBackend, tenant_column: SimpleExpr, store_column: Option<SimpleExpr>) {
        match &self.scope {
            Scope::Platform => {}
            Scope::Tenant(tenant) => {
                query.and_where(tenant_column.eq(*tenant));
            }
            Scope::Stores(tenant, stores) => {
                query.and_where(tenant_column.eq(*tenant));
                if let Some(store) = store_column {
                    query.and_where(crate::db::in_ids(backend, store, stores.iter().map(|id| id.uuid())));
                }
            }
        }
    }
}

fn forbidden<A: Action>(kind: Option<Kind>) -> Denied {
    let needs = if kind == Some(Kind::Integration) { A::RIGHT.scope.map(|scope| scope.as_str()) } else { None };
    Denied::Forbidden { action: A::RIGHT.action, needs }
}
