//! `noren sync`: begins a sync, or follows the one that is under way, with a bar on standard error and the receipt on standard output.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::Args;
use commerce::sync::{NewSync, SyncError, SyncRunRow, Syncs};
use entities::{StoreId, SyncKind, SyncRunId, SyncStatus};
use indicatif::{ProgressBar, ProgressStyle};
use integrations::registry::ShopSystems;
use platform::OpCtx;
use platform::config::Settings;

use super::Failure;
use super::open::{open, operator};
use crate::app::shop_systems_of;

/// How often it is looked how far the run is.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Without a terminal a line is printed this often.
const LINE_EVERY: Duration = Duration::from_secs(3);
/// A run that nobody has begun by then has no server to work on it.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args)]
pub struct SyncArgs {
    /// The store, such as store_01j….
    #[arg(long)]
    store: StoreId,
    /// Everything; otherwise what has changed since the last sync.
    #[arg(long)]
    full: bool,
}

/// Runs the command.
pub async fn run(settings: &Settings, args: SyncArgs) -> Result<(), Failure> {
    let opened = open(settings, false).await?;
    let ctx = operator(&opened.db, None)?;
    let syncs = Syncs::new(ShopSystems::new(shop_systems_of(settings))?);
    let outcome = sync(&syncs, &ctx, &args).await;
    ctx.release().await;
    opened.db.close().await;
    outcome
}

async fn sync(syncs: &Syncs, ctx: &OpCtx, args: &SyncArgs) -> Result<(), Failure> {
    let kind = if args.full { SyncKind::Full } else { SyncKind::Increment };
    let new = |kind| NewSync { store: args.store, kind, from: None, until: None, whole: false };
    let begun = match syncs.begin(ctx, new(kind), None).await {
        // The first one brings everything.
        Err(SyncError::NothingYet) => syncs.begin(ctx, new(SyncKind::Full), None).await,
        other => other,
    };
    let id = match begun {
        Ok(run) => {
            warnings(&run).for_each(|warning| eprintln!("{warning}"));
            run.id
        }
        Err(SyncError::UnderWay(id)) => {
            eprintln!("a sync of this kind is under way: following {id}");
            id.parse::<SyncRunId>()?
        }
        Err(error) => return Err(error.into()),
    };
    let run = follow(syncs, ctx, id).await?;
    println!("{}", receipt(&run));
    if run.status == SyncStatus::Completed { Ok(()) } else { Err(Failure::Told) }
}

async fn follow(syncs: &Syncs, ctx: &OpCtx, id: SyncRunId) -> Result<SyncRunRow, Failure> {
    let bar = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new(1_000);
        if let Ok(style) = ProgressStyle::with_template("{msg:12} {bar:30} {prefix}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    });
    let (began, mut told, mut warned) = (Instant::now(), None::<Instant>, false);
    loop {
        ctx.release().await;
        let run = syncs.find(ctx, id).await?.ok_or_else(|| Failure::Message(format!("{id} is gone")))?;
        if run.finished_at.is_some() {
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            return Ok(run);
        }
        if run.status == SyncStatus::Queued && began.elapsed() > PATIENCE && !warned {
            warned = true;
            eprintln!("nobody works on it: start `noren serve` on this database, or wait for one that is busy");
        }
        let text = line(&run);
        match &bar {
            Some(bar) => {
                bar.set_message(run.phase.as_str().to_lowercase());
                bar.set_position((run.percent().unwrap_or(0.0) * 10.0) as u64);
                bar.set_prefix(text);
            }
            None if told.is_none_or(|at| at.elapsed() >= LINE_EVERY) => {
                told = Some(Instant::now());
                eprintln!("{}: {text}", run.phase.as_str().to_lowercase());
            }
            None => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn line(run: &SyncRunRow) -> String {
    let mut text = format!("{} of {} objects", run.received, run.asked);
    if let Some(percent) = run.percent() {
        text.push_str(&format!(", {percent:.0} %"));
    }
    if let Some(rate) = run.rate() {
        text.push_str(&format!(", {rate:.0} a second"));
    }
    if let Some(left) = run.seconds_left() {
        text.push_str(&format!(", {left} s left"));
    }
    if let Some(error) = &run.error_message {
        text.push_str(&format!("; trying again: {error}"));
    }
    text
}

/// What is to be known beside, line by line.
fn warnings(run: &SyncRunRow) -> impl Iterator<Item = String> {
    let of = |warning: &serde_json::Value, name: &str| warning[name].as_str().unwrap_or_default().to_owned();
    run.warnings.as_array().into_iter().flatten().map(move |warning| format!("{}: {}", of(warning, "code"), of(warning, "message")))
}

/// What a run did, for people.
fn receipt(run: &SyncRunRow) -> String {
    let mut text = format!("{} {} {}\n", run.id, run.kind, run.status);
    for (name, number) in [
        ("asked", run.asked),
        ("received", run.received),
        ("created", run.created),
        ("updated", run.updated),
        ("unchanged", run.unchanged),
        ("deleted", run.deleted),
        ("rejected", run.rejected),
    ] {
        text.push_str(&format!("{name:<12}{number:>12}\n"));
    }
    for warning in warnings(run) {
        text.push_str(&format!("{warning}\n"));
    }
    for one in run.rejections.as_array().into_iter().flatten() {
        let of = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        text.push_str(&format!("{} {}: {}\n", of("kind").to_lowercase(), of("externalId"), of("reason")));
    }
    match (&run.error_message, run.status) {
        (_, SyncStatus::Completed) if run.rejected > 0 => {
            let listed = run.rejections.as_array().map_or(0, Vec::len);
            text.push_str(&format!(
                "Done, but for {} objects that could not be taken: {listed} of them are listed above, and in `rejections` of syncRun(id: \"{}\").",
                run.rejected, run.id
            ));
        }
        (_, SyncStatus::Completed) => text.push_str("Done: everything that was asked for is here."),
        (Some(why), _) => text.push_str(&format!("Not everything is here: {why}")),
        (None, _) => text.push_str("Not everything is here."),
    }
    text
}
