//! Alerts, and what silences them.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entities::{AlertId, AlertSilenceId};
use futures::FutureExt;
use futures::future::BoxFuture;
use ops::alerts::{AlertRow, AlertSilenceRow, AlertSilenceSort, AlertSort};
use platform::OpCtx;
use platform::db::Parent;
use platform::reading::{ReadError, Reading};
use serde_json::Value;
use uuid::Uuid;

use crate::graphql::commerce::Store;
use crate::graphql::connection::{Connection, PageArgs, page_cost, rows_cost};
use crate::graphql::enums::{AlertSeverity, AlertStatus};
use crate::graphql::errors::{IntoGraphql, bad_input};
use crate::graphql::input::{self, DateTimeRange, ids, order_input, texts};
use crate::graphql::node::find;
use crate::graphql::objects::{IntoFilter, Planned, Slot, list, object, plan, referred};
use crate::graphql::people::Tenant;
use crate::graphql::render::Rendered;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

object! {
    /// Something that goes wrong: one alert for as long as it does, however often it is seen. What was resolved and comes back is
    /// another alert, which links the one before. Kept for 180 days after it was resolved.
    Alert(AlertRow) {
        /// Opaque id, `alert_…`.
        id: ID = |row| row.id.to_string().into();
        /// What kind of thing goes wrong, such as `JobFailed` or `LOW_BALANCE`.
        r#type: String = |row| row.kind.clone();
        /// How bad it is; the worst that was told of it.
        severity: AlertSeverity = |row| row.severity.into();
        /// Which part says so. The program's own alerts begin with `noren`.
        source: String = |row| row.source.clone();
        /// What goes wrong, as it was last told.
        message: String = |row| row.message.clone();
        /// What is known of it, as it was last told: a JSON object.
        data: Json<Value> = |row| Json(row.data.clone());
        /// What makes two tellings the same alert: of those that are not RESOLVED a tenant has one with it.
        fingerprint: String = |row| row.fingerprint.clone();
        /// How far it is.
        status: AlertStatus = |row| row.status.into();
        /// Times that it was seen.
        count: i64 = |row| row.count;
        /// How far it was escalated because nobody acknowledged it; 0 when not at all.
        escalation_level: i64 = |row| row.escalation_level.into();
        /// Until when nobody is told of it (UTC); null when it is not silenced.
        silenced_until: Option<DateTime<Utc>> = |row| row.silenced_until;
        /// When it was first seen (UTC).
        first_seen_at: DateTime<Utc> = |row| row.first_seen_at;
        /// When it was last seen (UTC).
        last_seen_at: DateTime<Utc> = |row| row.last_seen_at;
        /// When somebody took it on (UTC).
        acknowledged_at: Option<DateTime<Utc>> = |row| row.acknowledged_at;
        /// Who took it on: the id of a user or a token.
        acknowledged_by: Option<String> = |row| row.acknowledged_by.clone();
        /// What they said.
        acknowledgement_note: Option<String> = |row| row.acknowledgement_note.clone();
        /// When it was over (UTC).
        resolved_at: Option<DateTime<Utc>> = |row| row.resolved_at;
        /// Who said that it is over: the id of a user or a token, or `system` when its condition has ended by itself.
        resolved_by: Option<String> = |row| row.resolved_by.clone();
        /// What was done about it, or how it ended.
        resolution_notes: Option<String> = |row| row.resolution_notes.clone();
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The tenant; null for what is above all of them.
        tenant: Tenant;
        /// The store that it is about; null when it is about none.
        store: Store;
        /// The alert with the same fingerprint that was resolved before.
        previous_alert: Alert;
    }
}

object! {
    /// Alerts that nobody wants to hear of for a while: they are recorded and shown, and nobody is told. Of what it matches, all that
    /// is given must be equal. Kept for 30 days after its end.
    AlertSilence(AlertSilenceRow) {
        /// Opaque id, `alertsilence_…`.
        id: ID = |row| row.id.to_string().into();
        /// Alerts of this type.
        r#type: Option<String> = |row| row.kind.clone();
        /// Alerts of this severity.
        severity: Option<AlertSeverity> = |row| row.severity.map(Into::into);
        /// Alerts from this source.
        source: Option<String> = |row| row.source.clone();
        /// Alerts with this fingerprint.
        fingerprint: Option<String> = |row| row.fingerprint.clone();
        /// Why.
        reason: String = |row| row.reason.clone();
        /// Who said so: the id of a user or a token.
        created_by: String = |row| row.created_by.clone();
        /// From when it holds (UTC).
        starts_at: DateTime<Utc> = |row| row.starts_at;
        /// Until when it holds (UTC).
        ends_at: DateTime<Utc> = |row| row.ends_at;
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The tenant; null for what is above all of them.
        tenant: Tenant;
        /// Alerts about this store; null for alerts about any or none.
        store: Store;
    }
}

