//! How long events are kept: a feed is forgotten from its front, so that what is left of it has no gaps.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::FeedId;
use crate::db::{Access, Database};

/// Deletes what happened before an instant, a batch in a transaction, and tells how many events went. An event goes only when all
/// before it in its feed do: times are of the changes, places of their commits, and a later place may have the earlier time.
pub async fn forget(db: &Database, before: DateTime<Utc>, batch: u32) -> Result<u64, DbErr> {
    let mut forgotten = 0;
    for feed in beginning_before(db, before).await? {
        loop {
            let some = forget_some(db, feed, before, batch).await?;
            forgotten += some;
            if some < u64::from(batch) {
                break;
            }
        }
    }
    Ok(forgotten)
}

/// The feeds whose first event happened before an instant.
async fn beginning_before(db: &Database, before: DateTime<Utc>) -> Result<Vec<FeedId>, DbErr> {
    let sql = "select f.feed_id from feeds f where
                 (select e.occurred_at from events e where e.feed_id = f.feed_id and e.position is not null order by e.position limit 1) < $1";
    let tx = db.read(Access::Worker).await?;
    tx.query_all_raw(db.statement(sql, [before.into()])).await?.iter().map(|row| row.try_get_by_index(0).map(FeedId)).collect()
}

async fn forget_some(db: &Database, feed: FeedId, before: DateTime<Utc>, batch: u32) -> Result<u64, DbErr> {
    let sql = "with front as (select position, occurred_at from events where feed_id = $1 and position is not null order by position limit $3)
               delete from events where feed_id = $1 and position <= (select max(position) from front)
                 and position < coalesce((select min(position) from front where occurred_at >= $2), 9223372036854775807)";
    let tx = db.write(Access::Worker).await?;
    let some = tx.execute_raw(db.statement(sql, [feed.uuid().into(), before.into(), i64::from(batch).into()])).await?.rows_affected();
    tx.commit().await?;
    Ok(some)
}
