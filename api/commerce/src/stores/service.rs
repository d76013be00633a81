//! The rules about stores: connecting a shop, and changing what is ours of it.

use chrono::{DateTime, Utc};
use entities::tables::stores::{ActiveModel, Column, Entity};
use entities::{Currency, EventType, StoreDataKind, StoreId, StoreStatus, TenantId};
use people::tenants::TenantKeys;
use people::validation::{Problem, invalid, optional_text, text, time_zone};
use platform::callers::actions::ManageStores;
use platform::crypto::Where;
use platform::idempotency::{Attempt, attempt};
use platform::text::{fold, search_text};
use platform::{Change, OpCtx, Permit, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Value};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::row::StoreRow;
use super::store::{json_object, locked, update, written};

/// The longest name, in characters (seed 004).
const NAME: usize = 100;
/// The longest description, in characters (seed 004).
const DESCRIPTION: usize = 500;
/// The longest credential, in characters.
const CREDENTIAL: usize = 4_000;

/// A shop to be connected.
#[derive(Clone, Debug)]
pub struct NewStore {
    /// The tenant: a platform administrator names it.
    pub tenant: Option<TenantId>,
    /// The shop system, such as `shopify`.
    pub provider: String,
    /// The shop's domain at the provider.
    pub domain: String,
    /// The token with which the shop is read.
    pub access_token: SecretString,
    /// The app's key, where the shop has an app of its own.
    pub api_key: Option<String>,
    /// The app's secret, where the shop has an app of its own.
    pub api_secret: Option<SecretString>,
    /// The name that people see; the domain when left out.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// What its data is for.
    pub data_kind: StoreDataKind,
    /// What the provider lets us do.
    pub scopes: Vec<String>,
    /// The time zone in which its days are counted.
    pub time_zone: String,
    /// The currency of its orders.
    pub currency: Currency,
}

/// What to change of a store. The outer option is whether to change it, the inner one whether it is there afterwards.
#[derive(Clone, Debug, Default)]
pub struct StoreChanges {
    /// The name.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<Option<String>>,
    /// What its data is for.
    pub data_kind: Option<StoreDataKind>,
    /// Settings of its own: a JSON object.
    pub settings: Option<serde_json::Value>,
    /// The time zone in which its days are counted.
    pub time_zone: Option<String>,
    /// A new token with which the shop is read.
    pub access_token: Option<SecretString>,
}

/// What an idempotency key stands for: the input, its secrets as digests.
#[derive(Serialize)]
struct Fingerprint<'a> {
    tenant: TenantId,
    provider: &'a str,
    domain: &'a str,
    name: &'a str,
    description: &'a Option<String>,
    data_kind: StoreDataKind,
    scopes: &'a [String],
    time_zone: &'a str,
    currency: Currency,
    api_key: &'a Option<String>,
    secrets: [Vec<u8>; 2],
}

/// Stores.
#[derive(Clone)]
pub struct Stores {
    keys: TenantKeys,
}

impl Stores {
    /// Stores whose credentials are sealed with these keys.
    pub fn new(keys: TenantKeys) -> Self {
        Self { keys }
    }

