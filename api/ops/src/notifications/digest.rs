//! Digests: what a storm has too much of, and what falls into quiet hours, goes into one message for each channel and recipient.
//!
//! One digest of each kind at most is open. Whoever adds to it holds it until they commit, and so does who sends it: nothing is
//! added to what was sent.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entities::{AlertId, AlertSeverity, EventId, NotificationChannelId, NotificationId, NotificationKind, NotificationStatus, TenantId};
use platform::db::is_sqlite;
use platform::jobs::{NewJob, enqueue, hasten};
use platform::{DbErr, Trace, Tx};
use sea_orm::{ConnectionTrait, Statement};

use super::deliver::{DELIVER, Errand};
use super::route::New;
use super::store;

/// The digest of a storm.
pub(super) const STORM: i32 = 0;
/// The digest of quiet hours.
pub(super) const QUIET: i32 = 1;

/// The newest members that a digest tells of one by one.
const TOLD: i64 = 20;

/// The digests that a transaction has opened or found open.
#[derive(Debug, Default)]
pub(super) struct Digests(BTreeMap<(NotificationChannelId, String, i32), (NotificationId, DateTime<Utc>)>);

impl Digests {
    /// The digest that a notification goes into, which is sent no later than `due`.
    pub(super) async fn open(&mut self, tx: &Tx, trace: &Trace, of: &New, level: i32, due: DateTime<Utc>) -> Result<NotificationId, DbErr> {
        let key = (of.channel, of.recipient.clone(), level);
        if let Some((id, _)) = self.0.get(&key).filter(|(_, at)| *at <= due) {
            return Ok(*id);
        }
        let id = open(tx, trace, (of.tenant, of.channel, &of.recipient), level, due).await?;
        self.0.insert(key, (id, due));
        Ok(id)
    }
}

/// The open digest of a channel and a recipient, held until the transaction ends; it is sent no later than `due`.
pub(super) async fn open(
    tx: &Tx,
    trace: &Trace,
    (tenant, channel, recipient): (Option<TenantId>, NotificationChannelId, &str),
    level: i32,
    due: DateTime<Utc>,
) -> Result<NotificationId, DbErr> {
    let (backend, now) = (tx.get_database_backend(), trace.now());
    let hold = if is_sqlite(backend) { "" } else { "for update" };
    let sql = format!(
        "select id, due_at from notifications
         where channel_id = $1 and recipient = $2 and level = $3 and kind = 'DIGEST' and status = 'PENDING' and attempts = 0 {hold}"
    );
    // Between looking and writing, another may have opened one, or sent it.
    for _ in 0..5 {
        let values = [channel.into(), recipient.into(), level.into()];
        if let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(backend, &sql, values)).await? {
            let (id, at): (NotificationId, Option<DateTime<Utc>>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            if at.is_some_and(|at| at > due) {
                let sooner = "update notifications set due_at = $1, updated_at = $2 where id = $3";
                tx.execute_raw(Statement::from_sql_and_values(backend, sooner, [due.into(), now.into(), id.into()])).await?;
                // It looks at its time, and comes back then.
                hasten(tx, trace, DELIVER, &[Errand { notification_id: id }.key()]).await?;
            }
            return Ok(id);
        }
        let new = New {
            id: trace.new_id(),
            tenant,
            event: trace.new_id::<EventId>(),
            channel,
            alert: None,
            store: None,
            kind: NotificationKind::Digest,
            level,
            severity: None,
            recipient: recipient.to_owned(),
            digest: None,
            due_at: Some(due),
        };
        let (id, job): (_, NewJob) = (new.id, new.errand().job(tenant).at(due));
        if store::insert_digest(tx, new.row(now)).await? {
            enqueue(tx, trace, job).await?;
            return Ok(id);
        }
    }
    Err(DbErr::Custom("a digest could not be opened: others open and send it all the time".to_owned()))
}

/// What one member tells.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) kind: NotificationKind,
    pub(super) severity: Option<AlertSeverity>,
    pub(super) alert: Option<AlertId>,
    pub(super) message: String,
    pub(super) at: DateTime<Utc>,
}

/// What a digest tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// How many there are of each kind, severity and type of alert.
    pub(super) counts: Vec<(NotificationKind, Option<AlertSeverity>, String, i64)>,
    /// The newest.
    pub(super) newest: Vec<Member>,
}

/// What a digest tells that is closed.
pub(super) async fn content(tx: &Tx, id: NotificationId) -> Result<Content, DbErr> {
    let backend = tx.get_database_backend();
    let sql = "select n.kind, n.severity, coalesce(a.type, '?'), count(*) from notifications n left join alerts a on a.id = n.alert_id
               where n.digest_id = $1 group by n.kind, n.severity, a.type";
    let mut counts = Vec::new();
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [id.into()])).await? {
        counts.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?, row.try_get_by_index(3)?));
    }
    counts.sort_by(|a: &(NotificationKind, Option<AlertSeverity>, String, i64), b| (a.1, -a.3, &a.2, a.0).cmp(&(b.1, -b.3, &b.2, b.0)));
    let sql = "select n.kind, n.severity, n.alert_id, coalesce(a.message, '?'), n.created_at from notifications n left join alerts a on a.id = n.alert_id
               where n.digest_id = $1 order by n.created_at desc, n.id desc limit $2";
    let mut newest = Vec::new();
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [id.into(), TOLD.into()])).await? {
        newest.push(Member {
            kind: row.try_get_by_index(0)?,
            severity: row.try_get_by_index(1)?,
            alert: row.try_get_by_index(2)?,
            message: row.try_get_by_index(3)?,
            at: row.try_get_by_index(4)?,
        });
    }
    Ok(Content { counts, newest })
}

/// Puts a notification that was not sent yet into a digest.
pub(super) async fn join(tx: &Tx, id: NotificationId, digest: NotificationId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "update notifications set status = $1, digest_id = $2, due_at = null, updated_at = $3 where id = $4";
    let values = [NotificationStatus::Digested.as_str().into(), digest.into(), now.into(), id.into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await.map(drop)
}
