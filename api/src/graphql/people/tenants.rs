//! Tenants.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};
use chrono::{DateTime, Utc};
use entities::TenantId;
use people::tenants::{NewTenant, TenantChanges, TenantError, TenantReading, TenantRow, TenantSort, TenantSummary};
use platform::OpCtx;
use platform::db::{Parent, SortKind};

use crate::graphql::commerce::Store;
use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::enums::TenantStatus;
use crate::graphql::input::{id, order_input, words};
use crate::graphql::objects::{IntoOrder, Slot, object, pages};
use crate::graphql::ops::Alert;
use crate::graphql::payload::{Expected, payload};
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// A tenant with what lists tell of it.
pub struct TenantView {
    row: TenantRow,
    summary: Slot<TenantSummary>,
}

object! {
    /// An organisation that uses Noren.
    Tenant(TenantView) {
        /// Opaque id, `tenant_…`.
        id: ID = |view| view.row.id.to_string().into();
        /// The company's name.
        company_name: String = |view| view.row.company_name.clone();
        /// Whom to write to.
        contact_email: String = |view| view.row.contact_email.clone();
        /// Whom to call.
        contact_phone: Option<String> = |view| view.row.contact_phone.clone();
        /// Where bills go.
        billing_address: Option<String> = |view| view.row.billing_address.clone();
        /// Whom to send bills to, when it is not the contact.
        billing_email: Option<String> = |view| view.row.billing_email.clone();
        /// Its state.
        status: TenantStatus = |view| view.row.status.into();
        /// Why it is suspended.
        suspension_reason: Option<String> = |view| view.row.suspension_reason.clone();
        /// When it was suspended (UTC).
        suspended_at: Option<DateTime<Utc>> = |view| view.row.suspended_at;
        /// When it was deleted (UTC).
        deleted_at: Option<DateTime<Utc>> = |view| view.row.deleted_at;
        /// The time zone of its billing months (IANA).
        time_zone: String = |view| view.row.time_zone.clone();
        /// Its language, `ja` or `en`.
        locale: String = |view| view.row.locale.clone();
        /// Its stores.
        total_stores: Result<u64> = |view| view.summary.get().map(|summary| summary.total_stores);
        /// Its stores that are connected.
        active_stores: Result<u64> = |view| view.summary.get().map(|summary| summary.active_stores);
        /// When one of its callers last did anything, to the minute (UTC).
        last_activity_at: Option<DateTime<Utc>> = |view| view.row.last_activity_at;
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |view| view.row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |view| view.row.updated_at;
    }
    lists {
        /// Its stores.
        stores: Store;
        /// What goes wrong in it.
        alerts: Alert;
    }
}

impl Tenant {
    /// The name of the type in the schema.
    pub const NAME: &'static str = "Tenant";

    /// Tenants with what is selected of them.
    pub async fn plan(ctx: &OpCtx, rows: Vec<TenantRow>, selected: Option<&Selected<'_>>) -> Result<Vec<Self>> {
        let mut tenants: Vec<Self> = rows.into_iter().map(|row| Self::unrelated(TenantView { row, summary: Slot::Unasked })).collect();
        let Some(selected) = selected else { return Ok(tenants) };
        if selected.has(Self::NAME, "totalStores") || selected.has(Self::NAME, "activeStores") {
            let ids: Vec<TenantId> = tenants.iter().map(|tenant| tenant.row.row.id).collect();
            let summaries = TenantReading.summaries(ctx, &ids).await.map_err(top_level)?;
            for tenant in &mut tenants {
                let id = tenant.row.row.id;
                let none = TenantSummary { tenant: id, total_stores: 0, active_stores: 0, last_activity_at: None };
                tenant.row.summary = Slot::Loaded(summaries.iter().find(|summary| summary.tenant == id).cloned().unwrap_or(none));
            }
        }
        let parents: Vec<Parent> = tenants.iter().map(|tenant| Parent { tenant: tenant.row.row.id, id: tenant.row.row.id.uuid() }).collect();
        for (arguments, field) in selected.each(Self::NAME, "stores") {
            let mut stores = pages::<Store>(ctx, &parents, "tenant_id", &field).await?;
            for tenant in &mut tenants {
                tenant.stores.push(arguments.clone(), stores.remove(&tenant.row.row.id.uuid()).unwrap_or_default());
            }
        }
        for (arguments, field) in selected.each(Self::NAME, "alerts") {
            let mut alerts = pages::<Alert>(ctx, &parents, "tenant_id", &field).await?;
            for tenant in &mut tenants {
                tenant.alerts.push(arguments.clone(), alerts.remove(&tenant.row.row.id.uuid()).unwrap_or_default());
            }
        }
        Ok(tenants)
    }

