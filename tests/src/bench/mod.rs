//! What the product costs, measured beside a floor in the same run.
//!
//! `cargo build --release && cargo run --release -p tests --bin bench` needs PostgreSQL (TEST_POSTGRES_URL, or a server on
//! 127.0.0.1:5432 that lets `postgres` in) and prints Markdown; `… --bin bench -- NAME` runs one of [`BENCHMARKS`].

mod answers;
mod api;
mod cases;
mod child;
mod data;
mod floor;
pub mod import;
mod intake;
mod live;
mod load;
mod report;
mod rooms;
mod staged;
mod sync;

use std::error::Error;

/// What a benchmark ends with.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The benchmarks, the first by default.
pub const BENCHMARKS: [&str; 5] = ["api", "import", "live", "sync", "webhooks"];

/// Runs a benchmark, or a server that one of them compares the product with.
pub async fn run(args: &[String]) -> Outcome<()> {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["api"] => api::run().await,
        ["import"] => import_of("400000").await,
        ["import", rows] => import_of(rows).await,
        ["live"] => live::run(1_000).await,
        ["live", subscribers] => live::run(subscribers.parse()?).await,
        ["sync"] => sync::run(100_000).await,
        ["sync", orders] => sync::run(orders.parse()?).await,
        ["webhooks"] => intake::run().await,
        ["broadcast"] => live::broadcast().await,
        ["intake", url, tenant] => intake::serve(url, tenant.parse::<entities::TenantId>()?.uuid()).await,
        ["floor", kind, url, tenant] => floor::serve(kind.parse()?, url, tenant.parse()?).await,
        _ => Err(format!("the benchmarks are: {}", BENCHMARKS.join(", ")).into()),
    }
}

/// The import of a shop of so many lines.
async fn import_of(lines: &str) -> Outcome<()> {
    println!("{}", import::import_bench(lines.parse()?).await);
    Ok(())
}
