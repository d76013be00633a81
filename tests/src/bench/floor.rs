//! Servers that do less than the product, each one law more than the one before it.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::routing::get;
use chrono::{DateTime, Utc};
use entities::TenantId;
use platform::db::DatabaseSettings;
use serde::Serialize;
use sqlx::postgres::{PgArguments, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres, Row};
use uuid::Uuid;

use super::Outcome;
use super::answers::{
    Body, Buyer, ById, ItemProduct, MoneyText, Nodes, OneStore, OrdersPage, PageItem, PageOrder, StoreItem, StoreOfOrders, StoreOrder, WholeOrder,
};
use super::rooms::Rooms;

/// How much a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One statement written by hand, by a role that no policy holds.
    Bare,
    /// The statement in a snapshot that is told the tenant.
    Snapshot,
    /// As the serving role, under row-level security.
    Locked,
    /// The rooms' faces instead of the statement: permits, one statement a relation.
    Rooms,
    /// The caller recognised by the token first.
    Recognised,
}

impl Kind {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Bare, Self::Snapshot, Self::Locked, Self::Rooms, Self::Recognised];

    /// As it is named on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Snapshot => "snapshot",
            Self::Locked => "locked",
            Self::Rooms => "rooms",
            Self::Recognised => "recognised",
        }
    }

    /// What it has more than the one before it.
    pub fn adds(self) -> &'static str {
        match self {
            Self::Bare => "floor: one statement by hand, rows to JSON",
            Self::Snapshot => "+ a snapshot that is told the tenant (one more round trip, and its end)",
            Self::Locked => "+ row-level security",
            Self::Rooms => "+ the rooms: permits, SQL built and rows read by SeaORM, one statement a relation",
            Self::Recognised => "+ the caller recognised by the token",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("no floor is named {name}"))
    }
}

/// The address to listen on comes in this variable.
pub const LISTEN: &str = "BENCH_LISTEN";

/// Serves until it is killed.
pub async fn serve(kind: Kind, url: &str, tenant: TenantId) -> Outcome<()> {
    let address: SocketAddr = std::env::var(LISTEN)?.parse()?;
    let router = match kind {
        Kind::Bare | Kind::Snapshot | Kind::Locked => by_hand(kind, url, tenant).await?,
        Kind::Rooms | Kind::Recognised => by_rooms(kind, url, tenant).await?,
    };
    Ok(axum::serve(tokio::net::TcpListener::bind(address).await?, router).await?)
}

