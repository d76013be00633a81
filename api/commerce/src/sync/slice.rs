//! The slices of a full run: each a part of the shop that is brought whole, or not at all.

use chrono::{DateTime, Utc};
use integrations::ports::shop::{DataKind, ExportAsk, Instants, Range};
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use uuid::Uuid;

use super::store::At;

/// What is done with a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is exported, and brought in.
    Export,
    /// What is known here is compared with the ids that the shop names.
    Compare,
}

/// How far a slice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SliceStatus {
    /// Nothing was done yet, or it is to be done again.
    Waiting,
    /// The shop was asked, and it is not known whether it heard.
    Asked,
    /// The shop is at it, or its ids are being read.
    Under,
    /// All ids are here.
    Listed,
    /// Done.
    Done,
}

impl Stage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Export => "EXPORT",
            Self::Compare => "COMPARE",
        }
    }
}

impl SliceStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Asked => "ASKED",
            Self::Under => "UNDER_WAY",
            Self::Listed => "LISTED",
            Self::Done => "DONE",
        }
    }

    fn read(text: &str) -> Self {
        [Self::Waiting, Self::Asked, Self::Under, Self::Listed].into_iter().find(|status| status.as_str() == text).unwrap_or(Self::Done)
    }
}

/// A slice.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub id: Uuid,
    pub stage: Stage,
    pub kind: DataKind,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub status: SliceStatus,
    pub export: Option<String>,
    /// Exports that were given up.
    pub tried: Vec<String>,
    pub asked_at: Option<DateTime<Utc>>,
    pub attempts: i32,
    /// How far its ids have been read.
    pub place: Option<String>,
}

impl Slice {
    /// What it is about, by when things came to be.
    pub(super) fn range(&self, archived: bool) -> Range {
        Range { by: Instants::Created, from: self.from, until: self.until, archived }
    }

    /// What the shop is asked for.
    pub(super) fn ask(&self, archived: bool) -> ExportAsk {
        ExportAsk { kind: self.kind, range: self.range(archived) }
    }

    fn of(row: &QueryResult) -> Result<Self, DbErr> {
        let (stage, kind, status): (String, String, String) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?, row.try_get_by_index(5)?);
        let tried: serde_json::Value = row.try_get_by_index(7)?;
        Ok(Self {
            id: row.try_get_by_index(0)?,
            stage: if stage == Stage::Export.as_str() { Stage::Export } else { Stage::Compare },
            kind: DataKind::ALL.into_iter().find(|one| one.as_str() == kind).ok_or_else(|| DbErr::Custom(format!("a slice of {kind}")))?,
            from: row.try_get_by_index(3)?,
            until: row.try_get_by_index(4)?,
            status: SliceStatus::read(&status),
            export: row.try_get_by_index(6)?,
            tried: serde_json::from_value(tried).unwrap_or_default(),
            asked_at: row.try_get_by_index(8)?,
            attempts: row.try_get_by_index(9)?,
            place: row.try_get_by_index(10)?,
        })
    }
}

/// The slices of a run that are not done, in their order; and whether there are any at all.
pub(super) async fn open(tx: &Tx, at: At) -> Result<(Vec<Slice>, bool), DbErr> {
    let sql = "select id, stage, kind, range_from, range_until, status, export_id, tried, asked_at, attempts, place from sync_slices
               where tenant_id = $1 and run_id = $2 order by position";
    let rows = tx.query_all_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [at.tenant.into(), at.run.into()])).await?;
    let all = rows.iter().map(Slice::of).collect::<Result<Vec<_>, _>>()?;
    let planned = !all.is_empty();
    Ok((all.into_iter().filter(|slice| slice.status != SliceStatus::Done).collect(), planned))
}

/// How much has come with the slices of a run that are done.
pub(super) async fn received(tx: &Tx, at: At) -> Result<i64, DbErr> {
    let sql = "select cast(coalesce(sum(received), 0) as bigint) from sync_slices where tenant_id = $1 and run_id = $2 and status = 'DONE'";
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [at.tenant.into(), at.run.into()])).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// A slice to be done.
pub(super) struct NewSlice {
    pub stage: Stage,
    pub kind: DataKind,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// How many objects the shop counts in it.
    pub roots: u64,
}

/// Writes the slices of a run in their order.
pub(super) async fn insert(tx: &Tx, at: At, slices: &[NewSlice], ids: &platform::Ids, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "insert into sync_slices (id, tenant_id, run_id, position, stage, kind, range_from, range_until, status, tried, attempts, objects, roots, received, updated_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, 'WAITING', $9, 0, $10, $10, 0, $11)";
    for (position, slice) in slices.iter().enumerate() {
        let values: [Value; 11] = [
            ids.next::<Uuid>().into(),
            at.tenant.into(),
            at.run.into(),
            i32::try_from(position).unwrap_or(i32::MAX).into(),
            slice.stage.as_str().into(),
            slice.kind.as_str().into(),
            slice.from.into(),
            slice.until.into(),
            serde_json::json!([]).into(),
            i64::try_from(slice.roots).unwrap_or(i64::MAX).into(),
            now.into(),
        ];
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    }
    Ok(())
}

/// Changes a slice that is not done; `set` refers to its values from `$3` on. False when it is done, or gone.
pub(super) async fn change(tx: &Tx, at: At, slice: Uuid, set: &str, values: impl IntoIterator<Item = Value>) -> Result<bool, DbErr> {
    let sql = format!("update sync_slices set {set} where tenant_id = $1 and id = $2 and status <> 'DONE'");
    let values: Vec<Value> = [at.tenant.into(), slice.into()].into_iter().chain(values).collect();
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?.rows_affected() == 1)
}
