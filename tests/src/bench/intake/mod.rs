//! Webhooks as shops send them, taken in beside a floor that checks their signatures and stores each with one statement.

mod floor;

pub use floor::serve;

use std::fmt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::Outcome;
use super::child::Server;
use super::data::Data;
use super::floor::LISTEN;
use super::load::{Connection, ask};
use super::report;

/// What deliveries are signed with.
const SECRET: &str = "hush-of-the-bench";
const SHOP: &str = "bench.myshopify.com";
/// The body of a delivery, in bytes.
const BODY: usize = 2_048;
/// Deliveries of one measurement.
const DELIVERIES: usize = 10_000;
const CONNECTIONS: [usize; 2] = [16, 64];
/// How long all of them may take to be worked on.
const PATIENCE: Duration = Duration::from_secs(300);

/// What came of sending them all.
struct Measured {
    took: Duration,
    cpu: Duration,
    each: Histogram<u64>,
}

impl Measured {
    fn rate(&self) -> f64 {
        DELIVERIES as f64 / self.took.as_secs_f64()
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |quantile| self.each.value_at_quantile(quantile) as f64 / 1e3;
        let cpu = self.cpu.as_secs_f64() * 1e6 / DELIVERIES as f64;
        write!(out, "{:.0} | {:.1} / {:.1} | {cpu:.0}", self.rate(), ms(0.5), ms(0.99))
    }
}

/// The measurements, as Markdown on standard output.
pub async fn run() -> Outcome<()> {
    let data = Data::bare().await?;
    let product = product(&data).await?;
    let floor = self::floor(&data).await?;
    let store =
        format!("mutation {{ storeConnect(input: {{ domain: \"{SHOP}\", accessToken: \"shpat_bench\", currencyCode: \"USD\" }}) {{ store {{ id }} }} }}");
    ask(&product, &data.token, &store).await?;
    println!("{}", report::machine()?);
    println!("{DELIVERIES} deliveries of {BODY} bytes; the product works on what it has taken in while more comes.\n");
    println!("| connections | | deliveries/s | p50 / p99 ms | CPU µs | of the floor | all worked on after |\n|--:|---|--:|--:|--:|--:|--:|");
    for connections in CONNECTIONS {
        let bare = sent(&floor, &requests(&connection(&product, &data.token).await?), connections).await?;
        println!("| {connections} | floor | {bare} | 1.00 | |");
        let connection = connection(&product, &data.token).await?;
        let begun = Instant::now();
        let whole = sent(&product, &requests(&connection), connections).await?;
        let worked_on = data.worked_on(begun).await?;
        println!("| {connections} | product | {whole} | **{:.2}** | {:.1} s |", whole.rate() / bare.rate(), worked_on.as_secs_f64());
    }
    drop((floor, product));
    data.close().await;
    Ok(())
}

async fn product(data: &Data) -> Outcome<Server> {
    let mut command = data.noren()?;
    command.arg("serve").env("NOREN_LOG_FILTER", "error").env("NOREN_COST_RESTORE_RATE", "0").env("NOREN_SHOPIFY_SHOP_URL", "http://127.0.0.1:1/{shop}");
    Server::start(command, &data.folder().join("noren.log"), |command, address| {
        command.args(["--listen", &address.to_string()]);
    })
    .await
}

async fn floor(data: &Data) -> Outcome<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["intake", data.url(), &data.tenant.to_string()]);
    Server::start(command, &data.folder().join("floor.log"), |command, address| {
        command.env(LISTEN, address.to_string());
    })
    .await
}

/// A new connection; its id.
async fn connection(product: &Server, token: &str) -> Outcome<String> {
    let query = format!("mutation {{ connectionCreate(input: {{ name: \"bench\", webhookSecret: \"{SECRET}\" }}) {{ connection {{ id }} }} }}");
    let data = ask(product, token, &query).await?;
    Ok(data["connectionCreate"]["connection"]["id"].as_str().ok_or_else(|| data.to_string())?.to_owned())
}

/// Deliveries as they come over the wire: each tells of an order of its own.
fn requests(connection: &str) -> Arc<[Vec<u8>]> {
    (0..DELIVERIES).map(|number| request(connection, 7_000_000 + number)).collect()
}

fn request(connection: &str, number: usize) -> Vec<u8> {
    let order = |note: &str| {
        json!({
            "id": number, "admin_graphql_api_id": format!("gid://shopify/Order/{number}"), "name": format!("#{number}"), "note": note,
            "created_at": "2026-11-02T09:15:30+09:00", "updated_at": "2026-11-02T09:15:31+09:00", "processed_at": "2026-11-02T09:15:28+09:00",
            "currency": "USD", "total_price": "55.00", "subtotal_price": "50.00", "total_tax": "5.00", "financial_status": "paid", "fulfillment_status": null,
            "email": format!("akiko{number}@example.jp"), "test": false,
            "line_items": [{ "id": number * 10, "title": "Sencha", "quantity": 2, "price": "25.00", "sku": "TEA-1", "product_id": 81, "variant_id": 81001 }],
        })
        .to_string()
    };
    let body = order(&"n".repeat(BODY - order("").len()));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any secret will do").chain_update(body.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    format!(
        "POST /webhooks/shopify/{connection} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nx-shopify-topic: orders/updated\r\n\
         x-shopify-shop-domain: {SHOP}\r\nx-shopify-webhook-id: {connection}-{number}\r\nx-shopify-event-id: {number}\r\nx-shopify-api-version: 2026-10\r\n\
         x-shopify-triggered-at: 2026-11-02T00:15:31.877041743Z\r\nx-shopify-hmac-sha256: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends all of them, over so many connections at once.
async fn sent(server: &Server, requests: &Arc<[Vec<u8>]>, connections: usize) -> Outcome<Measured> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(server.address).await?);
    }
    let next = Arc::new(AtomicUsize::new(0));
    let (used, begun) = (server.used()?, Instant::now());
    let sending: Vec<_> = open
        .into_iter()
        .map(|mut connection| {
            let (requests, next) = (requests.clone(), next.clone());
            tokio::spawn(async move {
                let mut each = Histogram::<u64>::new(3)?;
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    connection.ask(request).await?;
                    each.record(u64::try_from(begun.elapsed().as_micros())?)?;
                }
                Outcome::Ok(each)
            })
        })
        .collect();
    let mut each = Histogram::new(3)?;
    for connection in sending {
        each.add(connection.await??)?;
    }
    Ok(Measured { took: begun.elapsed(), cpu: server.used()? - used, each })
}

impl Data {
    /// How long after `begun` everything that was taken in was worked on.
    async fn worked_on(&self, begun: Instant) -> Outcome<Duration> {
        loop {
            let counts = "select count(*) filter (where status = 'PENDING'), count(*) filter (where status = 'FAILED') from webhook_events";
            let (waiting, failed): (i64, i64) = sqlx::query_as(counts).fetch_one(self.pool()).await?;
            match (waiting, failed) {
                (0, 0) => return Ok(begun.elapsed()),
                (_, 0) if begun.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(100)).await,
                _ => return Err(format!("{waiting} deliveries wait still, and {failed} failed").into()),
            }
        }
    }
}
