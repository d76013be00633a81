//! Emptying deliveries that are old enough: headers and body go, the record of them stays.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entities::TenantId;
use sea_orm::{ConnectionTrait, DbErr, Statement};
use serde_json::json;
use uuid::Uuid;

use crate::db::{Access, Tx, in_list};
use crate::jobs::{Backoff, JobError, JobKind, Queue, Running, Worker};

/// Emptying what is due.
pub const EMPTY: &JobKind = &JobKind {
    name: "webhook_event.empty",
    queue: Queue::UPKEEP,
    max_attempts: 5,
    timeout: Duration::from_secs(1_800),
    backoff: Backoff::Exponential(Duration::from_secs(60), Duration::from_secs(900)),
};

/// Deliveries that are emptied in one transaction.
const BATCH: u32 = 500;

/// Empties deliveries of all tenants.
pub struct Emptying;

#[async_trait]
impl Worker for Emptying {
    fn kind(&self) -> &'static JobKind {
        EMPTY
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let mut emptied = 0;
        loop {
            let some = batch(job).await?;
            emptied += some;
            if some < u64::from(BATCH) {
                break;
            }
        }
        if emptied > 0 {
            tracing::info!(emptied, "old deliveries were emptied");
        }
        Ok(())
    }
}

async fn batch(job: &Running) -> Result<u64, DbErr> {
    let db = job.db();
    let sql = "update webhook_events set payload = null, headers = $1, payload_deleted_at = $2, updated_at = $2,
                 error_message = case when status = 'FAILED' then null else error_message end
               where id in (select id from webhook_events where payload is not null and payload_deletion_at <= $2 order by payload_deletion_at limit $3)";
    let tx = db.write(Access::Worker).await?;
    let emptied = tx.execute_raw(db.statement(sql, [json!([]).into(), job.now().into(), BATCH.into()])).await?.rows_affected();
    tx.commit().await?;
    Ok(emptied)
}

/// Empties deliveries of a tenant before their time: what they carry is about somebody who is to be forgotten, and what they failed of
/// may be, too. How many were not empty.
pub async fn empty(tx: &Tx, tenant: TenantId, ids: &[Uuid], now: DateTime<Utc>) -> Result<u64, DbErr> {
    let backend = tx.get_database_backend();
    let (listed, ids) = in_list(backend, "id", 4, ids);
    let sql = format!(
        "update webhook_events set payload = null, headers = $1, error_message = case when status = 'FAILED' then null else error_message end,
           payload_deleted_at = $2, updated_at = $2
         where tenant_id = $3 and {listed} and payload is not null"
    );
    Ok(tx.execute_raw(Statement::from_sql_and_values(backend, sql, [json!([]).into(), now.into(), tenant.into(), ids])).await?.rows_affected())
}
