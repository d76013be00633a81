//! Retries are safe: (caller, field, key) → what was asked for and what came of it, written with the work itself and kept a day.

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::idempotency_keys::{ActiveModel, Column, Entity};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::callers::OpCtx;
use crate::db::Tx;

/// How long a key is remembered.
pub const KEPT: TimeDelta = TimeDelta::days(1);
/// The longest key accepted, in bytes.
pub const MAX_KEY: usize = 255;

/// Why a key could not be used.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The key was used for something else.
    #[error("the idempotency key was used with another input; use a new key for a new request")]
    Conflict,
    /// The key is empty or too long.
    #[error("an idempotency key has 1 to {MAX_KEY} bytes")]
    Malformed,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] DbErr),
}

/// What is known of a request.
#[derive(Debug)]
pub enum Attempt<'a> {
    /// It has not been done: do it, then [`Attempt::done`].
    New(Option<Claim<'a>>),
    /// It was done, and this came of it.
    Repeat(String),
}

/// A key that this transaction holds; a concurrent repeat waits for it.
#[derive(Debug)]
pub struct Claim<'a> {
    caller: String,
    field: &'static str,
    key: &'a str,
}

/// Looks whether `field` was done under `key`, and claims the key if not. A failure rolls the claim back with the work.
pub async fn attempt<'a>(ctx: &OpCtx, tx: &Tx, field: &'static str, key: Option<&'a str>, input: &impl Serialize) -> Result<Attempt<'a>, IdempotencyError> {
    let Some(key) = key else { return Ok(Attempt::New(None)) };
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(IdempotencyError::Malformed);
    }
    let caller = format!("{}/{}", ctx.caller().key(), ctx.standing().tenant().map(|t| t.to_string()).unwrap_or_default());
    let input_hash = Sha256::digest(serde_json::to_vec(input).unwrap_or_default()).to_vec();
    forget_old(tx, ctx.now() - KEPT).await?;
    let row = ActiveModel {
        tenant_id: Set(ctx.standing().tenant()),
        caller: Set(caller.clone()),
        field: Set(field.to_owned()),
        idempotency_key: Set(key.to_owned()),
        input_hash: Set(input_hash.clone()),
        subject: Set(String::new()),
        created_at: Set(ctx.now()),
    };
    let once = OnConflict::columns([Column::Caller, Column::Field, Column::IdempotencyKey]).do_nothing().to_owned();
    if Entity::insert(row).on_conflict(once).exec_without_returning(tx).await? == 1 {
        return Ok(Attempt::New(Some(Claim { caller, field, key })));
    }
    let query = Query::select().columns([Column::InputHash, Column::Subject]).from(Entity).and_where(mine(&caller, field, key)).take();
    let row = tx.query_one(&query).await?.ok_or_else(|| DbErr::RecordNotFound("idempotency key".into()))?;
    if row.try_get_by_index::<Vec<u8>>(0)? != input_hash {
        return Err(IdempotencyError::Conflict);
    }
    Ok(Attempt::Repeat(row.try_get_by_index(1)?))
}

impl Claim<'_> {
    /// Writes down what came of the request.
    pub async fn done(self, tx: &Tx, subject: impl ToString) -> Result<(), DbErr> {
        let update = Query::update().table(Entity).value(Column::Subject, subject.to_string()).and_where(mine(&self.caller, self.field, self.key)).take();
        tx.execute(&update).await.map(drop)
    }
}

fn mine(caller: &str, field: &str, key: &str) -> sea_orm::sea_query::SimpleExpr {
    Expr::col(Column::Caller).eq(caller).and(Expr::col(Column::Field).eq(field)).and(Expr::col(Column::IdempotencyKey).eq(key))
}

async fn forget_old(tx: &Tx, before: DateTime<Utc>) -> Result<(), DbErr> {
    tx.execute(&Query::delete().from_table(Entity).and_where(Expr::col(Column::CreatedAt).lt(before)).take()).await.map(drop)
}
