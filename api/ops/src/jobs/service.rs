//! The rules about trying again and calling off.

use entities::{JobId, JobStatus};
use platform::callers::actions::ManageJobs;
use platform::db::List;
use platform::inbox::{self, PROCESS};
use platform::jobs::{Retried, cancel, retry};
use platform::{Change, DbErr, OpCtx, Permit, Tx};

use super::error::JobRefused;
use super::row::JobRow;
use crate::{notifications, webhooks};

/// Jobs, as administrators handle them.
#[derive(Clone, Debug, Default)]
pub struct JobControl;

impl JobControl {
    /// Has a job tried again, at once: one that failed, was called off or waits for its time. Its attempts are counted from the
    /// beginning.
    pub async fn retry(&self, ctx: &OpCtx, id: JobId) -> Result<JobRow, JobRefused> {
        let permit = ctx.authorize::<ManageJobs>()?;
        let tx = ctx.writer().await?;
        let before = locked(&tx, &permit, id).await?;
        match retry(&tx, id, ctx.now()).await? {
            Retried::Queued => {
                follow(ctx, &tx, &before, true).await?;
                written(ctx, tx, &permit, "jobRetry", before).await
            }
            Retried::Running => Err(JobRefused::Running),
            Retried::Done => Err(JobRefused::Over("done")),
            Retried::Superseded => Err(JobRefused::Superseded),
        }
    }

    /// Calls a job off that waits or runs. What runs is broken off within seconds, and writes nothing more.
    pub async fn cancel(&self, ctx: &OpCtx, id: JobId) -> Result<JobRow, JobRefused> {
        let permit = ctx.authorize::<ManageJobs>()?;
        let tx = ctx.writer().await?;
        let before = locked(&tx, &permit, id).await?;
        if cancel(&tx, id, ctx.now()).await? {
            follow(ctx, &tx, &before, false).await?;
            return written(ctx, tx, &permit, "jobCancel", before).await;
        }
        Err(JobRefused::Over(match before.status {
            JobStatus::Failed => "failed",
            JobStatus::Cancelled => "called off",
            JobStatus::Done | JobStatus::Queued | JobStatus::Running => "done",
        }))
    }
}

/// What a job works on begins again with it, or is called off with it.
async fn follow(ctx: &OpCtx, tx: &Tx, job: &JobRow, again: bool) -> Result<(), DbErr> {
    match job.kind.as_str() {
        kind if kind == PROCESS.name && again => inbox::reopen(tx, &ctx.trace(), &job.payload).await,
        kind if kind == PROCESS.name => inbox::called_off(tx, &ctx.trace(), &job.payload).await,
        kind if kind == webhooks::DELIVER.name => {
            webhooks::follow_job(tx, &job.payload, (!again).then_some("its job was called off"), ctx.now()).await.map(drop)
        }
        kind if kind == notifications::DELIVER.name => notifications::follow_job(tx, &job.payload, again, ctx.now()).await,
        _ => Ok(()),
    }
}

/// The job, held against everybody else until the transaction ends.
async fn locked(tx: &Tx, permit: &Permit<ManageJobs>, id: JobId) -> Result<JobRow, JobRefused> {
    List::<JobRow, _>::new(tx, permit).by_ids_locked(&[id.uuid()]).await?.pop().ok_or(JobRefused::NotFound)
}

async fn written(ctx: &OpCtx, tx: Tx, permit: &Permit<ManageJobs>, action: &'static str, before: JobRow) -> Result<JobRow, JobRefused> {
    let row = List::<JobRow, _>::new(&tx, permit).by_ids(&[before.id.uuid()]).await?.pop().ok_or(JobRefused::NotFound)?;
    ctx.commit(tx, Change::new(action, row.tenant_id).subject(row.id).before(&before).after(&row)).await?;
    Ok(row)
}
