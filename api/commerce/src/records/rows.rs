//! Rows on their way to the database: COPY's text format, values, or objects by the columns' names.

use chrono::{DateTime, Datelike, Timelike, Utc};
use sea_orm::Value;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::fill::instant_text;
use super::shape::{REJECTIONS, Shape};

/// One value of a row.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'a> {
    Null,
    Text(&'a str),
    /// The text of a JSON value.
    Json(&'a str),
    Int(i64),
    Bool(bool),
    Id(Uuid),
    At(DateTime<Utc>),
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// COPY's text format.
    Copy,
    /// Values, row after row.
    Values,
    /// An object for each row.
    Objects,
}

/// A row by the names of its columns.
pub(crate) type Object = Map<String, Json>;

enum Data {
    Copy(Vec<u8>),
    Values(Vec<Value>),
    /// The rows, and the one that is being written.
    Objects(Vec<Object>, Object),
}

/// Rows of one staging table.
pub(crate) struct Batch {
    table: &'static str,
    columns: Vec<&'static str>,
    rows: usize,
    data: Data,
}

/// How far a batch was filled, to go back to.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    rows: usize,
    length: usize,
}

impl Batch {
    pub fn of_shape(shape: &Shape, form: Form) -> Self {
        Self::new(shape.staged, shape.staged_columns(), form)
    }

    pub fn of_rejections(form: Form) -> Self {
        Self::new(REJECTIONS, vec!["run_id", "tenant_id", "line", "kind", "external_id", "reason"], form)
    }

    fn new(table: &'static str, columns: Vec<&'static str>, form: Form) -> Self {
        let data = match form {
            Form::Copy => Data::Copy(Vec::new()),
            Form::Values => Data::Values(Vec::new()),
            Form::Objects => Data::Objects(Vec::new(), Object::new()),
        };
        Self { table, columns, rows: 0, data }
    }

    /// An empty batch for the same table.
    pub fn take(&mut self) -> Self {
        let empty = Self::new(self.table, self.columns.clone(), self.form());
        std::mem::replace(self, empty)
    }

    fn form(&self) -> Form {
        match &self.data {
            Data::Copy(_) => Form::Copy,
            Data::Values(_) => Form::Values,
            Data::Objects(..) => Form::Objects,
        }
    }

    pub fn mark(&self) -> Mark {
        let length = match &self.data {
            Data::Copy(bytes) => bytes.len(),
            Data::Values(values) => values.len(),
            Data::Objects(rows, _) => rows.len(),
        };
        Mark { rows: self.rows, length }
    }

    /// Forgets what was written after `mark`.
    pub fn back_to(&mut self, mark: Mark) {
        self.rows = mark.rows;
        match &mut self.data {
            Data::Copy(bytes) => bytes.truncate(mark.length),
            Data::Values(values) => values.truncate(mark.length),
            Data::Objects(rows, begun) => {
                rows.truncate(mark.length);
                begun.clear();
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn table(&self) -> &'static str {
        self.table
    }

    pub fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// The rows in COPY's text format.
    pub fn copy_data(&self) -> Option<&[u8]> {
        match &self.data {
            Data::Copy(bytes) => Some(bytes),
            Data::Values(_) | Data::Objects(..) => None,
        }
    }

    /// The rows as values, row after row.
    pub fn into_values(self) -> Vec<Value> {
        match self.data {
            Data::Copy(_) | Data::Objects(..) => Vec::new(),
            Data::Values(values) => values,
        }
    }

    /// The rows as objects.
    pub fn into_objects(self) -> Vec<Object> {
        match self.data {
            Data::Copy(_) | Data::Values(_) => Vec::new(),
            Data::Objects(rows, _) => rows,
        }
    }

    pub fn cell(&mut self, cell: Cell<'_>) {
        match &mut self.data {
            Data::Copy(bytes) => write_cell(bytes, cell),
            Data::Values(values) => values.push(match cell {
                // The type of a null does not matter to SQLite.
                Cell::Null => Value::String(None),
                Cell::Text(text) | Cell::Json(text) => text.into(),
                Cell::Int(number) => number.into(),
                Cell::Bool(flag) => flag.into(),
                Cell::Id(id) => id.into(),
                Cell::At(at) => at.into(),
            }),
            Data::Objects(_, row) => {
                if let Some(column) = self.columns.get(row.len()) {
                    row.insert((*column).to_owned(), json_of(cell));
                }
            }
        }
    }

    pub fn end_row(&mut self) {
        self.rows += 1;
        match &mut self.data {
            Data::Copy(bytes) => {
                // Every cell ended with a tab.
                if let Some(last) = bytes.last_mut() {
                    *last = b'\n';
                }
            }
            Data::Values(_) => {}
            Data::Objects(rows, row) => rows.push(std::mem::take(row)),
        }
    }
}

fn json_of(cell: Cell<'_>) -> Json {
    match cell {
        Cell::Null => Json::Null,
        Cell::Text(text) => text.into(),
        Cell::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        Cell::Int(number) => number.into(),
        Cell::Bool(flag) => flag.into(),
        Cell::Id(id) => id.simple().to_string().into(),
        Cell::At(at) => instant_text(at).into(),
    }
}

fn write_cell(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"\\N"),
        Cell::Text(text) | Cell::Json(text) => write_text(out, text),
        Cell::Int(number) => write_int(out, number),
        Cell::Bool(flag) => out.push(if flag { b't' } else { b'f' }),
        Cell::Id(id) => out.extend_from_slice(id.hyphenated().encode_lower(&mut [0; 36]).as_bytes()),
        Cell::At(at) => write_instant(out, at),
    }
    out.push(b'\t');
}

/// Backslashes and what ends a value or a row are escaped.
fn write_text(out: &mut Vec<u8>, text: &str) {
    let mut from = 0;
    for (index, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'\\' => b'\\',
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[from..index]);
        out.extend_from_slice(&[b'\\', escaped]);
        from = index + 1;
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}

fn write_int(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}

fn write_instant(out: &mut Vec<u8>, at: DateTime<Utc>) {
    write_padded(out, at.year().unsigned_abs(), 4);
    for (sign, part) in [(b'-', at.month()), (b'-', at.day()), (b' ', at.hour()), (b':', at.minute()), (b':', at.second())] {
        out.push(sign);
        write_padded(out, part, 2);
    }
    let micros = at.timestamp_subsec_micros();
    if micros != 0 {
        out.push(b'.');
        write_padded(out, micros, 6);
    }
    out.extend_from_slice(b"+00");
}

fn write_padded(out: &mut Vec<u8>, number: u32, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut rest = number;
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_as_copy_reads_them() {
        let mut out = Vec::new();
        write_cell(&mut out, Cell::Text("a\tb\\c\nd\re 暖簾🍵"));
        write_cell(&mut out, Cell::Null);
        write_cell(&mut out, Cell::Int(i64::MIN));
        write_cell(&mut out, Cell::Int(0));
        write_cell(&mut out, Cell::At("1997-01-02T03:04:05.000600Z".parse().unwrap()));
        write_cell(&mut out, Cell::At("2026-11-21T00:00:00Z".parse().unwrap()));
        let expected = "a\\tb\\\\c\\nd\\re 暖簾🍵\t\\N\t-9223372036854775808\t0\t1997-01-02 03:04:05.000600+00\t2026-11-21 00:00:00+00\t";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
