//! Whoever sends the request, as Noren sees them.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entities::ApiScope;
use people::users::ViewerMembership as Place;
use platform::Caller;
use platform::callers::{Kind, MerchantCaller, RIGHTS, Reach, Standing};

use super::api_tokens::ApiToken;
use super::tenants::{Tenant, top_level};
use super::users::User;
use crate::graphql::commerce::Store;
use crate::graphql::enums::{MembershipRole, TenantStatus};
use crate::graphql::node::find;
use crate::graphql::render::Rendered;
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
    /// Has an app open inside of a shop, and works in the store of that shop alone.
    Merchant,
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

/// A merchant's user who has an app open inside of a shop.
pub struct ViewerMerchant(MerchantCaller);

/// A merchant's user who has an app open inside of a shop.
#[Object]
impl ViewerMerchant {
    /// The store of the shop, which is all that they see.
    async fn store(&self, ctx: &Context<'_>) -> Result<Option<Rendered<Store>>> {
        Ok(find(ctx, self.0.store.uuid()).await?.map(Rendered))
    }

    /// The provider's id of the user.
    async fn user_id(&self) -> ID {
        self.0.user.as_str().into()
    }

    /// The provider's id of the session; null where it has none.
    async fn session_id(&self) -> Option<ID> {
        self.0.session.as_deref().map(Into::into)
    }

    /// Until when the session token is good (UTC): about a minute. What is followed live ends then, and goes on with the next token, `after`
    /// the last cursor.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}

/// Whoever sends the request.
pub struct Viewer {
    kind: CallerKind,
    user: Option<User>,
    api_token: Option<ApiToken>,
    merchant: Option<ViewerMerchant>,
    memberships: Vec<ViewerMembership>,
}

/// Whoever sends the request.
#[Object]
impl Viewer {
    /// What the caller is in this request.
    async fn kind(&self) -> CallerKind {
        self.kind
    }

    /// The user who is signed in; null for API tokens and merchants.
    async fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The API token that was sent, where its bearer may see it; null for users and merchants.
    async fn api_token(&self) -> Option<&ApiToken> {
        self.api_token.as_ref()
    }

    /// The merchant's user whose shop's session token was sent; null for everybody else.
    async fn merchant(&self) -> Option<&ViewerMerchant> {
        self.merchant.as_ref()
    }

    /// The tenants that the user belongs to; empty for API tokens and merchants.
    async fn memberships(&self) -> &[ViewerMembership] {
        &self.memberships
    }

    /// The tenant that the caller is in; null outside of a tenant, for merchants, and without `tenant:read`.
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
        // Whoever may do a part of what a scope allows has not the scope.
        let whole = |scope: &ApiScope| {
            let mut of_scope = RIGHTS.iter().filter(|right| right.scope == Some(*scope)).peekable();
            of_scope.peek().is_some() && of_scope.all(|right| right.reach(kind, held) != Reach::No)
        };
        let mut scopes: Vec<String> = ApiScope::ALL.iter().filter(|scope| whole(scope)).map(ToString::to_string).collect();
        scopes.sort_unstable();
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
                Kind::Merchant => CallerKind::Merchant,
            },
        };
        let found = services.users.viewer(op).await.map_err(top_level)?;
        let (user, memberships) = match found {
            Some(viewer) => (Some(User::alone(viewer.user)), viewer.memberships.into_iter().map(Into::into).collect()),
            None => (None, Vec::new()),
        };
        let api_token = match op.caller() {
            Caller::Token(token) if op.authorize::<platform::callers::actions::ReadApiTokens>().is_ok() => ApiToken::find(ctx, token.id).await?,
            Caller::Token(_) | Caller::User(_) | Caller::Merchant(_) | Caller::Anonymous | Caller::System => None,
        };
        let merchant = match op.caller() {
            Caller::Merchant(merchant) => Some(ViewerMerchant(merchant.clone())),
            Caller::Token(_) | Caller::User(_) | Caller::Anonymous | Caller::System => None,
        };
        Ok(Some(Viewer { kind, user, api_token, merchant, memberships }))
    }
}
