//! Lists of tenant-owned rows: by id, by page, and for many parents at once. Every select starts at the one scoped door.

use std::collections::HashMap;
use std::marker::PhantomData;

use entities::StoreId;
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, JoinType, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use super::page::{Page, PageRequest, keyset, keyset_condition};
use super::row::FromRow;
use super::sql::{ExternalRef, Parent, external_refs, in_ids, is_sqlite, parents, per_parent, rows_of};
use super::tx::Tx;
use crate::callers::{Action, Permit};

/// A plain struct that holds a tenant-owned row.
pub trait TenantRow: FromRow {
    /// The table.
    const TABLE: &'static str;
    /// The column of the store that the row belongs to.
    const STORE: Option<&'static str>;
    /// Whether rows of a running import are hidden by `pending_import_id`, and rows that the shop has no more by `deleted_at`.
    const IMPORTED: bool;

    /// Where it is written who made the row, when integrations see only what they made themselves.
    const OWNER: Option<Owner>;

    /// The row's id.
    fn id(&self) -> Uuid;
}

/// Where it is written who made a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// In this column.
    Column(&'static str),
    /// In the row that it belongs to.
    Of {
        /// The column that refers to that row.
        parent: &'static str,
        /// That row's table.
        table: &'static str,
        /// The column there.
        column: &'static str,
    },
}

/// A column of a row's table.
fn column<T: TenantRow>(name: &'static str) -> SimpleExpr {
    Expr::col((T::TABLE, name))
}

/// What of a table a permit reaches, narrowed by a filter.
pub struct List<'a, T, A> {
    tx: &'a Tx,
    permit: &'a Permit<A>,
    filter: Vec<SimpleExpr>,
    row: PhantomData<T>,
}

impl<'a, T: TenantRow, A: Action> List<'a, T, A> {
    /// All rows that `permit` reaches.
    pub fn new(tx: &'a Tx, permit: &'a Permit<A>) -> Self {
        Self { tx, permit, filter: Vec::new(), row: PhantomData }
    }

    /// Those that satisfy a condition as well.
    pub fn filter(mut self, condition: SimpleExpr) -> Self {
        self.filter.push(condition);
        self
    }

    /// The one scoped door: nothing is selected but through here.
    fn scoped(&self) -> SelectStatement {
        let backend = self.tx.get_database_backend();
        let mut query = Query::select().from(T::TABLE).take();
        self.permit.limit(&mut query, backend, column::<T>("tenant_id"), T::STORE.map(column::<T>));
        if let (Some(owner), Some(own)) = (T::OWNER, self.permit.own_alone()) {
            query.and_where(match owner {
                Owner::Column(name) => column::<T>(name).eq(own),
                Owner::Of { parent, table, column: name } => {
                    let mut theirs = Query::select().column("id").from(table).and_where(Expr::col(name).eq(own)).take();
                    if let Some(tenant) = self.permit.tenant() {
                        theirs.and_where(Expr::col("tenant_id").eq(tenant));
                    }
                    column::<T>(parent).in_subquery(theirs)
                }
            });
        }
        if T::IMPORTED {
            query.and_where(column::<T>("deleted_at").is_null());
        }
        if T::IMPORTED && is_sqlite(backend) {
            let done = Query::select().column("id").from("import_runs").and_where(Expr::col("status").eq("DONE")).take();
            let pending = column::<T>("pending_import_id");
            query.and_where(pending.clone().is_null().or(pending.in_subquery(done)));
        }
        for condition in &self.filter {
            query.and_where(condition.clone());
        }
        query
    }

    fn rows(&self) -> SelectStatement {
        let mut query = self.scoped();
        T::select(&mut query);
        query
    }

    /// The rows with these ids, in no particular order.
    pub async fn by_ids(&self, ids: &[Uuid]) -> Result<Vec<T>, DbErr> {
        let mut query = self.rows();
        match ids {
            [] => return Ok(Vec::new()),
            [one] => query.and_where(column::<T>("id").eq(*one)),
            many => query.and_where(in_ids(self.tx.get_database_backend(), column::<T>("id"), many.iter().copied())),
        };
        rows_of(self.tx, &query).await
    }

    /// The same rows, held against other writers until the transaction ends.
    pub async fn by_ids_locked(&self, ids: &[Uuid]) -> Result<Vec<T>, DbErr> {
        let backend = self.tx.get_database_backend();
        let mut query = self.rows();
        query.and_where(in_ids(backend, column::<T>("id"), ids.iter().copied()));
        // SQLite has one writer: whoever writes holds everything.
        if !is_sqlite(backend) {
            query.lock_exclusive();
        }
        rows_of(self.tx, &query).await
    }

    /// The rows that others refer to, by tenant and id.
    pub async fn referred(&self, refs: &[Parent]) -> Result<HashMap<Uuid, T>, DbErr> {
        if refs.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = self.rows();
        let belongs = column::<T>("tenant_id").eq(Expr::col(("p", "tenant_id"))).and(column::<T>("id").eq(Expr::col(("p", "id"))));
        query.join_subquery(JoinType::InnerJoin, parents(self.tx.get_database_backend(), refs), "p", belongs);
        Ok(rows_of::<T>(self.tx, &query).await?.into_iter().map(|row| (row.id(), row)).collect())
    }

