//! The schema: its root fields, and how it is built and printed.

use async_graphql::{MergedObject, MergedSubscription, Schema, SchemaBuilder};

use super::commerce::{CommerceQuery, InstallMutation, StoreMutation, SyncMutation, SyncQuery, SyncSubscription};
use super::cost::CostExtension;
use super::document::Limits;
use super::inbox::{InboxMutation, InboxQuery};
use super::node::NodeQuery;
use super::ops::{
    AlertMutation, AlertQuery, AlertSubscription, AuditMutation, AuditQuery, JobMutation, JobQuery, NotificationMutation, NotificationQuery, UsageQuery,
    WebhookMutation, WebhookQuery,
};
use super::people::{ApiTokenMutation, ApiTokenQuery, IdentityMutation, TenantMutation, TenantQuery, UserMutation, UserQuery, ViewerQuery};
use super::privacy::{PrivacyMutation, PrivacyQuery};
use super::services::Services;

/// What can be read. Top-level errors have `extensions.code`: UNAUTHENTICATED (no valid caller), FORBIDDEN (the caller may not),
/// BAD_USER_INPUT (the request is wrong), CONFLICT (an idempotency key was used for something else),
/// CURSOR_EXPIRED (what came after a subscription's cursor is not kept any more), THROTTLED (too much at once; `extensions.retryAfterSeconds` says when to come back), INTERNAL (our fault; `extensions.requestId` helps to find it).
/// What is missing and what is another tenant's is null. `extensions.cost` of an answer tells what it cost: `requestedQueryCost` is a point for every field that it might have returned (a list
/// counted by the rows it may have), `actualQueryCost` for every field that it did; the rest was given back to the caller's bucket.
#[derive(MergedObject, Default)]
pub struct Query(
    ViewerQuery,
    TenantQuery,
    UserQuery,
    ApiTokenQuery,
    CommerceQuery,
    SyncQuery,
    InboxQuery,
    NodeQuery,
    AuditQuery,
    JobQuery,
    UsageQuery,
    WebhookQuery,
    AlertQuery,
    NotificationQuery,
    PrivacyQuery,
);

/// What can be changed. Refusals that a caller should expect are data, in `userErrors`; nothing was done then.
#[derive(MergedObject, Default)]
pub struct Mutation(
    IdentityMutation,
    TenantMutation,
    UserMutation,
    ApiTokenMutation,
    StoreMutation,
    InstallMutation,
    SyncMutation,
    InboxMutation,
    AuditMutation,
    JobMutation,
    WebhookMutation,
    AlertMutation,
    NotificationMutation,
    PrivacyMutation,
);

/// What can be followed live, on a WebSocket by the protocol `graphql-transport-ws` at `/graphql`: `connection_init` with
/// `{"authorization": "Bearer …", "Noren-Tenant": "tenant_…"}`. Sockets are closed with 4400 (not a message of the protocol), 4401
/// (an operation before the acknowledgement), 4403 (the caller may not, or not any more), 4406 (another protocol), 4408 (no
/// `connection_init` in time), 4409 (the operation's id is in use), 4429 (a second `connection_init`), 1012 (the server stops), 1013
/// (try again). Events of one subscription come in order, each once, each with a cursor to go on from.
#[derive(MergedSubscription, Default)]
pub struct Subscription(AlertSubscription, SyncSubscription);

/// The schema.
pub type NorenSchema = Schema<Query, Mutation, Subscription>;

fn builder(limits: &Limits) -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .limit_recursive_depth(limits.nesting)
        .extension(CostExtension { complexity: limits.complexity, depth: limits.depth })
}

/// Builds the schema over the rooms.
pub fn build(limits: &Limits, services: Services) -> NorenSchema {
    let builder = builder(limits).data(services);
    // Suggestions would tell the names one by one.
    if limits.introspection { builder.finish() } else { builder.disable_introspection().disable_suggestions().finish() }
}

/// The public contract as text.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    builder(&Limits::default()).finish().sdl_with_options(options)
}
