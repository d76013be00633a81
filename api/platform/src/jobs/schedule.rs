//! Schedules: work that is due by the wall clock of a place. A tick is taken by whoever writes it down first, so it fires once
//! however many replicas run; ticks that nobody was there for fire once, late, and not one by one.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::json;

use super::enqueue::{NewJob, enqueue};
use super::work::JobKind;
use crate::Trace;
use crate::clock::Clock;
use crate::db::{Access, Database};

/// Work that is due again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    name: &'static str,
    cron: Cron,
    zone: Tz,
    kind: &'static JobKind,
}

impl Schedule {
    /// Work that is due whenever `cron` says (minute, hour, day, month, weekday; seconds may come first) in a time zone.
    pub fn new(name: &'static str, cron: &str, zone: Tz, kind: &'static JobKind) -> Result<Self, croner::errors::CronError> {
        Ok(Self { name, cron: cron.parse()?, zone, kind })
    }

    /// The last instant, up to `now`, at which it was due.
    fn last_tick(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_previous_occurrence(&now.with_timezone(&self.zone), true).ok().map(|tick| tick.with_timezone(&Utc))
    }
}

/// The schedules of this process.
pub(super) struct Ticker {
    db: Database,
    clock: Arc<dyn Clock>,
    schedules: Vec<Schedule>,
    known: HashMap<&'static str, DateTime<Utc>>,
}

impl Ticker {
    pub(super) fn new(db: Database, clock: Arc<dyn Clock>, schedules: Vec<Schedule>) -> Self {
        Self { db, clock, schedules, known: HashMap::new() }
    }

    /// Takes the ticks that have come.
    pub(super) async fn tick(&mut self) -> Result<(), DbErr> {
        let now = self.clock.now();
        for schedule in &self.schedules {
            let Some(tick) = schedule.last_tick(now) else { continue };
            if self.known.get(schedule.name).is_some_and(|known| *known >= tick) {
                continue;
            }
            self.take(schedule, tick).await?;
            self.known.insert(schedule.name, tick);
        }
        Ok(())
    }

    async fn take(&self, schedule: &Schedule, tick: DateTime<Utc>) -> Result<(), DbErr> {
        let tx = self.db.write(Access::Worker).await?;
        // A schedule that is new begins with its next tick.
        let begin = "insert into job_schedules (name, last_tick_at) values ($1, $2) on conflict (name) do nothing";
        if tx.execute_raw(self.db.statement(begin, [schedule.name.into(), tick.into()])).await?.rows_affected() == 0 {
            let take = "update job_schedules set last_tick_at = $1 where name = $2 and last_tick_at < $1";
            if tx.execute_raw(self.db.statement(take, [tick.into(), schedule.name.into()])).await?.rows_affected() == 0 {
                return Ok(());
            }
            let trace = Trace::system(schedule.name, self.clock.clone());
            let job = NewJob::new(schedule.kind, None, json!({ "tick": tick })).unique(format!("{}@{}", schedule.name, tick.to_rfc3339()));
            enqueue(&tx, &trace, job).await?;
        }
        tx.commit().await
    }
}
