//! What has changed since: pages of what was updated, the longest ago first, with an overlap; and what was deleted.

use chrono::{DateTime, TimeDelta, Utc};
use entities::{SyncPhase, SyncStatus};
use integrations::ports::commerce::{BulkRecord, LineError};
use integrations::ports::shop::{CallError, DataKind, Instants, Page, PageAsk, Problem, Range};
use sea_orm::ConnectionTrait;

use super::full::{DELETIONS, SKEW};
use super::gone;
use super::step::{Next, Step, Trouble};
use super::store;
use crate::changes::{mark_deleted, note_deletion};
use crate::installs::OpenShop;

/// What the shop's search has not seen yet comes with the next increment.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
/// Pages of nothing but empty answers end here.
const MOST_PAGES: usize = 100_000;

impl Step {
    /// Goes on with an increment to its end.
    pub(super) async fn increment(&mut self) -> Result<Next, Trouble> {
        self.enter(SyncPhase::Paging).await?;
        for kind in DataKind::ALL {
            let up_to = self.checkpoint(kind.as_str()).await?;
            let up_to = up_to.ok_or_else(|| Trouble::Fatal("nothing has been synced yet that could be gone on from; a FULL sync comes first".to_owned()))?;
            // What is put away is asked for whatever the setting is: what is known follows.
            let range = Range { by: Instants::Updated, from: Some(up_to - OVERLAP), until: None, archived: true };
            self.pull(kind, range, true).await?;
        }
        self.follow_deletions().await?;
        let tx = self.write().await?;
        store::end(&tx, &self.trace, self.at, SyncStatus::Completed, None).await?.ok_or(Trouble::Stopped)?;
        let sql = "update stores set last_sync_at = $1 where tenant_id = $2 and id = $3";
        tx.execute_raw(store::statement(&tx, sql, [self.now().into(), self.at.tenant.into(), self.at.store.into()])).await?;
        tx.commit().await?;
        Ok(Next::Ended)
    }

    async fn checkpoint(&self, kind: &str) -> Result<Option<DateTime<Utc>>, Trouble> {
        let tx = self.read().await?;
        Ok(store::checkpoint(&tx, self.at, kind).await?)
    }

    /// Brings everything of a range by pages. With `follows` the kind's checkpoint moves on with what is written.
    pub(super) async fn pull(&mut self, kind: DataKind, range: Range, follows: bool) -> Result<(), Trouble> {
        let (mut after, mut first) = (None, self.limits.page);
        for _ in 0..MOST_PAGES {
            // Of pages that do not tell the time it is ours, with room for how it may differ.
            let mut read_at = self.now();
            let (mut records, mut roots, mut up_to) = (Vec::new(), 0, None);
            loop {
                let ask = PageAsk { kind, range, after: after.as_deref(), first };
                let page = match self.shop.system.page(&self.shop.access, &ask).await {
                    Err(CallError { problem: Problem::TooCostly(_), .. }) if first > 1 => {
                        first /= 2;
                        continue;
                    }
                    other => other?,
                };
                (roots, up_to) = (roots + page.roots, up_to.max(page.up_to));
                read_at = read_at.min(page.read_at.unwrap_or(read_at - SKEW));
                after = page.next.clone();
                let page = self.wanted(kind, page).await?;
                self.add_whole(page, &mut records).await?;
                if after.is_none() || roots >= self.limits.batch {
                    break;
                }
            }
            let checkpoint = up_to.filter(|_| follows).map(|up_to| (kind.as_str(), up_to));
            if !records.is_empty() {
                let name = format!("{} by pages", kind.as_str().to_lowercase());
                self.bring_records(&name, records, read_at, checkpoint).await?;
            } else if let Some((kind, up_to)) = checkpoint {
                let tx = self.write().await?;
                let moved = store::advance_in(&tx, &self.run, kind, up_to, self.now()).await?;
                self.run = self.progress(tx, "phase = phase", Vec::new(), moved).await?;
            }
            if after.is_none() {
                return Ok(());
            }
        }
        Err(Trouble::Fatal("the shop's pages do not come to an end".to_owned()))
    }

    /// Leaves out what the merchant has put away and what is not known here, unless that is asked for too.
    async fn wanted(&self, kind: DataKind, mut page: Page) -> Result<Page, Trouble> {
        if self.run.archived || page.put_away.is_empty() {
            return Ok(page);
        }
        let tx = self.read().await?;
        let known = gone::known(&tx, self.at, kind, &page.put_away).await?;
        let unknown = |id: &String| page.put_away.contains(id) && !known.contains(id);
        page.records.retain(|record| match record {
            Ok(record) => !unknown(root_of(record)),
            Err(LineError { external_id, .. }) => !external_id.as_ref().is_some_and(unknown),
        });
        page.unfinished.retain(|parent| !unknown(&parent.external_id));
        Ok(page)
    }

    /// Adds what a page says, with all the children that it had no room for.
    pub(super) async fn add_whole(&self, page: Page, records: &mut Vec<Result<BulkRecord, LineError>>) -> Result<(), Trouble> {
        records.extend(whole(&self.shop, page).await?);
        Ok(())
    }

    /// Marks what the shop's log says was deleted.
    async fn follow_deletions(&mut self) -> Result<(), Trouble> {
        let Some(since) = self.checkpoint(DELETIONS).await? else { return Ok(()) };
        let mut after = None;
        loop {
            let page = self.shop.system.deletions(&self.shop.access, since - OVERLAP, after.as_deref()).await?;
            if let Some(last) = page.deleted.iter().map(|deleted| deleted.at).max() {
                let tx = self.write().await?;
                let mut marked = 0;
                for one in &page.deleted {
                    let (of, kind) = ((self.at.tenant, self.at.store), gone::record(one.kind));
                    note_deletion(&tx, of, (kind, &one.external_id), one.at, self.now(), &self.ids()).await?;
                    marked += mark_deleted(&tx, of, kind, std::slice::from_ref(&one.external_id), one.at).await?;
                }
                let moved = store::advance_in(&tx, &self.run, DELETIONS, last, self.now()).await?;
                self.run = self.progress(tx, "deleted = deleted + $4", vec![i64::try_from(marked).unwrap_or(i64::MAX).into()], moved).await?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// What a page says, with all the children that it had no room for.
pub(crate) async fn whole(shop: &OpenShop, page: Page) -> Result<Vec<Result<BulkRecord, LineError>>, CallError> {
    let (mut records, mut unfinished) = (page.records, page.unfinished);
    while let Some(rest) = unfinished.pop() {
        let page = shop.system.rest(&shop.access, &rest).await?;
        records.extend(page.records);
        unfinished.extend(page.unfinished);
    }
    Ok(records)
}

/// The provider's id of what a record hangs from, or its own.
fn root_of(record: &BulkRecord) -> &String {
    match record {
        BulkRecord::Customer(customer) => &customer.external_id,
        BulkRecord::Product(product) => &product.external_id,
        BulkRecord::ProductVariant(variant) => &variant.parent,
        BulkRecord::Order(order) => &order.external_id,
        BulkRecord::OrderItem(item) => &item.parent,
    }
}
