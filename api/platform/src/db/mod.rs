//! The database: connecting, transactions that name their tenant, and the few shapes of SQL that differ.

mod budget;
mod connect;
mod guard;
mod list;
mod migrate;
mod page;
mod row;
mod signals;
mod sql;
mod tx;

pub use budget::{Budget, over_budget};
pub use connect::{ConnectError, Database, DatabaseSettings, Notifications, PoolState};
pub use guard::{RoleProblem, check_role, unprotected_tables};
pub use list::{List, Owner, TenantRow};
pub use migrate::{MigrateError, MigrationState, migrate, migration_state};
pub use page::{Cursor, CursorError, Direction, Page, PageRequest, SortKind, SortValue, keyset, keyset_condition};
pub use row::FromRow;
pub use signals::{Signals, Wake};
pub use sql::{ExternalRef, Parent, in_ids, in_list, is_sqlite, parents, per_parent, rows_of};
pub use tx::{Access, CopyError, Tx};
