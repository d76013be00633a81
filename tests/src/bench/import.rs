//! The import beside its floor: COPY of the very same rows into the staging tables, and one merge by hand.

use std::fmt;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use commerce::imports::{ImportOptions, Imports, Phase, Progress, Receipt, Source};
use integrations::ports::commerce::CommerceProvider;
use integrations::shopify::Shopify;
use platform::callers::{Caller, OpCtx, Origin};
use platform::{Clock, SystemClock};

use super::staged::{BenchShop, Floor, copy_and_merge};
use crate::bulk::write_shop;

/// What was measured.
#[derive(Debug)]
pub struct ImportBench {
    /// Orders of the file.
    pub orders: u64,
    /// Lines of the file.
    pub lines: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// COPY of the rows into the staging tables, and one merge by hand.
    pub floor: Floor,
    /// The product: from the file to its receipt.
    pub product: Duration,
    /// How long each phase of the product took.
    pub phases: Vec<(Phase, Duration)>,
    /// The same file once more: nothing changes.
    pub again: Duration,
}

impl ImportBench {
    /// The product against its floor.
    pub fn ratio(&self) -> f64 {
        self.product.as_secs_f64() / self.floor.took().as_secs_f64()
    }
}

impl fmt::Display for ImportBench {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "import on PostgreSQL: {} orders, {} lines, {:.1} MB", self.orders, self.lines, self.bytes as f64 / 1e6)?;
        writeln!(
            out,
            "  floor    {:>6.2} s (COPY {:.2} s, merge {:.2} s)",
            self.floor.took().as_secs_f64(),
            self.floor.copy.as_secs_f64(),
            self.floor.merge.as_secs_f64()
        )?;
        let phases: Vec<String> = self.phases.iter().map(|(phase, took)| format!("{} {:.2} s", phase.describe(), took.as_secs_f64())).collect();
        let rate = self.lines as f64 / self.product.as_secs_f64();
        writeln!(out, "  product  {:>6.2} s ({}), {rate:.0} lines a second", self.product.as_secs_f64(), phases.join(", "))?;
        writeln!(out, "  ratio    {:>6.2}", self.ratio())?;
        write!(out, "  again    {:>6.2} s, nothing changed", self.again.as_secs_f64())
    }
}

/// Notes when phases begin.
#[derive(Default)]
struct Watch(std::sync::Mutex<Vec<(Phase, Instant)>>);

impl Progress for Watch {
    fn phase(&self, phase: Phase) {
        self.0.lock().expect("no panic").push((phase, Instant::now()));
    }
    fn read(&self, _: u64, _: u64) {}
    fn notice(&self, message: &str) {
        eprintln!("{message}");
    }
}

/// Generates a shop's file of about `rows` lines, a quarter of them orders, and measures.
pub async fn import_bench(rows: u64) -> ImportBench {
    let orders = rows / 4;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("orders.jsonl");
    let mut out = BufWriter::new(std::fs::File::create(&path).expect("a file"));
    let lines = write_shop(&mut out, orders).expect("the file is written");
    out.flush().expect("the file is written");
    let bytes = std::fs::metadata(&path).expect("the file").len();

    let shop = BenchShop::open().await;
    let watch = Watch::default();
    let started = Instant::now();
    let receipt = shop.import(&path, &watch).await;
    let ended = Instant::now();
    assert_eq!((receipt.lines, receipt.orders.created), (lines, orders), "{receipt}");
    let moments = watch.0.into_inner().expect("no panic");
    let ends = moments.iter().skip(1).map(|(_, at)| *at).chain([ended]);
    let phases = moments.iter().zip(ends).map(|((phase, from), to)| (*phase, to - *from)).collect();
    let again_started = Instant::now();
    assert!(!shop.import(&path, &Watch::default()).await.changed_something());
    let again = again_started.elapsed();

    let floor = copy_and_merge(shop.url()).await;
    ImportBench { orders, lines, bytes, floor, product: ended - started, phases, again }
}

impl BenchShop {
    async fn import(&self, path: &std::path::Path, watch: &Watch) -> Receipt {
        static SHOPIFY: &dyn CommerceProvider = &Shopify;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ctx = OpCtx::new(self.db.clone(), clock.clone(), Caller::System, None, Origin::default()).expect("a context");
        let source = Source::file(path).expect("the file");
        Imports::new(clock).run(&ctx, self.store, SHOPIFY, source, ImportOptions::default(), watch).await.expect("an import")
    }
}
