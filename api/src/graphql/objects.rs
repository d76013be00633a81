//! Objects over rows: leaves are read from the row, relations from what was loaded for the whole page beforehand.
//!
//! [`object!`] declares both, with the arguments that lists take everywhere alike. Loading goes by the selection: one
//! statement a relation, whatever the number of rows, so a query cannot cause more statements than it has fields.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, InputType, ObjectType, Result};
use futures::future::BoxFuture;
use platform::db::{ExternalRef, Page, Parent};
use platform::reading::{Listed, ReadError, Reading, SortKey, cursor_of};
use platform::{Denied, OpCtx};
use uuid::Uuid;

use super::connection::{Connection, PageArgs};
use super::errors::{IntoGraphql, internal};
use super::render::Rendered;
use super::selection::{Arguments, Selected};

/// A relation of one row.
#[derive(Clone, Debug, Default)]
pub enum Slot<T> {
    /// Not asked for.
    #[default]
    Unasked,
    /// Loaded.
    Loaded(T),
    /// The caller may not see it.
    Denied(Denied),
}

impl<T> Slot<T> {
    /// The relation, or why it may not be seen.
    pub fn get(&self) -> Result<&T> {
        match self {
            Self::Loaded(value) => Ok(value),
            Self::Denied(denied) => Err(denied.clone().into_graphql()),
            Self::Unasked => Err(not_loaded()),
        }
    }

    /// The same state with another value.
    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Slot<U> {
        match self {
            Self::Loaded(value) => Slot::Loaded(f(value)),
            Self::Denied(denied) => Slot::Denied(denied.clone()),
            Self::Unasked => Slot::Unasked,
        }
    }
}

/// A relation that is resolved and was not loaded: the selection was not read as async-graphql reads it.
fn not_loaded() -> async_graphql::Error {
    internal("a relation was not loaded")
}

/// A row that this one refers to, shared by all that refer to it.
pub type One<T> = Slot<Option<Arc<T>>>;

/// Pages of rows that refer to this one, by the arguments of the list: it may be asked for several times with other ones.
pub struct Many<T>(Vec<(Arguments, Slot<Connection<T>>)>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Many<T> {
    /// The page for the field that is being resolved.
    pub fn get(&self, ctx: &Context<'_>) -> Result<&Connection<T>> {
        Self::loaded(self.0.iter().find(|(known, _)| known.are_of(&ctx.item.node)))
    }

    /// The page for a list's arguments.
    pub fn page(&self, arguments: &Arguments) -> Result<&Connection<T>> {
        Self::loaded(self.0.iter().find(|(known, _)| known == arguments))
    }

    fn loaded(found: Option<&(Arguments, Slot<Connection<T>>)>) -> Result<&Connection<T>> {
        found.ok_or_else(not_loaded)?.1.get()
    }

    /// Adds the page for a list's arguments.
    pub fn push(&mut self, arguments: Arguments, page: Slot<Connection<T>>) {
        self.0.push((arguments, page));
    }
}

/// An object whose relations are loaded by selection.
pub trait Planned: ObjectType + Sized + 'static {
    /// Its row.
    type Row: Listed;
    /// What a list of it is filtered by, as callers say it.
    type FilterInput: InputType + IntoFilter<<Self::Row as Listed>::Filter>;
    /// What a list of it is sorted by, as callers say it.
    type OrderInput: InputType + IntoOrder<<Self::Row as Listed>::Sort>;
    /// The name of the type in the schema.
    const NAME: &'static str;

    /// The object without its relations.
    fn bare(row: Self::Row) -> Self;

    /// Its row.
    fn row(&self) -> &Self::Row;

    /// Loads the relations that are selected, for all objects at once.
    fn relate<'a>(ctx: &'a OpCtx, objects: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>>;
}

/// A filter as callers say it.
pub trait IntoFilter<F> {
    /// The filter, its ids and amounts checked.
    fn into_filter(self) -> Result<F>;
}

/// An order as callers say it.
pub trait IntoOrder<S> {
    /// The sort key, and whether the largest comes first. Without an order, the list's own.
    fn into_order(order: Option<Self>) -> (S, bool)
    where
        Self: Sized;
}

