//! The rules about tenants.

use chrono::{DateTime, Utc};
use entities::tables::tenants::{ActiveModel, Column};
use entities::{EventType, TenantId, TenantStatus};
use platform::callers::Action;
use platform::callers::actions::{ManageTenants, ReadTenants, UpdateTenant};
use platform::db::{Page, PageRequest};
use platform::idempotency::{Attempt, attempt};
use platform::text::{fold, search_text};
use platform::{Change, OpCtx, Permit, Tx};
use sea_orm::ActiveValue::Set;
use sea_orm::Value;
use serde::Serialize;

use super::error::TenantError;
use super::keys::TenantKeys;
use super::rows::{TenantFilter, TenantRow, TenantSort, TenantSummary};
use super::state::Transition;
use super::store;
use crate::validation::{LONG, Problem, SHORT, email, invalid, locale, optional_text, text, time_zone};

const DEFAULT_TIME_ZONE: &str = "Asia/Tokyo";
const DEFAULT_LOCALE: &str = "ja";
const REASON: usize = 500;

/// Tenants.
#[derive(Clone)]
pub struct Tenants {
    keys: TenantKeys,
}

/// A tenant to be made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewTenant {
    /// The company's name.
    pub company_name: String,
    /// Whom to write to.
    pub contact_email: String,
    /// Whom to call.
    pub contact_phone: Option<String>,
    /// Where bills go.
    pub billing_address: Option<String>,
    /// Whom to send bills to.
    pub billing_email: Option<String>,
    /// The IANA time zone; Asia/Tokyo when left out.
    pub time_zone: Option<String>,
    /// The language, `ja` or `en`; `ja` when left out.
    pub locale: Option<String>,
}

/// What to change of a tenant. The outer option is whether to change it, the inner one whether it is there afterwards.
#[derive(Clone, Debug, Default)]
pub struct TenantChanges {
    /// The company's name.
    pub company_name: Option<String>,
    /// Whom to write to.
    pub contact_email: Option<String>,
    /// Whom to call.
    pub contact_phone: Option<Option<String>>,
    /// Where bills go.
    pub billing_address: Option<Option<String>>,
    /// Whom to send bills to.
    pub billing_email: Option<Option<String>>,
    /// The IANA time zone.
    pub time_zone: Option<String>,
    /// The language, `ja` or `en`.
    pub locale: Option<String>,
}

/// Reading tenants.
#[derive(Clone, Copy, Debug, Default)]
pub struct TenantReading;

impl TenantReading {
    /// One tenant. A platform administrator finds deleted ones too.
    pub async fn find(self, ctx: &OpCtx, id: TenantId) -> Result<Option<TenantRow>, TenantError> {
        Ok(self.load_many(ctx, &[id]).await?.pop())
    }

    /// Those of the tenants that the caller may see, in no order.
    pub async fn load_many(self, ctx: &OpCtx, ids: &[TenantId]) -> Result<Vec<TenantRow>, TenantError> {
        let permit = ctx.authorize::<ReadTenants>()?;
        Ok(store::load_many(&*ctx.reader().await?, &permit, ids).await?)
    }

    /// A page of the tenants that the caller may see.
    pub async fn page(self, ctx: &OpCtx, filter: &TenantFilter, sort: TenantSort, request: &PageRequest) -> Result<Page<TenantRow>, TenantError> {
        let permit = ctx.authorize::<ReadTenants>()?;
        Ok(store::page(&*ctx.reader().await?, &permit, filter, sort, request).await?)
    }

    /// How many tenants a list has.
    pub async fn count(self, ctx: &OpCtx, filter: &TenantFilter) -> Result<u64, TenantError> {
        let permit = ctx.authorize::<ReadTenants>()?;
        Ok(store::count(&*ctx.reader().await?, &permit, filter).await?)
    }

    /// Stores and last activity of tenants that the caller may see, in no order.
    pub async fn summaries(self, ctx: &OpCtx, ids: &[TenantId]) -> Result<Vec<TenantSummary>, TenantError> {
        let permit = ctx.authorize::<ReadTenants>()?;
        Ok(store::summaries(&*ctx.reader().await?, &permit, ids).await?)
    }
}

