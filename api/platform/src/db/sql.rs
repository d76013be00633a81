//! The shapes of SQL that lists need and that differ between the databases.

use entities::{StoreId, TenantId};
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, IntoIden, JoinType, Order, Query, SelectStatement, SimpleExpr, WindowStatement};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use uuid::Uuid;

use super::{FromRow, Tx};

/// Whether a backend is SQLite.
pub fn is_sqlite(backend: DbBackend) -> bool {
    backend == DbBackend::Sqlite
}

/// A row whose relations are wanted: its id and the tenant that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parent {
    /// The tenant.
    pub tenant: TenantId,
    /// The row.
    pub id: Uuid,
}

/// A derived table `(tenant_id, id)` of the parents: one array parameter a column, however many there are.
pub fn parents(backend: DbBackend, parents: &[Parent]) -> SelectStatement {
    let mut select = Query::select();
    if is_sqlite(backend) {
        let pairs: Vec<[String; 2]> = parents.iter().map(|p| [p.tenant.uuid().simple().to_string(), p.id.simple().to_string()]).collect();
        let json = serde_json::to_string(&pairs).unwrap_or_else(|_| "[]".to_owned());
        let part = |index: u8| Expr::cust(format!("unhex(json_extract(\"value\", '$[{index}]'))"));
        select.expr_as(part(0), "tenant_id").expr_as(part(1), "id").from_function(Func::cust("json_each").arg(json), "pairs");
    } else {
        let unnest = |ids: Vec<Uuid>| Func::cust("unnest").arg(Expr::val(ids));
        select.expr_as(unnest(parents.iter().map(|p| p.tenant.uuid()).collect()), "tenant_id").expr_as(unnest(parents.iter().map(|p| p.id).collect()), "id");
    }
    select
}

/// A row as its provider knows it: in a store, by the provider's id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExternalRef {
    /// The tenant.
    pub tenant: TenantId,
    /// The store.
    pub store: StoreId,
    /// The provider's id.
    pub external_id: String,
}

/// A derived table `(tenant_id, store_id, external_id)` of references.
pub(super) fn external_refs(backend: DbBackend, refs: &[ExternalRef]) -> SelectStatement {
    let mut select = Query::select();
    if is_sqlite(backend) {
        let rows: Vec<[String; 3]> =
            refs.iter().map(|r| [r.tenant.uuid().simple().to_string(), r.store.uuid().simple().to_string(), r.external_id.clone()]).collect();
        let json = serde_json::to_string(&rows).unwrap_or_else(|_| "[]".to_owned());
        for (index, name) in ["tenant_id", "store_id"].into_iter().enumerate() {
            select.expr_as(Expr::cust(format!("unhex(json_extract(\"value\", '$[{index}]'))")), name);
        }
        select.expr_as(Expr::cust("json_extract(\"value\", '$[2]')"), "external_id").from_function(Func::cust("json_each").arg(json), "refs");
    } else {
        let ids = |part: fn(&ExternalRef) -> Uuid| Func::cust("unnest").arg(Expr::val(refs.iter().map(part).collect::<Vec<_>>()));
        let external = refs.iter().map(|r| r.external_id.clone()).collect::<Vec<_>>();
        select
            .expr_as(ids(|r| r.tenant.uuid()), "tenant_id")
            .expr_as(ids(|r| r.store.uuid()), "store_id")
            .expr_as(Func::cust("unnest").arg(Expr::val(external)), "external_id");
    }
    select
}

/// Whether a column holds one of the ids: one array parameter, however many there are.
pub fn in_ids(backend: DbBackend, column: SimpleExpr, ids: impl IntoIterator<Item = Uuid>) -> SimpleExpr {
    if is_sqlite(backend) {
        let hex: Vec<String> = ids.into_iter().map(|id| id.simple().to_string()).collect();
        let json = serde_json::to_string(&hex).unwrap_or_else(|_| "[]".to_owned());
        let listed = Query::select().expr(Expr::cust("unhex(\"value\")")).from_function(Func::cust("json_each").arg(json), "listed").take();
        column.in_subquery(listed)
    } else {
        column.eq(Func::cust("any").arg(Expr::val(ids.into_iter().collect::<Vec<_>>())))
    }
}

/// The same as text, for a statement of our own: the condition with its parameter `$at`, and the parameter.
pub fn in_list(backend: DbBackend, column: &str, at: usize, ids: &[Uuid]) -> (String, sea_orm::Value) {
    if is_sqlite(backend) {
        let hex: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
        let json = serde_json::to_string(&hex).unwrap_or_else(|_| "[]".to_owned());
        (format!("{column} in (select unhex(value) from json_each(${at}))"), json.into())
    } else {
        (format!("{column} = any(${at})"), ids.to_vec().into())
    }
}

/// At most `limit` rows for each parent, in `order`. `base` selects the rows' columns and filters them, `belongs` joins them to
/// the parents' table `p`. The parent's id is the first column of the result.
pub fn per_parent(
    backend: DbBackend,
    of: &[Parent],
    mut base: SelectStatement,
    belongs: impl Fn() -> SimpleExpr,
    order: &[(SimpleExpr, Order)],
    limit: u64,
) -> SelectStatement {
    let p = || Alias::new("p").into_iden();
    let parent_id = || Expr::col((Alias::new("p"), Alias::new("id")));
    let mut outer = Query::select();
    if is_sqlite(backend) {
        let mut window = WindowStatement::partition_by((Alias::new("p"), Alias::new("id")));
        for (column, direction) in order {
            window.order_by_expr(column.clone(), direction.clone());
        }
        base.expr_as(parent_id(), "parent_id").expr_window_as(Func::cust("row_number"), window, "row_number");
        base.join_subquery(JoinType::InnerJoin, parents(backend, of), p(), belongs());
        outer.column(Alias::new("parent_id")).column(Asterisk).from_subquery(base, "ranked");
        outer.and_where(Expr::col("row_number").lte(limit)).order_by("row_number", Order::Asc);
    } else {
        base.and_where(belongs());
        for (column, direction) in order {
            base.order_by_expr(column.clone(), direction.clone());
        }
        base.limit(limit);
        outer.expr(parent_id()).column(("c", Asterisk)).from_subquery(parents(backend, of), p());
        outer.join_lateral(JoinType::InnerJoin, base, "c", Expr::val(true));
    }
    outer
}

/// Runs a select and reads its rows as plain structs.
pub async fn rows_of<T: FromRow>(tx: &Tx, query: &SelectStatement) -> Result<Vec<T>, DbErr> {
    let found = tx.query_all(query).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        rows.push(T::from_row(row, 0)?);
    }
    Ok(rows)
}
