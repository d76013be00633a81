//! Whether the app is in a shop: the light call, and what follows from its answer.

use std::time::{Duration, Instant};

use entities::{StoreId, StoreStatus, TenantId};
use integrations::ports::shop::Problem;
use platform::{Database, Trace};

use super::access::{Lost, OpenShop, ShopError, Shops, Wanted};
use super::removal;
use super::state::{By, Hold, StoreState, find};

/// Whether an app is in a shop, as the shop says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The shop lets it in.
    In,
    /// It does not: its tokens are void.
    Out(String),
    /// It lets nobody in: it is frozen, locked or gone.
    Closed(String),
}

impl Shops {
    /// The light call: how long the shop took to answer, or at what the call failed. Tokens that were found void are tried as well: one odd
    /// answer is not for ever, and where they open the shop the authorisation is found again.
    pub async fn call(&self, db: &Database, tenant: TenantId, store: StoreId) -> Result<Result<Duration, Problem>, ShopError> {
        let mut open = self.way_in(db, tenant, store, Wanted::Good, Lost::Tried).await?;
        for reopened in [false, true] {
            let began = Instant::now();
            match open.system.shop(&open.access).await {
                Ok(_) => {
                    self.found(db, &open).await?;
                    return Ok(Ok(began.elapsed()));
                }
                Err(error) if error.problem == Problem::Unauthorized && !reopened => {
                    open = self.way_in(db, tenant, store, Wanted::Other(&open.access.token), Lost::Tried).await?;
                }
                Err(error) => return Ok(Err(error.problem)),
            }
        }
        Ok(Err(Problem::Unauthorized))
    }

    /// Whether the app is in a store's shop. Where that cannot be told now, it is an error to come back after.
    async fn standing(&self, db: &Database, tenant: TenantId, store: StoreId) -> Result<Standing, ShopError> {
        match self.call(db, tenant, store).await {
            Ok(Ok(_)) => Ok(Standing::In),
            Ok(Err(problem @ Problem::ShopClosed { .. })) => Ok(Standing::Closed(problem.to_string())),
            Ok(Err(problem)) if problem.is_passing() || problem == Problem::Unauthorized => {
                Err(ShopError::Later { why: format!("the shop does not say whether the app is in it: {problem}"), after: None })
            }
            // Whatever else it minds, it has let the token in.
            Ok(Err(_)) => Ok(Standing::In),
            Err(ShopError::Uninstalled) => Ok(Standing::Out(ShopError::Uninstalled.to_string())),
            Err(ShopError::NoAccess(why)) => {
                // Void, or none. Other reasons are of this program's side, and say nothing of the shop.
                let state = self.state(db, tenant, store).await?;
                let is_out = state.lost_at().is_some() || state.access_token_sealed.is_none();
                if is_out { Ok(Standing::Out(why)) } else { Err(ShopError::NoAccess(why)) }
            }
            Err(error) => Err(error),
        }
    }

    /// What opened a shop is good: where it was thought void, it is not.
    async fn found(&self, db: &Database, opened: &OpenShop) -> Result<(), ShopError> {
        if self.state(db, opened.tenant, opened.store).await?.lost_at().is_some() {
            let (ctx, _) = self.ctx(db, opened.tenant)?;
            let tx = ctx.writer().await?;
            removal::found(&tx, &ctx.trace(), (opened.tenant, opened.store)).await?;
            ctx.commit_unrecorded(tx).await?;
        }
        Ok(())
    }

    /// Asks whether the app is in a store's shop. Where it is not, and the store is not known as uninstalled, it is from here on; where the
    /// shop is closed, too, if that is as good as an answer.
    pub(crate) async fn remove_if_out(
        &self,
        db: &Database,
        trace: &Trace,
        (tenant, store): (TenantId, StoreId),
        closed_is_out: bool,
    ) -> Result<Standing, ShopError> {
        let before = self.state(db, tenant, store).await?;
        let standing = self.standing(db, tenant, store).await?;
        let why = match &standing {
            Standing::Out(why) => why,
            Standing::Closed(why) if closed_is_out => why,
            Standing::In | Standing::Closed(_) => return Ok(standing),
        };
        let (ctx, _) = self.ctx(db, tenant)?;
        let tx = ctx.writer().await?;
        let state = find(&tx, tenant, By::Id(store), Hold::Yes).await?.ok_or(ShopError::NotFound)?;
        if state.status == StoreStatus::Uninstalled {
            return Ok(standing);
        }
        if state.generation() != before.generation() || state.access_token_sealed != before.access_token_sealed {
            return Err(ShopError::Later { why: "the store's tokens were replaced meanwhile".to_owned(), after: None });
        }
        removal::uninstalled(&tx, trace, &state, trace.now(), why.clone()).await?;
        ctx.commit_unrecorded(tx).await?;
        Ok(standing)
    }

    async fn state(&self, db: &Database, tenant: TenantId, store: StoreId) -> Result<StoreState, ShopError> {
        let (ctx, _) = self.ctx(db, tenant)?;
        let tx = ctx.reader().await?;
        let state = find(&tx, tenant, By::Id(store), Hold::No).await?.ok_or(ShopError::NotFound)?;
        drop(tx);
        ctx.release().await;
        Ok(state)
    }
}
