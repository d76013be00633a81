//! Whoever sends the request, as Noren sees them.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use people::users::ViewerMembership as Place;
use platform::Caller;
use platform::callers::{Kind, Standing};

use super::api_tokens::ApiToken;
use super::tenants::{Tenant, top_level};
use super::users::User;
use crate::graphql::enums::{MembershipRole, TenantStatus};
use crate::graphql::services::{op, services};

/// What a caller is in this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum CallerKind {
    /// Runs Noren itself.
    PlatformAdmin,
    /// Runs the tenant.
    TenantAdmin,
    /// Works in the tenant.
    TenantMember,
    /// Works in some stores of the tenant only.
    StoreMember,
    /// Holds an API token with scopes.
    Integration,
    /// Signed in, but in no tenant: choose one with the header Noren-Tenant.
    SignedIn,
}

/// One of the tenants that a user belongs to.
#[derive(SimpleObject)]
pub struct ViewerMembership {
    /// The tenant: send its id in the header Noren-Tenant to work in it.
    tenant_id: ID,
    /// The company's name.
    company_name: String,
    /// The tenant's state.
    tenant_status: TenantStatus,
    /// What the user is there.
    role: MembershipRole,
    /// The stores that the user is limited to; null means all.
    store_ids: Option<Vec<ID>>,
}

impl From<Place> for ViewerMembership {
    fn from(place: Place) -> Self {
        let membership = place.membership;
        Self {
            tenant_id: membership.row.tenant.to_string().into(),
            company_name: place.company_name,
            tenant_status: place.tenant_status.into(),
            role: membership.row.role.into(),
            store_ids: membership.stores.map(|stores| stores.into_iter().map(|store| store.to_string().into()).collect()),
        }
    }
}

/// Whoever sends the request.
pub struct Viewer {
    kind: CallerKind,
    user: Option<User>,
    api_token: Option<ApiToken>,
    memberships: Vec<ViewerMembership>,
}

/// Whoever sends the request.
#[Object]
impl Viewer {
    /// What the caller is in this request.
    async fn kind(&self) -> CallerKind {
        self.kind
    }

    /// The user who is signed in; null for an API token.
    async fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The API token that was sent, where its bearer may see it; null for a user.
    async fn api_token(&self) -> Option<&ApiToken> {
        self.api_token.as_ref()
    }

    /// The tenants that the user belongs to; empty for an API token.
    async fn memberships(&self) -> &[ViewerMembership] {
        &self.memberships
    }

    /// The tenant that the caller is in; null outside of a tenant, and without `tenant:read`.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Option<Tenant>> {
        let op = op(ctx)?;
        match op.standing().tenant() {
            Some(tenant) if op.authorize::<platform::callers::actions::ReadTenants>().is_ok() => Tenant::find(ctx, tenant).await,
            Some(_) | None => Ok(None),
        }
    }

    /// What the caller may do, as scopes: what an API token of the same rights would hold.
    async fn scopes(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        let (kind, held) = match op(ctx)?.standing() {
            Standing::Nobody | Standing::SignedIn { .. } => return Ok(Vec::new()),
            Standing::Platform => (Kind::PlatformAdmin, None),
            Standing::Tenant { kind, scopes, .. } => (*kind, scopes.as_deref()),
        };
        let allowed = platform::callers::RIGHTS.iter().filter(|right| right.reach(kind, held) != platform::callers::Reach::No);
        let mut scopes: Vec<String> = allowed.filter_map(|right| right.scope).map(|scope| scope.to_string()).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Ok(scopes)
    }
}

/// Reading who is calling.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Whoever sends the request; null when nobody is signed in.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        let (op, services) = (op(ctx)?, services(ctx)?);
        let kind = match op.standing() {
            Standing::Nobody => return Ok(None),
            Standing::SignedIn { .. } => CallerKind::SignedIn,
            Standing::Platform => CallerKind::PlatformAdmin,
            Standing::Tenant { kind, .. } => match kind {
                Kind::PlatformAdmin => CallerKind::PlatformAdmin,
                Kind::TenantAdmin => CallerKind::TenantAdmin,
                Kind::TenantMember => CallerKind::TenantMember,
                Kind::StoreMember => CallerKind::StoreMember,
                Kind::Integration => CallerKind::Integration,
            },
        };
        let found = services.users.viewer(op).await.map_err(top_level)?;
        let (user, memberships) = match found {
            Some(viewer) => (Some(User::alone(viewer.user)), viewer.memberships.into_iter().map(Into::into).collect()),
            None => (None, Vec::new()),
        };
        let api_token = match op.caller() {
            Caller::Token(token) if op.authorize::<platform::callers::actions::ReadApiTokens>().is_ok() => ApiToken::find(ctx, token.id).await?,
            Caller::Token(_) | Caller::User(_) | Caller::Anonymous | Caller::System => None,
        };
        Ok(Some(Viewer { kind, user, api_token, memberships }))
    }
}
