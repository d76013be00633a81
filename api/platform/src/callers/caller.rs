//! Who is calling, as the credentials and our own tables say.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entities::{ApiScope, ApiTokenId, ConnectionId, MembershipId, MembershipRole, SessionId, StoreId, TenantId, TenantStatus, TokenRole, UserId};

/// Whoever sent the request.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Nobody that is known.
    Anonymous,
    /// A user who has signed in, here or at an outside identity provider.
    User(UserCaller),
    /// The bearer of an API token.
    Token(TokenCaller),
    /// A merchant's user who has an app open inside of a shop.
    Merchant(MerchantCaller),
    /// The program itself: an operator at a shell, a job.
    System,
}

/// A signed-in user.
#[derive(Clone, Debug)]
pub struct UserCaller {
    /// The user.
    pub id: UserId,
    /// The session, when it is one of ours.
    pub session: Option<SessionId>,
    /// Whether the user runs Noren itself.
    pub platform_admin: bool,
    /// Places in tenants, the oldest first; disabled ones are left out.
    pub memberships: Vec<MembershipFact>,
    /// The user's language.
    pub locale: Option<String>,
}

/// A user's place in a tenant.
#[derive(Clone, Debug)]
pub struct MembershipFact {
    /// The membership.
    pub id: MembershipId,
    /// The tenant.
    pub tenant: TenantId,
    /// The state of the tenant.
    pub tenant_status: TenantStatus,
    /// What the user is there.
    pub role: MembershipRole,
    /// The stores that the user is limited to; none means all.
    pub stores: Option<Arc<[StoreId]>>,
}

/// The bearer of an API token.
#[derive(Clone, Debug)]
pub struct TokenCaller {
    /// The token.
    pub id: ApiTokenId,
    /// What the bearer is.
    pub role: TokenRole,
    /// The tenant and its state; none for a platform administrator's token.
    pub tenant: Option<(TenantId, TenantStatus)>,
    /// What an integration may do.
    pub scopes: Arc<[ApiScope]>,
}

/// A merchant's user, as the session token of the shop says.
#[derive(Clone, Debug)]
pub struct MerchantCaller {
    /// The app that is open.
    pub connection: ConnectionId,
    /// The tenant whose app it is.
    pub tenant: TenantId,
    /// The state of the tenant.
    pub tenant_status: TenantStatus,
    /// The store of the shop, which is all that they see.
    pub store: StoreId,
    /// The provider's id of the user.
    pub user: String,
    /// The provider's id of the session.
    pub session: Option<String>,
    /// Until when the token is good.
    pub expires_at: DateTime<Utc>,
}

impl Caller {
    /// The caller's name in records: who did it, and whose idempotency keys these are.
    pub fn key(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::User(user) => user.id.to_string(),
            Self::Token(token) => token.id.to_string(),
            Self::Merchant(merchant) => format!("{}/{}", merchant.store, merchant.user),
            Self::System => "system".to_owned(),
        }
    }
}
