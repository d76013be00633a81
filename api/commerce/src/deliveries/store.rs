//! The store that a delivery is about.

use entities::{Currency, StoreId, StoreStatus};
use platform::inbox::Stored;
use platform::{DbErr, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, Statement};

/// What is to be known of a store before anything is written to it.
pub(super) struct Shop {
    pub id: StoreId,
    pub status: StoreStatus,
    pub currency: Currency,
    /// Whether an app was installed that has not heard yet who its shop is.
    pub awaits_set_up: bool,
}

/// The store as it was known when the delivery came, or whichever of the tenant has its account as the domain by now.
pub(super) async fn of(tx: &Tx, delivery: &Stored) -> Result<Option<Shop>, DbErr> {
    let mut select = Query::select();
    select.columns(["id", "status", "currency_code"]).from("stores").and_where(Expr::col("tenant_id").eq(delivery.tenant));
    match (delivery.store, &delivery.account) {
        (Some(store), _) => select.and_where(Expr::col("id").eq(store)),
        (None, Some(account)) => select.and_where(Expr::col("provider").eq(delivery.provider.as_str())).and_where(Expr::col("domain").eq(account.as_str())),
        (None, None) => return Ok(None),
    };
    let Some(row) = tx.query_one(&select).await? else { return Ok(None) };
    let code: String = row.try_get_by_index(2)?;
    let currency = code.parse().map_err(|_| DbErr::Custom(format!("the stored currency {code} is not known")))?;
    let id: StoreId = row.try_get_by_index(0)?;
    let sql = "select 1 from installations where tenant_id = $1 and id = $2 and connection_id is not null and set_up_at is null";
    let waits = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [delivery.tenant.into(), id.into()])).await?;
    Ok(Some(Shop { id, status: row.try_get_by_index(1)?, currency, awaits_set_up: waits.is_some() }))
}
