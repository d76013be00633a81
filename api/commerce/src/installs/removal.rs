//! The end of an installation, and tokens that are void: what is written, whoever finds out.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, EventType, InstallationAction, StoreId, StoreStatus, TenantId};
use platform::outbox::emit;
use platform::record::Happened;
use platform::{Change, DbErr, Trace, Tx};
use serde_json::{Value, json};

use super::DATA_KEPT_FOR;
use super::state::{By, Hold, StoreState, find};
use super::store::{self, Entry, Place};
use crate::health;
use crate::sync::stop_all;

/// The app is out of the shop: its tokens are erased, and its data has a day on which it goes. The store is held by the transaction.
pub(super) async fn uninstalled(tx: &Tx, trace: &Trace, state: &StoreState, at: DateTime<Utc>, why: String) -> Result<(), DbErr> {
    let (place, now) = ((state.tenant, state.id), trace.now());
    let deletion = now + DATA_KEPT_FOR;
    store::ensure(tx, place, now).await?;
    store::erase_tokens(tx, place, now).await?;
    let values = vec![
        ("status", StoreStatus::Uninstalled.as_str().into()),
        ("paused_at", Option::<DateTime<Utc>>::None.into()),
        ("uninstalled_at", at.into()),
        ("data_deletion_scheduled_at", deletion.into()),
    ];
    store::update_store(tx, place, values, now).await?;
    health::forget(tx, state.tenant, state.id).await?;
    stop_all(tx, trace, state.tenant, state.id, "the app was removed from the shop").await?;
    let entry = Entry { connection: state.connection(), action: InstallationAction::Uninstalled, scopes: None, message: Some(why.clone()), occurred_at: at };
    store::note(tx, trace, place, entry).await?;
    let data = json!({ "storeId": state.id, "dataDeletionScheduledAt": deletion });
    Change::new("storeUninstall", state.tenant)
        .subject(state.id)
        .before(&json!({ "status": state.status }))
        .after(&json!({ "status": StoreStatus::Uninstalled, "dataDeletionScheduledAt": deletion, "why": why }))
        .announce_with(EventType::StoreUninstalled, Some(state.id), data)
        .write(tx, trace)
        .await
}

/// The tokens that were read are void. False when there are others by now, or the app is out anyway.
pub(super) async fn lost(tx: &Tx, trace: &Trace, known: &StoreState, why: &str) -> Result<bool, DbErr> {
    let place = (known.tenant, known.id);
    let Some(state) = find(tx, known.tenant, By::Id(known.id), Hold::Yes).await? else { return Ok(false) };
    let same = state.generation() == known.generation() && state.access_token_sealed == known.access_token_sealed;
    if !same || state.status == StoreStatus::Uninstalled {
        return Ok(false);
    }
    if state.lost_at().is_some() {
        return Ok(true);
    }
    let now = trace.now();
    store::ensure(tx, place, now).await?;
    store::update(tx, place, vec![("authorization_lost_at", now.into())], now).await?;
    let entry =
        Entry { connection: state.connection(), action: InstallationAction::AuthorizationLost, scopes: None, message: Some(why.to_owned()), occurred_at: now };
    store::note(tx, trace, place, entry).await?;
    announce(tx, trace, place, EventType::StoreAuthorizationLost, json!({ "storeId": known.id, "reason": why })).await?;
    Ok(true)
}

/// The tokens of a store open its shop: if they were thought void, they are not.
pub(super) async fn found(tx: &Tx, trace: &Trace, place: Place) -> Result<(), DbErr> {
    let Some(state) = find(tx, place.0, By::Id(place.1), Hold::Yes).await?.filter(|state| state.lost_at().is_some()) else { return Ok(()) };
    store::update(tx, place, vec![("authorization_lost_at", Option::<DateTime<Utc>>::None.into())], trace.now()).await?;
    found_again(tx, trace, place, state.connection()).await
}

/// A store whose token was void has another, or the shop takes it again.
pub(super) async fn found_again(tx: &Tx, trace: &Trace, place: Place, connection: Option<ConnectionId>) -> Result<(), DbErr> {
    let entry = Entry { connection, action: InstallationAction::AuthorizationRestored, scopes: None, message: None, occurred_at: trace.now() };
    store::note(tx, trace, place, entry).await?;
    announce(tx, trace, place, EventType::StoreAuthorizationRestored, json!({ "storeId": place.1 })).await
}

/// Somebody gave the store a token that lasts: what was known of the one before is over. A store that the app was removed from comes back by
/// it, as one that was connected with a token.
pub(crate) async fn restore(tx: &Tx, trace: &Trace, tenant: TenantId, id: StoreId) -> Result<(), DbErr> {
    let Some(state) = find(tx, tenant, By::Id(id), Hold::Yes).await? else { return Ok(()) };
    let (place, now) = ((tenant, id), trace.now());
    let came_back = state.status == StoreStatus::Uninstalled;
    if came_back {
        store::ensure(tx, place, now).await?;
        let none = || json!([]).into();
        let nothing = vec![("connection_id", Option::<ConnectionId>::None.into()), ("missing_scopes", none()), ("refused_topics", none())];
        store::update(tx, place, nothing, now).await?;
        store::update_store(tx, place, vec![("status", StoreStatus::Active.as_str().into())], now).await?;
        store::begin(tx, place, now).await?;
        let message = Some("the store was given a token".to_owned());
        let entry = Entry { connection: None, action: InstallationAction::Reinstalled, scopes: None, message, occurred_at: now };
        store::note(tx, trace, place, entry).await?;
    } else if state.installation.is_none() {
        return Ok(());
    }
    if let Some(access) = state.access_token_sealed.clone() {
        let tokens = store::SealedTokens { access, access_expires_at: None, refresh: None, refresh_expires_at: None };
        store::put_tokens(tx, place, tokens, now).await?;
    }
    if state.lost_at().is_some() {
        found_again(tx, trace, place, state.connection()).await?;
    }
    Ok(())
}

/// Tells what happened to a store.
pub(super) async fn announce(tx: &Tx, trace: &Trace, (tenant, store): Place, kind: EventType, data: Value) -> Result<(), DbErr> {
    emit(tx, trace, Happened { kind, tenant: Some(tenant), store: Some(store), subject: Some(store.to_string()), data }).await
}