/// Rows with the relations that are selected.
pub async fn plan<T: Planned>(ctx: &OpCtx, rows: Vec<T::Row>, selected: Option<&Selected<'_>>) -> Result<Vec<T>> {
    let mut objects: Vec<T> = rows.into_iter().map(T::bare).collect();
    if let (Some(selected), false) = (selected, objects.is_empty()) {
        T::relate(ctx, &mut objects, selected).await?;
    }
    Ok(objects)
}

/// Keeps a refusal in its place: it is the relation's, not the row's.
fn keep_denied<T>(loaded: Result<T, ReadError>) -> Result<Slot<T>> {
    match loaded {
        Ok(value) => Ok(Slot::Loaded(value)),
        Err(ReadError::Denied(denied)) => Ok(Slot::Denied(denied)),
        Err(error @ ReadError::Storage(_)) => Err(error.into_graphql()),
    }
}

/// What rows refer to by id, each loaded once.
pub async fn referred<T: Planned>(ctx: &OpCtx, refs: impl IntoIterator<Item = Parent>, selected: &Selected<'_>) -> Result<Slot<HashMap<Uuid, Arc<T>>>> {
    let mut refs: Vec<Parent> = refs.into_iter().collect();
    refs.sort_unstable_by_key(|parent| parent.id);
    refs.dedup();
    let rows = match keep_denied(Reading::<T::Row>::default().referred(ctx, &refs).await)? {
        Slot::Loaded(rows) => rows,
        other => return Ok(other.map(|_| HashMap::new())),
    };
    let objects = plan::<T>(ctx, rows.into_values().collect(), Some(selected)).await?;
    Ok(Slot::Loaded(objects.into_iter().map(|object| (platform::db::TenantRow::id(object.row()), Arc::new(object))).collect()))
}

