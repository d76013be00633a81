//! Looks for texts in every row of every table, as whoever owns the database sees it.

use sqlx::{AssertSqlSafe, PgPool, Row, SqlitePool};
use tests::harness::Server;

/// Every table and, row after row, everything in it; bytes in hexadecimal.
async fn dump(server: &Server) -> Vec<(String, String)> {
    let settings = server.database.settings();
    let mut rows = Vec::new();
    match settings.sqlite_file() {
        Some(file) if !settings.is_postgres() => {
            let pool = SqlitePool::connect(&format!("sqlite:{}", file.display())).await.unwrap();
            let tables = sqlx::query("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'").fetch_all(&pool).await.unwrap();
            for table in tables.iter().map(|row| row.get::<String, _>(0)) {
                let columns = sqlx::query(AssertSqlSafe(format!("select name from pragma_table_info('{table}')"))).fetch_all(&pool).await.unwrap();
                let all: Vec<String> = columns.iter().map(|row| format!("quote(\"{}\")", row.get::<String, _>(0))).collect();
                let found = sqlx::query(AssertSqlSafe(format!("select {} from \"{table}\"", all.join(" || '|' || ")))).fetch_all(&pool).await.unwrap();
                rows.extend(found.iter().map(|row| (table.clone(), row.get::<String, _>(0))));
            }
            pool.close().await;
        }
        _ => {
            let pool = PgPool::connect(&settings.url).await.unwrap();
            let tables = sqlx::query("select tablename::text from pg_tables where schemaname = 'public'").fetch_all(&pool).await.unwrap();
            for table in tables.iter().map(|row| row.get::<String, _>(0)) {
                let found = sqlx::query(AssertSqlSafe(format!("select row_to_json(t)::text from \"{table}\" t"))).fetch_all(&pool).await.unwrap();
                rows.extend(found.iter().map(|row| (table.clone(), row.get::<String, _>(0))));
            }
            pool.close().await;
        }
    }
    rows
}

/// A row in lower case, with the bytes in it as the text that they are.
fn legible(row: &str) -> String {
    let mut text = row.to_lowercase();
    let bytes: Vec<String> = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() >= 16).map(decoded).collect();
    text.push_str(&bytes.join(" "));
    text
}

fn decoded(run: &str) -> String {
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default();
    String::from_utf8_lossy(&run.as_bytes().chunks(2).map(byte).collect::<Vec<_>>()).to_lowercase()
}

/// In which tables each of the texts is, in whatever case, and in bytes too.
pub async fn found(server: &Server, texts: &[&str]) -> Vec<(String, String)> {
    let rows: Vec<(String, String)> = dump(server).await.into_iter().map(|(table, row)| (table, legible(&row))).collect();
    assert!(rows.iter().any(|(table, _)| table == "stores") && rows.iter().any(|(table, _)| table == "audit_details"), "everything is seen");
    let mut found = Vec::new();
    for text in texts {
        for (table, row) in &rows {
            if row.contains(&text.to_lowercase()) && !found.iter().any(|(t, x)| t == table && x == text) {
                found.push((table.clone(), (*text).to_owned()));
            }
        }
    }
    found
}