/// Which alerts: everything that is given must hold.
#[derive(InputObject)]
pub struct AlertFilter {
    /// In one of these states.
    statuses: Option<Vec<AlertStatus>>,
    /// As bad as one of these.
    severities: Option<Vec<AlertSeverity>>,
    /// Of one of these types, at most 250.
    types: Option<Vec<String>>,
    /// From one of these sources, at most 250.
    sources: Option<Vec<String>>,
    /// About one of these stores, at most 250.
    store_ids: Option<Vec<ID>>,
    /// With one of these fingerprints, at most 250.
    fingerprints: Option<Vec<String>>,
    /// That came to be in this span.
    created_at: Option<DateTimeRange>,
    /// That were last seen in this span.
    last_seen_at: Option<DateTimeRange>,
    /// Whether they are silenced, to the minute.
    silenced: Option<bool>,
}

impl IntoFilter<ops::alerts::AlertFilter> for AlertFilter {
    fn into_filter(self) -> Result<ops::alerts::AlertFilter> {
        Ok(ops::alerts::AlertFilter {
            statuses: self.statuses.map(|all| all.into_iter().map(Into::into).collect()),
            severities: self.severities.map(|all| all.into_iter().map(Into::into).collect()),
            types: texts(self.types)?,
            sources: texts(self.sources)?,
            store_ids: ids(self.store_ids)?,
            fingerprints: texts(self.fingerprints)?,
            created_at: self.created_at.map(DateTimeRange::read).transpose()?,
            last_seen_at: self.last_seen_at.map(DateTimeRange::read).transpose()?,
            silenced: self.silenced,
        })
    }
}

/// Which silences: everything that is given must hold.
#[derive(InputObject)]
pub struct AlertSilenceFilter {
    /// Of alerts about one of these stores, at most 250.
    store_ids: Option<Vec<ID>>,
    /// That hold at this instant (UTC).
    holding_at: Option<DateTime<Utc>>,
}

impl IntoFilter<ops::alerts::AlertSilenceFilter> for AlertSilenceFilter {
    fn into_filter(self) -> Result<ops::alerts::AlertSilenceFilter> {
        if let Some(at) = self.holding_at
            && !(1..=9999).contains(&chrono::Datelike::year(&at))
        {
            return Err(bad_input("instants lie in the years 1 to 9999"));
        }
        Ok(ops::alerts::AlertSilenceFilter { store_ids: ids(self.store_ids)?, holding_at: self.holding_at })
    }
}

order_input! {
    /// The order of a list of alerts. Without it: the newest first.
    AlertOrder by
    /// What alerts are sorted by.
    AlertSortKey for AlertSort {
        /// When they came to be.
        CreatedAt,
        /// When they were last seen.
        LastSeenAt,
    }
    default CreatedAt Desc
}

order_input! {
    /// The order of a list of silences. Without it: the newest first.
    AlertSilenceOrder by
    /// What silences are sorted by.
    AlertSilenceSortKey for AlertSilenceSort {
        /// When they came to be.
        CreatedAt,
    }
    default CreatedAt Desc
}

impl Alert {
    /// Alerts by their ids, each loaded once: also those that belong to no tenant.
    pub(super) async fn by_ids(ctx: &OpCtx, ids: impl IntoIterator<Item = AlertId>, selected: &Selected<'_>) -> Result<Slot<HashMap<AlertId, Arc<Self>>>> {
        let mut ids: Vec<Uuid> = ids.into_iter().map(AlertId::uuid).collect();
        ids.sort_unstable();
        ids.dedup();
        let rows = match Reading::<AlertRow>::default().load_many(ctx, &ids).await {
            Ok(rows) => rows,
            Err(ReadError::Denied(denied)) => return Ok(Slot::Denied(denied)),
            Err(error @ ReadError::Storage(_)) => return Err(error.into_graphql()),
        };
        let alerts = plan::<Self>(ctx, rows, Some(selected)).await?;
        Ok(Slot::Loaded(alerts.into_iter().map(|alert| (alert.row.id, Arc::new(alert))).collect()))
    }
}

impl Planned for Alert {
    type Row = AlertRow;
    type FilterInput = AlertFilter;
    type OrderInput = AlertOrder;
    const NAME: &'static str = "Alert";

