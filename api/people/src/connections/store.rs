//! The queries of connections, private to this room.

use entities::tables::connections::{Column, Entity};
use entities::{ConnectionId, TenantId};
use platform::callers::Action;
use platform::callers::actions::ManageConnections;
use platform::db::List;
use platform::{Database, Permit, Tx};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryResult, Value};

use super::installed::AppInShop;
use super::row::ConnectionRow;

pub(super) const SECRET: &str = "webhook_secret_sealed";
pub(super) const PREVIOUS: &str = "previous_webhook_secret_sealed";
pub(super) const TABLE: &str = "connections";

/// A connection that the permit covers.
pub(super) async fn find(tx: &Tx, permit: &Permit<ManageConnections>, id: ConnectionId) -> Result<Option<ConnectionRow>, DbErr> {
    Ok(List::<ConnectionRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop())
}

/// The same, held against other writers until the transaction ends.
pub(super) async fn lock(tx: &Tx, permit: &Permit<ManageConnections>, id: ConnectionId) -> Result<Option<ConnectionRow>, DbErr> {
    Ok(List::<ConnectionRow, _>::new(tx, permit).by_ids_locked(&[id.uuid()]).await?.pop())
}

pub(super) async fn insert(tx: &Tx, _permit: &Permit<ManageConnections>, row: entities::tables::connections::ActiveModel) -> Result<(), DbErr> {
    Entity::insert(row).exec_without_returning(tx).await.map(drop)
}

/// Writes columns of a connection that was found under the permit.
pub(super) async fn update(tx: &Tx, _permit: &Permit<ManageConnections>, row: &ConnectionRow, values: Vec<(Column, Value)>) -> Result<(), DbErr> {
    let values = values.into_iter().map(|(column, value)| (column, Expr::val(value)));
    let this = Expr::col(Column::TenantId).eq(row.tenant_id).and(Expr::col(Column::Id).eq(row.id));
    tx.execute(&Query::update().table(Entity).values(values).and_where(this).take()).await.map(drop)
}

/// The sealed secrets of a connection that was found under the permit: the current and the previous one.
pub(super) async fn sealed<A: Action>(tx: &Tx, _permit: &Permit<A>, row: &ConnectionRow) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>), DbErr> {
    let this = Expr::col(Column::TenantId).eq(row.tenant_id).and(Expr::col(Column::Id).eq(row.id));
    let select = Query::select().columns([Column::WebhookSecretSealed, Column::PreviousWebhookSecretSealed]).from(Entity).and_where(this).take();
    match tx.query_one(&select).await? {
        Some(row) => Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)),
        None => Ok((None, None)),
    }
}

/// Whether a tenant is there and not deleted.
pub(super) async fn tenant_is_there(tx: &Tx, permit: &Permit<ManageConnections>, tenant: TenantId) -> Result<bool, DbErr> {
    if !permit.covers(tenant) {
        return Ok(false);
    }
    let select = Query::select().column("id").from("tenants").and_where(Expr::col("id").eq(tenant)).and_where(Expr::col("deleted_at").is_null()).take();
    Ok(tx.query_one(&select).await?.is_some())
}

/// A connection as it is found before its tenant is known, a row for each key of the tenant: tenant, provider, status, the
/// tenant's status, secret, previous secret and until when, key id, wrapped key.
pub(super) async fn receiving(db: &Database, id: ConnectionId) -> Result<Vec<QueryResult>, DbErr> {
    let sql = if platform::db::is_sqlite(db.backend()) {
        "select c.tenant_id, c.provider, c.status, n.status, c.webhook_secret_sealed, c.previous_webhook_secret_sealed,
           c.previous_webhook_secret_until, k.key_id, k.wrapped
         from connections c join tenants n on n.id = c.tenant_id left join tenant_keys k on k.tenant_id = c.tenant_id
         where c.id = $1"
    } else {
        "select * from noren_webhook_connection($1)"
    };
    db.query_all(sql, [id.into()]).await
}

const INSTALLED_POSTGRES: &str = "select x.n - 1, m.connection_id, m.tenant_id, m.tenant_status, m.store_id, m.webhook_secret_sealed,
      m.previous_webhook_secret_sealed, m.previous_webhook_secret_until, m.key_id, m.wrapped
    from json_array_elements($1::json) with ordinality x(value, n) cross join lateral noren_installed_app(x.value->>0, x.value->>1, x.value->>2) m";
const INSTALLED_SQLITE: &str = "select x.key, c.id, c.tenant_id, n.status, s.id, c.webhook_secret_sealed,
      c.previous_webhook_secret_sealed, c.previous_webhook_secret_until, k.key_id, k.wrapped
    from json_each($1) x
    join connections c on c.provider = json_extract(x.value, '$[0]') and c.account = json_extract(x.value, '$[1]') and c.status = 'ACTIVE'
    join tenants n on n.id = c.tenant_id and n.status <> 'DELETED'
    join stores s on s.tenant_id = c.tenant_id and s.provider = c.provider and s.domain = json_extract(x.value, '$[2]') and s.status <> 'UNINSTALLED'
    join installations i on i.tenant_id = s.tenant_id and i.id = s.id and i.connection_id = c.id
    left join tenant_keys k on k.tenant_id = c.tenant_id";

/// Where apps are installed, before the tenant is known, a row for each key of the tenant: place in the list, connection, tenant, the
/// tenant's status, store, secret, previous secret and until when, key id, wrapped key.
pub(super) async fn installed(db: &Database, of: &[AppInShop]) -> Result<Vec<QueryResult>, DbErr> {
    let sql = if platform::db::is_sqlite(db.backend()) { INSTALLED_SQLITE } else { INSTALLED_POSTGRES };
    let apps: Vec<[&str; 3]> = of.iter().map(|app| [app.provider, app.client_id.as_str(), app.shop.as_str()]).collect();
    db.query_all(sql, [serde_json::json!(apps).to_string().into()]).await
}
