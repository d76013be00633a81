//! Relay connections over keyset pages.

use std::borrow::Cow;

use async_graphql::{Object, ObjectType, OutputType, Result, SimpleObject, TypeName};
use platform::db::{Cursor, Direction, Page, PageRequest, SortKind};

use super::errors::{IntoGraphql, bad_input, internal};
use super::render::{Render, Shape, render_list};
use super::selection::Selected;

/// The most rows of one page.
pub const MAX_PAGE: i32 = 250;
/// The rows of a page when nothing is said.
pub const DEFAULT_PAGE: i32 = 50;

/// Which page, as callers say it.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    /// Rows from the start.
    pub first: Option<i32>,
    /// After this cursor.
    pub after: Option<String>,
    /// Rows from the end.
    pub last: Option<i32>,
    /// Before this cursor.
    pub before: Option<String>,
}

impl PageArgs {
    /// The page of a list sorted by `sort`, the largest first when `reverse`.
    pub fn request(self, sort: &str, kind: SortKind, reverse: bool) -> Result<PageRequest> {
        let (limit, cursor, direction) = match (self.first, self.after, self.last, self.before) {
            (Some(_), _, Some(_), _) => return Err(bad_input("`first` and `last` exclude each other: pass one of them")),
            (_, Some(_), _, Some(_)) => return Err(bad_input("`after` and `before` exclude each other: pass one of them")),
            (_, Some(_), Some(_), _) => return Err(bad_input("`after` goes with `first`; `last` goes with `before`")),
            (Some(_), _, _, Some(_)) => return Err(bad_input("`before` goes with `last`; `first` goes with `after`")),
            (None, None, last @ Some(_), before) | (None, None, last, before @ Some(_)) => (last, before, Direction::Backward),
            (first, after, None, None) => (first, after, Direction::Forward),
        };
        let name = if direction == Direction::Forward { "first" } else { "last" };
        let limit = limit.unwrap_or(DEFAULT_PAGE);
        if !(0..=MAX_PAGE).contains(&limit) {
            return Err(bad_input(format!("`{name}` is {limit}; a page has 0 to {MAX_PAGE} rows")));
        }
        let cursor = cursor.map(|text| Cursor::decode(&text, sort, kind)).transpose().map_err(IntoGraphql::into_graphql)?;
        Ok(PageRequest { limit: limit.unsigned_abs(), direction, cursor, reverse })
    }
}

/// Where a page lies in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether rows follow this page.
    has_next_page: bool,
    /// Whether rows precede this page.
    has_previous_page: bool,
    /// The cursor of the first row, for `before`.
    start_cursor: Option<String>,
    /// The cursor of the last row, for `after`.
    end_cursor: Option<String>,
}

/// A row and its place in the list.
pub struct Edge<T> {
    cursor: Cursor,
    node: T,
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// A row of a list, with its place.
#[Object(name_type)]
impl<T: ObjectType> Edge<T> {
    /// The place of the row in the list, for `after` and `before`.
    async fn cursor(&self) -> String {
        self.cursor.encode()
    }

    /// The row.
    async fn node(&self) -> &T {
        &self.node
    }
}

/// One page of a list.
pub struct Connection<T> {
    edges: Vec<Edge<T>>,
    has_next: bool,
    has_previous: bool,
    total_count: Option<u64>,
}

impl<T> Connection<T> {
    /// A page of rows with their cursors. `total_count` is there when it was asked for.
    pub fn new(page: Page<(Cursor, T)>, total_count: Option<u64>) -> Self {
        let Page { rows, has_next, has_previous } = page;
        let edges = rows.into_iter().map(|(cursor, node)| Edge { cursor, node }).collect();
        Self { edges, has_next, has_previous, total_count }
    }

    fn where_it_lies(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.edges.first().map(|edge| edge.cursor.encode()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.encode()),
        }
    }

    fn counted(&self) -> Result<u64> {
        self.total_count.ok_or_else(|| internal("a list was not counted"))
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

/// One page of a list (Relay's Cursor Connections).
#[Object(name_type)]
impl<T: ObjectType> Connection<T> {
    /// The rows with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// The rows alone.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> PageInfo {
        self.where_it_lies()
    }

    /// How many rows the whole list has. Counted only when it is asked for.
    async fn total_count(&self) -> Result<u64> {
        self.counted()
    }
}

/// What a list is said to cost at most. The executor adds such costs up for all fields of a document: the sum still fits.
const MOST: usize = usize::MAX >> 16;

/// Complexity of so many rows: what a row costs, times their number.
pub fn rows_cost(rows: usize, row: usize) -> usize {
    rows.saturating_mul(row).min(MOST)
}

/// Complexity of a list: what a row costs, times the rows of the page.
pub fn page_cost(first: Option<i32>, last: Option<i32>, row: usize) -> usize {
    1 + rows_cost(first.or(last).unwrap_or(DEFAULT_PAGE).clamp(0, MAX_PAGE).unsigned_abs() as usize, row)
}

impl<T: OutputType + Render> Render for Edge<T> {
    fn shape(selected: &Selected<'_>) -> Option<Shape> {
        Shape::of(&<Self as TypeName>::type_name(), selected, |name, below| match name {
            "cursor" => Some((0, Shape::default())),
            "node" => Some((1, T::shape(below)?)),
            _ => None,
        })
    }

    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
        shape.render(&<Self as TypeName>::type_name(), out, |field, out| match field.index {
            0 => self.cursor.encode().render(&field.shape, out),
            _ => self.node.render(&field.shape, out),
        })
    }
}

impl Render for PageInfo {
    fn shape(selected: &Selected<'_>) -> Option<Shape> {
        Shape::of("PageInfo", selected, |name, _| {
            let index = ["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"].iter().position(|field| *field == name)?;
            Some((index, Shape::default()))
        })
    }

    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
        shape.render("PageInfo", out, |field, out| match field.index {
            0 => self.has_next_page.render(&field.shape, out),
            1 => self.has_previous_page.render(&field.shape, out),
            2 => self.start_cursor.render(&field.shape, out),
            _ => self.end_cursor.render(&field.shape, out),
        })
    }
}

impl<T: OutputType + Render> Render for Connection<T> {
    fn shape(selected: &Selected<'_>) -> Option<Shape> {
        Shape::of(&<Self as TypeName>::type_name(), selected, |name, below| match name {
            "edges" => Some((0, Edge::<T>::shape(below)?)),
            "nodes" => Some((1, T::shape(below)?)),
            "pageInfo" => Some((2, PageInfo::shape(below)?)),
            "totalCount" => Some((3, Shape::default())),
            _ => None,
        })
    }

    fn render(&self, shape: &Shape, out: &mut Vec<u8>) -> Result<()> {
        shape.render(&<Self as TypeName>::type_name(), out, |field, out| match field.index {
            0 => render_list(self.edges.iter(), &field.shape, out),
            1 => render_list(self.edges.iter().map(|edge| &edge.node), &field.shape, out),
            2 => self.where_it_lies().render(&field.shape, out),
            _ => self.counted().render(&field.shape, out),
        })
    }
}
