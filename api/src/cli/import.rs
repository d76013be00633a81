//! `noren import PROVIDER`: the file, a progress bar on standard error, the receipt on standard output.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use commerce::imports::{ImportError, ImportOptions, Imports, Phase, Progress, Source};
use entities::StoreId;
use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressStyle};
use integrations::ports::commerce::CommerceProvider;
use integrations::registry;
use platform::config::Settings;
use platform::{OpCtx, SystemClock};

use super::Failure;
use super::open::{open, operator};

/// Without a terminal a line is printed this often.
const LINE_EVERY: Duration = Duration::from_secs(3);

#[derive(Args)]
pub struct ImportArgs {
    /// The shop system that wrote the file, such as shopify.
    #[arg(value_parser = provider)]
    provider: &'static dyn CommerceProvider,
    /// The store, such as store_01j….
    #[arg(long)]
    store: StoreId,
    /// Write the good rows and list the bad ones; otherwise one bad line and nothing is written.
    #[arg(long)]
    keep_going: bool,
    /// How many lines the shop says that there are (Shopify's `objectCount`): a file with another number is refused.
    #[arg(long, value_name = "COUNT")]
    objects: Option<u64>,
    /// The file, as the shop system exports it (Shopify: the result of a bulk operation), gzipped or not; - is standard input.
    file: PathBuf,
}

fn provider(key: &str) -> Result<&'static dyn CommerceProvider, String> {
    let keys = || registry::COMMERCE.iter().map(|provider| provider.key()).collect::<Vec<_>>().join(", ");
    registry::commerce(key).ok_or_else(|| format!("must be one of {}", keys()))
}

/// Runs the command.
pub async fn run(settings: &Settings, args: ImportArgs) -> Result<(), Failure> {
    let ImportArgs { provider, store, keep_going, objects, file } = args;
    let opened = open(settings, false).await?;
    let ctx = operator(&opened.db, None)?;
    let outcome = import(&Imports::new(Arc::new(SystemClock)), &ctx, (provider, store), &file, ImportOptions { keep_going, objects }).await;
    opened.db.close().await;
    outcome
}

/// Imports the file: progress to standard error, the receipt to standard output.
async fn import(
    imports: &Imports,
    ctx: &OpCtx,
    (provider, store): (&'static dyn CommerceProvider, StoreId),
    path: &Path,
    options: ImportOptions,
) -> Result<(), Failure> {
    let source = if path == Path::new("-") { Ok(Source::new("standard input", None, std::io::stdin())) } else { Source::file(path) };
    let source = source.map_err(|error| Failure::Message(format!("cannot read {}: {error}", path.display())))?;
    let progress = Shown::start(source.size());
    let outcome = imports.run(ctx, store, provider, source, options, &progress).await;
    progress.end();
    if let Ok(receipt) = &outcome {
        println!("{receipt}");
    }
    if let Err(ImportError::Rejected(receipt)) = &outcome {
        println!("{receipt}");
    }
    Ok(outcome.map(|_| ())?)
}

/// Progress as people see it: a bar in a terminal, a line now and then elsewhere.
struct Shown {
    size: Option<u64>,
    started: Instant,
    bar: Option<ProgressBar>,
    last_line: Mutex<Option<Instant>>,
}

impl Shown {
    fn start(size: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
            let template = if size.is_some() {
                "{msg:12} {bar:30} {bytes}/{total_bytes}  {prefix}  {bytes_per_sec}  {eta} left"
            } else {
                "{msg:12} {spinner} {bytes}  {prefix}  {bytes_per_sec}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { size, started: Instant::now(), bar, last_line: Mutex::default() }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Whether it is time for another line.
    fn is_due(&self) -> bool {
        let Ok(mut last) = self.last_line.lock() else { return false };
        let due = last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        if due {
            *last = Some(Instant::now());
        }
        due
    }

    fn line(&self, bytes: u64, lines: u64) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let rate = lines as f64 / seconds;
        let mut text = format!("{} of the file, {lines} lines, {rate:.0} lines a second", HumanBytes(bytes));
        if let Some(size) = self.size.filter(|size| *size > 0 && bytes > 0) {
            let left = seconds * size.saturating_sub(bytes) as f64 / bytes as f64;
            let percent = (bytes.min(size) as f64) * 100.0 / size as f64;
            text.push_str(&format!(", {percent:.0} %, {} left", HumanDuration(Duration::from_secs_f64(left))));
        }
        text
    }
}

impl Progress for Shown {
    fn phase(&self, phase: Phase) {
        match &self.bar {
            Some(bar) => bar.set_message(phase.describe()),
            None => eprintln!("{}", phase.describe()),
        }
    }

    fn read(&self, bytes: u64, lines: u64) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(bytes);
                let rate = lines as f64 / self.started.elapsed().as_secs_f64().max(0.001);
                bar.set_prefix(format!("{lines} lines, {rate:.0}/s"));
            }
            None if self.is_due() => eprintln!("{}", self.line(bytes, lines)),
            None => {}
        }
    }

    fn notice(&self, message: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{message}")),
            None => eprintln!("{message}"),
        }
    }
}
