//! The rules about connections: registering one, changing it, and rotating its secret.

use chrono::TimeDelta;
use entities::tables::connections::{ActiveModel, Column};
use entities::{ConnectionId, ConnectionStatus, EventType, TenantId};
use platform::callers::actions::ManageConnections;
use platform::crypto::{Where, hash_secret};
use platform::idempotency::{Attempt, attempt};
use platform::{Change, DbErr, OpCtx, Permit, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::Value;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::error::ConnectionError;
use super::row::ConnectionRow;
use super::store::{self, PREVIOUS, SECRET, TABLE};
use crate::tenants::{TenantKeys, target};
use crate::validation::{Problem, SHORT, invalid, optional_text, text};

/// The longest name, in characters.
const NAME: usize = 100;
/// The longest webhook secret, in characters.
const SECRET_LENGTH: usize = 4_000;
/// How many scopes an app may ask for.
const SCOPES: usize = 200;
/// For how many hours the secret before a new one is accepted, when nothing is said.
const PREVIOUS_HOURS: i32 = 24;
/// For how many hours it may be accepted.
const MAX_PREVIOUS_HOURS: i32 = 30 * 24;

/// A connection to be registered.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// The tenant: a platform administrator names it.
    pub tenant: Option<TenantId>,
    /// The provider, such as `shopify`.
    pub provider: String,
    /// What people will call it.
    pub name: String,
    /// The provider's id of the app or account.
    pub account: Option<String>,
    /// What the provider signs its deliveries with; for an app, its client secret.
    pub webhook_secret: SecretString,
    /// What the app asks merchants for.
    pub scopes: Vec<String>,
    /// The version of the provider's API that is spoken; the program's own when left out.
    pub api_version: Option<String>,
}

/// What to change of a connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectionChanges {
    /// The name.
    pub name: Option<String>,
    /// Whether it takes deliveries.
    pub status: Option<ConnectionStatus>,
    /// The provider's id of the app or account. The inner option is whether there is one afterwards.
    pub account: Option<Option<String>>,
    /// What the app asks merchants for.
    pub scopes: Option<Vec<String>>,
    /// The version of the provider's API that is spoken. The inner option is whether one is named afterwards.
    pub api_version: Option<Option<String>>,
    /// A new secret.
    pub webhook_secret: Option<SecretString>,
    /// For how many hours from now the previous secret is accepted; 0 ends it at once.
    pub previous_secret_hours: Option<i32>,
}

/// What an idempotency key stands for: the input, its secret as a digest.
#[derive(Serialize)]
struct Fingerprint<'a> {
    tenant: TenantId,
    provider: &'a str,
    name: &'a str,
    account: &'a Option<String>,
    webhook_secret: Vec<u8>,
    scopes: &'a [String],
    api_version: &'a Option<String>,
}

/// Connections.
#[derive(Clone)]
pub struct Connections {
    pub(super) keys: TenantKeys,
}

impl Connections {
    /// Connections whose secrets are sealed with these keys.
    pub fn new(keys: TenantKeys) -> Self {
        Self { keys }
    }