/// What rows refer to by the provider's id, each loaded once.
pub async fn by_external<T: Planned>(
    ctx: &OpCtx,
    refs: impl IntoIterator<Item = ExternalRef>,
    selected: &Selected<'_>,
) -> Result<Slot<HashMap<(entities::StoreId, String), Arc<T>>>> {
    let mut refs: Vec<ExternalRef> = refs.into_iter().collect();
    refs.sort_unstable_by(|a, b| (a.store, &a.external_id).cmp(&(b.store, &b.external_id)));
    refs.dedup();
    let rows = match keep_denied(Reading::<T::Row>::default().by_external(ctx, &refs).await)? {
        Slot::Loaded(rows) => rows,
        other => return Ok(other.map(|_| HashMap::new())),
    };
    let (keys, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let objects = plan::<T>(ctx, rows, Some(selected)).await?;
    Ok(Slot::Loaded(keys.into_iter().zip(objects.into_iter().map(Arc::new)).collect()))
}

/// One page for each parent: `column` of the rows refers to it.
pub async fn pages<T: Planned>(ctx: &OpCtx, parents: &[Parent], column: &'static str, field: &Selected<'_>) -> Result<HashMap<Uuid, Slot<Connection<T>>>> {
    let args = PageArgs { first: field.argument("first")?, after: field.argument("after")?, last: field.argument("last")?, before: field.argument("before")? };
    let filter = field.argument::<Option<T::FilterInput>>("filter")?.map_or_else(|| Ok(Default::default()), IntoFilter::into_filter)?;
    let (sort, reverse) = T::OrderInput::into_order(field.argument("orderBy")?);
    let request = args.request(SortKey::column(sort), SortKey::kind(sort), reverse)?;
    let (connection, edge) = (format!("{}Connection", T::NAME), format!("{}Edge", T::NAME));

    let reading = Reading::<T::Row>::default();
    let mut fetched = match keep_denied(reading.pages_of(ctx, parents, column, &filter, sort, &request).await)? {
        Slot::Loaded(fetched) => fetched,
        other => return Ok(parents.iter().map(|parent| (parent.id, other.map(|_| Connection::new(Page::empty(), None)))).collect()),
    };
    let counts = match field.has(&connection, "totalCount") {
        true => Some(reading.counts_of(ctx, parents, column, &filter).await.map_err(IntoGraphql::into_graphql)?),
        false => None,
    };

    // All parents' rows get their relations together, then go back to their own pages.
    let mut shapes = Vec::with_capacity(parents.len());
    let mut rows = Vec::new();
    for parent in parents {
        let page = fetched.remove(&parent.id).unwrap_or_else(Page::empty);
        shapes.push((parent.id, page.rows.len(), page.has_next, page.has_previous));
        rows.extend(page.rows);
    }
    let mut objects = plan::<T>(ctx, rows, field.rows(&connection, &edge).as_ref()).await?.into_iter();
    let mut found = HashMap::with_capacity(parents.len());
    for (parent, length, has_next, has_previous) in shapes {
        let rows = objects.by_ref().take(length).map(|object| (cursor_of(sort, object.row()), object)).collect();
        let total_count = counts.as_ref().map(|counts| counts.get(&parent).copied().unwrap_or(0));
        found.insert(parent, Slot::Loaded(Connection::new(Page { rows, has_next, has_previous }, total_count)));
    }
    Ok(found)
}

/// One page of all that the caller may see.
pub async fn list<T: Planned>(
    ctx: &Context<'_>,
    args: PageArgs,
    filter: Option<T::FilterInput>,
    order: Option<T::OrderInput>,
) -> Result<Rendered<Connection<T>>> {
    let op = ctx.data::<Arc<OpCtx>>()?;
    let selected = Selected::of(ctx);
    let filter = filter.map_or_else(|| Ok(Default::default()), IntoFilter::into_filter)?;
    let (sort, reverse) = T::OrderInput::into_order(order);
    let request = args.request(SortKey::column(sort), SortKey::kind(sort), reverse)?;
    let (connection, edge) = (format!("{}Connection", T::NAME), format!("{}Edge", T::NAME));
    let reading = Reading::<T::Row>::default();
    let Page { rows, has_next, has_previous } = reading.page(op, &filter, sort, &request).await.map_err(IntoGraphql::into_graphql)?;
    let total_count = match selected.has(&connection, "totalCount") {
        true => Some(reading.count(op, &filter).await.map_err(IntoGraphql::into_graphql)?),
        false => None,
    };
    let objects = plan::<T>(op, rows, selected.rows(&connection, &edge).as_ref()).await?;
    let rows = objects.into_iter().map(|object| (cursor_of(sort, object.row()), object)).collect();
    Ok(Rendered(Connection::new(Page { rows, has_next, has_previous }, total_count)))
}

/// How many objects of a list without pages are reckoned with.
pub const FEW: usize = 10;

/// Declares an object over a row: its leaves, the rows it refers to (`one`), lists of its own parts (`pages`), and lists with
/// filter and order (`lists`). A leaf that is a list of objects says in brackets how many there are; it costs as much as [`FEW`].
macro_rules! object {
    (
        $(#[doc = $doc:literal])*
        $name:ident($row:ty) {
            $($(#[doc = $field_doc:literal])* $field:ident: $type:ty $([$few:literal])? = |$r:ident| $value:expr;)*
        }
        $(one { $($(#[doc = $one_doc:literal])* $one:ident: $one_type:ty;)* })?
        $(pages { $($(#[doc = $part_doc:literal])* $part:ident: $part_type:ty;)* })?
        $(lists { $($(#[doc = $list_doc:literal])* $list:ident: $list_type:ty;)* })?
    ) => {
        $(#[doc = $doc])*
        pub struct $name {
            pub(in crate::graphql) row: $row,
            $($(pub(in crate::graphql) $one: $crate::graphql::objects::One<$one_type>,)*)?
            $($(pub(in crate::graphql) $part: $crate::graphql::objects::Many<$part_type>,)*)?
            $($(pub(in crate::graphql) $list: $crate::graphql::objects::Many<$list_type>,)*)?
        }

        impl $name {
            pub(in crate::graphql) fn unrelated(row: $row) -> Self {
                Self {
                    row,
                    $($($one: Default::default(),)*)?
                    $($($part: Default::default(),)*)?
                    $($($list: Default::default(),)*)?
                }
            }
        }

        $(#[doc = $doc])*
        #[async_graphql::Object]
        impl $name {
            $($(#[doc = $field_doc])*
            $(#[doc = $few]
            #[graphql(complexity = "1 + crate::graphql::connection::rows_cost(crate::graphql::objects::FEW, child_complexity)")])?
            pub(in crate::graphql) async fn $field(&self) -> $type {
                let $r = &self.row;
                $value
            })*

            $($($(#[doc = $one_doc])*
            async fn $one(&self) -> async_graphql::Result<Option<&$one_type>> {
                Ok(self.$one.get()?.as_deref())
            })*)?

            $($($(#[doc = $part_doc])*
            #[graphql(complexity = "crate::graphql::connection::page_cost(first, last, child_complexity)")]
            async fn $part(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
                #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
                #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
                #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
            ) -> async_graphql::Result<&$crate::graphql::connection::Connection<$part_type>> {
                // The page was loaded with these arguments already, for all rows at once.
                let _ = (first, after, last, before);
                self.$part.get(ctx)
            })*)?

            $($($(#[doc = $list_doc])*
            #[graphql(complexity = "crate::graphql::connection::page_cost(first, last, child_complexity)")]
            #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
            async fn $list(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
                #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
                #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
                #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
                #[graphql(desc = "Only rows for which all of this holds.")] filter: Option<<$list_type as $crate::graphql::objects::Planned>::FilterInput>,
                #[graphql(desc = "What the list is sorted by.")] order_by: Option<<$list_type as $crate::graphql::objects::Planned>::OrderInput>,
            ) -> async_graphql::Result<&$crate::graphql::connection::Connection<$list_type>> {
                // The page was loaded with these arguments already, for all rows at once.
                let _ = (first, after, last, before, filter, order_by);
                self.$list.get(ctx)
            })*)?
        }

        impl $crate::graphql::render::Render for $name {
            fn shape(selected: &$crate::graphql::selection::Selected<'_>) -> Option<$crate::graphql::render::Shape> {
                $crate::graphql::render::Shape::of(stringify!($name), selected, |name, below| {
                    let index = Self::FIELDS.iter().position(|field| $crate::graphql::render::is_field(name, field))?;
                    Some((index, (Self::SHAPES[index])(below)?))
                })
            }

            fn render(&self, shape: &$crate::graphql::render::Shape, out: &mut Vec<u8>) -> async_graphql::Result<()> {
                shape.render(stringify!($name), out, |field, out| {
                    // The names are constants: the compiler turns this chain into a jump.
                    let mut index = 0;
                    $(if field.index == index {
                        let $r = &self.row;
                        let value: $type = $value;
                        return value.render(&field.shape, out);
                    }
                    index += 1;)*
                    $($(if field.index == index {
                        return self.$one.get()?.as_deref().render(&field.shape, out);
                    }
                    index += 1;)*)?
                    $($(if field.index == index {
                        return self.$part.page(&field.arguments)?.render(&field.shape, out);
                    }
                    index += 1;)*)?
                    $($(if field.index == index {
                        return self.$list.page(&field.arguments)?.render(&field.shape, out);
                    }
                    index += 1;)*)?
                    Err(async_graphql::Error::new(format!("field {} of {index}", field.index)))
                })
            }
        }

        impl $name {
            const FIELDS: &'static [&'static str] = &[
                $(stringify!($field),)*
                $($(stringify!($one),)*)?
                $($(stringify!($part),)*)?
                $($(stringify!($list),)*)?
            ];

            const SHAPES: &'static [fn(&$crate::graphql::selection::Selected<'_>) -> Option<$crate::graphql::render::Shape>] = &[
                $(<$type as $crate::graphql::render::Render>::shape,)*
                $($(<$one_type as $crate::graphql::render::Render>::shape,)*)?
                $($(<$crate::graphql::connection::Connection<$part_type> as $crate::graphql::render::Render>::shape,)*)?
                $($(<$crate::graphql::connection::Connection<$list_type> as $crate::graphql::render::Render>::shape,)*)?
            ];
        }
    };
}
pub(crate) use object;
