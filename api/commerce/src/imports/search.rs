//! Search text of rows whose line carried only some of its parts: the others are taken from what is known.

use platform::DbErr;
use platform::db::Access;
use platform::text::search_text;
use sea_orm::{ConnectionTrait, Value};

use super::error::ImportError;
use super::lease::Heartbeat;
use super::scope::Run;
use super::shape::{CUSTOMERS, ORDERS, PRODUCTS, SEARCH, Shape};

const PAGE: usize = 10_000;

/// What an order is found by: its number, its e-mail address, its customer's names and address.
pub(crate) fn order_text(parts: [Option<&str>; 5]) -> String {
    let [number, email, first_name, last_name, customer_email] = parts;
    search_text(&[number, email, first_name, last_name, customer_email.filter(|address| email != Some(*address))])
}

/// A part as it will be: the line's, or else what is known.
fn part(shape: &Shape, staged: &str, known: &str, column: &str) -> String {
    format!("case when ({staged}.carried & {}) <> 0 then {staged}.{column} else {known}.{column} end", shape.bit(column))
}

/// Selects the line and the parts of the staged rows of a table that stands by itself, where a part is about to change.
fn changed_parts(shape: &Shape, columns: &[&str]) -> String {
    let parts: Vec<String> = columns.iter().map(|column| part(shape, "s", "t", column)).collect();
    let known: Vec<String> = columns.iter().map(|column| format!("t.{column}")).collect();
    format!(
        "select s.line, {parts} from {staged} s join {table} t on t.tenant_id = {{tenant}} and t.store_id = {{store}} and t.external_id = s.external_id
         where s.run_id = {{run}} and (s.carried & {bit}) = 0 and s.line > {{from}} and ({parts}) is distinct from ({known})
         order by s.line limit {PAGE}",
        parts = parts.join(", "),
        known = known.join(", "),
        staged = shape.staged,
        table = shape.table,
        bit = shape.bit(SEARCH),
    )
}

/// Selects the line and the parts of orders that do not carry their customer's names.
fn order_parts() -> String {
    let customer = part(&ORDERS, "s", "t", "external_customer_id");
    let of_customer = |column| format!("case when (sc.carried & {}) <> 0 then sc.{column} else c.{column} end", CUSTOMERS.bit(column));
    format!(
        "select s.line, s.number, {email}, {first_name}, {last_name}, {address} from staged_orders s
         left join orders t on t.tenant_id = {{tenant}} and t.store_id = {{store}} and t.external_id = s.external_id
         left join customers c on c.tenant_id = {{tenant}} and c.store_id = {{store}} and c.external_id = {customer}
         left join staged_customers sc on sc.run_id = {{run}} and sc.external_id = {customer}
         where s.run_id = {{run}} and (s.carried & {bit}) = 0 and s.line > {{from}} order by s.line limit {PAGE}",
        email = part(&ORDERS, "s", "t", "email"),
        first_name = of_customer("first_name"),
        last_name = of_customer("last_name"),
        address = of_customer("email"),
        bit = ORDERS.bit(SEARCH),
    )
}

/// Completes the search text of all staged rows.
pub(super) async fn complete(run: &Run, heartbeat: &Heartbeat) -> Result<(), ImportError> {
    complete_table(run, heartbeat, &CUSTOMERS, &changed_parts(&CUSTOMERS, &["first_name", "last_name", "email", "phone", "company"]), |parts| {
        search_text(parts)
    })
    .await?;
    complete_table(run, heartbeat, &PRODUCTS, &changed_parts(&PRODUCTS, &["title", "handle", "vendor", "product_type"]), search_text).await?;
    let order = |parts: &[Option<&str>]| order_text(std::array::from_fn(|index| parts.get(index).copied().flatten()));
    complete_table(run, heartbeat, &ORDERS, &order_parts(), order).await
}

async fn complete_table(run: &Run, heartbeat: &Heartbeat, shape: &Shape, select: &str, text: impl Fn(&[Option<&str>]) -> String) -> Result<(), ImportError> {
    let mut from = 0;
    loop {
        heartbeat.check()?;
        let page = page_of(run, &select.replace("{from}", &from.to_string())).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        from = *last;
        let texts: Vec<(i64, String)> = page.iter().map(|(line, parts)| (*line, text(&parts.iter().map(Option::as_deref).collect::<Vec<_>>()))).collect();
        write(run, shape, &texts).await?;
        if texts.len() < PAGE {
            return Ok(());
        }
    }
}

async fn page_of(run: &Run, select: &str) -> Result<Vec<(i64, Vec<Option<String>>)>, DbErr> {
    let tx = run.db.read(run.access()).await?;
    if !run.is_sqlite() {
        run.execute(&tx, "set local enable_nestloop = off").await?;
    }
    let rows = tx.query_all_raw(run.db.statement(run.fill(select), [])).await?;
    rows.iter()
        .map(|row| {
            let parts = (1..row.column_names().len()).map(|index| row.try_get_by_index(index)).collect::<Result<_, DbErr>>()?;
            Ok((row.try_get_by_index(0)?, parts))
        })
        .collect()
}

async fn write(run: &Run, shape: &Shape, texts: &[(i64, String)]) -> Result<(), DbErr> {
    let tx = run.db.write(Access::Import).await?;
    let (source, values): (&str, Vec<Value>) = if run.is_sqlite() {
        let json = serde_json::to_string(texts).unwrap_or_default();
        ("(select json_extract(value, '$[0]') as line, json_extract(value, '$[1]') as text from json_each($1)) u", vec![json.into()])
    } else {
        let (lines, texts): (Vec<i64>, Vec<String>) = texts.iter().cloned().unzip();
        ("unnest($1::bigint[], $2::text[]) as u (line, text)", vec![lines.into(), texts.into()])
    };
    let sql = format!(
        "update {} as s set search_text = u.text, carried = s.carried | {} from {source} where s.run_id = {{run}} and s.line = u.line",
        shape.staged,
        shape.bit(SEARCH)
    );
    tx.execute_raw(run.db.statement(run.fill(&sql), values)).await?;
    tx.commit().await
}