    /// Registers a connection. Repeated under the same idempotency key, it answers with the same connection, as it is by then.
    pub async fn create(&self, ctx: &OpCtx, input: NewConnection, idempotency_key: Option<&str>) -> Result<ConnectionRow, ConnectionError> {
        let permit = ctx.authorize::<ManageConnections>()?;
        let tenant = target(&permit, input.tenant).map_err(|_| ConnectionError::NotFound("tenant"))?.ok_or(ConnectionError::TenantRequired)?;
        let provider = integrations::registry::webhooks(input.provider.trim()).ok_or_else(|| invalid("provider", Problem::Unknown(providers())))?.key();
        let name = text("name", &input.name, NAME)?;
        let account = optional_text("account", input.account.as_deref(), SHORT)?;
        let secret = secret(&input.webhook_secret)?;
        let scopes = checked_scopes(input.scopes)?;
        let api_version = checked_version(input.api_version.as_deref())?;

        let tx = ctx.writer().await?;
        let webhook_secret = hash_secret(secret.expose_secret());
        let fingerprint = Fingerprint { tenant, provider, name: &name, account: &account, webhook_secret, scopes: &scopes, api_version: &api_version };
        let claim = match attempt(ctx, &tx, "connectionCreate", idempotency_key, &fingerprint).await? {
            Attempt::Repeat(subject) => {
                let id = subject.parse().map_err(|_| DbErr::Custom("an idempotency key without its connection".into()))?;
                return written(&tx, &permit, id).await;
            }
            Attempt::New(claim) => claim,
        };
        if !store::tenant_is_there(&tx, &permit, tenant).await? {
            return Err(ConnectionError::NotFound("tenant"));
        }
        let (id, now) = (ctx.new_id::<ConnectionId>(), ctx.now());
        let row = ActiveModel {
            id: Set(id),
            tenant_id: Set(tenant),
            provider: Set(provider.to_owned()),
            name: Set(name),
            account: Set(account),
            scopes: Set(serde_json::json!(scopes)),
            api_version: Set(api_version),
            status: Set(ConnectionStatus::Active),
            webhook_secret_sealed: Set(Some(self.keys.seal(&tx, &permit, place(tenant, id, SECRET), &secret, now).await?)),
            previous_webhook_secret_sealed: Set(None),
            previous_webhook_secret_until: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        };
        store::insert(&tx, &permit, row).await?;
        if let Some(claim) = claim {
            claim.done(&tx, id).await?;
        }
        let row = written(&tx, &permit, id).await?;
        let change = Change::new("connectionCreate", tenant).subject(id).after(&row).announce(EventType::ConnectionCreated, "connectionId");
        ctx.commit(tx, change).await?;
        Ok(row)
    }

    /// Changes a connection. With a new secret the old one stays good for a while, so that no delivery is refused meanwhile.
    pub async fn update(&self, ctx: &OpCtx, id: ConnectionId, changes: ConnectionChanges) -> Result<ConnectionRow, ConnectionError> {
        let permit = ctx.authorize::<ManageConnections>()?;
        let tx = ctx.writer().await?;
        let before = store::lock(&tx, &permit, id).await?.ok_or(ConnectionError::NotFound("connection"))?;
        let mut values: Vec<(Column, Value)> = vec![(Column::UpdatedAt, ctx.now().into())];
        if let Some(name) = &changes.name {
            values.push((Column::Name, text("name", name, NAME)?.into()));
        }
        if let Some(account) = &changes.account {
            values.push((Column::Account, optional_text("account", account.as_deref(), SHORT)?.into()));
        }
        if let Some(scopes) = changes.scopes.clone() {
            values.push((Column::Scopes, serde_json::json!(checked_scopes(scopes)?).into()));
        }
        if let Some(version) = &changes.api_version {
            values.push((Column::ApiVersion, checked_version(version.as_deref())?.into()));
        }
        if let Some(status) = changes.status {
            values.push((Column::Status, status.as_str().into()));
        }
        self.rotate(ctx, &tx, &permit, &before, &changes, &mut values).await?;
        store::update(&tx, &permit, &before, values).await?;
        let row = written(&tx, &permit, id).await?;
        let mut change = Change::new("connectionUpdate", before.tenant_id).subject(id).before(&before).after(&row);
        if changes.webhook_secret.is_some() {
            // That there is a new secret is to be known; which, is not.
            change = change.before(&Rotated { row: &before, webhook_secret: "before" }).after(&Rotated { row: &row, webhook_secret: "replaced" });
        }
        ctx.commit(tx, change.announce(EventType::ConnectionUpdated, "connectionId")).await?;
        Ok(row)
    }