    fn bare(row: AlertRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &AlertRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, alerts: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "tenant") {
                let tenants = Tenant::referred(ctx, alerts.iter().filter_map(|alert| alert.row.tenant_id), &selected).await?;
                for alert in alerts.iter_mut() {
                    alert.tenant = tenants.map(|found| alert.row.tenant_id.and_then(|tenant| found.get(&tenant).cloned()));
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "store") {
                let refs = alerts.iter().filter_map(|a| Some(Parent { tenant: a.row.tenant_id?, id: a.row.store_id?.uuid() }));
                let stores = referred::<Store>(ctx, refs, &selected).await?;
                for alert in alerts.iter_mut() {
                    alert.store = stores.map(|found| alert.row.store_id.and_then(|store| found.get(&store.uuid()).cloned()));
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "previousAlert") {
                let ids = alerts.iter().filter_map(|alert| alert.row.previous_alert_id);
                let previous = Self::by_ids(ctx, ids, &selected).await?;
                for alert in alerts.iter_mut() {
                    alert.previous_alert = previous.map(|found| alert.row.previous_alert_id.and_then(|id| found.get(&id).cloned()));
                }
            }
            Ok(())
        }
        .boxed()
    }
}

impl Planned for AlertSilence {
    type Row = AlertSilenceRow;
    type FilterInput = AlertSilenceFilter;
    type OrderInput = AlertSilenceOrder;
    const NAME: &'static str = "AlertSilence";

    fn bare(row: AlertSilenceRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &AlertSilenceRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, silences: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "tenant") {
                let tenants = Tenant::referred(ctx, silences.iter().filter_map(|silence| silence.row.tenant_id), &selected).await?;
                for silence in silences.iter_mut() {
                    silence.tenant = tenants.map(|found| silence.row.tenant_id.and_then(|tenant| found.get(&tenant).cloned()));
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "store") {
                let refs = silences.iter().filter_map(|s| Some(Parent { tenant: s.row.tenant_id?, id: s.row.store_id?.uuid() }));
                let stores = referred::<Store>(ctx, refs, &selected).await?;
                for silence in silences.iter_mut() {
                    silence.store = stores.map(|found| silence.row.store_id.and_then(|store| found.get(&store.uuid()).cloned()));
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// How many alerts there are of a severity in a state.
#[derive(SimpleObject)]
pub struct AlertCount {
    /// How bad they are.
    severity: AlertSeverity,
    /// How far they are.
    status: AlertStatus,
    /// How many.
    count: u64,
}

/// Reading alerts.
#[derive(Default)]
pub struct AlertQuery;

#[Object]
impl AlertQuery {
    /// One alert; null if it is missing or another tenant's, or about a store that the caller does not see. Needs `alerts:read`.
    async fn alert(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<Alert>>> {
        Ok(find(ctx, input::id::<AlertId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// The tenant's alerts, or those of all tenants and of none for a platform administrator who has chosen none. Members of some stores
    /// see those about their stores alone. Needs `alerts:read`.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn alerts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<AlertFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<AlertOrder>,
    ) -> Result<Rendered<Connection<Alert>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }

    /// How many alerts there are of each severity in each state, the worst first; those of which there are none as well. Needs
    /// `alerts:read`.
    #[graphql(complexity = "1 + rows_cost(12, child_complexity)")]
    async fn alert_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only alerts for which all of this holds.")] filter: Option<AlertFilter>,
    ) -> Result<Vec<AlertCount>> {
        let filter = filter.map_or_else(|| Ok(Default::default()), IntoFilter::into_filter)?;
        let counts = services(ctx)?.alerts.counts(op(ctx)?, &filter).await.map_err(IntoGraphql::into_graphql)?;
        Ok(counts.into_iter().map(|c| AlertCount { severity: c.severity.into(), status: c.status.into(), count: c.count }).collect())
    }

    /// One silence; null if it is missing or another tenant's. Needs `alerts:read`.
    async fn alert_silence(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Rendered<AlertSilence>>> {
        Ok(find(ctx, input::id::<AlertSilenceId>(&id)?.uuid()).await?.map(Rendered))
    }

    /// The tenant's silences, or those of all tenants and of none for a platform administrator who has chosen none. Members of some
    /// stores see those of their stores alone. Needs `alerts:read`.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn alert_silences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<AlertSilenceFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<AlertSilenceOrder>,
    ) -> Result<Rendered<Connection<AlertSilence>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }
}
