//! The rules about API tokens.

use chrono::{DateTime, Utc};
use entities::tables::api_tokens::ActiveModel;
use entities::{ApiScope, ApiTokenId, EventType, TenantId, TokenRole};
use platform::callers::actions::{ManageApiTokens, ReadApiTokens};
use platform::crypto::NewSecret;
use platform::db::{Page, PageRequest};
use platform::{Caller, Change, Denied, OpCtx, Permit};
use sea_orm::ActiveValue::Set;
use secrecy::SecretString;

use super::error::ApiTokenError;
use super::store::{self, ApiTokenRow};
use crate::identity::TOKEN_PREFIX;
use crate::tenants::{NotMine, lock_tenant, target};
use crate::validation::{Problem, SHORT, invalid, text};

/// Tokens of a tenant that are good at once: each has a bucket of points of its own.
const MOST: i64 = 100;

/// API tokens.
#[derive(Clone, Debug, Default)]
pub struct ApiTokens;

/// A token for an integration.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// What people will call it.
    pub name: String,
    /// What it may do, by name, such as `orders:read`.
    pub scopes: Vec<String>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// The tenant: a platform administrator names it.
    pub tenant: Option<TenantId>,
}

/// A token of any kind, as an operator at a shell makes them.
#[derive(Clone, Debug)]
pub struct OperatorToken {
    /// What people will call it.
    pub name: String,
    /// What its bearer is.
    pub role: TokenRole,
    /// The tenant; none for a platform administrator, needed for everybody else.
    pub tenant: Option<TenantId>,
    /// What an integration may do; empty for every other role.
    pub scopes: Vec<ApiScope>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token that was made.
#[derive(Debug)]
pub struct TokenMade {
    /// The token.
    pub token: ApiTokenRow,
    /// Its secret, shown once.
    pub secret: SecretString,
}

impl ApiTokens {
    /// A page of a tenant's tokens; without a tenant, the caller's own, or for a platform administrator those over all tenants.
    pub async fn page(&self, ctx: &OpCtx, tenant: Option<TenantId>, request: &PageRequest) -> Result<Page<ApiTokenRow>, ApiTokenError> {
        let permit = ctx.authorize::<ReadApiTokens>()?;
        match target(&permit, tenant) {
            Ok(tenant) => Ok(store::page(&*ctx.reader().await?, &permit, tenant, request).await?),
            Err(NotMine) => Ok(Page::empty()),
        }
    }

    /// How many tokens such a list has.
    pub async fn count(&self, ctx: &OpCtx, tenant: Option<TenantId>) -> Result<u64, ApiTokenError> {
        let permit = ctx.authorize::<ReadApiTokens>()?;
        match target(&permit, tenant) {
            Ok(tenant) => Ok(store::count(&*ctx.reader().await?, &permit, tenant).await?),
            Err(NotMine) => Ok(0),
        }
    }

    /// One token.
    pub async fn find(&self, ctx: &OpCtx, id: ApiTokenId) -> Result<Option<ApiTokenRow>, ApiTokenError> {
        let permit = ctx.authorize::<ReadApiTokens>()?;
        Ok(store::find(&*ctx.reader().await?, &permit, id).await?)
    }

    /// Makes a token for an integration of a tenant.
    pub async fn create(&self, ctx: &OpCtx, input: NewApiToken) -> Result<TokenMade, ApiTokenError> {
        let permit = ctx.authorize::<ManageApiTokens>()?;
        let tenant = target(&permit, input.tenant).map_err(|NotMine| ApiTokenError::NotFound("tenant"))?.ok_or(ApiTokenError::TenantRequired)?;
        let parse = |scope: &String| scope.parse::<ApiScope>().map_err(|unknown| invalid("scopes", Problem::Unknown(unknown.to_string())));
        let scopes = input.scopes.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let token = OperatorToken { name: input.name, role: TokenRole::Integration, tenant: Some(tenant), scopes, expires_at: input.expires_at };
        make(ctx, &permit, token).await
    }