    /// The tenants that rows refer to, each loaded once.
    pub async fn referred(ctx: &OpCtx, ids: impl IntoIterator<Item = TenantId>, selected: &Selected<'_>) -> Result<Slot<HashMap<TenantId, Arc<Self>>>> {
        let mut ids: Vec<TenantId> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let rows = match TenantReading.load_many(ctx, &ids).await {
            Ok(rows) => rows,
            Err(TenantError::Denied(denied)) => return Ok(Slot::Denied(denied)),
            Err(error) => return Err(top_level(error)),
        };
        let tenants = Self::plan(ctx, rows, Some(selected)).await?;
        Ok(Slot::Loaded(tenants.into_iter().map(|tenant| (tenant.row.row.id, Arc::new(tenant))).collect()))
    }

    /// One tenant with what is selected of it below a payload's field.
    async fn in_payload(ctx: &Context<'_>, row: TenantRow, payload: &str) -> Result<Option<Self>> {
        let selected = Selected::of(ctx).one(payload, "tenant");
        Ok(Self::plan(op(ctx)?, vec![row], selected.as_ref()).await?.pop())
    }

    /// The tenant's id.
    pub fn key(&self) -> uuid::Uuid {
        self.row.row.id.uuid()
    }

    /// Those of the tenants that the caller may see.
    pub async fn find_many(ctx: &Context<'_>, ids: &[TenantId]) -> Result<Vec<Self>> {
        let op = op(ctx)?;
        let rows = TenantReading.load_many(op, ids).await.map_err(top_level)?;
        Self::plan(op, rows, Some(&Selected::of(ctx))).await
    }

    /// The tenant with this id, if the caller may see it.
    pub async fn find(ctx: &Context<'_>, id: TenantId) -> Result<Option<Self>> {
        Ok(Self::find_many(ctx, &[id]).await?.pop())
    }
}

/// A query has no payload: every refusal is an error of its own.
pub fn top_level(error: impl Expected) -> async_graphql::Error {
    match error.expected() {
        Ok(refused) => crate::graphql::errors::bad_input(refused.into_message()),
        Err(error) => error,
    }
}

fn kind_of(sort: TenantSort) -> SortKind {
    match sort {
        TenantSort::CreatedAt => SortKind::At,
        TenantSort::CompanyName => SortKind::Text,
    }
}

/// Which tenants: everything that is given must hold.
#[derive(InputObject)]
pub struct TenantFilter {
    /// In one of these states. Without it: all but the deleted ones.
    statuses: Option<Vec<TenantStatus>>,
    /// With all these words in the company's name or the contact's e-mail.
    text: Option<String>,
}

order_input! {
    /// The order of a list of tenants. Without it: the newest first.
    TenantOrder by
    /// What tenants are sorted by.
    TenantSortKey for TenantSort {
        /// When they came to be.
        CreatedAt,
        /// The company's name, in the order of code points; upper and lower case do not matter.
        CompanyName,
    }
    default CreatedAt Desc
}

/// A tenant to be made.
#[derive(InputObject)]
pub struct TenantCreateInput {
    /// The company's name, at most 255 characters.
    company_name: String,
    /// Whom to write to.
    contact_email: String,
    /// Whom to call.
    contact_phone: Option<String>,
    /// Where bills go.
    billing_address: Option<String>,
    /// Whom to send bills to, when it is not the contact.
    billing_email: Option<String>,
    /// The time zone of its billing months (IANA); `Asia/Tokyo` when left out.
    time_zone: Option<String>,
    /// Its language, `ja` or `en`; `ja` when left out.
    locale: Option<String>,
}

