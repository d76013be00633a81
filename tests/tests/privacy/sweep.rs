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

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// In which tables each of the texts is, in whatever case, and in bytes too.
pub async fn found(server: &Server, texts: &[&str]) -> Vec<(String, String)> {
    let rows = dump(server).await;
    assert!(rows.iter().any(|(table, _)| table == "stores") && rows.iter().any(|(table, _)| table == "audit_details"), "everything is seen");
    let mut found = Vec::new();
    for text in texts {
        let (plain, bytes, folded) = (text.to_lowercase(), hex(text), hex(&text.to_lowercase()));
        for (table, row) in &rows {
            let row = row.to_lowercase();
            if (row.contains(&plain) || row.contains(&bytes) || row.contains(&folded)) && !found.iter().any(|(t, x)| t == table && x == text) {
                found.push((table.clone(), (*text).to_owned()));
            }
        }
    }
    found
}
