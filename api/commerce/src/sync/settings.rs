//! What of a store is synced, and how often.

use chrono::{DateTime, Utc};
use entities::{StoreId, TenantId};
use people::validation::{Invalid, Problem, invalid};
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Value};
use serde::Serialize;

use super::store::statement;

/// A store's settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncSettings {
    /// The store.
    pub store_id: StoreId,
    /// How many years back orders are fetched; none for all.
    pub years_back: Option<i32>,
    /// Whether what the merchant has put away is fetched too.
    pub archived: bool,
    /// Minutes between increments; 0 for none by themselves.
    pub interval_minutes: i32,
    /// How many days a reconciliation compares; 0 for none by themselves.
    pub reconciled_days: i32,
    /// When they were changed (UTC).
    pub updated_at: Option<DateTime<Utc>>,
}

/// What to change of them. The outer option is whether to change it.
#[derive(Clone, Debug, Default)]
pub struct SyncSettingsChanges {
    /// How many years back orders are fetched.
    pub years_back: Option<Option<i32>>,
    /// Whether what the merchant has put away is fetched too.
    pub archived: Option<bool>,
    /// Minutes between increments.
    pub interval_minutes: Option<i32>,
    /// How many days a reconciliation compares.
    pub reconciled_days: Option<i32>,
}

/// Minutes between increments when nobody says otherwise.
pub(super) const INTERVAL: i32 = 15;
/// Days that a reconciliation compares when nobody says otherwise.
pub(super) const DAYS: i32 = 30;

impl SyncSettings {
    /// What holds when nobody says otherwise.
    fn usual(store_id: StoreId) -> Self {
        Self { store_id, years_back: None, archived: true, interval_minutes: INTERVAL, reconciled_days: DAYS, updated_at: None }
    }

    /// The settings with these changes.
    pub(super) fn with(self, changes: &SyncSettingsChanges, now: DateTime<Utc>) -> Result<Self, Invalid> {
        let within = |field: &'static str, value: i32, least: i32, most: i32| match value {
            value if (least..=most).contains(&value) => Ok(value),
            _ => Err(invalid(field, Problem::Unknown(format!("must be from {least} to {most}")))),
        };
        let new = Self {
            years_back: changes.years_back.unwrap_or(self.years_back),
            archived: changes.archived.unwrap_or(self.archived),
            interval_minutes: within("intervalMinutes", changes.interval_minutes.unwrap_or(self.interval_minutes), 0, 24 * 60)?,
            reconciled_days: within("reconciledDays", changes.reconciled_days.unwrap_or(self.reconciled_days), 0, 365)?,
            updated_at: Some(now),
            ..self
        };
        if let Some(years) = new.years_back {
            within("yearsBack", years, 1, 50)?;
        }
        Ok(new)
    }
}

/// A store's settings.
pub(super) async fn of(tx: &Tx, tenant: TenantId, store: StoreId) -> Result<SyncSettings, DbErr> {
    let sql = "select years_back, archived, interval_minutes, reconciled_days, updated_at from sync_settings where tenant_id = $1 and store_id = $2";
    let Some(row) = tx.query_one_raw(statement(tx, sql, [tenant.into(), store.into()])).await? else { return Ok(SyncSettings::usual(store)) };
    Ok(SyncSettings {
        store_id: store,
        years_back: row.try_get_by_index(0)?,
        archived: row.try_get_by_index(1)?,
        interval_minutes: row.try_get_by_index(2)?,
        reconciled_days: row.try_get_by_index(3)?,
        updated_at: row.try_get_by_index(4)?,
    })
}

/// Writes a store's settings.
pub(super) async fn save(tx: &Tx, tenant: TenantId, settings: &SyncSettings, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "insert into sync_settings (tenant_id, store_id, years_back, archived, interval_minutes, reconciled_days, updated_at) values ($1, $2, $3, $4, $5, $6, $7)
               on conflict (tenant_id, store_id) do update set years_back = excluded.years_back, archived = excluded.archived,
                 interval_minutes = excluded.interval_minutes, reconciled_days = excluded.reconciled_days, updated_at = excluded.updated_at";
    let values: [Value; 7] = [
        tenant.into(),
        settings.store_id.into(),
        settings.years_back.into(),
        settings.archived.into(),
        settings.interval_minutes.into(),
        settings.reconciled_days.into(),
        now.into(),
    ];
    tx.execute_raw(statement(tx, sql, values)).await.map(drop)
}
