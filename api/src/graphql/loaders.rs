//! Lookups by id that are made one by one in a query and answered together (`dataloader`): `a: order(id:) b: order(id:)`.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Result;
use dataloader::BatchFn;
use dataloader::non_cached::Loader;
use platform::OpCtx;
use platform::db::TenantRow;
use platform::reading::{Listed, ReadError, Reading};
use uuid::Uuid;

use super::errors::IntoGraphql;

/// One batch of lookups in the caller's snapshot.
pub struct Batch {
    ctx: Arc<OpCtx>,
}

/// What a lookup found; an error is the whole batch's.
type Found<T> = Result<Option<T>, Arc<ReadError>>;

impl<T: Listed + Clone> BatchFn<Uuid, Found<T>> for Batch {
    async fn load(&mut self, keys: &[Uuid]) -> HashMap<Uuid, Found<T>> {
        let found = match Reading::<T>::default().load_many(&self.ctx, keys).await {
            Ok(rows) => rows.into_iter().map(|row| (TenantRow::id(&row), row)).collect::<HashMap<_, _>>(),
            Err(error) => {
                let error = Arc::new(error);
                return keys.iter().map(|key| (*key, Err(error.clone()))).collect();
            }
        };
        keys.iter().map(|key| (*key, Ok(found.get(key).cloned()))).collect()
    }
}

macro_rules! loaders {
    ($($field:ident: $row:ty,)*) => {
        /// The loaders of one request.
        pub struct Loaders { $($field: Loader<Uuid, Found<$row>, Batch>,)* }

        impl Loaders {
            /// Loaders that read as `ctx`.
            pub fn new(ctx: &Arc<OpCtx>) -> Self {
                Self { $($field: Loader::new(Batch { ctx: ctx.clone() }).with_yield_count(1),)* }
            }
        }

        $(impl Loads<$row> for Loaders {
            async fn load(&self, id: Uuid) -> Result<Option<$row>> {
                let found = self.$field.try_load(id).await?;
                found.map_err(|error| match Arc::try_unwrap(error) {
                    Ok(error) => error.into_graphql(),
                    // The same refusal for every lookup of the batch.
                    Err(shared) => match &*shared {
                        ReadError::Denied(denied) => denied.clone().into_graphql(),
                        ReadError::Storage(error) => platform::DbErr::Custom(error.to_string()).into_graphql(),
                    },
                })
            }
        })*
    };
}

/// Looks rows of one kind up.
pub trait Loads<T> {
    /// The row with this id, if the caller may see it.
    fn load(&self, id: Uuid) -> impl Future<Output = Result<Option<T>>> + Send;
}

loaders! {
    stores: commerce::stores::StoreRow,
    customers: commerce::customers::CustomerRow,
    products: commerce::catalog::ProductRow,
    variants: commerce::catalog::ProductVariantRow,
    orders: commerce::orders::OrderRow,
    sync_runs: commerce::sync::SyncRunRow,
    items: commerce::orders::OrderItemRow,
    audit_events: ops::audit::AuditEventRow,
    jobs: ops::jobs::JobRow,
    webhook_endpoints: ops::webhooks::WebhookEndpointRow,
    webhook_deliveries: ops::webhooks::WebhookDeliveryRow,
    installation_events: commerce::installs::InstallationEventRow,
    alerts: ops::alerts::AlertRow,
    notification_channels: ops::notifications::NotificationChannelRow,
    notifications: ops::notifications::NotificationRow,
    alert_silences: ops::alerts::AlertSilenceRow,
    connections: people::connections::ConnectionRow,
    webhook_events: ops::inbox::WebhookEventRow,
    privacy_requests: commerce::privacy::PrivacyRequestRow,
}
