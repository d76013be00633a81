//! Typed, sortable ids: a UUID v7 in the database, a TypeID (`order_01j…`) everywhere people see it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use type_safe_id::{DynamicType, TypeSafeId};
use uuid::Uuid;

/// Text that is not the id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of the form `{prefix}_…`")]
pub struct InvalidId {
    /// The prefix that the id should have had.
    pub prefix: &'static str,
}

/// The prefix and UUID of any well-formed TypeID, as `node(id:)` needs it.
pub fn split_id(text: &str) -> Option<(String, Uuid)> {
    let id = TypeSafeId::<DynamicType>::from_str(text).ok()?;
    Some((id.type_prefix().to_owned(), id.uuid()))
}

fn format_id(prefix: &'static str, uuid: Uuid, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let prefix = DynamicType::new(prefix).map_err(|_| fmt::Error)?;
    write!(out, "{}", TypeSafeId::from_type_and_uuid(prefix, uuid))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        #[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
        pub struct $name(Uuid);

        impl $name {
            /// What the id begins with where people see it.
            pub const PREFIX: &'static str = $prefix;

            /// Reads the form that people see.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                match split_id(text) {
                    Some((prefix, uuid)) if prefix == Self::PREFIX => Ok(Self(uuid)),
                    _ => Err(InvalidId { prefix: Self::PREFIX }),
                }
            }

            /// The value that the database holds.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        #[cfg(feature = "orm")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                format_id(Self::PREFIX, self.0, out)
            }
        }
    )*};
}

ids! {
    /// An organisation that uses Noren.
    TenantId = "tenant";
    /// Somebody who signs in.
    UserId = "user";
    /// A user's place in a tenant.
    MembershipId = "membership";
    /// A user's outside identity (issuer and subject).
    IdentityId = "identity";
    /// One signed-in device of a user.
    SessionId = "session";
    /// A secret link, good for one use.
    LinkId = "link";
    /// An API token.
    ApiTokenId = "apitoken";
    /// A shop of a tenant.
    StoreId = "store";
    /// A buyer in a store.
    CustomerId = "customer";
    /// A product of a store.
    ProductId = "product";
    /// A variant of a product.
    ProductVariantId = "variant";
    /// An order in a store.
    OrderId = "order";
    /// A line of an order.
    OrderItemId = "orderitem";
    /// One run of an import.
    ImportRunId = "importrun";
    /// One run of a sync.
    SyncRunId = "syncrun";
    /// Something that happened.
    EventId = "event";
    /// A piece of work to be done.
    JobId = "job";
    /// An entry of the audit log.
    AuditEventId = "auditevent";
    /// An app's or account's registration with a provider.
    ConnectionId = "connection";
    /// Something that happened to the installation of an app.
    InstallationEventId = "installationevent";
    /// A delivery that a provider made to us.
    WebhookEventId = "webhookevent";
    /// An address that an integration is told at.
    WebhookEndpointId = "webhookendpoint";
    /// One event on its way to an endpoint.
    WebhookDeliveryId = "webhookdelivery";
    /// Something that goes wrong.
    AlertId = "alert";
    /// Alerts that nobody wants to hear of for a while.
    AlertSilenceId = "alertsilence";
    /// A way to reach people.
    NotificationChannelId = "notificationchannel";
    /// A message to people on its way.
    NotificationId = "notification";
    /// What somebody asks about their data.
    PrivacyRequestId = "privacyrequest";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_refuses_another_kind() {
        let id = OrderId::from(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
        let text = id.to_string();
        assert!(text.starts_with("order_01"), "{text}");
        assert_eq!(OrderId::parse(&text), Ok(id));
        assert_eq!(StoreId::parse(&text), Err(InvalidId { prefix: "store" }));
        assert_eq!(OrderId::parse("order_nonsense"), Err(InvalidId { prefix: "order" }));
    }
}