type Answer = ([(header::HeaderName, &'static str); 1], Vec<u8>);

fn answer<T: Serialize>(data: T) -> Answer {
    ([(header::CONTENT_TYPE, "application/json")], serde_json::to_vec(&Body { data }).expect("JSON"))
}

struct ByHand {
    pool: PgPool,
    tenant: Uuid,
    /// What opens a snapshot, if there is one.
    begin: Option<String>,
}

impl ByHand {
    async fn rows(&self, query: Query<'_, Postgres, PgArguments>) -> Vec<PgRow> {
        match &self.begin {
            None => query.fetch_all(&self.pool).await,
            Some(begin) => query.fetch_all(&mut *self.pool.begin_with(AssertSqlSafe(begin.clone())).await.expect("a snapshot")).await,
        }
        .expect("rows")
    }
}

async fn by_hand(kind: Kind, url: &str, tenant: TenantId) -> Outcome<Router> {
    let role = (kind == Kind::Locked).then(|| format!("set role {}", migration::APP_ROLE));
    let pool =
        PgPoolOptions::new().max_connections(DatabaseSettings::new(url).max_connections).test_before_acquire(false).after_connect(move |connection, _| {
            let role = role.clone();
            Box::pin(async move {
                if let Some(role) = role {
                    connection.execute(AssertSqlSafe(role)).await?;
                }
                Ok(())
            })
        });
    let begin = (kind != Kind::Bare)
        .then(|| format!("begin isolation level repeatable read, read only; select set_config('noren.tenant_id', '{}', true)", tenant.uuid()));
    let state = Arc::new(ByHand { pool: pool.connect(url).await?, tenant: tenant.uuid(), begin });
    Ok(Router::new().route("/order/{id}", get(order)).route("/page/{before}", get(page)).route("/store/{id}", get(store)).with_state(state))
}

async fn order(State(floor): State<Arc<ByHand>>, Path(id): Path<Uuid>) -> Answer {
    let query = sqlx::query(
        "select id, number, email, status, financial_status, fulfillment_status, processed_at, total_price_minor, currency_code
         from orders where tenant_id = $1 and id = $2",
    );
    let rows = floor.rows(query.bind(floor.tenant).bind(id)).await;
    let order = rows.first().map(|row| WholeOrder {
        id: row.get::<Uuid, _>(0).into(),
        number: row.get(1),
        email: row.get(2),
        status: row.get(3),
        financial_status: row.get(4),
        fulfillment_status: row.get(5),
        processed_at: row.get(6),
        total_price: MoneyText::new(row.get(7), row.get(8)),
    });
    answer(ById { order })
}

async fn page(State(floor): State<Arc<ByHand>>, Path(before): Path<DateTime<Utc>>) -> Answer {
    let query = sqlx::query(
        "select o.id, o.number, o.processed_at, o.financial_status, o.total_price_minor, o.currency_code,
           c.id, c.first_name, c.last_name, c.email,
           i.id, i.product_title, i.quantity, i.total_price_minor, i.currency_code
         from (select id, tenant_id, customer_id, number, processed_at, financial_status, total_price_minor, currency_code
               from orders where tenant_id = $1 and processed_at < $2 order by processed_at desc, id desc limit 50) o
         left join customers c on c.tenant_id = o.tenant_id and c.id = o.customer_id
         left join order_items i on i.tenant_id = o.tenant_id and i.order_id = o.id
         order by o.processed_at desc, o.id desc, i.position, i.id",
    );
    let mut nodes: Vec<PageOrder> = Vec::with_capacity(50);
    for row in floor.rows(query.bind(floor.tenant).bind(before)).await {
        let id = row.get::<Uuid, _>(0).into();
        if nodes.last().is_none_or(|last| last.id != id) {
            nodes.push(PageOrder {
                id,
                number: row.get(1),
                processed_at: row.get(2),
                financial_status: row.get(3),
                total_price: MoneyText::new(row.get(4), row.get(5)),
                customer: row.get::<Option<Uuid>, _>(6).map(|id| Buyer { id: id.into(), first_name: row.get(7), last_name: row.get(8), email: row.get(9) }),
                items: Nodes { nodes: Vec::new() },
            });
        }
        if let (Some(order), Some(id)) = (nodes.last_mut(), row.get::<Option<Uuid>, _>(10)) {
            order.items.nodes.push(PageItem {
                id: id.into(),
                product_title: row.get(11),
                quantity: row.get(12),
                total_price: MoneyText::new(row.get(13), row.get(14)),
            });
        }
    }
    answer(OrdersPage { orders: Nodes { nodes } })
}

async fn store(State(floor): State<Arc<ByHand>>, Path(id): Path<Uuid>) -> Answer {
    let query = sqlx::query(
        "select s.id, s.name, o.id, o.number, o.processed_at, o.total_price_minor, o.currency_code,
           i.id, i.product_title, i.quantity, p.id, p.title, p.vendor
         from stores s
         left join lateral (select id, tenant_id, number, processed_at, total_price_minor, currency_code from orders
           where tenant_id = s.tenant_id and store_id = s.id order by processed_at desc, id desc limit 20) o on true
         left join order_items i on i.tenant_id = o.tenant_id and i.order_id = o.id
         left join products p on p.tenant_id = i.tenant_id and p.store_id = i.store_id and p.external_id = i.external_product_id
         where s.tenant_id = $1 and s.id = $2
         order by o.processed_at desc, o.id desc, i.position, i.id",
    );
    let rows = floor.rows(query.bind(floor.tenant).bind(id)).await;
    let mut nodes: Vec<StoreOrder> = Vec::with_capacity(20);
    for row in &rows {
        let Some(id) = row.get::<Option<Uuid>, _>(2).map(Into::into) else { continue };
        if nodes.last().is_none_or(|last| last.id != id) {
            nodes.push(StoreOrder {
                id,
                number: row.get(3),
                processed_at: row.get(4),
                total_price: MoneyText::new(row.get(5), row.get(6)),
                items: Nodes { nodes: Vec::new() },
            });
        }
        if let (Some(order), Some(_)) = (nodes.last_mut(), row.get::<Option<Uuid>, _>(7)) {
            let product = row.get::<Option<Uuid>, _>(10).map(|id| ItemProduct { id: id.into(), title: row.get(11), vendor: row.get(12) });
            order.items.nodes.push(StoreItem { product_title: row.get(8), quantity: row.get(9), product });
        }
    }
    let store = rows.first().map(|row| StoreOfOrders { id: row.get::<Uuid, _>(0).into(), name: row.get(1), orders: Nodes { nodes } });
    answer(OneStore { store })
}

async fn by_rooms(kind: Kind, url: &str, tenant: TenantId) -> Outcome<Router> {
    let rooms = Arc::new(Rooms::new(url, tenant, kind == Kind::Recognised).await?);
    Ok(Router::new()
        .route("/order/{id}", get(async |State(rooms): State<Arc<Rooms>>, headers: HeaderMap, Path(id): Path<Uuid>| answer(rooms.order(&headers, id).await)))
        .route("/page/{before}", get(async |State(rooms): State<Arc<Rooms>>, headers: HeaderMap, Path(before)| answer(rooms.page(&headers, before).await)))
        .route("/store/{id}", get(async |State(rooms): State<Arc<Rooms>>, headers: HeaderMap, Path(id): Path<Uuid>| answer(rooms.store(&headers, id).await)))
        .with_state(rooms))
}
