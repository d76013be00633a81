//! Making, changing and testing webhook endpoints; sending again.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};
use chrono::{DateTime, Utc};
use entities::WebhookEndpointId;
use ops::webhooks::{NewWebhookEndpoint, WebhookDeliveryRow, WebhookEndpointChanges, WebhookEndpointRow};
use secrecy::ExposeSecret;

use super::event_type::EventType;
use super::webhooks::{WebhookDelivery, WebhookEndpoint};
use crate::graphql::enums::WebhookEndpointStatus;
use crate::graphql::input::id;
use crate::graphql::objects::plan;
use crate::graphql::payload::payload;
use crate::graphql::people::changed;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// An address that an integration is to be told at.
#[derive(InputObject)]
pub struct WebhookEndpointCreateInput {
    /// The address: `https://`, without user name and password, at most 2,000 bytes, and reachable from the internet.
    url: String,
    /// The kinds of events that it is told of; all of them, those of the future too, when empty. An integration names only what the
    /// scopes of its API token let it read, and is told of nothing else when it names none.
    #[graphql(default)]
    event_types: Vec<EventType>,
    /// What it is for, at most 500 characters.
    description: Option<String>,
    /// The tenant: only a platform administrator names it.
    tenant_id: Option<ID>,
}

/// What to change of an endpoint. What is left out stays; null empties what may be empty.
#[derive(InputObject)]
pub struct WebhookEndpointUpdateInput {
    /// The endpoint.
    id: ID,
    /// The address, as in webhookEndpointCreate.
    url: Option<String>,
    /// The kinds of events that it is told of; all of them, those of the future too, when empty. An integration names only what the
    /// scopes of its API token let it read, and is told of nothing else when it names none.
    event_types: Option<Vec<EventType>>,
    /// What it is for, at most 500 characters.
    description: MaybeUndefined<String>,
    /// Whether it is told. What waits for an endpoint that is disabled is given up; webhookEndpointRedeliver sends it when the
    /// endpoint is enabled again, with the events of the time between.
    status: Option<WebhookEndpointStatus>,
}

/// Which endpoint to delete.
#[derive(InputObject)]
pub struct WebhookEndpointDeleteInput {
    /// The endpoint.
    id: ID,
}

/// Which endpoint gets a new secret.
#[derive(InputObject)]
pub struct WebhookEndpointSecretRotateInput {
    /// The endpoint.
    id: ID,
    /// For how many hours deliveries are signed with the old secret as well, 0 to 168. A secret before that is forgotten at once.
    #[graphql(default = 24)]
    previous_valid_hours: i64,
}

/// Which endpoint to test.
#[derive(InputObject)]
pub struct WebhookEndpointTestInput {
    /// The endpoint; it must be enabled.
    id: ID,
}

/// What to send an endpoint again.
#[derive(InputObject)]
pub struct WebhookEndpointRedeliverInput {
    /// The endpoint; it must be enabled.
    id: ID,
    /// From when on (UTC). Nothing is older than 30 days, or than the endpoint.
    since: DateTime<Utc>,
    /// Only what it has not taken: deliveries that were given up, and events that happened while it was disabled. Otherwise what it
    /// took as well.
    #[graphql(default = true)]
    only_failed: bool,
}

/// Which delivery to send again.
#[derive(InputObject)]
pub struct WebhookDeliveryRedeliverInput {
    /// The delivery; its endpoint must be enabled.
    id: ID,
}

