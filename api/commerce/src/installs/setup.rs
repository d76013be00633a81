//! Setting a store up: who its shop is, what the merchant has granted, and the webhooks. Done again it changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use entities::{Currency, EventType, StoreId, StoreStatus};
use integrations::ports::shop::{CallError, Problem, ShopFacts, WebhookRegistration};
use platform::callers::actions::ManageStores;
use platform::jobs::{JobError, JobKind, Running, Worker};
use platform::text::{fold, search_text};
use platform::{Permit, Trace, Tx};
use sea_orm::Value;
use serde_json::json;
use url::Url;

use super::access::{OpenShop, ShopError, Shops};
use super::jobs::{Errand, SET_UP, again};
use super::state::{By, Hold, StoreState, find};
use super::{removal, store};
use crate::sync::request_first;

/// Sets stores up.
pub(super) struct SetUp {
    pub shops: Shops,
    pub public_url: Option<String>,
}

/// What the shop said.
struct Told {
    facts: ShopFacts,
    granted: Vec<String>,
    webhooks: Option<WebhookRegistration>,
}

const NO_ADDRESS: &str = "its webhooks are not registered: the setting public_url must say where this API is reached from outside";

#[async_trait]
impl Worker for SetUp {
    fn kind(&self) -> &'static JobKind {
        SET_UP
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Errand { store_id, .. } = job.payload()?;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a store belongs to a tenant".to_owned()))?;
        let open = match self.shops.open(job.db(), tenant, store_id).await {
            Ok(open) => open,
            // Whoever installs it again has it set up again.
            Err(ShopError::NotFound | ShopError::Uninstalled) => return self.nothing_to_do(job).await,
            Err(error) => return self.stuck_outside(job, store_id, error).await,
        };
        let ctx = job.ctx()?;
        let before = {
            let tx = ctx.reader().await?;
            find(&tx, tenant, By::Id(store_id), Hold::No).await?
        };
        ctx.release().await;
        let Some(before) = before else { return self.nothing_to_do(job).await };
        let (open, told) = match self.ask(job, &before, open).await {
            Ok(told) => told,
            Err((why, error)) => return Err(self.stuck(job, store_id, why, error).await),
        };
        let tx = ctx.writer().await?;
        let Some(state) = find(&tx, tenant, By::Id(store_id), Hold::Yes).await?.filter(|state| state.status != StoreStatus::Uninstalled) else {
            drop(tx);
            return self.nothing_to_do(job).await;
        };
        let as_of = |state: &StoreState| state.installation.as_ref().map(|installation| (installation.connection, installation.scopes_at));
        if state.installed_at != before.installed_at || as_of(&state) != as_of(&before) {
            return Err(JobError::RetryAfter(Duration::from_secs(1), "the store was installed again, or its scopes changed, meanwhile".to_owned()));
        }
        let permit = ctx.authorize::<ManageStores>().map_err(|denied| JobError::Fail(denied.to_string()))?;
        self.write((&tx, &permit), &job.trace(), &state, &open, &told).await?;
        // A paused store has its first sync when it is resumed.
        let first = state.installation.as_ref().is_none_or(|installation| installation.set_up_at.is_none());
        if let Some(installed_at) = before.installed_at.filter(|_| first && state.status == StoreStatus::Active) {
            request_first(&tx, &job.trace(), tenant, store_id, installed_at).await?;
        }
        job.done(&tx).await?;
        Ok(ctx.commit_unrecorded(tx).await?)
    }
}

impl SetUp {
    /// Asks the shop for everything, with another token if the one that opened it is void by now.
    async fn ask(&self, job: &Running, before: &StoreState, open: OpenShop) -> Result<(OpenShop, Told), (String, JobError)> {
        let callback = self.callback(before).map_err(|why| (why.clone(), JobError::Retry(why)))?;
        let mut open = open;
        for reopened in [false, true] {
            match told(&open, callback.as_ref()).await {
                Ok(told) => return Ok((open, told)),
                Err(error) if error.problem == Problem::Unauthorized && !reopened => match self.shops.reopen(job.db(), &open).await {
                    Ok(newer) => open = newer,
                    Err(error) => return Err((error.to_string(), again(error))),
                },
                Err(CallError { operation, problem }) => {
                    let after = match &problem {
                        Problem::Throttled { after } | Problem::Failed { after, .. } => *after,
                        _ => None,
                    };
                    let why = format!("{operation}: {problem}");
                    let error = after.map_or_else(|| JobError::Retry(why.clone()), |after| JobError::RetryAfter(after, why.clone()));
                    return Err((why, error));
                }
            }
        }
        Err(("the token is void".to_owned(), JobError::Retry("the token is void".to_owned())))
    }

    /// Where the shop's webhooks go: none without an app to verify them, or while nobody knows where this program is reached.
    fn callback(&self, state: &StoreState) -> Result<Option<Url>, String> {
        let (Some(base), Some(connection)) = (&self.public_url, state.connection()) else { return Ok(None) };
        let url = format!("{base}/webhooks/{}/{connection}", state.provider);
        Url::parse(&url).map(Some).map_err(|error| format!("`{url}` is no address for webhooks: {error}"))
    }

