//! Slowing down those who guess passwords: by (e-mail, address) and by address, so that nobody is locked out by others.
//!
//! A try is counted before the password is looked at: many tries at once gain nothing. Success takes it back.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::sign_in_attempts::{Column, Entity};
use entities::tables::{sessions, users};
use platform::crypto::hash_secret;
use platform::{DbErr, OpCtx, Tx};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict, Order, Query};

use super::error::SignInError;

/// Failures for one e-mail from one address that cost nothing.
const FREE: i32 = 5;
/// Failures from one address that cost nothing: many people may share it.
const FREE_BY_ADDRESS: i32 = 20;
/// The longest wait after failures for one e-mail from one address.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// The longest wait after failures from one address: long enough to make guessing slow, too short to shut an office out.
const LONGEST_BY_ADDRESS: TimeDelta = TimeDelta::seconds(30);
/// Failures are forgotten after this long without another.
const FORGOTTEN: TimeDelta = TimeDelta::days(1);

/// One counted try, to be taken back when it succeeds.
pub(super) struct Try {
    pair: Vec<u8>,
    address: Vec<u8>,
}

struct Count {
    key: Vec<u8>,
    failures: i32,
    blocked_until: DateTime<Utc>,
}

/// Counts a try, or says when the next one is allowed.
pub(super) async fn begin(ctx: &OpCtx, email_key: &str) -> Result<Try, SignInError> {
    let (now, place) = (ctx.now(), place(ctx.origin().address));
    let this = Try { pair: key("pair", &[email_key, &place]), address: key("address", &[&place]) };
    let tx = ctx.identity_writer().await?;
    tx.execute(&Query::delete().from_table(Entity).and_where(Expr::col(Column::UpdatedAt).lt(now - FORGOTTEN)).take()).await?;
    let mut keys = [&this.pair, &this.address];
    keys.sort();
    let mut insert = Query::insert();
    insert.into_table(Entity).columns([Column::AttemptKey, Column::Failures, Column::BlockedUntil, Column::UpdatedAt]);
    for key in keys {
        insert.values([key.clone().into(), 0.into(), now.into(), now.into()]).map_err(|error| DbErr::Custom(error.to_string()))?;
    }
    tx.execute(insert.on_conflict(OnConflict::column(Column::AttemptKey).do_nothing().to_owned())).await?;
    let select = Query::select()
        .columns([Column::AttemptKey, Column::Failures, Column::BlockedUntil])
        .from(Entity)
        .and_where(Expr::col(Column::AttemptKey).is_in(keys.map(Vec::clone)))
        .order_by(Column::AttemptKey, Order::Asc)
        .lock(LockType::Update)
        .take();
    let mut counts = Vec::with_capacity(2);
    for row in tx.query_all(&select).await? {
        counts.push(Count { key: row.try_get_by_index(0)?, failures: row.try_get_by_index(1)?, blocked_until: row.try_get_by_index(2)? });
    }
    // Whoever has signed in from here before does not wait for what strangers at the same address do.
    let known = signed_in_here(&tx, email_key, ctx.origin().address).await?;
    let holds = |count: &&Count| count.blocked_until > now && !(known && count.key == this.address);
    if let Some(retry_at) = counts.iter().filter(holds).map(|count| count.blocked_until).max() {
        return Err(SignInError::TooManyAttempts { retry_at });
    }
    for count in counts {
        let (free, longest) = if count.key == this.pair { (FREE, LONGEST) } else { (FREE_BY_ADDRESS, LONGEST_BY_ADDRESS) };
        let failures = count.failures.saturating_add(1);
        let update = Query::update()
            .table(Entity)
            .values([
                (Column::Failures, failures.into()),
                (Column::BlockedUntil, (now + delay(failures, free).min(longest)).into()),
                (Column::UpdatedAt, now.into()),
            ])
            .and_where(Expr::col(Column::AttemptKey).eq(count.key))
            .take();
        tx.execute(&update).await?;
    }
    ctx.commit_unrecorded(tx).await?;
    Ok(this)
}

async fn signed_in_here(tx: &Tx, email_key: &str, address: Option<IpAddr>) -> Result<bool, DbErr> {
    let Some(address) = address else { return Ok(false) };
    let user = Query::select().column(users::Column::Id).from(users::Entity).and_where(Expr::col(users::Column::EmailKey).eq(email_key)).take();
    let session = Query::select()
        .expr(Expr::val(1))
        .from(sessions::Entity)
        .and_where(Expr::col(sessions::Column::UserId).in_subquery(user))
        .and_where(Expr::col(sessions::Column::Address).eq(address.to_string()))
        .limit(1)
        .take();
    Ok(tx.query_one(&session).await?.is_some())
}

impl Try {
    /// The try succeeded: the e-mail's failures from here are forgotten, and the address is not charged.
    pub(super) async fn succeeded(self, ctx: &OpCtx) -> Result<(), DbErr> {
        let tx = ctx.identity_writer().await?;
        let uncharge = Query::update()
            .table(Entity)
            .value(Column::Failures, Expr::col(Column::Failures).sub(1))
            .value(Column::BlockedUntil, ctx.now())
            .and_where(Expr::col(Column::AttemptKey).eq(self.address))
            .and_where(Expr::col(Column::Failures).gt(0))
            .take();
        tx.execute(&uncharge).await?;
        tx.execute(&Query::delete().from_table(Entity).and_where(Expr::col(Column::AttemptKey).eq(self.pair)).take()).await?;
        ctx.commit_unrecorded(tx).await
    }
}

/// Where a try comes from. Whoever has one IPv6 address has the 2^64 beside it as well.
fn place(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => format!("{:x}/64", v6.to_bits() >> 64),
    }
}

fn key(kind: &str, parts: &[&str]) -> Vec<u8> {
    hash_secret(&serde_json::json!([kind, parts]).to_string())
}

/// Doubles with every failure beyond the free ones.
fn delay(failures: i32, free: i32) -> TimeDelta {
    match u32::try_from(failures - free) {
        Err(_) | Ok(0) => TimeDelta::zero(),
        Ok(beyond) => TimeDelta::seconds(1 << Ord::min(beyond, 20)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_a_quarter_of_an_hour() {
        let seconds: Vec<i64> = (4..=16).map(|failures| delay(failures, 5).num_seconds()).collect();
        assert_eq!(seconds, [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(place("::ffff:10.0.0.1".parse().ok()), "10.0.0.1");
        assert_eq!(place("2001:db8::1".parse().ok()), place("2001:db8::ffff".parse().ok()));
        assert_ne!(place("2001:db8::1".parse().ok()), place("2001:db8:0:1::1".parse().ok()));
    }
}
