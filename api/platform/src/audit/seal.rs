//! The sealer: orders what is committed and chains it, so that no writer waits for another.

use std::collections::BTreeMap;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ConnectionTrait, DbErr};
use sha2::Sha256;
use uuid::Uuid;

use super::{LINK, LOCK, Link};
use crate::crypto::MasterKey;
use crate::db::{Access, Database, Tx, Wake, in_list, is_sqlite};

/// Entries of one batch.
const BATCH: i64 = 500;
/// How often it is looked whether another process left something.
const LOOK: Duration = Duration::from_secs(2);

/// Seals under a key of its own, which the master key gives: whoever can write to the database alone cannot forge a seal.
#[derive(Clone)]
pub(super) struct SealKey([u8; 32]);

impl SealKey {
    pub(super) fn of(master: &MasterKey) -> Self {
        Self(master.derive("audit seals"))
    }

    /// The seal of an entry that follows the one sealed with `before`.
    pub(super) fn seal(&self, before: &[u8], link: &Link, position: i64) -> Vec<u8> {
        // A key of 32 bytes fits every HMAC.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Vec::new() };
        mac.chain_update(before).chain_update(link.spelled(position)).finalize().into_bytes().to_vec()
    }
}

/// The sealer of this process.
pub struct Sealer {
    db: Database,
    key: SealKey,
}

/// The last entry of a chain.
struct Head {
    position: i64,
    seal: Vec<u8>,
}

impl Sealer {
    /// A sealer under a key that `master` gives.
    pub fn new(db: Database, master: &MasterKey) -> Self {
        Self { db, key: SealKey::of(master) }
    }

    /// Seals for as long as the program runs.
    pub async fn run(&self) {
        let mut committed = self.db.signals().of(Wake::Audit);
        loop {
            committed.mark_unchanged();
            if let Err(error) = self.seal_all().await {
                tracing::warn!(%error, "audit entries wait: the sealer failed, and tries again");
            }
            // What comes together is sealed together.
            let _ = tokio::time::timeout(LOOK, committed.changed()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Seals until nothing waits.
    pub async fn seal_all(&self) -> Result<(), DbErr> {
        while self.waits().await? {
            if self.batch().await?.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    async fn waits(&self) -> Result<bool, DbErr> {
        let tx = self.db.read(Access::Worker).await?;
        Ok(tx.query_one_raw(self.db.statement("select 1 from audit_events where position is null limit 1", [])).await?.is_some())
    }

    /// Seals some; none when another replica is at it.
    async fn batch(&self) -> Result<Option<usize>, DbErr> {
        let tx = self.db.write(Access::Worker).await?;
        if !tx.try_lock(LOCK).await? {
            return Ok(None);
        }
        let sql = format!("select {LINK} from audit_events where position is null order by seq limit $1");
        let links: Vec<Link> = tx.query_all_raw(self.db.statement(sql, [BATCH.into()])).await?.iter().map(Link::read).collect::<Result<_, _>>()?;
        let mut heads = self.heads(&tx, &links).await?;
        let mut sealed = Vec::with_capacity(links.len());
        for link in &links {
            let head = heads.entry(link.chain).or_insert_with(|| Head { position: 0, seal: Vec::new() });
            head.position += 1;
            head.seal = self.key.seal(&head.seal, link, head.position);
            sealed.push((link.seq, head.position, hex::encode(&head.seal)));
        }
        self.write(&tx, &sealed).await?;
        for (chain, head) in heads {
            let tenant = (!chain.is_nil()).then(|| entities::TenantId::from(chain));
            let sql = "insert into audit_chains (chain_id, tenant_id, position, seal) values ($1, $2, $3, $4)
                       on conflict (chain_id) do update set position = excluded.position, seal = excluded.seal";
            tx.execute_raw(self.db.statement(sql, [chain.into(), tenant.into(), head.position.into(), head.seal.into()])).await?;
        }
        tx.commit().await?;
        Ok(Some(links.len()))
    }

    async fn heads(&self, tx: &Tx, links: &[Link]) -> Result<BTreeMap<Uuid, Head>, DbErr> {
        let mut chains: Vec<Uuid> = links.iter().map(|link| link.chain).collect();
        chains.sort_unstable();
        chains.dedup();
        let (listed, value) = in_list(self.db.backend(), "chain_id", 1, &chains);
        let rows = tx.query_all_raw(self.db.statement(format!("select chain_id, position, seal from audit_chains where {listed}"), [value])).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, Head { position: row.try_get_by_index(1)?, seal: row.try_get_by_index(2)? }))).collect()
    }

    async fn write(&self, tx: &Tx, sealed: &[(i64, i64, String)]) -> Result<(), DbErr> {
        let rows = if is_sqlite(self.db.backend()) {
            "select json_extract(value, '$[0]') as seq, json_extract(value, '$[1]') as position, unhex(json_extract(value, '$[2]')) as seal from json_each($1)"
        } else {
            "select (value->>0)::bigint as seq, (value->>1)::bigint as position, decode(value->>2, 'hex') as seal from json_array_elements($1::json)"
        };
        let sql = format!("update audit_events set position = s.position, seal = s.seal from ({rows}) s where audit_events.seq = s.seq");
        let sealed = serde_json::to_string(sealed).map_err(|error| DbErr::Custom(error.to_string()))?;
        tx.execute_raw(self.db.statement(sql, [sealed.into()])).await.map(drop)
    }
}