payload! {
    /// What came of webhookEndpointCreate.
    WebhookEndpointCreatePayload {
        /// The endpoint.
        webhook_endpoint: WebhookEndpoint,
        /// What its deliveries are signed with, `whsec_…`, shown this once.
        secret: String,
    }
    /// What came of webhookEndpointUpdate.
    WebhookEndpointUpdatePayload {
        /// The endpoint.
        webhook_endpoint: WebhookEndpoint,
    }
    /// What came of webhookEndpointDelete.
    WebhookEndpointDeletePayload {
        /// The id of the endpoint that is gone.
        deleted_webhook_endpoint_id: ID,
    }
    /// What came of webhookEndpointSecretRotate.
    WebhookEndpointSecretRotatePayload {
        /// The endpoint.
        webhook_endpoint: WebhookEndpoint,
        /// What its deliveries are signed with from now on, `whsec_…`, shown this once.
        secret: String,
    }
    /// What came of webhookEndpointTest.
    WebhookEndpointTestPayload {
        /// The test on its way: ask for it again to see what became of it.
        webhook_delivery: WebhookDelivery,
    }
    /// What came of webhookEndpointRedeliver.
    WebhookEndpointRedeliverPayload {
        /// The endpoint.
        webhook_endpoint: WebhookEndpoint,
        /// How many deliveries are sent again, at most 2,000 at once.
        deliveries: u64,
        /// There is more than was sent now: call again with this as `since` (UTC). Null when that was all.
        continue_since: DateTime<Utc>,
    }
    /// What came of webhookDeliveryRedeliver.
    WebhookDeliveryRedeliverPayload {
        /// The delivery on its way.
        webhook_delivery: WebhookDelivery,
    }
}

/// Changing webhook endpoints, and sending again.
#[derive(Default)]
pub struct WebhookMutation;

/// The endpoint as it was written, with what is selected of it below the payload's field.
async fn endpoint_in(ctx: &Context<'_>, row: WebhookEndpointRow, payload: &str) -> Result<Option<WebhookEndpoint>> {
    Ok(plan::<WebhookEndpoint>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "webhookEndpoint").as_ref()).await?.pop())
}

/// The delivery as it was written, with what is selected of it below the payload's field.
async fn delivery_in(ctx: &Context<'_>, row: WebhookDeliveryRow, payload: &str) -> Result<Option<WebhookDelivery>> {
    Ok(plan::<WebhookDelivery>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, "webhookDelivery").as_ref()).await?.pop())
}

