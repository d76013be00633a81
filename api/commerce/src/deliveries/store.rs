//! The store that a delivery is about.

use entities::{Currency, StoreId, StoreStatus};
use platform::inbox::Stored;
use platform::{DbErr, Tx};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Query};

/// What is to be known of a store before anything is written to it.
pub(super) struct Shop {
    pub id: StoreId,
    pub status: StoreStatus,
    pub currency: Currency,
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
    Ok(Some(Shop { id: row.try_get_by_index(0)?, status: row.try_get_by_index(1)?, currency }))
}
