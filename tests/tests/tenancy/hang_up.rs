//! Clients that hang up at any moment leave nothing behind: no open transaction, and no tenant on a connection that others get.

use std::time::{Duration, Instant};

use platform::db::Access;
use sea_orm::ConnectionTrait;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use tests::harness::{Backend, Credentials, Side, Town};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const CLIENTS: usize = 500;
const LISTS: &str =
    "{ orders(first: 50) { totalCount nodes { id customer { id orders { totalCount } } items { nodes { product { id } } } } } stores { nodes { id } } }";

fn request(who: &Credentials, query: &str) -> Vec<u8> {
    let body = json!({ "query": query }).to_string();
    let bearer = who.bearer.as_deref().unwrap_or_default();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: noren\r\ncontent-type: application/json\r\nauthorization: Bearer {bearer}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    format!("{head}{body}").into_bytes()
}

fn mutation(side: &Side, client: usize) -> String {
    format!("mutation {{ storeUpdate(input: {{ id: \"{}\", description: \"by client {client}\" }}) {{ store {{ id }} }} }}", side.store(0))
}

/// Sends a request, or a part of it, and hangs up soon after.
async fn hang_up(town: &Town, client: usize) {
    let side = if client.is_multiple_of(2) { &town.ours } else { &town.theirs };
    let query = if client.is_multiple_of(5) { mutation(side, client) } else { LISTS.to_owned() };
    let mut bytes = request(&side.admin.credentials, &query);
    if client.is_multiple_of(7) {
        bytes.truncate(bytes.len() - 10);
    }
    let mut connection = TcpStream::connect(town.server.address).await.unwrap();
    connection.write_all(&bytes).await.unwrap();
    tokio::time::sleep(Duration::from_millis(rand::random::<u64>() % 31)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_that_hang_up_leave_no_transaction_and_no_tenant_behind() {
    let town = Town::new(Backend::Postgres, 30).await;
    let owner = PgPool::connect(&town.server.database.settings().url).await.unwrap();
    let count = async |state: &str| {
        let sql = format!("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state {state}");
        sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(&owner).await.unwrap()
    };
    for some in (0..CLIENTS).collect::<Vec<_>>().chunks(50) {
        futures::future::join_all(some.iter().map(|client| hang_up(&town, *client))).await;
    }

    // What was begun is finished, though nobody waits for it.
    let started = Instant::now();
    while !town.server.app.tasks.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(30), "requests that nobody waits for do not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let finished = Instant::now();
    while count("like 'idle in transaction%'").await + count("= 'active'").await > 0 {
        assert!(finished.elapsed() < Duration::from_secs(2), "{} transactions are left open", count("like 'idle in transaction%'").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // All connections of the pool at once: each is nobody's.
    let db = town.server.db();
    let most = town.server.database.settings().max_connections;
    let mut held = Vec::new();
    for _ in 0..most {
        held.push(db.read(Access::Nobody).await.unwrap());
    }
    for tx in &held {
        let sql = "select coalesce(current_setting('noren.tenant_id', true), ''), current_user::text, (select count(*) from orders)";
        let row = tx.query_one_raw(db.statement(sql, [])).await.unwrap().unwrap();
        let (tenant, role, orders): (String, String, i64) =
            (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap());
        assert_eq!((tenant.as_str(), role.as_str(), orders), ("", "noren_app", 0));
    }
    drop(held);

    for (side, other) in [(&town.ours, &town.theirs), (&town.theirs, &town.ours)] {
        for _ in 0..2 * most {
            let answer = town.server.ask(&side.admin.credentials, "{ stores { nodes { name } } orders { totalCount nodes { email } } }").await;
            assert_eq!(answer.data()["orders"]["totalCount"], 60);
            let body = answer.body.to_string();
            assert!(body.contains(&side.marker) && !body.contains(&other.marker), "{body}");
        }
    }
}
