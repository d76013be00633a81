//! Asking a shop for one thing of which a delivery did not tell enough: an order of which money was given back, a product with more
//! variants than were written out.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entities::{JobId, StoreId, TenantId};
use integrations::ports::commerce::{BulkRecord, CustomerRecord, LineError, OrderChange, ProductChange};
use integrations::ports::shop::{CallError, DataKind, Problem};
use platform::db::Access;
use platform::jobs::{Backoff, Enqueued, JobError, JobKind, NewJob, Queue, Running, Worker, enqueue};
use platform::{DbErr, Ids, Trace, Tx};
use sea_orm::{ConnectionTrait, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::announce::announce;
use super::store;
use crate::changes::{ChangeError, Telling, apply, told_of};
use crate::installs::{OpenShop, ShopError, Shops};
use crate::sync::{record, whole};

/// Fetching one thing. What does not come this way comes with the next sync.
pub const FETCH: &JobKind = &JobKind {
    name: "delivery.fetch",
    queue: Queue::SHOPS,
    max_attempts: 8,
    timeout: Duration::from_secs(120),
    backoff: Backoff::Exponential(Duration::from_secs(10), Duration::from_secs(600)),
};

/// When an import is being merged, it is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    store_id: StoreId,
    kind: String,
    external_id: String,
    /// When the shop told what makes it necessary.
    told_at: Option<DateTime<Utc>>,
}

/// Has one thing fetched of which was told then. However often that is asked for, it is done once after the last time: one that is being
/// fetched right now may have been read before.
pub(super) async fn request(
    tx: &Tx,
    trace: &Trace,
    (tenant, store): (TenantId, StoreId),
    (kind, external_id): (DataKind, &str),
    told_at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let thing = format!("{store} {} {external_id}", kind.as_str());
    let mut key = thing.clone();
    loop {
        let wanted = Wanted { store_id: store, kind: kind.as_str().to_owned(), external_id: external_id.to_owned(), told_at };
        let job = NewJob::new(FETCH, Some(tenant), json!(wanted)).unique(&key).in_lane(store);
        if let Enqueued::New(_) = enqueue(tx, trace, job).await? {
            return Ok(());
        }
        let sql = "select id, status from jobs where kind = $1 and unique_key = $2 and status in ('QUEUED', 'RUNNING')";
        let found = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [FETCH.name.into(), key.as_str().into()])).await?;
        // It may have ended in between.
        let Some(found) = found else { continue };
        if found.try_get_by_index::<String>(1)? == "QUEUED" {
            return Ok(());
        }
        key = format!("{thing} after {}", found.try_get_by_index::<JobId>(0)?);
    }
}

/// A thing with its children, as the shop has it.
enum Fetched {
    Customer(Box<CustomerRecord>),
    Product(Box<ProductChange>),
    Order(Box<OrderChange>),
}

impl Fetched {
    /// None when the shop has no such thing.
    fn of(records: Vec<Result<BulkRecord, LineError>>) -> Result<Option<Self>, LineError> {
        let (mut root, mut variants, mut items) = (None, Vec::new(), Vec::new());
        for record in records {
            match record? {
                BulkRecord::ProductVariant(variant) => variants.push(*variant),
                BulkRecord::OrderItem(item) => items.push(*item),
                other => root = Some(other),
            }
        }
        Ok(root.and_then(|root| match root {
            BulkRecord::Customer(customer) => Some(Self::Customer(customer)),
            BulkRecord::Product(product) => Some(Self::Product(Box::new(ProductChange { product: *product, variants, complete: true }))),
            BulkRecord::Order(order) => Some(Self::Order(Box::new(OrderChange { order: *order, items, complete: true }))),
            BulkRecord::ProductVariant(_) | BulkRecord::OrderItem(_) => None,
        }))
    }

    fn telling(&self) -> Telling<'_> {
        match self {
            Self::Customer(customer) => Telling::Customer(customer),
            Self::Product(change) => Telling::Product(change),
            Self::Order(change) => Telling::Order(change),
        }
    }
}

/// Why nothing was fetched.
enum Trouble {
    /// There is no way in: what is missing comes when the app is installed again.
    NoWayIn(String),
    Job(JobError),
}

impl From<DbErr> for Trouble {
    fn from(error: DbErr) -> Self {
        Self::Job(error.into())
    }
}

