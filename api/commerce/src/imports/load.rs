//! Reading the file into the staging area, in committed chunks.

use std::sync::atomic::Ordering;

use platform::db::is_sqlite;
use platform::{Database, DbErr, Ids, Tx};
use sea_orm::{ConnectionTrait, Value};
use tokio::sync::mpsc;

use integrations::ports::commerce::{BulkRecord, CommerceProvider, LineError};

use super::error::ImportError;
use super::lease::Heartbeat;
use super::pace::Pace;
use super::progress::Progress;
use super::scope::Run;
use super::source::{self, Chunk, ChunkSize, Source};
use crate::privacy::forgotten;
use crate::records::{Batch, For, Form, Stager};

/// SQLite: other writers wait for one chunk at most.
const SMALL: ChunkSize = ChunkSize { lines: 500, bytes: 1 << 20 };
const LARGE: ChunkSize = ChunkSize { lines: 10_000, bytes: 8 << 20 };
/// Rows of one INSERT. One size, so that its statement is prepared once.
const SQLITE_ROWS: usize = 50;
/// Less than the 64 KiB of a segment on loopback: the driver leaves Nagle's algorithm on, and a longer message waits 40 ms for its end.
const POSTGRES_ROWS: usize = 20;

/// Where rows come from.
pub(super) enum Feed {
    /// A file, whose lines the provider reads.
    File(&'static dyn CommerceProvider, Source),
    /// Records that were read already.
    Records(Vec<Result<BulkRecord, LineError>>),
}

/// Reads and stages everything; how many lines there were, and how many of them say nothing.
pub(super) async fn load(run: &Run, feed: Feed, heartbeat: &Heartbeat, progress: &dyn Progress) -> Result<(u64, u64), ImportError> {
    let sqlite = run.is_sqlite();
    let target = For { tenant: run.tenant, run: run.id, currency: run.currency, form: if sqlite { Form::Values } else { Form::Copy } };
    // Whoever is forgotten from here on waits for this run to end.
    let forgotten = forgotten(&run.db, run.tenant, run.store).await?;
    let stager = Stager::new(target, Ids::new(run.clock.clone()), forgotten);
    // Reading runs ahead by two chunks, and no further.
    let (out, mut chunks) = mpsc::channel::<Chunk>(2);
    let size = if sqlite { SMALL } else { LARGE };
    let reading = tokio::task::spawn_blocking(move || match feed {
        Feed::File(provider, source) => source::read(source, provider, stager, size, &out),
        Feed::Records(records) => {
            source::stage(records, stager, size, &out);
            Ok(())
        }
    });
    let (mut lines, mut unreadable) = (0, 0);
    let mut pace = Pace::new();
    while let Some(chunk) = chunks.recv().await {
        heartbeat.check()?;
        if run.stop.load(Ordering::Relaxed) {
            return Err(ImportError::Stopped);
        }
        (lines, unreadable) = (chunk.lines, chunk.unreadable);
        let bytes = chunk.bytes;
        if sqlite {
            let tx = run.staging().await?;
            pace.begin();
            for batch in chunk.batches {
                insert(run, &tx, batch).await?;
            }
            tx.commit().await?;
            pace.rest().await;
        } else {
            copy(run, chunk.batches).await?;
        }
        progress.read(bytes, lines);
    }
    reading.await.map_err(|error| ImportError::Broken(error.to_string()))??;
    Ok((lines, unreadable))
}

async fn copy(run: &Run, batches: Vec<Batch>) -> Result<(), ImportError> {
    let tx = run.staging().await?;
    for batch in batches {
        if let Some(data) = batch.copy_data() {
            tx.copy_in(&format!("copy {} ({}) from stdin", batch.table(), batch.columns().join(", ")), data).await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn insert(run: &Run, tx: &Tx, batch: Batch) -> Result<(), DbErr> {
    let (table, columns) = (batch.table(), batch.columns().to_vec());
    insert_rows(&run.db, tx, table, &columns, batch.into_values()).await
}

/// Inserts rows, given as their values row after row, many at once.
pub(crate) async fn insert_rows(db: &Database, tx: &Tx, table: &str, columns: &[&str], values: Vec<Value>) -> Result<(), DbErr> {
    let (width, at_once) = (columns.len(), if is_sqlite(db.backend()) { SQLITE_ROWS } else { POSTGRES_ROWS });
    let full = insert_statement(table, columns, at_once);
    let mut left = values.len() / width;
    let mut values = values.into_iter();
    while left > 0 {
        let rows = left.min(at_once);
        left -= rows;
        let sql = if rows == at_once { full.clone() } else { insert_statement(table, columns, rows) };
        let part: Vec<Value> = values.by_ref().take(rows * width).collect();
        tx.execute_raw(db.statement(sql, part)).await?;
    }
    Ok(())
}

fn insert_statement(table: &str, columns: &[&str], rows: usize) -> String {
    let mut sql = format!("insert into {table} ({}) values ", columns.join(", "));
    for row in 0..rows {
        for column in 0..columns.len() {
            let before = match (row, column) {
                (0, 0) => "($",
                (_, 0) => "), ($",
                _ => ", $",
            };
            sql.push_str(before);
            sql.push_str(&(row * columns.len() + column + 1).to_string());
        }
    }
    sql.push(')');
    sql
}
