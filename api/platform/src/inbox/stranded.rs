//! Deliveries whose job failed without settling them, because it took too long or its process died each time: they have failed.

use std::sync::Arc;

use async_trait::async_trait;
use entities::{EventType, JobId, WebhookEventId};
use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::settle;
use super::work::PROCESS;
use crate::Trace;
use crate::clock::Clock;
use crate::db::Tx;
use crate::outbox::{Event, Listener};

/// Hears of jobs that failed for good, and fails the deliveries that they left behind.
pub struct Stranded {
    clock: Arc<dyn Clock>,
}

impl Stranded {
    /// A listener for the relay.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Listener for Stranded {
    async fn take(&self, tx: &Tx, events: &[Event]) -> Result<(), DbErr> {
        let of_ours = |event: &&Event| event.name == EventType::JobFailed.as_str() && event.data["kind"] == PROCESS.name;
        for event in events.iter().filter(of_ours) {
            let job = event.subject.as_deref().and_then(|id| JobId::parse(id).ok());
            let Some(job) = job else { continue };
            if let Some(delivery) = left_behind(tx, job).await? {
                let trace = Trace::system(PROCESS.name, self.clock.clone()).of_request(job.to_string());
                settle::failed(tx, &trace, delivery, "working on it took too long or ended in the middle each time", false).await?;
            }
        }
        Ok(())
    }
}

/// The delivery of a job, unless somebody had it worked on again since.
async fn left_behind(tx: &Tx, job: JobId) -> Result<Option<WebhookEventId>, DbErr> {
    let sql = "select j.unique_key from jobs j where j.id = $1 and not exists
                 (select 1 from jobs o where o.kind = j.kind and o.unique_key = j.unique_key and o.status in ('QUEUED', 'RUNNING'))";
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [job.into()])).await? else { return Ok(None) };
    let key: Option<String> = row.try_get_by_index(0)?;
    Ok(key.and_then(|key| WebhookEventId::parse(&key).ok()))
}
