//! The store that a delivery is about.

use entities::{Currency, StoreId, StoreStatus, TenantId};
use platform::inbox::Stored;
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Statement, Value};

use crate::changes::StorePlace;

/// What is to be known of a store before anything is written to it.
pub(super) struct Shop {
    pub place: StorePlace,
    pub status: StoreStatus,
    /// Whether the delivery came by the app that is installed in the shop, or the store was connected without one.
    pub is_by_its_app: bool,
    /// Whether an app was installed that has not heard yet who its shop is.
    pub awaits_set_up: bool,
}

/// The store as it was known when the delivery came, or whichever of the tenant has its account as the domain by now.
pub(super) async fn of(tx: &Tx, delivery: &Stored) -> Result<Option<Shop>, DbErr> {
    match (delivery.store, &delivery.account) {
        (Some(store), _) => find(tx, delivery.tenant, "s.id = $3", vec![delivery.tenant.into(), delivery.id.into(), store.into()]).await,
        (None, Some(account)) => named(tx, delivery, account).await,
        (None, None) => Ok(None),
    }
}

/// The store of the tenant with a domain.
async fn named(tx: &Tx, delivery: &Stored, domain: &str) -> Result<Option<Shop>, DbErr> {
    let values = vec![delivery.tenant.into(), delivery.id.into(), delivery.provider.as_str().into(), domain.into()];
    find(tx, delivery.tenant, "s.provider = $3 and s.domain = $4", values).await
}

/// A store, and whether it may be asked and written to.
pub(super) async fn in_use(tx: &Tx, tenant: TenantId, store: StoreId) -> Result<Option<StorePlace>, DbErr> {
    let found = find(tx, tenant, "s.id = $3", vec![tenant.into(), Value::Uuid(None), store.into()]).await?;
    Ok(found.filter(|shop| shop.status == StoreStatus::Active).map(|shop| shop.place))
}

/// `$1` is the tenant, `$2` the delivery.
async fn find(tx: &Tx, tenant: TenantId, which: &str, values: Vec<Value>) -> Result<Option<Shop>, DbErr> {
    let sql = format!(
        "select s.id, s.status, s.currency_code, i.connection_id is null or exists (
           select 1 from webhook_events e where e.tenant_id = $1 and e.id = $2 and e.connection_id = i.connection_id),
           i.connection_id is not null and i.set_up_at is null
         from stores s left join installations i on i.tenant_id = s.tenant_id and i.id = s.id where s.tenant_id = $1 and {which}"
    );
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await? else { return Ok(None) };
    let code: String = row.try_get_by_index(2)?;
    let currency: Currency = code.parse().map_err(|_| DbErr::Custom(format!("the stored currency {code} is not known")))?;
    Ok(Some(Shop {
        place: StorePlace { tenant, store: row.try_get_by_index(0)?, currency },
        status: row.try_get_by_index(1)?,
        is_by_its_app: row.try_get_by_index(3)?,
        awaits_set_up: row.try_get_by_index(4)?,
    }))
}
