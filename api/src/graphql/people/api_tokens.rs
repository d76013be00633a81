//! API tokens of integrations.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entities::ApiTokenId;
use people::api_tokens::{ApiTokenRow, NewApiToken, TokenSort};
use platform::db::{Page, SortKind};
use secrecy::ExposeSecret;

use super::tenants::top_level;
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::enums::TokenRole;
use crate::graphql::input::id;
use crate::graphql::payload::payload;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// An API token, without its secret.
pub struct ApiToken {
    row: ApiTokenRow,
}

impl ApiToken {
    /// The token with this id, if the caller may see it.
    pub async fn find(ctx: &Context<'_>, id: ApiTokenId) -> Result<Option<Self>> {
        let found = services(ctx)?.api_tokens.find(op(ctx)?, id).await.map_err(top_level)?;
        Ok(found.map(|row| Self { row }))
    }
}

/// An API token, without its secret.
#[Object]
impl ApiToken {
    /// Opaque id, `apitoken_…`.
    pub(in crate::graphql) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The tenant that it is for; null for a platform administrator's.
    async fn tenant_id(&self) -> Option<ID> {
        self.row.tenant.map(|tenant| tenant.to_string().into())
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// What its bearer is.
    async fn role(&self) -> TokenRole {
        self.row.role.into()
    }

    /// What an integration may do with it.
    async fn scopes(&self) -> Vec<String> {
        self.row.scopes().iter().map(ToString::to_string).collect()
    }

    /// The first characters of the secret, to recognise it by.
    async fn prefix(&self) -> &str {
        &self.row.prefix
    }

    /// When it ends (UTC); null means not before it is revoked.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.row.expires_at
    }

    /// When it was last used, to the minute (UTC).
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_used_at
    }

    /// When it was revoked (UTC).
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.row.revoked_at
    }

    /// Who made it: the id of a user or an API token, or `system`.
    async fn created_by(&self) -> &str {
        &self.row.created_by
    }

    /// When it was made (UTC).
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }
}

macro_rules! scopes {
    ($($variant:ident = $doc:literal,)*) => {
        /// What an integration may be allowed to do. Written `noun:verb` where tokens are shown: `ORDERS_READ` is `orders:read`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        #[graphql(remote = "entities::ApiScope")]
        pub enum ApiScope { $(#[doc = $doc] $variant,)* }
    };
}

scopes! {
    TenantRead = "`tenant:read`: read the tenant itself.",
    TenantWrite = "`tenant:write`: change the tenant's contacts and settings.",
    UsersRead = "`users:read`: read the tenant's users and their roles.",
    StoresRead = "`stores:read`: read stores.",
    StoresWrite = "`stores:write`: connect stores and change them.",
    OrdersRead = "`orders:read`: read orders and their items.",
    CustomersRead = "`customers:read`: read customers, who are persons.",
    ProductsRead = "`products:read`: read products and variants.",
    AuditRead = "`audit:read`: read the audit log, which tells what persons did.",
    WebhooksRead = "`webhooks:read`: read webhook endpoints and what was sent to them.",
    WebhooksWrite = "`webhooks:write`: create and change webhook endpoints, and send again.",
    UsageRead = "`usage:read`: read how much was used.",
    AlertsRead = "`alerts:read`: read alerts, and follow them live.",
    AlertsWrite = "`alerts:write`: raise alerts, acknowledge and resolve them.",
}

/// A token for an integration.
#[derive(InputObject)]
pub struct ApiTokenCreateInput {
    /// What people will call it.
    name: String,
    /// What it may do; at least one.
    scopes: Vec<ApiScope>,
    /// When it ends (UTC); without it, when it is revoked.
    expires_at: Option<DateTime<Utc>>,
    /// The tenant: only a platform administrator names it.
    tenant_id: Option<ID>,
}

/// Which token to take back.
#[derive(InputObject)]
pub struct ApiTokenRevokeInput {
    /// The token.
    id: ID,
}

payload! {
    /// What came of apiTokenCreate.
    ApiTokenCreatePayload {
        /// The token.
        api_token: ApiToken,
        /// The secret, shown this once: send it as `Authorization: Bearer …`.
        secret: String,
    }
    /// What came of apiTokenRevoke.
    ApiTokenRevokePayload {
        /// The token.
        api_token: ApiToken,
    }
}

/// Reading API tokens.
#[derive(Default)]
pub struct ApiTokenQuery;

#[Object]
impl ApiTokenQuery {
    /// The API tokens of a tenant, the oldest first; revoked ones too. Administrators only.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn api_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant: only a platform administrator names it; without it, those over all tenants.")] tenant_id: Option<ID>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
    ) -> Result<Connection<ApiToken>> {
        let (op, tokens) = (op(ctx)?, &services(ctx)?.api_tokens);
        let sort = TokenSort::CreatedAt;
        let request = PageArgs { first, after, last, before }.request(sort.as_str(), SortKind::At, false)?;
        let tenant = tenant_id.as_ref().map(id).transpose()?;
        let Page { rows, has_next, has_previous } = tokens.page(op, tenant, &request).await.map_err(top_level)?;
        let total_count = match Selected::of(ctx).has("ApiTokenConnection", "totalCount") {
            true => Some(tokens.count(op, tenant).await.map_err(top_level)?),
            false => None,
        };
        let rows = rows.into_iter().map(|row| (row.cursor(sort), ApiToken { row })).collect();
        Ok(Connection::new(Page { rows, has_next, has_previous }, total_count))
    }
}

/// Making and revoking API tokens.
#[derive(Default)]
pub struct ApiTokenMutation;

#[Object]
impl ApiTokenMutation {
    /// Makes a token for an integration. Its secret is shown once. Administrators only.
    async fn api_token_create(&self, ctx: &Context<'_>, #[graphql(desc = "The token.")] input: ApiTokenCreateInput) -> Result<ApiTokenCreatePayload> {
        let new = NewApiToken {
            name: input.name,
            scopes: input.scopes.into_iter().map(|scope| entities::ApiScope::from(scope).to_string()).collect(),
            expires_at: input.expires_at,
            tenant: input.tenant_id.as_ref().map(id).transpose()?,
        };
        match services(ctx)?.api_tokens.create(op(ctx)?, new).await {
            Ok(made) => Ok(ApiTokenCreatePayload {
                api_token: Some(ApiToken { row: made.token }),
                secret: Some(made.secret.expose_secret().to_owned()),
                user_errors: Vec::new(),
            }),
            Err(error) => ApiTokenCreatePayload::refused(error),
        }
    }

    /// Takes a token back, at once on every replica. Administrators only.
    async fn api_token_revoke(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: ApiTokenRevokeInput) -> Result<ApiTokenRevokePayload> {
        match services(ctx)?.api_tokens.revoke(op(ctx)?, id(&input.id)?).await {
            Ok(row) => Ok(ApiTokenRevokePayload { api_token: Some(ApiToken { row }), user_errors: Vec::new() }),
            Err(error) => ApiTokenRevokePayload::refused(error),
        }
    }
}