    /// Connects a shop. Repeated under the same idempotency key, it answers with the same store, as it is by then.
    pub async fn connect(&self, ctx: &OpCtx, input: NewStore, idempotency_key: Option<&str>) -> Result<StoreRow, StoreError> {
        let permit = ctx.authorize::<ManageStores>()?;
        let tenant = input.tenant.or(permit.tenant()).ok_or(StoreError::TenantRequired)?;
        if !permit.covers(tenant) {
            return Err(StoreError::NotFound("tenant"));
        }
        let provider = integrations::registry::commerce(input.provider.trim()).ok_or_else(|| invalid("provider", Problem::Unknown(providers())))?;
        let domain = provider.shop_domain(&input.domain).map_err(|error| invalid("domain", Problem::Unknown(error.to_string())))?;
        let name = optional_text("name", input.name.as_deref(), NAME)?.unwrap_or_else(|| domain.clone());
        let description = optional_text("description", input.description.as_deref(), DESCRIPTION)?;
        let api_key = optional_text("apiKey", input.api_key.as_deref(), CREDENTIAL)?;
        let time_zone = time_zone("timeZone", &input.time_zone)?;
        text("accessToken", input.access_token.expose_secret(), CREDENTIAL)?;

        let tx = ctx.writer().await?;
        let fingerprint = Fingerprint {
            tenant,
            provider: provider.key(),
            domain: &domain,
            name: &name,
            description: &description,
            data_kind: input.data_kind,
            scopes: &input.scopes,
            time_zone: &time_zone,
            currency: input.currency,
            api_key: &api_key,
            secrets: [digest(Some(&input.access_token)), digest(input.api_secret.as_ref())],
        };
        let claim = match attempt(ctx, &tx, "storeConnect", idempotency_key, &fingerprint).await? {
            Attempt::Repeat(subject) => {
                let id = subject.parse().map_err(|_| DbErr::Custom("an idempotency key without its store".into()))?;
                return written(&tx, &permit, id).await;
            }
            Attempt::New(claim) => claim,
        };
        active_tenant(&tx, &permit, tenant).await?;
        let (id, now) = (ctx.new_id::<StoreId>(), ctx.now());
        let place = |column| Where { tenant: tenant.uuid(), table: "stores", row: id.uuid(), column };
        let access_token = self.keys.seal(&tx, &permit, place("access_token_sealed"), &input.access_token, now).await?;
        let api_secret = match &input.api_secret {
            Some(secret) => Some(self.keys.seal(&tx, &permit, place("api_secret_sealed"), secret, now).await?),
            None => None,
        };
        let row = ActiveModel {
            id: Set(id),
            tenant_id: Set(tenant),
            provider: Set(provider.key().to_owned()),
            name_key: Set(fold(&name)),
            search_text: Set(search_text(&[Some(&name), Some(&domain)])),
            name: Set(name),
            domain: Set(domain.clone()),
            external_shop_id: Set(None),
            description: Set(description),
            data_kind: Set(input.data_kind),
            status: Set(StoreStatus::Active),
            settings: Set(serde_json::json!({})),
            embedded_settings: Set(serde_json::json!({})),
            api_key: Set(api_key),
            api_secret_sealed: Set(api_secret),
            access_token_sealed: Set(Some(access_token)),
            scopes: Set(serde_json::json!(input.scopes)),
            time_zone: Set(time_zone),
            currency_code: Set(input.currency.code().to_owned()),
            initial_setup_completed: Set(false),
            last_sync_at: Set(None),
            paused_at: Set(None),
            installed_at: Set(Some(now)),
            uninstalled_at: Set(None),
            data_deletion_scheduled_at: Set(None),
            data_deletion_completed_at: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let once = OnConflict::columns([Column::TenantId, Column::Provider, Column::Domain]).do_nothing().to_owned();
        if Entity::insert(row).on_conflict(once).exec_without_returning(&tx).await? == 0 {
            return Err(StoreError::AlreadyConnected(domain));
        }
        if let Some(claim) = claim {
            claim.done(&tx, id).await?;
        }
        let row = written(&tx, &permit, id).await?;
        let change = Change::new("storeConnect", tenant).subject(id).after(&row).announce(EventType::StoreConnected, "storeId");
        ctx.commit(tx, change).await?;
        Ok(row)
    }

    /// Changes a store.
    pub async fn update(&self, ctx: &OpCtx, id: StoreId, changes: StoreChanges) -> Result<StoreRow, StoreError> {
        let permit = ctx.authorize::<ManageStores>()?;
        let tx = ctx.writer().await?;
        let store = locked(&tx, &permit, id).await?.ok_or(StoreError::NotFound("store"))?;
        let new_token = changes.access_token.is_some();
        let values = self.changed(ctx, &tx, &permit, &store, changes).await?;
        update(&tx, &permit, &store, values, ctx.now()).await?;
        if new_token {
            crate::installs::restore(&tx, &ctx.trace(), store.tenant_id, id).await?;
        }
        let row = written(&tx, &permit, id).await?;
        let change = Change::new("storeUpdate", store.tenant_id).subject(id).before(&store).after(&row);
        ctx.commit(tx, change.announce(EventType::StoreUpdated, "storeId")).await?;
        Ok(row)
    }

    async fn changed(
        &self,
        ctx: &OpCtx,
        tx: &Tx,
        permit: &Permit<ManageStores>,
        store: &StoreRow,
        changes: StoreChanges,
    ) -> Result<Vec<(Column, Value)>, StoreError> {
        let mut values: Vec<(Column, Value)> = Vec::new();
        if let Some(name) = changes.name {
            let name = text("name", &name, NAME)?;
            values.push((Column::NameKey, fold(&name).into()));
            values.push((Column::SearchText, search_text(&[Some(&name), Some(&store.domain)]).into()));
            values.push((Column::Name, name.into()));
        }
        if let Some(description) = changes.description {
            values.push((Column::Description, optional_text("description", description.as_deref(), DESCRIPTION)?.into()));
        }
        if let Some(kind) = changes.data_kind {
            values.push((Column::DataKind, kind.as_str().into()));
        }
        if let Some(settings) = changes.settings {
            values.push((Column::Settings, json_object("settings", settings)?.into()));
        }
        if let Some(zone) = changes.time_zone {
            values.push((Column::TimeZone, time_zone("timeZone", &zone)?.into()));
        }
        if let Some(token) = changes.access_token {
            text("accessToken", token.expose_secret(), CREDENTIAL)?;
            let place = Where { tenant: store.tenant_id.uuid(), table: "stores", row: store.id.uuid(), column: "access_token_sealed" };
            values.push((Column::AccessTokenSealed, self.keys.seal(tx, permit, place, &token, ctx.now()).await?.into()));
        }
        Ok(values)
    }
}

fn providers() -> String {
    let keys: Vec<&str> = integrations::registry::COMMERCE.iter().map(|provider| provider.key()).collect();
    format!("must be one of {}", keys.join(", "))
}

fn digest(secret: Option<&SecretString>) -> Vec<u8> {
    secret.map(|secret| Sha256::digest(secret.expose_secret()).to_vec()).unwrap_or_default()
}

/// A tenant that is there and not deleted.
async fn active_tenant(tx: &Tx, permit: &Permit<ManageStores>, tenant: TenantId) -> Result<(), StoreError> {
    debug_assert!(permit.covers(tenant));
    let deleted: Option<Option<DateTime<Utc>>> = tx
        .query_one(&Query::select().column("deleted_at").from("tenants").and_where(Expr::col("id").eq(tenant)).take())
        .await?
        .map(|row| row.try_get_by_index(0))
        .transpose()?;
    match deleted {
        Some(None) => Ok(()),
        Some(Some(_)) | None => Err(StoreError::NotFound("tenant")),
    }
}