    /// Makes a token of any role, for an operator at a shell.
    pub async fn create_for_operator(&self, ctx: &OpCtx, input: OperatorToken) -> Result<TokenMade, ApiTokenError> {
        match ctx.caller() {
            Caller::System => {}
            Caller::Anonymous | Caller::User(_) | Caller::Token(_) | Caller::Merchant(_) => {
                return Err(Denied::Forbidden { action: "ManageApiTokens", needs: None }.into());
            }
        }
        let permit = ctx.authorize::<ManageApiTokens>()?;
        make(ctx, &permit, input).await
    }

    /// Revokes a token, at once and everywhere. Revoking it again changes nothing.
    pub async fn revoke(&self, ctx: &OpCtx, id: ApiTokenId) -> Result<ApiTokenRow, ApiTokenError> {
        let permit = ctx.authorize::<ManageApiTokens>()?;
        let tx = ctx.writer().await?;
        let before = store::find(&tx, &permit, id).await?.ok_or(ApiTokenError::NotFound("token"))?;
        store::revoke(&tx, &permit, id, ctx.now()).await?;
        let token = store::find(&tx, &permit, id).await?.ok_or(ApiTokenError::NotFound("token"))?;
        let change = Change::new("apiTokenRevoke", token.tenant).subject(id).before(&before).after(&token).announce(EventType::ApiTokenRevoked, "apiTokenId");
        ctx.commit(tx, change).await?;
        Ok(token)
    }
}

async fn make(ctx: &OpCtx, permit: &Permit<ManageApiTokens>, mut input: OperatorToken) -> Result<TokenMade, ApiTokenError> {
    let (now, name) = (ctx.now(), text("name", &input.name, SHORT)?);
    input.scopes.sort();
    input.scopes.dedup();
    match (input.role, input.scopes.is_empty()) {
        (TokenRole::Integration, true) => return Err(invalid("scopes", Problem::Blank).into()),
        (TokenRole::PlatformAdmin | TokenRole::TenantAdmin | TokenRole::TenantMember, false) => return Err(invalid("scopes", Problem::NotAllowed).into()),
        (TokenRole::Integration, false) | (TokenRole::PlatformAdmin | TokenRole::TenantAdmin | TokenRole::TenantMember, true) => {}
    }
    match (input.role, input.tenant) {
        (TokenRole::PlatformAdmin, Some(_)) => return Err(invalid("tenantId", Problem::NotAllowed).into()),
        (TokenRole::TenantAdmin | TokenRole::TenantMember | TokenRole::Integration, None) => return Err(ApiTokenError::TenantRequired),
        (TokenRole::PlatformAdmin, None) | (TokenRole::TenantAdmin | TokenRole::TenantMember | TokenRole::Integration, Some(_)) => {}
    }
    if input.expires_at.is_some_and(|end| end <= now) {
        return Err(invalid("expiresAt", Problem::NotInFuture).into());
    }
    let tx = ctx.writer().await?;
    if let Some(tenant) = input.tenant
        && !lock_tenant(&tx, permit, tenant).await?
    {
        return Err(ApiTokenError::NotFound("tenant"));
    }
    if let Some(tenant) = input.tenant {
        let good = store::good(&tx, tenant, now).await?;
        if good >= MOST {
            return Err(ApiTokenError::TooMany(good));
        }
    }
    let new = NewSecret::random(TOKEN_PREFIX);
    let id = ctx.new_id::<ApiTokenId>();
    let row = ActiveModel {
        id: Set(id),
        tenant_id: Set(input.tenant),
        name: Set(name),
        role: Set(input.role),
        scopes: Set(input.scopes.iter().map(|scope| scope.as_str()).collect()),
        prefix: Set(new.prefix),
        secret_hash: Set(new.hash),
        created_by: Set(ctx.caller().key()),
        expires_at: Set(input.expires_at),
        last_used_at: Set(None),
        revoked_at: Set(None),
        created_at: Set(now),
    };
    store::insert_token(&tx, row).await?;
    let token = store::find(&tx, permit, id).await?.ok_or(ApiTokenError::NotFound("token"))?;
    let change = Change::new("apiTokenCreate", token.tenant).subject(id).after(&token).announce(EventType::ApiTokenCreated, "apiTokenId");
    ctx.commit(tx, change).await?;
    Ok(TokenMade { token, secret: new.secret })
}
