//! Renewing tokens: one of all that come at once does, in this process or another. No transaction waits for the answer, and an answer
//! that is lost loses nothing: the old refresh token is good until the new access token is used.

use std::time::Duration;

use chrono::TimeDelta;
use integrations::ports::shop::{TokenError, Tokens};
use platform::{Database, Ids};
use secrecy::SecretString;
use uuid::Uuid;

use super::access::{Known, ShopError, Shops};
use super::state::{By, Hold, find};
use super::{removal, store, write};

/// For how long nobody else renews them. A call takes 30 s at most.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// How often it is asked when the answer is lost.
const ATTEMPTS: u32 = 2;
/// When to come back after the answer was lost each time.
const LOST: Duration = Duration::from_secs(5);
/// When to come back where the app's own credentials are wrong: somebody has to mend that.
const BAD_CLIENT: Duration = Duration::from_secs(300);
/// When to come back to a shop that is closed.
const CLOSED: Duration = Duration::from_secs(3_600);

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewed {
    /// There are other tokens now.
    Done,
    /// Somebody else is at it.
    Busy,
}

impl Shops {
    /// Renews the tokens that were just read.
    pub(super) async fn refresh(&self, db: &Database, known: &Known) -> Result<Renewed, ShopError> {
        let (Some(refresh), Some(registered)) = (&known.refresh, &known.app) else {
            return Err(ShopError::NoAccess("the connection that the store was installed by is gone".to_owned()));
        };
        let lease: Uuid = Ids::new(self.0.clock.clone()).next();
        if !self.take_lease(db, known, lease).await? {
            return Ok(Renewed::Busy);
        }
        // Whoever waits may be cancelled; what the shop answers must be kept all the same.
        let (shops, db, state, system) = (self.clone(), db.clone(), known.state.clone(), known.system.clone());
        let (app, refresh, token) = (registered.clone(), refresh.clone(), known.token.clone());
        let known = Known { state, system, app: Some(app), token, refresh: Some(refresh) };
        let work = async move { shops.refresh_under(&db, &known, lease).await };
        tokio::spawn(tracing::Instrument::in_current_span(work))
            .await
            .unwrap_or_else(|error| Err(ShopError::Later { why: format!("renewing the tokens broke off: {error}"), after: Some(LOST) }))
    }

    async fn refresh_under(&self, db: &Database, known: &Known, lease: Uuid) -> Result<Renewed, ShopError> {
        let answered = self.ask(db, known, lease).await;
        let outcome = match answered {
            Ok(tokens) => return self.keep(db, known, lease, &tokens).await,
            Err(TokenError::Rejected(why)) => {
                metrics_refresh("rejected");
                return Err(self.lost(db, known, &format!("the shop does not renew the app's tokens ({why})")).await?);
            }
            Err(TokenError::BadClient(why)) => {
                ShopError::Later { why: format!("the connection's client id or secret is wrong: {why}"), after: Some(BAD_CLIENT) }
            }
            Err(error @ TokenError::ShopClosed(_)) => ShopError::Later { why: error.to_string(), after: Some(CLOSED) },
            Err(TokenError::Later { why, after }) => ShopError::Later { why, after },
            Err(error @ (TokenError::Unknown(_) | TokenError::Unreachable(_))) => ShopError::Later { why: error.to_string(), after: Some(LOST) },
        };
        metrics_refresh("failed");
        let (ctx, _) = self.ctx(db, known.state.tenant)?;
        let tx = ctx.writer().await?;
        store::drop_lease(&tx, (known.state.tenant, known.state.id), lease).await?;
        ctx.commit_unrecorded(tx).await?;
        Err(outcome)
    }

    /// Asks the shop for the next tokens; again, with the same refresh token, when the answer is lost.
    async fn ask(&self, db: &Database, known: &Known, lease: Uuid) -> Result<Tokens, TokenError> {
        let nothing = || TokenError::Unreachable("nothing to renew the tokens with".to_owned());
        let refresh: &SecretString = known.refresh.as_ref().ok_or_else(nothing)?;
        let registered = known.app.as_ref().ok_or_else(nothing)?;
        let mut attempt = 1;
        loop {
            let answered = known.system.refresh(&registered.app, &known.state.domain, refresh, self.0.clock.now()).await;
            match &answered {
                Err(TokenError::Unknown(why)) if attempt < ATTEMPTS => {
                    tracing::warn!(why, store = %known.state.id, "the answer to a renewal of tokens was lost")
                }
                _ => return answered,
            }
            attempt += 1;
            // Only who still holds it asks again.
            if !self.take_lease(db, known, lease).await.unwrap_or(false) {
                return answered;
            }
        }
    }

    async fn take_lease(&self, db: &Database, known: &Known, lease: Uuid) -> Result<bool, ShopError> {
        let (ctx, _) = self.ctx(db, known.state.tenant)?;
        let (tx, now) = (ctx.writer().await?, ctx.now());
        let taken = store::take_lease(&tx, (known.state.tenant, known.state.id), known.state.generation(), lease, now, now + LEASE).await?;
        ctx.commit_unrecorded(tx).await?;
        Ok(taken)
    }

    /// Keeps new tokens, unless others came meanwhile.
    async fn keep(&self, db: &Database, known: &Known, lease: Uuid, tokens: &Tokens) -> Result<Renewed, ShopError> {
        let (ctx, permit) = self.ctx(db, known.state.tenant)?;
        let (tx, now, trace) = (ctx.writer().await?, ctx.now(), ctx.trace());
        let place = (known.state.tenant, known.state.id);
        let state = find(&tx, known.state.tenant, By::Id(known.state.id), Hold::Yes).await?.ok_or(ShopError::NotFound)?;
        if !store::take_lease(&tx, place, known.state.generation(), lease, now, now).await? {
            return Ok(Renewed::Done);
        }
        let sealed = write::seal(&self.0.keys, &tx, &permit, place, tokens, now).await?;
        store::put_tokens(&tx, place, sealed, now).await?;
        if state.lost_at().is_some() {
            removal::found_again(&tx, &trace, place, state.connection()).await?;
        }
        if !tokens.scopes.is_empty() {
            write::granted(&tx, &trace, &state, &tokens.scopes, now, "told with new tokens").await?;
        }
        ctx.commit_unrecorded(tx).await?;
        metrics_refresh("done");
        Ok(Renewed::Done)
    }
}

fn metrics_refresh(outcome: &'static str) {
    tracing::debug!(outcome, "tokens of a store were to be renewed");
}
