//! Which versions of providers' APIs connections speak, over all tenants: for the operator.

use entities::ConnectionId;
use platform::db::Access;
use platform::{Database, DbErr};
use sea_orm::ConnectionTrait;

/// A version that a connection has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenVersion {
    /// The connection.
    pub connection: ConnectionId,
    /// The provider's key.
    pub provider: String,
    /// The version.
    pub version: String,
}

/// The connections in use that speak a version of their own, the oldest versions first; so many at most.
pub async fn spoken_versions(db: &Database, limit: i64) -> Result<Vec<SpokenVersion>, DbErr> {
    let tx = db.read(Access::Platform).await?;
    let sql = "select id, provider, api_version from connections where status = 'ACTIVE' and api_version is not null order by api_version, id limit $1";
    let rows = tx.query_all_raw(db.statement(sql, [limit.into()])).await?;
    let read = |row: &sea_orm::QueryResult| {
        Ok(SpokenVersion { connection: row.try_get_by_index(0)?, provider: row.try_get_by_index(1)?, version: row.try_get_by_index(2)? })
    };
    rows.iter().map(read).collect()
}