/// What to change of a tenant. What is left out stays; null empties what may be empty.
#[derive(InputObject)]
pub struct TenantUpdateInput {
    /// The tenant.
    id: ID,
    /// The company's name, at most 255 characters.
    company_name: Option<String>,
    /// Whom to write to.
    contact_email: Option<String>,
    /// Whom to call.
    contact_phone: MaybeUndefined<String>,
    /// Where bills go.
    billing_address: MaybeUndefined<String>,
    /// Whom to send bills to, when it is not the contact.
    billing_email: MaybeUndefined<String>,
    /// The time zone of its billing months (IANA).
    time_zone: Option<String>,
    /// Its language, `ja` or `en`.
    locale: Option<String>,
}

/// Which tenant to suspend, and why.
#[derive(InputObject)]
pub struct TenantSuspendInput {
    /// The tenant.
    id: ID,
    /// Why, for the tenant's people to read.
    reason: String,
}

/// Which tenant to let back to work.
#[derive(InputObject)]
pub struct TenantReactivateInput {
    /// The tenant.
    id: ID,
}

/// Which tenant to delete.
#[derive(InputObject)]
pub struct TenantDeleteInput {
    /// The tenant.
    id: ID,
    /// The company's name, repeated, so that nobody deletes the wrong one.
    company_name: String,
}

payload! {
    /// What came of tenantCreate.
    TenantCreatePayload {
        /// The tenant.
        tenant: Tenant,
    }
    /// What came of tenantUpdate.
    TenantUpdatePayload {
        /// The tenant.
        tenant: Tenant,
    }
    /// What came of tenantSuspend.
    TenantSuspendPayload {
        /// The tenant.
        tenant: Tenant,
    }
    /// What came of tenantReactivate.
    TenantReactivatePayload {
        /// The tenant.
        tenant: Tenant,
    }
    /// What came of tenantDelete.
    TenantDeletePayload {
        /// The tenant, as a platform administrator still sees it.
        tenant: Tenant,
    }
}

/// Reading tenants.
#[derive(Default)]
pub struct TenantQuery;

#[Object]
impl TenantQuery {
    /// One tenant; null if it is missing or not the caller's. Needs `tenant:read`.
    async fn tenant(&self, ctx: &Context<'_>, #[graphql(desc = "The tenant's id.")] id: ID) -> Result<Option<Tenant>> {
        Tenant::find(ctx, self::id(&id)?).await
    }

    /// The tenants that the caller may see: all for a platform administrator, the caller's own otherwise. Needs `tenant:read`.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn tenants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<TenantFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<TenantOrder>,
    ) -> Result<Connection<Tenant>> {
        let (op, selected) = (op(ctx)?, Selected::of(ctx));
        let filter = match filter {
            Some(filter) => {
                people::tenants::TenantFilter { statuses: filter.statuses.map(|all| all.into_iter().map(Into::into).collect()), text: words(filter.text)? }
            }
            None => people::tenants::TenantFilter::default(),
        };
        let (sort, reverse) = TenantOrder::into_order(order_by);
        let request = PageArgs { first, after, last, before }.request(sort.as_str(), kind_of(sort), reverse)?;
        let page = TenantReading.page(op, &filter, sort, &request).await.map_err(top_level)?;
        let total_count = match selected.has("TenantConnection", "totalCount") {
            true => Some(TenantReading.count(op, &filter).await.map_err(top_level)?),
            false => None,
        };
        let cursors: Vec<_> = page.rows.iter().map(|row| row.cursor(sort)).collect();
        let tenants = Tenant::plan(op, page.rows, selected.rows("TenantConnection", "TenantEdge").as_ref()).await?;
        let rows = cursors.into_iter().zip(tenants).collect();
        Ok(Connection::new(platform::db::Page { rows, has_next: page.has_next, has_previous: page.has_previous }, total_count))
    }
}

