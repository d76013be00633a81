//! Reconciliation: what each day has in the shop and here, counted and compared; days that differ are brought again.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entities::{SyncPhase, SyncStatus};
use integrations::ports::shop::{Counted, DataKind, Instants, Range};
use sea_orm::{ConnectionTrait, Value};
use serde_json::json;

use super::gone::table;
use super::settings;
use super::step::{Next, Step, Trouble};
use super::store;

/// Ranges that are counted in one call.
const AT_ONCE: usize = 7;

impl Step {
    /// Goes on with a reconciliation to its end.
    pub(super) async fn reconcile(&mut self) -> Result<Next, Trouble> {
        self.enter(SyncPhase::Comparing).await?;
        self.look_at_scopes().await?;
        let days = {
            let tx = self.read().await?;
            settings::of(&tx, self.at.tenant, self.at.store).await?.reconciled_days
        };
        let today = self.now().duration_trunc(TimeDelta::days(1)).unwrap_or_else(|_| self.now());
        // What comes to be while it is counted is nobody's difference.
        let before = Range { until: Some(today), archived: self.run.archived, ..Range::ALL };
        let (mut compared, mut repaired, mut left) = (0, 0, Vec::new());
        for kind in DataKind::ALL {
            let mut ranges = self.days(kind, today, days);
            // What is not of the last days is compared as one.
            if kind != DataKind::Orders {
                ranges.push(before);
            }
            for some in ranges.chunks(AT_ONCE) {
                compared += some.len();
                for range in self.differing(kind, some).await? {
                    if range != before {
                        self.pull(kind, range, false).await?;
                    }
                    // The ids that the shop names are the proof: to count again would find what has happened meanwhile.
                    let lacking = self.compare(kind, range, None).await?;
                    repaired += 1;
                    left.extend((lacking > 0).then_some((kind, range)));
                }
            }
        }
        let warnings = if repaired > 0 {
            json!([{ "code": "REPAIRED", "message": format!("{repaired} of {compared} ranges differed from the shop") }])
        } else {
            json!([])
        };
        let why = left.first().map(|(kind, range)| {
            let day = range.from.map_or_else(|| "all".to_owned(), |from| from.date_naive().to_string());
            format!("{} of {compared} ranges still differ from the shop after they were brought again, the first being {} of {day}", left.len(), kind.as_str())
        });
        let tx = self.write().await?;
        let set = ("warnings = $4, asked = $5, received = $5", vec![warnings.into(), i64::try_from(compared).unwrap_or(i64::MAX).into()]);
        store::change(&tx, &self.trace, self.at, set, None).await?.ok_or(Trouble::Stopped)?;
        let status = if why.is_some() { SyncStatus::Failed } else { SyncStatus::Completed };
        store::end(&tx, &self.trace, self.at, status, why.as_deref()).await?.ok_or(Trouble::Stopped)?;
        tx.commit().await?;
        Ok(Next::Ended)
    }

    /// The whole days before today that can be seen, the last one first.
    fn days(&self, kind: DataKind, today: DateTime<Utc>, days: i32) -> Vec<Range> {
        let asked = today - TimeDelta::days(i64::from(days));
        let reach = if kind == DataKind::Orders { self.reach(Some(asked)) } else { Some(asked) };
        let day = |back: i32| (today - TimeDelta::days(i64::from(back)), today - TimeDelta::days(i64::from(back) - 1));
        let seen = (1..=days).map(day).filter(|(from, _)| reach.is_none_or(|reach| *from >= reach));
        seen.map(|(from, until)| Range { by: Instants::Created, from: Some(from), until: Some(until), archived: self.run.archived }).collect()
    }

    /// Those ranges of which the shop counts another number than is here.
    async fn differing(&self, kind: DataKind, ranges: &[Range]) -> Result<Vec<Range>, Trouble> {
        let counted = self.shop.system.counts(&self.shop.access, kind, ranges).await?;
        let mut differing = Vec::new();
        for (range, Counted { count, exact }) in ranges.iter().zip(counted) {
            let here = self.here(kind, range).await?;
            // A count that is not exact is the least that there are.
            let differs = if exact { here != count } else { here < count };
            if differs {
                differing.push(*range);
            }
        }
        Ok(differing)
    }

    async fn here(&self, kind: DataKind, range: &Range) -> Result<u64, Trouble> {
        let table = table(kind);
        let mut sql = format!("select count(*) from {table} where tenant_id = $1 and store_id = $2 and deleted_at is null");
        let mut values: Vec<Value> = vec![self.at.tenant.into(), self.at.store.into()];
        for (edge, compared) in [(range.from, ">="), (range.until, "<")] {
            if let Some(edge) = edge {
                values.push(edge.into());
                sql.push_str(&format!(" and created_at {compared} ${}", values.len()));
            }
        }
        let tx = self.read().await?;
        let row = tx.query_one_raw(store::statement(&tx, sql, values)).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
