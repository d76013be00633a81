//! Whether the audit log is what it was when it was sealed.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::seal::SealKey;
use super::{LINK, Link, digest};
use crate::crypto::MasterKey;
use crate::db::{Access, Database, Tx, in_list};

/// Entries that are read at once.
const BATCH: i64 = 1_000;

/// The first entry of a chain that is not what was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenLink {
    /// Its place.
    pub position: i64,
    /// The entry, where there is one.
    pub entry: Option<Uuid>,
    /// What is wrong with it.
    pub what: &'static str,
}

/// What was found of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// The tenant; nil for the platform's chain.
    pub chain: Uuid,
    /// Entries that are sealed.
    pub sealed: i64,
    /// Entries that wait for their seal.
    pub unsealed: i64,
    /// Entries whose detail was erased.
    pub erased: i64,
    /// The first entry that is not what was sealed.
    pub broken: Option<BrokenLink>,
}

/// Walks every chain from its beginning, a batch of entries at a time.
pub async fn verify(db: &Database, master: &MasterKey) -> Result<Vec<ChainReport>, DbErr> {
    let key = SealKey::of(master);
    let tx = db.read(Access::Worker).await?;
    let waiting = waiting(db, &tx).await?;
    let mut reports = Vec::new();
    for (chain, (head, head_seal)) in heads(db, &tx, waiting.keys()).await? {
        let mut report = ChainReport { chain, sealed: head, unsealed: waiting.get(&chain).copied().unwrap_or(0), erased: 0, broken: None };
        let last = walk(db, &tx, &key, &mut report).await?;
        if report.broken.is_none() && last != head_seal {
            report.broken = Some(BrokenLink { position: head, entry: None, what: "the chain does not end as it was left" });
        }
        reports.push(report);
    }
    Ok(reports)
}

type Heads = BTreeMap<Uuid, (i64, Vec<u8>)>;

/// The chains that have entries, found by steps from one to the next: reading all entries for it would take as long as the walk.
const CHAINS: &str = "with recursive chains(id) as (
    select * from (select chain_id from audit_events where position is not null order by chain_id limit 1) first
    union all
    select (select e.chain_id from audit_events e where e.position is not null and e.chain_id > chains.id order by e.chain_id limit 1)
    from chains where chains.id is not null)
  select id from chains where id is not null";

/// Where every chain ends, with those that have no seal yet.
async fn heads(db: &Database, tx: &Tx, waiting: impl Iterator<Item = &Uuid>) -> Result<Heads, DbErr> {
    let mut heads: Heads = waiting.map(|chain| (*chain, (0, Vec::new()))).collect();
    for row in tx.query_all_raw(db.statement(CHAINS, [])).await? {
        heads.insert(row.try_get_by_index(0)?, (0, Vec::new()));
    }
    for row in tx.query_all_raw(db.statement("select chain_id, position, seal from audit_chains", [])).await? {
        heads.insert(row.try_get_by_index(0)?, (row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    }
    Ok(heads)
}

/// How many entries of each chain wait for their seal.
async fn waiting(db: &Database, tx: &Tx) -> Result<BTreeMap<Uuid, i64>, DbErr> {
    let sql = "select chain_id, count(*) from audit_events where position is null group by chain_id";
    tx.query_all_raw(db.statement(sql, [])).await?.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// Follows a chain until its end or its first broken link, and gives back the last seal.
async fn walk(db: &Database, tx: &Tx, key: &SealKey, report: &mut ChainReport) -> Result<Vec<u8>, DbErr> {
    let (mut seal, mut expected) = (Vec::new(), 1);
    loop {
        let sql = format!("select {LINK} from audit_events where chain_id = $1 and position >= $2 order by position limit $3");
        let rows = tx.query_all_raw(db.statement(sql, [report.chain.into(), expected.into(), BATCH.into()])).await?;
        if rows.is_empty() {
            if expected <= report.sealed {
                report.broken = Some(BrokenLink { position: expected, entry: None, what: "entries are missing from here on" });
            }
            return Ok(seal);
        }
        let links = rows.iter().map(Link::read).collect::<Result<Vec<_>, _>>()?;
        let mut details = details(db, tx, &links).await?;
        for link in &links {
            let broken = |what| Some(BrokenLink { position: expected, entry: Some(link.id), what });
            if link.position != Some(expected) {
                report.broken = Some(BrokenLink { position: expected, entry: None, what: "the entry is missing" });
                return Ok(seal);
            }
            let next = key.seal(&seal, link, expected);
            if link.seal.as_deref() != Some(&*next) {
                report.broken = broken("the entry is not what was sealed");
                return Ok(seal);
            }
            match details.remove(&link.id) {
                Some(Detail::Erased) => report.erased += 1,
                Some(Detail::Kept(kept)) if kept == link.detail_digest => {}
                Some(Detail::Kept(_) | Detail::Neither) => {
                    report.broken = broken("its detail is not what was written");
                    return Ok(seal);
                }
                None => {
                    report.broken = broken("its detail is gone without having been erased");
                    return Ok(seal);
                }
            }
            (seal, expected) = (next, expected + 1);
        }
    }
}

enum Detail {
    Kept(Vec<u8>),
    Erased,
    /// Neither what was written nor what erasing leaves.
    Neither,
}

async fn details(db: &Database, tx: &Tx, links: &[Link]) -> Result<HashMap<Uuid, Detail>, DbErr> {
    let ids: Vec<Uuid> = links.iter().map(|link| link.id).collect();
    let (listed, value) = in_list(db.backend(), "audit_id", 1, &ids);
    let rows = tx.query_all_raw(db.statement(format!("select audit_id, salt, detail, erased_at from audit_details where {listed}"), [value])).await?;
    rows.iter()
        .map(|row| {
            let (salt, detail): (Option<Vec<u8>>, Option<String>) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            let erased_at: Option<DateTime<Utc>> = row.try_get_by_index(3)?;
            let detail = match (salt, detail, erased_at) {
                (Some(salt), Some(detail), None) => Detail::Kept(digest(&salt, &detail)),
                (None, None, Some(_)) => Detail::Erased,
                (Some(_), _, _) | (None, Some(_), _) | (None, None, None) => Detail::Neither,
            };
            Ok((row.try_get_by_index(0)?, detail))
        })
        .collect()
}