impl From<ShopError> for Trouble {
    fn from(error: ShopError) -> Self {
        match error {
            ShopError::NotFound | ShopError::Uninstalled | ShopError::NoAccess(_) => Self::NoWayIn(error.to_string()),
            ShopError::Later { why, after } => Self::Job(later(after, why)),
            ShopError::Storage(error) => error.into(),
        }
    }
}

fn later(after: Option<Duration>, why: String) -> JobError {
    after.map_or_else(|| JobError::Retry(why.clone()), |after| JobError::RetryAfter(after, why.clone()))
}

fn refused(error: CallError) -> JobError {
    let why = error.to_string();
    match error.problem {
        Problem::Throttled { after } | Problem::Failed { after, .. } => later(after, why),
        Problem::MissingScope(_) | Problem::Refused(_) | Problem::TooCostly(_) => JobError::Fail(why),
        Problem::Busy(_) | Problem::Unauthorized | Problem::ShopClosed { .. } | Problem::Unknown(_) | Problem::Unreachable(_) => JobError::Retry(why),
    }
}

/// Fetches what was asked for.
pub(super) struct Fetching {
    pub shops: Shops,
}

#[async_trait]
impl Worker for Fetching {
    fn kind(&self) -> &'static JobKind {
        FETCH
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Wanted { store_id, kind, external_id, told_at } = job.payload()?;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a delivery belongs to a tenant; the job names none".to_owned()))?;
        let kind = DataKind::ALL.into_iter().find(|one| one.as_str() == kind).ok_or_else(|| JobError::Fail(format!("nothing is fetched of {kind}")))?;
        let known = {
            let tx = job.db().read(Access::Tenant(tenant)).await?;
            // A store that was paused or whose app was removed is left alone.
            let Some(place) = store::in_use(&tx, tenant, store_id).await? else { return Ok(()) };
            told_of(&tx, &place, record(kind), &external_id).await?
        };
        // What was told before the shop is asked is older than its answer, whatever its clock shows.
        let told = told_at.max(known).map(|at| at + TimeDelta::microseconds(1));
        let read_at = told.map_or(job.now(), |told| told.max(job.now()));
        match self.fetch(job, (tenant, store_id), kind, &external_id).await {
            Ok(Some(fetched)) => write(job, (tenant, store_id), &fetched, read_at).await,
            // It was deleted, or is kept from the app: that is told otherwise.
            Ok(None) => Ok(()),
            Err(Trouble::NoWayIn(why)) => {
                tracing::info!(store = %store_id, why, "what a delivery told of in part is not fetched");
                Ok(())
            }
            Err(Trouble::Job(error)) => Err(error),
        }
    }
}

impl Fetching {
    async fn fetch(&self, job: &Running, (tenant, store): (TenantId, StoreId), kind: DataKind, external_id: &str) -> Result<Option<Fetched>, Trouble> {
        let mut shop = self.shops.open(job.db(), tenant, store).await?;
        let records = match records(&shop, kind, external_id).await {
            Err(CallError { problem: Problem::Unauthorized, .. }) => {
                shop = self.shops.reopen(job.db(), &shop).await?;
                records(&shop, kind, external_id).await
            }
            other => other,
        };
        let records = records.map_err(|error| Trouble::Job(refused(error)))?;
        Fetched::of(records).map_err(|line| Trouble::Job(JobError::Fail(line.to_string())))
    }
}

async fn records(shop: &OpenShop, kind: DataKind, external_id: &str) -> Result<Vec<Result<BulkRecord, LineError>>, CallError> {
    let page = shop.system.one(&shop.access, kind, external_id).await?;
    whole(shop, page).await
}

async fn write(job: &Running, (tenant, store): (TenantId, StoreId), fetched: &Fetched, read_at: DateTime<Utc>) -> Result<(), JobError> {
    let tx = job.db().write(Access::Tenant(tenant)).await?;
    if let Some(place) = store::in_use(&tx, tenant, store).await? {
        let written = apply(&tx, &place, fetched.telling(), Some(read_at), job.now(), &Ids::new(job.clock())).await.map_err(|error| match error {
            ChangeError::Rejected(line) => JobError::Fail(line.to_string()),
            ChangeError::Importing => JobError::Postpone(LOOK_AGAIN, error.to_string()),
            ChangeError::Storage(error) => error.into(),
        })?;
        announce(&tx, &job.trace(), &place, written).await?;
    }
    job.done(&tx).await?;
    Ok(tx.commit().await?)
}

/// Who fetches.
pub fn workers(shops: Shops) -> Vec<Arc<dyn Worker>> {
    vec![Arc::new(Fetching { shops })]
}
