//! Registering and changing connections, and having deliveries worked on again.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};
use entities::{ConnectionId, WebhookEventId};
use people::connections::{ConnectionChanges, NewConnection};

use super::connections::ProviderRegistration;
use super::webhook_events::WebhookEvent;
use crate::graphql::enums::ConnectionStatus;
use crate::graphql::input::id;
use crate::graphql::objects::{Planned, plan};
use crate::graphql::payload::payload;
use crate::graphql::people::changed;
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// A connection to be registered.
#[derive(InputObject)]
pub struct ConnectionCreateInput {
    /// The provider.
    #[graphql(default = "shopify")]
    provider: String,
    /// What people will call it, at most 100 characters.
    name: String,
    /// The provider's id of the app or account, at most 255 characters: for an app that merchants install, its client id.
    account: Option<String>,
    /// What the provider signs its webhooks with: for Shopify the app's client secret. It is sealed, and never shown again.
    #[graphql(secret)]
    webhook_secret: String,
    /// What the app asks merchants for, in the provider's words, such as `read_orders`; 200 at most.
    #[graphql(default)]
    scopes: Vec<String>,
    /// The version of the provider's API that is spoken, such as `2026-10`; the program's own when left out.
    api_version: Option<String>,
    /// The tenant: only a platform administrator names it.
    tenant_id: Option<ID>,
}

/// What to change of a connection. What is left out stays; null empties what may be empty.
#[derive(InputObject)]
pub struct ConnectionUpdateInput {
    /// The connection.
    id: ID,
    /// What people call it, at most 100 characters.
    name: Option<String>,
    /// The provider's id of the app or account: for an app that merchants install, its client id.
    account: MaybeUndefined<String>,
    /// What the app asks merchants for: it takes the place of what was there. Stores are compared with it within about an hour.
    scopes: Option<Vec<String>>,
    /// The version of the provider's API that is spoken; null for the program's own.
    api_version: MaybeUndefined<String>,
    /// Whether it takes deliveries.
    status: Option<ConnectionStatus>,
    /// A new secret. The one before it stays good for `previousSecretHours`.
    #[graphql(secret)]
    webhook_secret: Option<String>,
    /// For how many hours from now the previous secret stays good: 0 (it ends at once) to 720; 24 when there is a new secret and
    /// nothing is said. Without a new secret, it changes the end of the previous one.
    previous_secret_hours: Option<i32>,
}

/// Which delivery to work on again.
#[derive(InputObject)]
pub struct WebhookEventReplayInput {
    /// The delivery.
    id: ID,
}

payload! {
    /// What came of connectionCreate.
    ConnectionCreatePayload {
        /// The connection.
        connection: ProviderRegistration,
    }
    /// What came of connectionUpdate.
    ConnectionUpdatePayload {
        /// The connection.
        connection: ProviderRegistration,
    }
    /// What came of webhookEventReplay.
    WebhookEventReplayPayload {
        /// The delivery, which waits to be worked on now.
        webhook_event: WebhookEvent,
    }
}

/// A row as it was written, with what is selected of it below the payload's field.
async fn in_payload<T: Planned>(ctx: &Context<'_>, row: T::Row, payload: &str, field: &str) -> Result<Option<T>> {
    Ok(plan::<T>(op(ctx)?, vec![row], Selected::of(ctx).one(payload, field).as_ref()).await?.pop())
}

/// Changing connections, and replaying deliveries.
#[derive(Default)]
pub struct InboxMutation;

#[Object]
impl InboxMutation {
    /// Registers an app or account with a provider, so that the provider's webhooks are taken at its `webhookUrl`. Administrators only.
    async fn connection_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connection.")] input: ConnectionCreateInput,
        #[graphql(desc = "A key of the caller's choice, 1 to 255 bytes, remembered for a day: a retry under the same key answers with the same connection.")]
        idempotency_key: Option<String>,
    ) -> Result<ConnectionCreatePayload> {
        let new = NewConnection {
            tenant: input.tenant_id.as_ref().map(id).transpose()?,
            provider: input.provider,
            name: input.name,
            account: input.account,
            webhook_secret: input.webhook_secret.into(),
            scopes: input.scopes,
            api_version: input.api_version,
        };
        match services(ctx)?.connections.create(op(ctx)?, new, idempotency_key.as_deref()).await {
            Ok(row) => {
                let connection = in_payload(ctx, row, "ConnectionCreatePayload", "connection").await?;
                Ok(ConnectionCreatePayload { connection, user_errors: Vec::new() })
            }
            Err(error) => ConnectionCreatePayload::refused(error),
        }
    }

    /// Changes a connection, or gives it a new secret while the old one stays good for a while. Administrators only.
    async fn connection_update(&self, ctx: &Context<'_>, #[graphql(desc = "What to change.")] input: ConnectionUpdateInput) -> Result<ConnectionUpdatePayload> {
        let id = id::<ConnectionId>(&input.id)?;
        let changes = ConnectionChanges {
            name: input.name,
            account: changed(input.account),
            scopes: input.scopes,
            api_version: changed(input.api_version),
            status: input.status.map(Into::into),
            webhook_secret: input.webhook_secret.map(Into::into),
            previous_secret_hours: input.previous_secret_hours,
        };
        match services(ctx)?.connections.update(op(ctx)?, id, changes).await {
            Ok(row) => {
                let connection = in_payload(ctx, row, "ConnectionUpdatePayload", "connection").await?;
                Ok(ConnectionUpdatePayload { connection, user_errors: Vec::new() })
            }
            Err(error) => ConnectionUpdatePayload::refused(error),
        }
    }

    /// Has a delivery worked on again from its stored body, as after mending what made it fail. What was done with it before is not
    /// done twice. Refused with PAYLOAD_DELETED when its content is gone, and with STILL_PENDING while it waits. Administrators only.
    async fn webhook_event_replay(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] input: WebhookEventReplayInput) -> Result<WebhookEventReplayPayload> {
        match services(ctx)?.webhook_events.replay(op(ctx)?, id::<WebhookEventId>(&input.id)?).await {
            Ok(row) => {
                let webhook_event = in_payload(ctx, row, "WebhookEventReplayPayload", "webhookEvent").await?;
                Ok(WebhookEventReplayPayload { webhook_event, user_errors: Vec::new() })
            }
            Err(error) => WebhookEventReplayPayload::refused(error),
        }
    }
}