/// Changing tenants.
#[derive(Default)]
pub struct TenantMutation;

#[Object]
impl TenantMutation {
    /// Makes a tenant. Platform administrators only.
    async fn tenant_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant.")] input: TenantCreateInput,
        #[graphql(desc = "A key of the caller's choice, 1 to 255 bytes, remembered for a day: a retry under the same key answers with the same tenant.")]
        idempotency_key: Option<String>,
    ) -> Result<TenantCreatePayload> {
        let new = NewTenant {
            company_name: input.company_name,
            contact_email: input.contact_email,
            contact_phone: input.contact_phone,
            billing_address: input.billing_address,
            billing_email: input.billing_email,
            time_zone: input.time_zone,
            locale: input.locale,
        };
        match services(ctx)?.tenants.create(op(ctx)?, new, idempotency_key.as_deref()).await {
            Ok(row) => Ok(TenantCreatePayload { tenant: Tenant::in_payload(ctx, row, "TenantCreatePayload").await?, user_errors: Vec::new() }),
            Err(error) => TenantCreatePayload::refused(error),
        }
    }

    /// Changes a tenant's contacts and settings. Needs `tenant:write`.
    async fn tenant_update(&self, ctx: &Context<'_>, #[graphql(desc = "What to change.")] input: TenantUpdateInput) -> Result<TenantUpdatePayload> {
        let changes = TenantChanges {
            company_name: input.company_name,
            contact_email: input.contact_email,
            contact_phone: changed(input.contact_phone),
            billing_address: changed(input.billing_address),
            billing_email: changed(input.billing_email),
            time_zone: input.time_zone,
            locale: input.locale,
        };
        match services(ctx)?.tenants.update(op(ctx)?, id(&input.id)?, changes).await {
            Ok(row) => Ok(TenantUpdatePayload { tenant: Tenant::in_payload(ctx, row, "TenantUpdatePayload").await?, user_errors: Vec::new() }),
            Err(error) => TenantUpdatePayload::refused(error),
        }
    }

    /// Stops a tenant from writing, syncing and spending; it still reads, and what must go on goes on. Platform administrators only.
    async fn tenant_suspend(&self, ctx: &Context<'_>, #[graphql(desc = "Which, and why.")] input: TenantSuspendInput) -> Result<TenantSuspendPayload> {
        match services(ctx)?.tenants.suspend(op(ctx)?, id(&input.id)?, &input.reason).await {
            Ok(row) => Ok(TenantSuspendPayload { tenant: Tenant::in_payload(ctx, row, "TenantSuspendPayload").await?, user_errors: Vec::new() }),
            Err(error) => TenantSuspendPayload::refused(error),
        }
    }

    /// Lets a suspended tenant back to work. Platform administrators only.
    async fn tenant_reactivate(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: TenantReactivateInput) -> Result<TenantReactivatePayload> {
        match services(ctx)?.tenants.reactivate(op(ctx)?, id(&input.id)?).await {
            Ok(row) => Ok(TenantReactivatePayload { tenant: Tenant::in_payload(ctx, row, "TenantReactivatePayload").await?, user_errors: Vec::new() }),
            Err(error) => TenantReactivatePayload::refused(error),
        }
    }

    /// Deletes a tenant softly: nobody of it gets in any more, its data stays. Platform administrators only.
    async fn tenant_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, with its name repeated.")] input: TenantDeleteInput,
    ) -> Result<TenantDeletePayload> {
        match services(ctx)?.tenants.delete(op(ctx)?, id(&input.id)?, &input.company_name).await {
            Ok(row) => Ok(TenantDeletePayload { tenant: Tenant::in_payload(ctx, row, "TenantDeletePayload").await?, user_errors: Vec::new() }),
            Err(error) => TenantDeletePayload::refused(error),
        }
    }
}

/// A value that is left alone, emptied, or set.
pub fn changed<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}
