//! The audit log: every change and sign-in is an entry, written with it. Entries are sealed after the commit: a sealer gives
//! each its place in the chain of its tenant (or of the platform) and a keyed digest over itself and the seal before it. What
//! an entry says of persons is in its detail, which the chain knows by a salted digest alone: it can be erased, and the chain
//! stays valid.

mod erase;
mod seal;
mod verify;

pub use erase::{ERASURE, LookedThrough, erase_details, erase_details_naming, erase_details_of_merchants};
pub use seal::Sealer;
pub use verify::{BrokenLink, ChainReport, verify};

use chrono::{DateTime, SecondsFormat, Utc};
use entities::{AuditEventId, TenantId};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::db::{Tx, Wake};
use crate::record::{Change, Trace};

/// The key of the lock under which entries are sealed.
const LOCK: i64 = 0x6e6f_7265_6e02;

/// The chain of a tenant, or the platform's.
fn chain(tenant: Option<TenantId>) -> Uuid {
    tenant.map_or(Uuid::nil(), TenantId::uuid)
}

/// Writes the entry of a change into its transaction, in the log of `tenant`.
pub(crate) async fn write(tx: &Tx, trace: &Trace, tenant: Option<TenantId>, change: &Change) -> Result<(), DbErr> {
    let (before, after) = change.difference();
    let detail = json!({ "before": before, "after": after, "address": trace.address.map(|a| a.to_string()), "userAgent": trace.user_agent }).to_string();
    let salt: [u8; 16] = rand::random();
    let id: AuditEventId = trace.new_id();
    let backend = tx.get_database_backend();
    let entry = "insert into audit_events (id, tenant_id, chain_id, actor_kind, actor, action, subject, outcome, request_id, detail_digest, occurred_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = [
        id.into(),
        tenant.into(),
        chain(tenant).into(),
        trace.actor_kind.as_str().into(),
        trace.actor.clone().into(),
        change.action.into(),
        change.subject.clone().into(),
        change.outcome.as_str().into(),
        trace.request_id.clone().into(),
        digest(&salt, &detail).into(),
        trace.now().into(),
    ];
    tx.execute_raw(Statement::from_sql_and_values(backend, entry, values)).await?;
    let erasable = "insert into audit_details (audit_id, tenant_id, salt, detail) values ($1, $2, $3, $4)";
    tx.execute_raw(Statement::from_sql_and_values(backend, erasable, [id.into(), tenant.into(), salt.to_vec().into(), detail.into()])).await?;
    tx.will_wake(Wake::Audit);
    Ok(())
}

/// What the chain knows of a detail. Without the salt nobody can guess the detail from it.
fn digest(salt: &[u8], detail: &str) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(detail).finalize().to_vec()
}

/// The part of an entry that is chained, in one spelling.
#[derive(Debug)]
struct Link {
    seq: i64,
    id: Uuid,
    tenant: Option<TenantId>,
    chain: Uuid,
    facts: [Option<String>; 6],
    detail_digest: Vec<u8>,
    occurred_at: DateTime<Utc>,
    position: Option<i64>,
    seal: Option<Vec<u8>>,
}

const LINK: &str = "seq, id, tenant_id, chain_id, actor_kind, actor, action, subject, outcome, request_id, detail_digest, occurred_at, position, seal";

impl Link {
    fn read(row: &sea_orm::QueryResult) -> Result<Self, DbErr> {
        let mut facts: [Option<String>; 6] = Default::default();
        for (index, fact) in facts.iter_mut().enumerate() {
            *fact = row.try_get_by_index(4 + index)?;
        }
        Ok(Self {
            seq: row.try_get_by_index(0)?,
            id: row.try_get_by_index(1)?,
            tenant: row.try_get_by_index(2)?,
            chain: row.try_get_by_index(3)?,
            facts,
            detail_digest: row.try_get_by_index(10)?,
            occurred_at: row.try_get_by_index(11)?,
            position: row.try_get_by_index(12)?,
            seal: row.try_get_by_index(13)?,
        })
    }

    fn spelled(&self, position: i64) -> String {
        let at = self.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        json!([position, self.id, self.tenant.map(TenantId::uuid), self.chain, self.facts, hex::encode(&self.detail_digest), at]).to_string()
    }
}
