//! Keyset pages: a cursor is the sort value and the id of a row, never an offset.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sea_orm::Value;
use sea_orm::sea_query::{Expr, ExprTrait, Order, SelectStatement, SimpleExpr};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a list is sorted by, for one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortValue {
    /// An instant.
    At(DateTime<Utc>),
    /// A number.
    Int(i64),
    /// A text, as it is compared.
    Text(String),
}

/// What kind of value a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKind {
    /// Instants.
    At,
    /// Numbers.
    Int,
    /// Texts.
    Text,
}

impl SortValue {
    fn has_kind(&self, kind: SortKind) -> bool {
        match self {
            // Beyond, the databases disagree.
            Self::At(at) => kind == SortKind::At && (1..=9999).contains(&chrono::Datelike::year(at)),
            Self::Int(_) => kind == SortKind::Int,
            Self::Text(text) => kind == SortKind::Text && !text.contains('\0'),
        }
    }
}

impl From<SortValue> for Value {
    fn from(value: SortValue) -> Self {
        match value {
            SortValue::At(at) => at.into(),
            SortValue::Int(number) => number.into(),
            SortValue::Text(text) => text.into(),
        }
    }
}

/// A place in a sorted list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor(String, SortValue, Uuid);

/// Text that is not a cursor of this list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not a cursor at all.
    #[error("the cursor is not one that this API gave out; pass `pageInfo.endCursor` or an edge's `cursor` unchanged")]
    Malformed,
    /// A cursor of the same list in another order.
    #[error("the cursor belongs to the order {given}, the list is sorted by {wanted}; start again without a cursor")]
    OtherOrder {
        /// The order that the cursor is of.
        given: String,
        /// The order that was asked for.
        wanted: String,
    },
}

impl Cursor {
    /// The place of a row in a list sorted by `sort`.
    pub fn new(sort: &str, value: SortValue, id: Uuid) -> Self {
        Self(sort.to_owned(), value, id)
    }

    /// The form that people see.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a cursor of a list sorted by `sort`.
    pub fn decode(text: &str, sort: &str, kind: SortKind) -> Result<Self, CursorError> {
        if text.len() > 2_000 {
            return Err(CursorError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Malformed)?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| CursorError::Malformed)?;
        if cursor.0 != sort {
            return Err(CursorError::OtherOrder { given: cursor.0.chars().take(40).collect(), wanted: sort.to_owned() });
        }
        if !cursor.1.has_kind(kind) {
            return Err(CursorError::Malformed);
        }
        Ok(cursor)
    }
}

/// Which way a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the start, or after a cursor.
    Forward,
    /// From the end, or before a cursor.
    Backward,
}

/// Which page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRequest {
    /// Rows at most.
    pub limit: u32,
    /// Which way.
    pub direction: Direction,
    /// Where from.
    pub cursor: Option<Cursor>,
    /// Largest first.
    pub reverse: bool,
}

impl PageRequest {
    /// The first `limit` rows.
    pub fn first(limit: u32) -> Self {
        Self { limit, direction: Direction::Forward, cursor: None, reverse: false }
    }

    /// The order in which rows are fetched: a page read backwards is fetched from its end.
    pub fn order(&self) -> Order {
        if self.reverse == (self.direction == Direction::Backward) { Order::Asc } else { Order::Desc }
    }
}

/// Rows of one page, in the list's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether rows follow.
    pub has_next: bool,
    /// Whether rows precede.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// A page from up to `limit + 1` rows as they were fetched.
    pub fn from_fetched(mut rows: Vec<T>, request: &PageRequest) -> Self {
        let more = rows.len() > request.limit as usize;
        rows.truncate(request.limit as usize);
        let behind = request.cursor.is_some();
        match request.direction {
            Direction::Forward => Self { rows, has_next: more, has_previous: behind },
            Direction::Backward => {
                rows.reverse();
                Self { rows, has_next: behind, has_previous: more }
            }
        }
    }

    /// A page without rows.
    pub fn empty() -> Self {
        Self { rows: Vec::new(), has_next: false, has_previous: false }
    }

    /// The same page of something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(f).collect(), has_next: self.has_next, has_previous: self.has_previous }
    }
}

/// Sorts by (`sort`, `id`), starts at the cursor, and fetches one row more than the page has.
pub fn keyset(query: &mut SelectStatement, request: &PageRequest, sort: SimpleExpr, id: SimpleExpr) {
    keyset_condition(query, request, &sort, &id);
    query.order_by_expr(sort, request.order()).order_by_expr(id, request.order()).limit(u64::from(request.limit) + 1);
}

/// The condition of [`keyset`] alone.
pub fn keyset_condition(query: &mut SelectStatement, request: &PageRequest, sort: &SimpleExpr, id: &SimpleExpr) {
    if let Some(Cursor(_, value, last)) = &request.cursor {
        let here = Expr::tuple([sort.clone(), id.clone()]);
        let there = Expr::tuple([Expr::val(Value::from(value.clone())), Expr::val(*last)]);
        query.and_where(if request.order() == Order::Asc { here.gt(there) } else { here.lt(there) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_in_its_own_order_only() {
        let cursor = Cursor::new("PROCESSED_AT", SortValue::At(DateTime::UNIX_EPOCH), Uuid::from_u128(7));
        assert_eq!(Cursor::decode(&cursor.encode(), "PROCESSED_AT", SortKind::At), Ok(cursor.clone()));
        assert!(matches!(Cursor::decode(&cursor.encode(), "TOTAL_PRICE", SortKind::Int), Err(CursorError::OtherOrder { .. })));
        assert_eq!(Cursor::decode(&cursor.encode(), "PROCESSED_AT", SortKind::Int), Err(CursorError::Malformed));
        assert_eq!(Cursor::decode("b2Zmc2V0OjEw", "PROCESSED_AT", SortKind::At), Err(CursorError::Malformed));
    }

    #[test]
    fn a_page_read_backwards_keeps_the_lists_order() {
        let request = PageRequest { limit: 2, direction: Direction::Backward, cursor: None, reverse: false };
        assert_eq!(request.order(), Order::Desc);
        let page = Page::from_fetched(vec![9, 8, 7], &request);
        assert_eq!(page, Page { rows: vec![8, 9], has_next: false, has_previous: true });
    }
}
