//! What rows are found by, and how it is completed when a line carried only some of its parts: the others are taken from what is known.

use platform::DbErr;
use platform::text::search_text;
use sea_orm::QueryResult;

use super::shape::{CUSTOMERS, ORDERS, PRODUCTS, SEARCH, Shape};

/// Rows of one select.
pub(crate) const PAGE: usize = 10_000;

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

type Text = fn(&[Option<&str>]) -> String;

/// How the search text of one kind's staged rows is completed.
pub(crate) struct Completion {
    pub shape: &'static Shape,
    /// Selects the line and the parts, from `{from}` on, in the order of lines.
    pub select: String,
    text: Text,
}

impl Completion {
    fn of(shape: &'static Shape, select: String, text: Text) -> Self {
        Self { shape, select, text }
    }

    /// The text of its parts.
    pub fn text_of(&self, parts: &[Option<String>]) -> String {
        (self.text)(&parts.iter().map(Option::as_deref).collect::<Vec<_>>())
    }
}

/// The kinds whose rows are searched.
pub(crate) fn completions() -> [Completion; 3] {
    [
        Completion::of(&CUSTOMERS, changed_parts(&CUSTOMERS, &["first_name", "last_name", "email", "phone", "company"]), search_text),
        Completion::of(&PRODUCTS, changed_parts(&PRODUCTS, &["title", "handle", "vendor", "product_type"]), search_text),
        Completion::of(&ORDERS, order_parts(), |parts| order_text(std::array::from_fn(|index| parts.get(index).copied().flatten()))),
    ]
}

/// A row of a completion's select: the line and the parts.
pub(crate) fn parts_of(row: &QueryResult) -> Result<(i64, Vec<Option<String>>), DbErr> {
    let parts = (1..row.column_names().len()).map(|index| row.try_get_by_index(index)).collect::<Result<_, DbErr>>()?;
    Ok((row.try_get_by_index(0)?, parts))
}
