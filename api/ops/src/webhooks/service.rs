//! The rules about endpoints: where they lead, what they are told of, and what their deliveries are signed with.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::webhook_endpoints::{ActiveModel, Column};
use entities::{ApiScope, EventType, TenantId, WebhookEndpointId, WebhookEndpointStatus};
use integrations::outgoing::{Outgoing, standard_webhooks};
use people::tenants::{NotMine, TenantKeys, lock_tenant, target};
use people::validation::{Problem, invalid, optional_text};
use platform::callers::actions::ManageWebhooks;
use platform::callers::{Action, Kind, Standing};
use platform::crypto::Where;
use platform::{Change, DbErr, OpCtx, Permit, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::Value;
use secrecy::SecretString;

use super::error::WebhookError;
use super::row::WebhookEndpointRow;
use super::store;

/// Endpoints of one tenant at most.
pub(super) const MAX_ENDPOINTS: i64 = 20;
/// The longest description, in characters.
const DESCRIPTION: usize = 500;
/// The longest time for which an old secret is still signed with, in hours.
const MAX_OVERLAP: i64 = 168;
/// Why what waits for a disabled endpoint is not sent.
pub(super) const DISABLED: &str = "the endpoint is disabled";

/// An endpoint to be made.
#[derive(Clone, Debug)]
pub struct NewWebhookEndpoint {
    /// The tenant: a platform administrator names it.
    pub tenant: Option<TenantId>,
    /// The address.
    pub url: String,
    /// The kinds of events that it is told of; all when empty.
    pub event_types: Vec<EventType>,
    /// What it is for.
    pub description: Option<String>,
}

/// What to change of an endpoint. The outer option is whether to change it, the inner one whether it is there afterwards.
#[derive(Clone, Debug, Default)]
pub struct WebhookEndpointChanges {
    /// The address.
    pub url: Option<String>,
    /// The kinds of events that it is told of; all when empty.
    pub event_types: Option<Vec<EventType>>,
    /// What it is for.
    pub description: Option<Option<String>>,
    /// Whether it is told.
    pub status: Option<WebhookEndpointStatus>,
}

/// An endpoint with a secret that has just been made.
#[derive(Debug)]
pub struct EndpointMade {
    /// The endpoint.
    pub endpoint: WebhookEndpointRow,
    /// What its deliveries are signed with, shown once.
    pub secret: SecretString,
}

/// Webhook endpoints and what is sent to them.
#[derive(Clone)]
pub struct Webhooks {
    keys: TenantKeys,
    outgoing: Outgoing,
}

fn place(tenant: TenantId, id: WebhookEndpointId, column: &'static str) -> Where<'static> {
    Where { tenant: tenant.uuid(), table: "webhook_endpoints", row: id.uuid(), column }
}

/// The stored form: names in the order of the catalogue, none twice.
fn names(mut kinds: Vec<EventType>) -> serde_json::Value {
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into_iter().map(EventType::as_str).collect()
}

/// The scopes that an integration is limited to.
fn scopes_of(ctx: &OpCtx) -> Option<Arc<[ApiScope]>> {
    match ctx.standing() {
        Standing::Tenant { kind: Kind::Integration, scopes, .. } => Some(scopes.clone().unwrap_or_default()),
        Standing::Tenant { .. } | Standing::Platform | Standing::SignedIn { .. } | Standing::Nobody => None,
    }
}

/// Refuses kinds that the maker of the endpoint may not read. Who names none hears what they may.
fn may_hear(kinds: &[EventType], may: impl Fn(EventType) -> bool) -> Result<(), WebhookError> {
    kinds.iter().copied().find(|kind| !may(*kind)).map_or(Ok(()), |kind| Err(WebhookError::ScopeMissing(kind)))
}

/// The secrets that an endpoint's deliveries are signed with at an instant, the newest first.
pub(super) async fn signing_secrets<A: Action>(
    keys: &TenantKeys,
    tx: &Tx,
    permit: &Permit<A>,
    endpoint: &WebhookEndpointRow,
    now: DateTime<Utc>,
) -> Result<Vec<SecretString>, WebhookError> {
    let sealed = store::secrets(tx, endpoint).await?.ok_or(WebhookError::NotFound("endpoint"))?;
    let mut secrets = vec![keys.open(tx, permit, place(endpoint.tenant_id, endpoint.id, "secret_sealed"), &sealed.current).await?];
    if let (Some(previous), Some(until)) = (sealed.previous, sealed.previous_until)
        && now < until
    {
        secrets.push(keys.open(tx, permit, place(endpoint.tenant_id, endpoint.id, "previous_secret_sealed"), &previous).await?);
    }
    Ok(secrets)
}

/// Gives up what waits for an endpoint that is disabled, in a transaction of its own: there may be much of it, and the relay must not
/// wait for the endpoint meanwhile. What this leaves is given up when its turn comes.
pub(super) async fn give_up_waiting(ctx: &OpCtx, endpoint: &WebhookEndpointRow) -> Result<(), DbErr> {
    let tx = ctx.writer().await?;
    store::give_up_waiting(&tx, endpoint, DISABLED, ctx.now()).await?;
    ctx.commit_unrecorded(tx).await
}

impl Webhooks {
    /// Webhooks whose secrets are sealed with these keys and which are sent this way.
    pub fn new(keys: TenantKeys, outgoing: Outgoing) -> Self {
        Self { keys, outgoing }
    }

    /// Makes an endpoint. Its secret is shown once.
    pub async fn create(&self, ctx: &OpCtx, input: NewWebhookEndpoint) -> Result<EndpointMade, WebhookError> {
        let permit = ctx.authorize::<ManageWebhooks>()?;
        let tenant = target(&permit, input.tenant).map_err(|NotMine| WebhookError::NotFound("tenant"))?.ok_or(WebhookError::TenantRequired)?;
        let url = self.outgoing.check_url(&input.url)?;
        let description = optional_text("description", input.description.as_deref(), DESCRIPTION)?;
        let scopes = scopes_of(ctx);
        may_hear(&input.event_types, |kind| scopes.as_deref().is_none_or(|held| kind.scope().is_some_and(|needed| held.contains(&needed))))?;
        let tx = ctx.writer().await?;
        if !lock_tenant(&tx, &permit, tenant).await? {
            return Err(WebhookError::NotFound("tenant"));
        }
        if store::count_endpoints(&tx, &permit, tenant).await? >= MAX_ENDPOINTS {
            return Err(WebhookError::TooMany);
        }
        let (id, now, secret) = (ctx.new_id::<WebhookEndpointId>(), ctx.now(), standard_webhooks::secret(&rand::random()));
        let row = ActiveModel {
            id: Set(id),
            tenant_id: Set(tenant),
            url: Set(url.into()),
            description: Set(description),
            event_types: Set(names(input.event_types)),
            status: Set(WebhookEndpointStatus::Enabled),
            disabled_reason: Set(None),
            secret_sealed: Set(self.keys.seal(&tx, &permit, place(tenant, id, "secret_sealed"), &secret, now).await?),
            previous_secret_sealed: Set(None),
            previous_secret_until: Set(None),
            failing_since_at: Set(None),
            last_success_at: Set(None),
            created_by: Set(Some(ctx.caller().key())),
            scopes: Set(scopes.map(|held| held.iter().map(|scope| scope.as_str()).collect())),
            created_at: Set(now),
            updated_at: Set(now),
        };
        store::insert_endpoint(&tx, &permit, row).await?;
        let endpoint = store::endpoint(&tx, &permit, id).await?.ok_or(WebhookError::NotFound("endpoint"))?;
        ctx.commit(tx, Change::new("webhookEndpointCreate", tenant).subject(id).after(&endpoint)).await?;
        Ok(EndpointMade { endpoint, secret })
    }

    /// Changes an endpoint. What waits for one that is disabled is given up, and can be sent again.
    pub async fn update(&self, ctx: &OpCtx, id: WebhookEndpointId, changes: WebhookEndpointChanges) -> Result<WebhookEndpointRow, WebhookError> {
        let permit = ctx.authorize::<ManageWebhooks>()?;
        let now = ctx.now();
        let tx = ctx.writer().await?;
        let before = store::endpoint_locked(&tx, &permit, id).await?.ok_or(WebhookError::NotFound("endpoint"))?;
        let mut values: Vec<(Column, Value)> = vec![(Column::UpdatedAt, now.into())];
        // Another address, or another chance, begins with a clean slate.
        let mut afresh = false;
        if let Some(url) = changes.url {
            let url = String::from(self.outgoing.check_url(&url)?);
            afresh |= url != before.url;
            values.push((Column::Url, url.into()));
        }
        if let Some(kinds) = changes.event_types {
            may_hear(&kinds, |kind| before.may_hear(kind))?;
            values.push((Column::EventTypes, names(kinds).into()));
        }
        if let Some(description) = changes.description {
            values.push((Column::Description, optional_text("description", description.as_deref(), DESCRIPTION)?.into()));
        }
        match (before.status, changes.status) {
            (WebhookEndpointStatus::Enabled, Some(WebhookEndpointStatus::Disabled)) => {
                store::update_endpoint(&tx, &before, store::disabled(None, now)).await?;
            }
            (_, Some(WebhookEndpointStatus::Enabled)) => {
                afresh = true;
                values.push((Column::Status, WebhookEndpointStatus::Enabled.as_str().into()));
                values.push((Column::DisabledReason, Option::<String>::None.into()));
            }
            (WebhookEndpointStatus::Disabled, Some(WebhookEndpointStatus::Disabled)) | (_, None) => {}
        }
        if afresh {
            values.push((Column::FailingSinceAt, Option::<DateTime<Utc>>::None.into()));
        }
        store::update_endpoint(&tx, &before, values).await?;
        let after = store::endpoint(&tx, &permit, id).await?.ok_or(WebhookError::NotFound("endpoint"))?;
        let mut change = Change::new("webhookEndpointUpdate", before.tenant_id).subject(id).before(&before).after(&after);
        if (before.status, after.status) == (WebhookEndpointStatus::Disabled, WebhookEndpointStatus::Enabled) {
            change = change.announce(EventType::WebhookEndpointEnabled, "webhookEndpointId");
        }
        ctx.commit(tx, change).await?;
        if after.status == WebhookEndpointStatus::Disabled {
            give_up_waiting(ctx, &after).await?;
        }
        Ok(after)
    }

    /// Deletes an endpoint with what was sent to it: a part at a time, so that nobody waits for the endpoint meanwhile.
    pub async fn delete(&self, ctx: &OpCtx, id: WebhookEndpointId) -> Result<WebhookEndpointId, WebhookError> {
        let permit = ctx.authorize::<ManageWebhooks>()?;
        loop {
            let tx = ctx.writer().await?;
            let endpoint = store::endpoint_locked(&tx, &permit, id).await?.ok_or(WebhookError::NotFound("endpoint"))?;
            if store::delete_deliveries(&tx, &endpoint).await? {
                ctx.commit_unrecorded(tx).await?;
                continue;
            }
            store::delete_endpoint(&tx, &endpoint).await?;
            let change = Change::new("webhookEndpointDelete", endpoint.tenant_id).subject(id).before(&endpoint);
            ctx.commit(tx, change.announce(EventType::WebhookEndpointDeleted, "webhookEndpointId")).await?;
            return Ok(id);
        }
    }

    /// Gives an endpoint a new secret, shown once. For so many hours its deliveries are signed with the old one as well.
    pub async fn rotate_secret(&self, ctx: &OpCtx, id: WebhookEndpointId, previous_valid_hours: i64) -> Result<EndpointMade, WebhookError> {
        let permit = ctx.authorize::<ManageWebhooks>()?;
        if !(0..=MAX_OVERLAP).contains(&previous_valid_hours) {
            return Err(invalid("previousValidHours", Problem::Unknown(format!("must be from 0 to {MAX_OVERLAP}"))).into());
        }
        let (now, secret) = (ctx.now(), standard_webhooks::secret(&rand::random()));
        let tx = ctx.writer().await?;
        let before = store::endpoint_locked(&tx, &permit, id).await?.ok_or(WebhookError::NotFound("endpoint"))?;
        let tenant = before.tenant_id;
        let (mut previous, mut until) = (None, None);
        if previous_valid_hours > 0 {
            // A sealed value opens in its own column alone.
            let sealed = store::secrets(&tx, &before).await?.ok_or(WebhookError::NotFound("endpoint"))?;
            let old = self.keys.open(&tx, &permit, place(tenant, id, "secret_sealed"), &sealed.current).await?;
            previous = Some(self.keys.seal(&tx, &permit, place(tenant, id, "previous_secret_sealed"), &old, now).await?);
            until = Some(now + TimeDelta::hours(previous_valid_hours));
        }
        let values = vec![
            (Column::SecretSealed, self.keys.seal(&tx, &permit, place(tenant, id, "secret_sealed"), &secret, now).await?.into()),
            (Column::PreviousSecretSealed, previous.into()),
            (Column::PreviousSecretUntil, until.into()),
            (Column::UpdatedAt, now.into()),
        ];
        store::update_endpoint(&tx, &before, values).await?;
        let endpoint = store::endpoint(&tx, &permit, id).await?.ok_or(WebhookError::NotFound("endpoint"))?;
        ctx.commit(tx, Change::new("webhookEndpointSecretRotate", tenant).subject(id).before(&before).after(&endpoint)).await?;
        Ok(EndpointMade { endpoint, secret })
    }
}
