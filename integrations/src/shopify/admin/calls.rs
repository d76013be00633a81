//! What is asked of a shop beside its data.

use async_trait::async_trait;
use serde_json::json;
use url::Url;

use super::ShopifyApp;
use super::documents::{INSTALLATION, SHOP, UNINSTALL, WEBHOOK_SUBSCRIPTION_CREATE, WEBHOOK_SUBSCRIPTION_DELETE, WEBHOOK_SUBSCRIPTIONS};
use super::wire::{Installation, ShopAnswer, Subscribed, Subscription, Subscriptions, Uninstalled, UserErrors};
use crate::ports::shop::{CallError, Problem, ShopAccess, ShopAdmin, ShopFacts, WebhookRegistration};

/// What the program reads, in the words of the schema. The topics of privacy come by the app's own configuration.
const TOPICS: [&str; 17] = [
    "APP_UNINSTALLED",
    "APP_SCOPES_UPDATE",
    "BULK_OPERATIONS_FINISH",
    "CUSTOMERS_CREATE",
    "CUSTOMERS_DELETE",
    "CUSTOMERS_UPDATE",
    "ORDERS_CANCELLED",
    "ORDERS_CREATE",
    "ORDERS_DELETE",
    "ORDERS_FULFILLED",
    "ORDERS_PAID",
    "ORDERS_PARTIALLY_FULFILLED",
    "ORDERS_UPDATED",
    "PRODUCTS_CREATE",
    "PRODUCTS_DELETE",
    "PRODUCTS_UPDATE",
    "REFUNDS_CREATE",
];

#[async_trait]
impl ShopAdmin for ShopifyApp {
    async fn shop(&self, access: &ShopAccess) -> Result<ShopFacts, CallError> {
        let ShopAnswer { shop } = self.call(access, &SHOP, 1, json!({})).await?;
        Ok(ShopFacts {
            domain: shop.myshopify_domain.to_ascii_lowercase(),
            name: shop.name,
            currency: shop.currency_code,
            time_zone: shop.iana_timezone,
            plan: shop.plan.map(|plan| plan.public_display_name),
        })
    }

    async fn granted_scopes(&self, access: &ShopAccess) -> Result<Vec<String>, CallError> {
        let Installation { current_app_installation } = self.call(access, &INSTALLATION, 1, json!({})).await?;
        Ok(current_app_installation.access_scopes.into_iter().map(|scope| scope.handle).collect())
    }

    async fn register_webhooks(&self, access: &ShopAccess, callback: &Url) -> Result<WebhookRegistration, CallError> {
        let mut registration = WebhookRegistration::default();
        let mut strays = Vec::new();
        // What leads to somebody else's host is the app's own affair.
        let ours = |uri: &str| Url::parse(uri).is_ok_and(|uri| uri.origin() == callback.origin());
        for subscription in self.subscriptions(access).await?.into_iter().filter(|subscription| ours(&subscription.uri)) {
            let topic = subscription.topic;
            let whole = subscription.filter.is_none_or(|filter| filter.is_empty()) && subscription.include_fields.is_empty() && subscription.format == "JSON";
            let good = whole && subscription.uri == callback.as_str() && TOPICS.contains(&topic.as_str()) && !registration.kept.contains(&topic);
            if good { registration.kept.push(topic) } else { strays.push((subscription.id, topic)) }
        }
        // The right ones first: nothing that happens in between goes untold.
        for topic in TOPICS.iter().filter(|topic| !registration.kept.iter().any(|kept| kept == *topic)) {
            let variables = json!({ "topic": topic, "uri": callback.as_str() });
            match self.call::<Subscribed>(access, &WEBHOOK_SUBSCRIPTION_CREATE, 1, variables).await {
                Ok(Subscribed { webhook_subscription_create: UserErrors { user_errors } }) if user_errors.is_empty() => {
                    registration.created.push((*topic).to_owned());
                }
                Ok(Subscribed { webhook_subscription_create: UserErrors { user_errors } }) => {
                    registration.refused.push(((*topic).to_owned(), user_errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; ")));
                }
                // The rest may be had without it.
                Err(CallError { problem: Problem::MissingScope(why), .. }) => registration.refused.push(((*topic).to_owned(), why)),
                Err(error) => return Err(error),
            }
        }
        for (id, topic) in strays {
            let _: serde_json::Value = self.call(access, &WEBHOOK_SUBSCRIPTION_DELETE, 1, json!({ "id": id })).await?;
            registration.removed.push(topic);
        }
        Ok(registration)
    }

    async fn uninstall(&self, access: &ShopAccess) -> Result<(), CallError> {
        let Uninstalled { app_uninstall: UserErrors { user_errors } } = self.call(access, &UNINSTALL, 1, json!({})).await?;
        match user_errors.into_iter().next() {
            Some(error) => Err(CallError { operation: UNINSTALL.name, problem: Problem::Refused(error.message) }),
            None => Ok(()),
        }
    }

    fn missing_scopes(&self, asked: &[String], granted: &[String]) -> Vec<String> {
        // Who may write may read; Shopify then names the writing alone.
        let has =
            |scope: &str| granted.iter().any(|grant| grant == scope || grant.strip_prefix("write_").is_some_and(|of| scope.strip_prefix("read_") == Some(of)));
        asked.iter().filter(|scope| !has(scope)).cloned().collect()
    }
}

impl ShopifyApp {
    async fn subscriptions(&self, access: &ShopAccess) -> Result<Vec<Subscription>, CallError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let Subscriptions { webhook_subscriptions: page } = self.call(access, &WEBHOOK_SUBSCRIPTIONS, 100, json!({ "after": after })).await?;
            found.extend(page.nodes);
            match page.page_info.next() {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }
}
