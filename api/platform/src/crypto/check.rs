//! Whether the master key is the one that this database was begun with: a wrong key is noticed at the start, not at the first secret.

use chrono::{DateTime, Utc};
use entities::tables::platform_settings::{ActiveModel, Column, Entity};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::MasterKey;
use crate::db::{Access, Database, Tx};

const NAME: &str = "master_key_check";

/// How the master key compares with the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterKeyState {
    /// Nothing was begun yet: any key will do.
    Unset,
    /// The right one.
    Matches,
    /// Another one: nothing that is sealed would open.
    Differs,
}

/// Why the master key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyCheckError {
    /// Another key.
    #[error(
        "this master key is not the one that the database was begun with, so no secret in it would open; restore the right \
         NOREN_MASTER_KEY (on SQLite: the key file beside the database)"
    )]
    Differs,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] DbErr),
}

/// Compares the master key with the database's, and changes nothing.
pub async fn master_key_state(db: &Database, master: &MasterKey) -> Result<MasterKeyState, DbErr> {
    compare(&db.read(Access::Nobody).await?, master).await
}

/// Refuses a wrong master key. The first start writes down a check value, from which the key cannot be found.
pub async fn ensure_master_key(db: &Database, master: &MasterKey, now: DateTime<Utc>) -> Result<(), MasterKeyCheckError> {
    let tx = db.write(Access::Platform).await?;
    let row = ActiveModel { name: Set(NAME.to_owned()), value: Set(check_value(master)), updated_at: Set(now) };
    Entity::insert(row).on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned()).exec_without_returning(&tx).await?;
    match compare(&tx, master).await? {
        MasterKeyState::Matches => Ok(tx.commit().await?),
        MasterKeyState::Unset | MasterKeyState::Differs => Err(MasterKeyCheckError::Differs),
    }
}

async fn compare(tx: &Tx, master: &MasterKey) -> Result<MasterKeyState, DbErr> {
    let select = Query::select().column(Column::Value).from(Entity).and_where(Expr::col(Column::Name).eq(NAME)).take();
    let Some(row) = tx.query_one(&select).await? else { return Ok(MasterKeyState::Unset) };
    let stored: Vec<u8> = row.try_get_by_index(0)?;
    let same = bool::from(stored.ct_eq(&check_value(master)));
    Ok(if same { MasterKeyState::Matches } else { MasterKeyState::Differs })
}

fn check_value(master: &MasterKey) -> Vec<u8> {
    Sha256::digest(master.derive("master-key-check")).to_vec()
}
