//! Syncs of whole shops beside their floors: COPY of the very same rows and one merge by hand, and a statement a row.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::Outcome;
use super::child::Server;
use super::data::Data;
use super::load::ask;
use super::report;
use super::staged::{copy_and_merge, row_by_row};
use crate::harness::shopify::{Kind, Shop, ShopifyStandIn, customer, order, product};

/// A shop to see what memory a small one takes, in orders.
const SMALL: u64 = 10_000;
/// Lines of an order.
const LINES: u64 = 3;
/// Orders that are written row by row.
const SAMPLE: i64 = 1_000;
const SCOPES: [&str; 4] = ["read_orders", "read_all_orders", "read_products", "read_customers"];
/// How long a sync may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A run's status, its beginning, its end and its store.
type Run = (String, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Uuid);

/// A sync as it was.
struct Measured {
    /// From its beginning to its end.
    whole: Duration,
    /// What of it was spent on bringing in what the shop had prepared: files read, rows staged, checked and merged.
    bringing: Duration,
    /// The most memory that the program has held so far, in bytes.
    peak: u64,
}

/// The measurements, as Markdown on standard output.
pub async fn run(orders: u64) -> Outcome<()> {
    let data = Data::bare().await?;
    let shopify = ShopifyStandIn::start().await;
    let server = serve(&data, &shopify).await?;
    let idle = server.memory()?;
    let small = synced(&data, &server, &shopify, SMALL).await?;
    let shop = synced(&data, &server, &shopify, orders).await?;
    drop(server);

    let counts = "select (select count(*) from customers), (select count(*) from products), (select count(*) from orders), (select count(*) from order_items)";
    let (customers, products, known, items): (i64, i64, i64, i64) = sqlx::query_as(counts).fetch_one(data.pool()).await?;
    // What the small shop brought is no part of the comparison.
    sqlx::query("delete from order_items where store_id = (select store_id from sync_runs order by created_at limit 1)").execute(data.pool()).await?;
    for table in ["orders", "customers", "product_variants", "products"] {
        let delete = format!("delete from {table} where store_id = (select store_id from sync_runs order by created_at limit 1)");
        sqlx::query(sqlx::AssertSqlSafe(delete)).execute(data.pool()).await?;
    }
    let rows = orders * (1 + LINES) + orders / 3 + 1;
    let floor = copy_and_merge(data.url()).await;
    let script = row_by_row(data.url(), SAMPLE).await;

    println!("{}", report::machine()?);
    println!("{known} orders, {items} items, {customers} customers and {products} products came, of two shops; measured is the one with {orders} orders.\n");
    println!("| | s | rows/s | of the floor |\n|---|--:|--:|--:|");
    let rate = |took: Duration| rows as f64 / took.as_secs_f64();
    let (copied, brought) = (rate(floor.took()), rate(shop.bringing));
    println!(
        "| floor: COPY {:.1} s, merge {:.1} s | {:.1} | {copied:.0} | 1.00 |",
        floor.copy.as_secs_f64(),
        floor.merge.as_secs_f64(),
        floor.took().as_secs_f64()
    );
    println!("| bringing in: files read, staged, checked, merged | {:.1} | {brought:.0} | **{:.2}** |", shop.bringing.as_secs_f64(), brought / copied);
    println!("| a statement a row, of {SAMPLE} orders | | {script:.0} | {:.2} |", script / copied);
    println!("\nBringing in is **{:.0}** times as fast as a statement a row.", brought / script);
    println!(
        "The whole sync, with what the shop was asked for one page after the other, took {:.1} s ({:.1} s of the small shop).",
        shop.whole.as_secs_f64(),
        small.whole.as_secs_f64()
    );
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!("Memory: {:.0} MB idle, at most {:.0} MB with {SMALL} orders and {:.0} MB with {orders}.", mb(idle), mb(small.peak), mb(shop.peak));
    data.close().await;
    Ok(())
}

async fn serve(data: &Data, shopify: &ShopifyStandIn) -> Outcome<Server> {
    let mut command = data.noren()?;
    command.arg("serve").env("NOREN_LOG_FILTER", "warn").env("NOREN_SHOPIFY_SHOP_URL", shopify.shop_url());
    Server::start(command, &data.folder().join("noren.log"), |command, address| {
        command.args(["--listen", &address.to_string()]);
    })
    .await
}

/// Connects a shop with so many orders, and has it synced.
async fn synced(data: &Data, server: &Server, shopify: &ShopifyStandIn, orders: u64) -> Outcome<Measured> {
    let domain = format!("bench-{orders}.myshopify.com");
    shopify.open_shop(&domain);
    shopify.shop(&domain, |shop| {
        shop.throttle(10_000_000, 1_000_000);
        trade(shop, orders);
    });
    let token = shopify.installed(&domain, &SCOPES);
    let input = format!("domain: \"{domain}\", accessToken: \"{token}\", currencyCode: \"USD\", scopes: {}", json!(SCOPES));
    let query = format!("mutation {{ storeConnect(input: {{ {input} }}) {{ store {{ id }} userErrors {{ message }} }} }}");
    let data_of = ask(server, &data.token, &query).await?;
    let store = data_of["storeConnect"]["store"]["id"].as_str().ok_or_else(|| format!("the store was not connected: {data_of}"))?;
    let query = format!("mutation {{ storeSync(input: {{ storeId: \"{store}\", kind: FULL }}) {{ syncRun {{ id }} userErrors {{ message }} }} }}");
    let begun_as = ask(server, &data.token, &query).await?;
    if !begun_as["storeSync"]["syncRun"]["id"].is_string() {
        return Err(format!("the sync was not begun: {begun_as}").into());
    }
    let begun = Instant::now();
    let sql =
        "select r.status, r.started_at, r.finished_at, r.store_id from sync_runs r join stores s on s.id = r.store_id where s.domain = $1 and r.kind = 'FULL'";
    loop {
        let run: Option<Run> = sqlx::query_as(sql).bind(&domain).fetch_optional(data.pool()).await?;
        match run {
            Some((status, Some(started), Some(finished), store)) if status == "COMPLETED" => {
                let sql = "select extract(epoch from sum(finished_at - created_at))::float8 from import_runs where store_id = $1";
                let bringing: f64 = sqlx::query_scalar(sql).bind(store).fetch_one(data.pool()).await?;
                return Ok(Measured { whole: (finished - started).to_std()?, bringing: Duration::from_secs_f64(bringing), peak: server.peak()? });
            }
            Some((status, _, Some(_), _)) => return Err(format!("the sync ended as {status}").into()),
            _ if begun.elapsed() > PATIENCE => return Err("the sync does not end".into()),
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// A year of trade.
fn trade(shop: &mut Shop, orders: u64) {
    let began = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(365 * 55);
    let at = |number: u64| began + TimeDelta::seconds((number * 365 * 86_400 / orders) as i64);
    let customers = orders / 3 + 1;
    for number in 0..customers {
        shop.put(Kind::Customer, &customer(7_000_000 + number, began, at(number)));
    }
    for number in 1..=100 {
        shop.put(Kind::Product, &product(80 + number, 3, began, at(number)));
    }
    for number in 0..orders {
        shop.put(Kind::Order, &order(50_000_000 + number, LINES, 7_000_000 + number % customers, at(number), at(number)));
    }
}
