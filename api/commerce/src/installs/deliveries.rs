//! What shops deliver about the app itself: that it was removed, and what the merchant grants now. A delivery that is older than the latest
//! installation is about the one before, and changes nothing.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, StoreStatus};
use platform::inbox::{HandleError, Handled, Stored};
use platform::jobs::{NewJob, Running, enqueue};
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use super::jobs::LOOK;
use super::state::{By, Hold, StoreState, find};
use super::{removal, write};

/// The store that a delivery is about, held; or why nothing is done.
async fn subject(tx: &Tx, delivery: &Stored) -> Result<Result<StoreState, Handled>, HandleError> {
    let by = match (delivery.store, &delivery.account) {
        (Some(store), _) => By::Id(store),
        (None, Some(account)) => By::Domain { provider: &delivery.provider, domain: account },
        (None, None) => return Ok(Err(Handled::ignored(None, "it names no shop"))),
    };
    let Some(state) = find(tx, delivery.tenant, by, Hold::Yes).await? else {
        return Ok(Err(Handled::ignored(None, "the tenant has no such store")));
    };
    if state.status == StoreStatus::Uninstalled {
        return Ok(Err(Handled::ignored(Some(state.id), "the app was removed from the shop already")));
    }
    let by = delivered_by(tx, delivery).await?;
    if state.connection().is_some_and(|connection| Some(connection) != by) {
        return Ok(Err(Handled::ignored(Some(state.id), "the shop is installed under another connection")));
    }
    if delivery.triggered_at.zip(state.installed_at).is_some_and(|(at, installed)| at < installed) {
        return Ok(Err(Handled::ignored(Some(state.id), "it is older than the latest installation")));
    }
    Ok(Ok(state))
}

/// The connection that a delivery came by.
async fn delivered_by(tx: &Tx, delivery: &Stored) -> Result<Option<ConnectionId>, DbErr> {
    let sql = "select connection_id from webhook_events where tenant_id = $1 and id = $2";
    let found = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [delivery.tenant.into(), delivery.id.into()])).await?;
    found.map(|row| row.try_get_by_index(0)).transpose()
}

/// The merchant has removed the app.
pub(crate) async fn uninstalled(tx: &Tx, job: &Running, delivery: &Stored, shop: Option<&str>) -> Result<Handled, HandleError> {
    let state = match subject(tx, delivery).await? {
        Ok(state) => state,
        Err(ignored) => return Ok(ignored),
    };
    // The headers are not signed, the body is.
    if shop.is_some_and(|shop| shop != state.domain) {
        return Err(HandleError::Rejected("its body is about another shop than its headers name".to_owned()));
    }
    if state.connection().is_none() {
        // Connected with a token: whether that is this app's, nobody but the shop can say.
        let about = json!({ "storeId": state.id, "installedAt": state.installed_at });
        enqueue(tx, &job.trace(), NewJob::new(LOOK, Some(state.tenant), about).unique(state.id)).await?;
        return Ok(Handled::processed(Some(state.id)));
    }
    let at = delivery.triggered_at.unwrap_or_else(|| job.now());
    removal::uninstalled(tx, &job.trace(), &state, at, "the merchant removed the app".to_owned()).await?;
    Ok(Handled::processed(Some(state.id)))
}

/// The merchant grants these things now.
pub(crate) async fn scopes_changed(tx: &Tx, job: &Running, delivery: &Stored, scopes: &[String]) -> Result<Handled, HandleError> {
    let state = match subject(tx, delivery).await? {
        Ok(state) => state,
        Err(ignored) => return Ok(ignored),
    };
    let at: DateTime<Utc> = delivery.triggered_at.unwrap_or_else(|| job.now());
    let known = state.installation.as_ref().and_then(|installation| installation.scopes_at);
    if known.is_some_and(|known| at < known) {
        return Ok(Handled::ignored(Some(state.id), "the scopes are known as of a later time"));
    }
    write::granted(tx, &job.trace(), &state, scopes, at, "the shop told of it").await?;
    Ok(Handled::processed(Some(state.id)))
}
