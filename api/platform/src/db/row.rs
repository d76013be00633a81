//! Rows as plain structs, read by position.

use sea_orm::sea_query::{SelectStatement, SimpleExpr};
use sea_orm::{DbErr, QueryResult};

/// A plain struct that a select can fill.
pub trait FromRow: Sized {
    /// How many columns it takes.
    const COLUMNS: usize;

    /// The columns, qualified by the table, in the order in which they are read.
    fn columns() -> Vec<SimpleExpr>;

    /// Reads the columns that begin at `offset`.
    fn from_row(row: &QueryResult, offset: usize) -> Result<Self, DbErr>;

    /// Adds the columns to a select.
    fn select(query: &mut SelectStatement) -> &mut SelectStatement {
        query.exprs(Self::columns())
    }
}

/// Declares a plain struct and the columns of an entity that fill it.
///
/// ```text
/// row! {
///     /// An order.
///     pub struct OrderRow from orders {
///         /// Its id.
///         id: OrderId = Id,
///     }
/// }
/// ```
#[macro_export]
macro_rules! row {
    ($(#[$doc:meta])* pub struct $name:ident from $table:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty = $column:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$fdoc])* pub $field: $type,)* }

        impl $crate::db::FromRow for $name {
            const COLUMNS: usize = [$(stringify!($field)),*].len();

            fn columns() -> Vec<sea_orm::sea_query::SimpleExpr> {
                use sea_orm::sea_query::ExprTrait as _;
                vec![$(sea_orm::sea_query::Expr::col((entities::tables::$table::Entity, entities::tables::$table::Column::$column)).into(),)*]
            }

            fn from_row(row: &sea_orm::QueryResult, offset: usize) -> Result<Self, sea_orm::DbErr> {
                let mut index = offset;
                let mut next = || { index += 1; index - 1 };
                Ok(Self { $($field: row.try_get_by_index(next())?,)* })
            }
        }
    };
}