    async fn rotate(
        &self,
        ctx: &OpCtx,
        tx: &Tx,
        permit: &Permit<ManageConnections>,
        row: &ConnectionRow,
        changes: &ConnectionChanges,
        values: &mut Vec<(Column, Value)>,
    ) -> Result<(), ConnectionError> {
        if changes.webhook_secret.is_none() && changes.previous_secret_hours.is_none() {
            return Ok(());
        }
        let hours = changes.previous_secret_hours.unwrap_or(PREVIOUS_HOURS);
        if !(0..=MAX_PREVIOUS_HOURS).contains(&hours) {
            return Err(invalid("previousSecretHours", Problem::Unknown(format!("must be 0 to {MAX_PREVIOUS_HOURS} hours"))).into());
        }
        let now = ctx.now();
        let until = (hours > 0).then(|| now + TimeDelta::hours(hours.into()));
        let (current, previous) = store::sealed(tx, permit, row).await?;
        // A rotation that is over does not begin again.
        let previous = previous.filter(|_| row.previous_webhook_secret_until.is_some_and(|until| until > now));
        let place = |column| place(row.tenant_id, row.id, column);
        let previous = match &changes.webhook_secret {
            Some(new) => {
                values.push((Column::WebhookSecretSealed, self.keys.seal(tx, permit, place(SECRET), &secret(new)?, now).await?.into()));
                match (until, current) {
                    (Some(_), Some(current)) => {
                        // Sealed for its column, it has to be sealed again for the other.
                        let old = self.keys.open(tx, permit, place(SECRET), &current).await?;
                        Some(self.keys.seal(tx, permit, place(PREVIOUS), &old, now).await?)
                    }
                    (Some(_) | None, _) => None,
                }
            }
            None if previous.is_none() => return Err(invalid("previousSecretHours", Problem::NotAllowed).into()),
            None => previous.filter(|_| until.is_some()),
        };
        values.push((Column::PreviousWebhookSecretUntil, until.filter(|_| previous.is_some()).into()));
        values.push((Column::PreviousWebhookSecretSealed, previous.into()));
        Ok(())
    }
}

/// A connection whose secret was replaced, as the audit log tells it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated<'a> {
    #[serde(flatten)]
    row: &'a ConnectionRow,
    webhook_secret: &'static str,
}

fn place(tenant: TenantId, id: ConnectionId, column: &'static str) -> Where<'static> {
    Where { tenant: tenant.uuid(), table: TABLE, row: id.uuid(), column }
}

/// A secret as it was pasted, without the space around it.
fn secret(given: &SecretString) -> Result<SecretString, ConnectionError> {
    Ok(text("webhookSecret", given.expose_secret(), SECRET_LENGTH)?.into())
}

/// Scopes in the provider's words, each once.
fn checked_scopes(scopes: Vec<String>) -> Result<Vec<String>, ConnectionError> {
    let word = |scope: &String| (1..=100).contains(&scope.len()) && scope.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:/".contains(&b));
    let mut kept: Vec<String> = Vec::with_capacity(scopes.len());
    for scope in scopes.iter().map(|scope| scope.trim().to_owned()) {
        if !kept.contains(&scope) {
            kept.push(scope);
        }
    }
    match kept.len() <= SCOPES && kept.iter().all(word) {
        true => Ok(kept),
        false => Err(invalid("scopes", Problem::Unknown(format!("must be at most {SCOPES} words such as read_orders"))).into()),
    }
}

/// A version of an API, as it stands in addresses.
fn checked_version(version: Option<&str>) -> Result<Option<String>, ConnectionError> {
    let version = optional_text("apiVersion", version, 20)?;
    match version.as_ref().is_none_or(|version| version.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')) {
        true => Ok(version),
        false => Err(invalid("apiVersion", Problem::Unknown("must be a version such as 2026-10".to_owned())).into()),
    }
}

fn providers() -> String {
    format!("must be one of {}", integrations::registry::webhook_keys().collect::<Vec<_>>().join(", "))
}

/// The connection as it was just written.
async fn written(tx: &Tx, permit: &Permit<ManageConnections>, id: ConnectionId) -> Result<ConnectionRow, ConnectionError> {
    store::find(tx, permit, id).await?.ok_or(ConnectionError::NotFound("connection"))
}