#[Object]
impl WebhookMutation {
    /// Has an integration told of events. Its secret is shown once. At most 20 endpoints a tenant. Administrators, and integrations
    /// with `webhooks:write`, which change, test and delete only endpoints that they made themselves.
    async fn webhook_endpoint_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookEndpointCreateInput,
    ) -> Result<WebhookEndpointCreatePayload> {
        let new = NewWebhookEndpoint {
            tenant: input.tenant_id.as_ref().map(id).transpose()?,
            url: input.url,
            event_types: input.event_types.into_iter().map(|EventType(kind)| kind).collect(),
            description: input.description,
        };
        match services(ctx)?.webhooks.create(op(ctx)?, new).await {
            Ok(made) => Ok(WebhookEndpointCreatePayload {
                webhook_endpoint: endpoint_in(ctx, made.endpoint, "WebhookEndpointCreatePayload").await?,
                secret: Some(made.secret.expose_secret().to_owned()),
                user_errors: Vec::new(),
            }),
            Err(error) => WebhookEndpointCreatePayload::refused(error),
        }
    }

    /// Changes an endpoint. Enabling it again gives it a new chance. Administrators, and integrations with `webhooks:write`.
    async fn webhook_endpoint_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: WebhookEndpointUpdateInput,
    ) -> Result<WebhookEndpointUpdatePayload> {
        let changes = WebhookEndpointChanges {
            url: input.url,
            event_types: input.event_types.map(|all| all.into_iter().map(|EventType(kind)| kind).collect()),
            description: changed(input.description),
            status: input.status.map(Into::into),
        };
        match services(ctx)?.webhooks.update(op(ctx)?, id(&input.id)?, changes).await {
            Ok(row) => {
                Ok(WebhookEndpointUpdatePayload { webhook_endpoint: endpoint_in(ctx, row, "WebhookEndpointUpdatePayload").await?, user_errors: Vec::new() })
            }
            Err(error) => WebhookEndpointUpdatePayload::refused(error),
        }
    }

    /// Deletes an endpoint with what was sent to it. Administrators, and integrations with `webhooks:write`.
    async fn webhook_endpoint_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: WebhookEndpointDeleteInput,
    ) -> Result<WebhookEndpointDeletePayload> {
        match services(ctx)?.webhooks.delete(op(ctx)?, id(&input.id)?).await {
            Ok(id) => Ok(WebhookEndpointDeletePayload { deleted_webhook_endpoint_id: Some(id.to_string().into()), user_errors: Vec::new() }),
            Err(error) => WebhookEndpointDeletePayload::refused(error),
        }
    }

    /// Gives an endpoint a new secret, shown once. For a while its deliveries are signed with the old one as well. Administrators, and
    /// integrations with `webhooks:write`.
    async fn webhook_endpoint_secret_rotate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and how.")] input: WebhookEndpointSecretRotateInput,
    ) -> Result<WebhookEndpointSecretRotatePayload> {
        match services(ctx)?.webhooks.rotate_secret(op(ctx)?, id(&input.id)?, input.previous_valid_hours).await {
            Ok(made) => Ok(WebhookEndpointSecretRotatePayload {
                webhook_endpoint: endpoint_in(ctx, made.endpoint, "WebhookEndpointSecretRotatePayload").await?,
                secret: Some(made.secret.expose_secret().to_owned()),
                user_errors: Vec::new(),
            }),
            Err(error) => WebhookEndpointSecretRotatePayload::refused(error),
        }
    }

    /// Sends an endpoint a WEBHOOK_ENDPOINT_TEST, whatever kinds it wants, and nobody else. Administrators, and integrations with
    /// `webhooks:write`.
    async fn webhook_endpoint_test(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: WebhookEndpointTestInput,
    ) -> Result<WebhookEndpointTestPayload> {
        match services(ctx)?.webhooks.test(op(ctx)?, id(&input.id)?).await {
            Ok(row) => Ok(WebhookEndpointTestPayload { webhook_delivery: delivery_in(ctx, row, "WebhookEndpointTestPayload").await?, user_errors: Vec::new() }),
            Err(error) => WebhookEndpointTestPayload::refused(error),
        }
    }

    /// Sends an endpoint again what it has not taken since a time. Administrators, and integrations with `webhooks:write`.
    async fn webhook_endpoint_redeliver(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What.")] input: WebhookEndpointRedeliverInput,
    ) -> Result<WebhookEndpointRedeliverPayload> {
        let id = id::<WebhookEndpointId>(&input.id)?;
        match services(ctx)?.webhooks.redeliver_since(op(ctx)?, id, input.since, input.only_failed).await {
            Ok((row, redelivered)) => Ok(WebhookEndpointRedeliverPayload {
                webhook_endpoint: endpoint_in(ctx, row, "WebhookEndpointRedeliverPayload").await?,
                deliveries: Some(redelivered.deliveries),
                continue_since: redelivered.continue_since,
                user_errors: Vec::new(),
            }),
            Err(error) => WebhookEndpointRedeliverPayload::refused(error),
        }
    }

    /// Sends a delivery again, at once, whatever became of it before. Administrators, and integrations with `webhooks:write`.
    async fn webhook_delivery_redeliver(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: WebhookDeliveryRedeliverInput,
    ) -> Result<WebhookDeliveryRedeliverPayload> {
        match services(ctx)?.webhooks.redeliver(op(ctx)?, id(&input.id)?).await {
            Ok(row) => Ok(WebhookDeliveryRedeliverPayload {
                webhook_delivery: delivery_in(ctx, row, "WebhookDeliveryRedeliverPayload").await?,
                user_errors: Vec::new(),
            }),
            Err(error) => WebhookDeliveryRedeliverPayload::refused(error),
        }
    }
}