impl Tenants {
    /// Tenants whose data keys are made with these.
    pub fn new(keys: TenantKeys) -> Self {
        Self { keys }
    }

    /// Makes a tenant with a data key of its own. Repeated under the same idempotency key, it answers with the same tenant.
    pub async fn create(&self, ctx: &OpCtx, input: NewTenant, idempotency_key: Option<&str>) -> Result<TenantRow, TenantError> {
        let permit = ctx.authorize::<ManageTenants>()?;
        permit.above_tenants()?;
        let company_name = text("companyName", &input.company_name, SHORT)?;
        let contact_email = email("contactEmail", &input.contact_email)?;
        let (id, now) = (ctx.new_id::<TenantId>(), ctx.now());
        let row = ActiveModel {
            id: Set(id),
            company_name_key: Set(fold(&company_name)),
            search_text: Set(search_text(&[Some(&company_name), Some(&contact_email)])),
            company_name: Set(company_name),
            contact_email: Set(contact_email),
            contact_phone: Set(optional_text("contactPhone", input.contact_phone.as_deref(), SHORT)?),
            billing_address: Set(optional_text("billingAddress", input.billing_address.as_deref(), LONG)?),
            billing_email: Set(input.billing_email.as_deref().map(|value| email("billingEmail", value)).transpose()?),
            status: Set(TenantStatus::Active),
            suspension_reason: Set(None),
            suspended_at: Set(None),
            deleted_at: Set(None),
            time_zone: Set(time_zone("timeZone", input.time_zone.as_deref().unwrap_or(DEFAULT_TIME_ZONE))?),
            locale: Set(locale("locale", input.locale.as_deref().unwrap_or(DEFAULT_LOCALE))?),
            last_activity_at: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let tx = ctx.writer().await?;
        let id = match attempt(ctx, &tx, "tenantCreate", idempotency_key, &input).await? {
            Attempt::Repeat(subject) => {
                let id = subject.parse().map_err(|_| TenantError::NotFound)?;
                return store::lock(&tx, &permit, id).await?.ok_or(TenantError::NotFound);
            }
            Attempt::New(claim) => {
                store::insert(&tx, &permit, row).await?;
                self.keys.current(&tx, &permit, id, now).await?;
                if let Some(claim) = claim {
                    claim.done(&tx, id).await?;
                }
                id
            }
        };
        let row = store::lock(&tx, &permit, id).await?.ok_or(TenantError::NotFound)?;
        let change = Change::new("tenantCreate", id).subject(id).after(&row).announce(EventType::TenantCreated, "tenantId");
        ctx.commit(tx, change).await?;
        Ok(row)
    }

    /// Changes a tenant's contacts and settings.
    pub async fn update(&self, ctx: &OpCtx, id: TenantId, changes: TenantChanges) -> Result<TenantRow, TenantError> {
        let permit = ctx.authorize::<UpdateTenant>()?;
        let (tx, before) = locked(ctx, &permit, id).await?;
        if before.status == TenantStatus::Deleted {
            return Err(TenantError::Deleted);
        }
        let values = checked(changes, &before)?;
        written(ctx, tx, &permit, before, values, ("tenantUpdate", EventType::TenantUpdated)).await
    }

    /// Stops a tenant's callers from writing, its syncs and its spending.
    pub async fn suspend(&self, ctx: &OpCtx, id: TenantId, reason: &str) -> Result<TenantRow, TenantError> {
        let permit = ctx.authorize::<ManageTenants>()?;
        let reason = text("reason", reason, REASON)?;
        let (tx, before) = locked(ctx, &permit, id).await?;
        let status = Transition::Suspend.from(before.status)?;
        let values = vec![(Column::Status, status.as_str().into()), (Column::SuspensionReason, reason.into()), (Column::SuspendedAt, ctx.now().into())];
        written(ctx, tx, &permit, before, values, ("tenantSuspend", EventType::TenantSuspended)).await
    }

    /// Lets a suspended tenant work again.
    pub async fn reactivate(&self, ctx: &OpCtx, id: TenantId) -> Result<TenantRow, TenantError> {
        let permit = ctx.authorize::<ManageTenants>()?;
        let (tx, before) = locked(ctx, &permit, id).await?;
        let status = Transition::Reactivate.from(before.status)?;
        let values = vec![
            (Column::Status, status.as_str().into()),
            (Column::SuspensionReason, None::<String>.into()),
            (Column::SuspendedAt, None::<DateTime<Utc>>.into()),
        ];
        written(ctx, tx, &permit, before, values, ("tenantReactivate", EventType::TenantReactivated)).await
    }

    /// Deletes a tenant softly: its callers get in no more, its data stays. The company's name must be repeated.
    pub async fn delete(&self, ctx: &OpCtx, id: TenantId, company_name: &str) -> Result<TenantRow, TenantError> {
        let permit = ctx.authorize::<ManageTenants>()?;
        let (tx, before) = locked(ctx, &permit, id).await?;
        let status = Transition::Delete.from(before.status)?;
        if before.company_name != company_name.trim() {
            return Err(invalid("companyName", Problem::Mismatch).into());
        }
        let values = vec![(Column::Status, status.as_str().into()), (Column::DeletedAt, ctx.now().into())];
        written(ctx, tx, &permit, before, values, ("tenantDelete", EventType::TenantDeleted)).await
    }
}

async fn locked<A: Action>(ctx: &OpCtx, permit: &Permit<A>, id: TenantId) -> Result<(Tx, TenantRow), TenantError> {
    let tx = ctx.writer().await?;
    let row = store::lock(&tx, permit, id).await?.ok_or(TenantError::NotFound)?;
    Ok((tx, row))
}

async fn written<A: Action>(
    ctx: &OpCtx,
    tx: Tx,
    permit: &Permit<A>,
    before: TenantRow,
    mut values: Vec<(Column, Value)>,
    (action, announced): (&'static str, EventType),
) -> Result<TenantRow, TenantError> {
    let id = before.id;
    values.push((Column::UpdatedAt, ctx.now().into()));
    store::update(&tx, permit, id, values).await?;
    let row = store::lock(&tx, permit, id).await?.ok_or(TenantError::NotFound)?;
    ctx.commit(tx, Change::new(action, id).subject(id).before(&before).after(&row).announce(announced, "tenantId")).await?;
    Ok(row)
}

fn checked(changes: TenantChanges, before: &TenantRow) -> Result<Vec<(Column, Value)>, TenantError> {
    let mut values = Vec::<(Column, Value)>::new();
    let (mut name, mut contact) = (before.company_name.clone(), before.contact_email.clone());
    if let Some(value) = changes.company_name {
        name = text("companyName", &value, SHORT)?;
        values.extend([(Column::CompanyName, name.as_str().into()), (Column::CompanyNameKey, fold(&name).into())]);
    }
    if let Some(value) = changes.contact_email {
        contact = email("contactEmail", &value)?;
        values.push((Column::ContactEmail, contact.as_str().into()));
    }
    values.push((Column::SearchText, search_text(&[Some(&name), Some(&contact)]).into()));
    if let Some(value) = changes.contact_phone {
        values.push((Column::ContactPhone, optional_text("contactPhone", value.as_deref(), SHORT)?.into()));
    }
    if let Some(value) = changes.billing_address {
        values.push((Column::BillingAddress, optional_text("billingAddress", value.as_deref(), LONG)?.into()));
    }
    if let Some(value) = changes.billing_email {
        values.push((Column::BillingEmail, value.map(|value| email("billingEmail", &value)).transpose()?.into()));
    }
    if let Some(value) = changes.time_zone {
        values.push((Column::TimeZone, time_zone("timeZone", &value)?.into()));
    }
    if let Some(value) = changes.locale {
        values.push((Column::Locale, locale("locale", &value)?.into()));
    }
    Ok(values)
}