    /// The rows with these ids at the provider, by store and external id.
    pub async fn by_external(&self, refs: &[ExternalRef]) -> Result<HashMap<(StoreId, String), T>, DbErr> {
        if refs.is_empty() {
            return Ok(HashMap::new());
        }
        let backend = self.tx.get_database_backend();
        let mut query = self.rows();
        let belongs = ["tenant_id", "store_id", "external_id"].map(|name| column::<T>(name).eq(Expr::col(("p", name))));
        query.join_subquery(JoinType::InnerJoin, external_refs(backend, refs), "p", belongs.into_iter().reduce(ExprTrait::and).unwrap_or(Expr::val(false)));
        query.exprs([column::<T>("store_id"), column::<T>("external_id")]);
        let read = |row: &QueryResult| Ok(((row.try_get_by_index(T::COLUMNS)?, row.try_get_by_index(T::COLUMNS + 1)?), T::from_row(row, 0)?));
        self.tx.query_all(&query).await?.iter().map(read).collect()
    }

    /// One page, sorted by `sort` and then by id.
    pub async fn page(&self, request: &PageRequest, sort: &'static str) -> Result<Page<T>, DbErr> {
        let mut query = self.rows();
        keyset(&mut query, request, column::<T>(sort), column::<T>("id"));
        Ok(Page::from_fetched(rows_of(self.tx, &query).await?, request))
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64, DbErr> {
        let mut query = self.scoped();
        query.expr(Func::count(Expr::col(Asterisk)));
        match self.tx.query_one(&query).await? {
            Some(row) => Ok(row.try_get_by_index::<i64>(0)?.unsigned_abs()),
            None => Ok(0),
        }
    }

    /// One page for each parent, in one statement. `parent` is the column that refers to it.
    pub async fn pages_of(&self, of: &[Parent], parent: &'static str, request: &PageRequest, sort: &'static str) -> Result<HashMap<Uuid, Page<T>>, DbErr> {
        if of.is_empty() {
            return Ok(HashMap::new());
        }
        let (sort, id) = (column::<T>(sort), column::<T>("id"));
        let mut base = self.rows();
        keyset_condition(&mut base, request, &sort, &id);
        let order = [(sort, request.order()), (id, request.order())];
        let query = per_parent(self.tx.get_database_backend(), of, base, || belongs_to::<T>(parent), &order, u64::from(request.limit) + 1);
        let mut fetched: HashMap<Uuid, Vec<T>> = HashMap::with_capacity(of.len());
        for row in self.tx.query_all(&query).await? {
            fetched.entry(row.try_get_by_index(0)?).or_default().push(T::from_row(&row, 1)?);
        }
        Ok(fetched.into_iter().map(|(parent, rows)| (parent, Page::from_fetched(rows, request))).collect())
    }

    /// How many each parent has, in one statement.
    pub async fn counts_of(&self, of: &[Parent], parent: &'static str) -> Result<HashMap<Uuid, u64>, DbErr> {
        if of.is_empty() {
            return Ok(HashMap::new());
        }
        let id = Expr::col((Alias::new("p"), "id"));
        let mut query = self.scoped();
        query.expr(id.clone()).expr(Func::count(Expr::col(Asterisk)));
        query.join_subquery(JoinType::InnerJoin, parents(self.tx.get_database_backend(), of), "p", belongs_to::<T>(parent)).add_group_by([id]);
        self.tx.query_all(&query).await?.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index::<i64>(1)?.unsigned_abs()))).collect()
    }
}

fn belongs_to<T: TenantRow>(parent: &'static str) -> SimpleExpr {
    column::<T>("tenant_id").eq(Expr::col(("p", "tenant_id"))).and(column::<T>(parent).eq(Expr::col(("p", "id"))))
}

/// Says which table a [`row!`](crate::row) struct holds, and by which columns it is limited.
#[macro_export]
macro_rules! tenant_row {
    ($name:ident in $table:literal, id $id:ident $(, store $store:literal)? $(, imported $imported:literal)? $(, owner $owner:expr)?) => {
        impl $crate::db::TenantRow for $name {
            const TABLE: &'static str = $table;
            const STORE: Option<&'static str> = $crate::tenant_row!(@optional $($store)?);
            const IMPORTED: bool = $crate::tenant_row!(@flag $($imported)?);
            const OWNER: Option<$crate::db::Owner> = $crate::tenant_row!(@owner $($owner)?);

            fn id(&self) -> uuid::Uuid {
                self.$id.uuid()
            }
        }
    };
    (@optional) => { None };
    (@optional $store:literal) => { Some($store) };
    (@owner) => { None };
    (@owner $owner:expr) => { Some($owner) };
    (@flag) => { false };
    (@flag $flag:literal) => { $flag };
}