    async fn write(&self, (tx, permit): (&Tx, &Permit<ManageStores>), trace: &Trace, state: &StoreState, open: &OpenShop, told: &Told) -> Result<(), JobError> {
        let now = trace.now();
        let place = (state.tenant, state.id);
        let Told { facts, granted, webhooks } = told;
        if facts.domain != state.domain {
            return Err(JobError::Fail(format!("the token opens {}, which is another shop", facts.domain)));
        }
        let mut problems = Vec::new();
        let mut values: Vec<(&'static str, Value)> = vec![("scopes", json!(granted).into())];
        if state.name == state.domain {
            // Nobody here has called it anything else.
            let name: String = facts.name.chars().take(100).collect();
            values.extend([("name_key", fold(&name).into()), ("search_text", search_text(&[Some(&name), Some(&state.domain)]).into())]);
            values.push(("name", name.into()));
        }
        match facts.time_zone.parse::<chrono_tz::Tz>() {
            Ok(zone) => values.push(("time_zone", zone.name().into())),
            Err(_) => problems.push(format!("the shop's time zone {} is not known", facts.time_zone)),
        }
        match facts.currency.parse::<Currency>() {
            Ok(currency) if currency.code() == state.currency => {}
            Ok(currency) if !store::has_orders(tx, place).await? => values.push(("currency_code", currency.code().into())),
            Ok(currency) => problems.push(format!("the shop sells in {} by now, and its orders here are in {}", currency.code(), state.currency)),
            Err(_) => problems.push(format!("the shop's currency {} is not known", facts.currency)),
        }
        let refused = webhooks.as_ref().map(|webhooks| webhooks.refused.as_slice()).unwrap_or_default();
        if webhooks.is_none() && state.connection().is_some() {
            problems.push(NO_ADDRESS.to_owned());
        }
        if !refused.is_empty() {
            let topics: Vec<&str> = refused.iter().map(|(topic, _)| topic.as_str()).collect();
            problems.push(format!("the shop refuses the webhooks {}", topics.join(", ")));
        }
        let asked = match state.connection() {
            Some(connection) => {
                let app = self.shops.0.connections.app(tx, permit, state.tenant, connection, now).await;
                app.map_err(|error| again(error.into()))?.map(|app| app.app.scopes).unwrap_or_default()
            }
            None => Vec::new(),
        };
        let missing = open.system.missing_scopes(&asked, granted);
        store::update_store(tx, place, values, now).await?;
        let error = (!problems.is_empty()).then(|| problems.join("; "));
        let refused: Vec<serde_json::Value> = refused.iter().map(|(topic, why)| json!({ "topic": topic, "reason": why })).collect();
        store::ensure(tx, place, now).await?;
        let values = vec![
            ("missing_scopes", json!(missing).into()),
            ("refused_topics", json!(refused).into()),
            ("scopes_at", now.into()),
            ("set_up_at", now.into()),
            ("set_up_error", error.into()),
        ];
        store::update(tx, place, values, now).await?;
        if missing != state.missing_scopes() {
            let data = json!({ "storeId": state.id, "granted": granted, "missing": missing });
            removal::announce(tx, trace, place, EventType::StoreScopesChanged, data).await?;
        }
        Ok(())
    }

    async fn nothing_to_do(&self, job: &Running) -> Result<(), JobError> {
        let ctx = job.ctx()?;
        let tx = ctx.writer().await?;
        job.done(&tx).await?;
        Ok(ctx.commit_unrecorded(tx).await?)
    }

    /// The shop does not open. That its tokens are void is told elsewhere, and who installs the app again has the store set up again.
    async fn stuck_outside(&self, job: &Running, id: StoreId, error: ShopError) -> Result<(), JobError> {
        let over = matches!(error, ShopError::NoAccess(_));
        let error = self.stuck(job, id, error.to_string(), again(error)).await;
        if over { self.nothing_to_do(job).await } else { Err(error) }
    }

    /// The store shows why it is not set up yet.
    async fn stuck(&self, job: &Running, id: StoreId, why: String, error: JobError) -> JobError {
        let noted = async {
            let (ctx, tenant) = (job.ctx()?, job.tenant.ok_or(JobError::Lost)?);
            let tx = ctx.writer().await?;
            if find(&tx, tenant, By::Id(id), Hold::Yes).await?.is_some_and(|state| state.status != StoreStatus::Uninstalled) {
                store::ensure(&tx, (tenant, id), job.now()).await?;
                store::update(&tx, (tenant, id), vec![("set_up_error", why.chars().take(1_000).collect::<String>().into())], job.now()).await?;
            }
            Ok::<(), JobError>(ctx.commit_unrecorded(tx).await?)
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, store = %id, "why a store is not set up could not be written down");
        }
        error
    }
}

async fn told(open: &OpenShop, callback: Option<&Url>) -> Result<Told, CallError> {
    let facts = open.system.shop(&open.access).await?;
    let granted = open.system.granted_scopes(&open.access).await?;
    let webhooks = match callback {
        Some(callback) => Some(open.system.register_webhooks(&open.access, callback).await?),
        None => None,
    };
    Ok(Told { facts, granted, webhooks })
}
