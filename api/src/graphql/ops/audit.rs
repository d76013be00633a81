//! The audit log: reading it, and erasing what it says of a person.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, Result};
use chrono::{DateTime, Utc};
use entities::AuditEventId;
use futures::FutureExt;
use futures::future::BoxFuture;
use ops::audit::{AuditDetail, AuditEventRow, AuditSort, details};
use platform::OpCtx;
use serde_json::Value;

use crate::graphql::connection::{Connection, PageArgs, page_cost};
use crate::graphql::errors::IntoGraphql;
use crate::graphql::input::{DateTimeRange, id, order_input, texts};
use crate::graphql::objects::{IntoFilter, Planned, list, object};
use crate::graphql::payload::payload;
use crate::graphql::people::Tenant;
use crate::graphql::render::{Rendered, render_scalars};
use crate::graphql::selection::Selected;
use crate::graphql::services::{op, services};

/// What kind of caller did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::ActorKind")]
pub enum ActorKind {
    /// A user.
    User,
    /// The bearer of an API token.
    ApiToken,
    /// A merchant's user who had an app open inside of a shop.
    Merchant,
    /// The program itself: an operator at a shell, a job.
    System,
    /// Nobody that is known, such as somebody who signs in.
    Anonymous,
}

/// How an audited attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::AuditOutcome")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused: a sign-in with a wrong password, a refresh token that was used before.
    Refused,
}

render_scalars! {
    ActorKind: |value, out| serde_json::to_writer(out, entities::ActorKind::from(*value).as_str())?;
    AuditOutcome: |value, out| serde_json::to_writer(out, entities::AuditOutcome::from(*value).as_str())?;
}

/// An entry with its erasable part, as far as that is asked for.
pub struct AuditView {
    row: AuditEventRow,
    detail: AuditDetail,
}

object! {
    /// An entry of the audit log: a change or a sign-in. Entries are never changed and never deleted. What they say of persons
    /// (before, after, address, userAgent) can be erased.
    AuditEvent(AuditView) {
        /// Opaque id, `auditevent_…`.
        id: ID = |view| view.row.id.to_string().into();
        /// When it happened (UTC).
        occurred_at: DateTime<Utc> = |view| view.row.occurred_at;
        /// What kind of caller did it.
        actor_kind: ActorKind = |view| view.row.actor_kind.into();
        /// Who did it: the id of a user or an API token, the id of a merchant's store with the provider's id of its user (`store_…/42`),
        /// `anonymous`, or what the program itself was doing.
        actor: String = |view| view.row.actor.clone();
        /// What was done: the name of the mutation, or what the program itself did.
        action: String = |view| view.row.action.clone();
        /// The id of what it was done to; null where there was nothing, such as a sign-in of nobody that is known.
        subject: Option<String> = |view| view.row.subject.clone();
        /// How it ended.
        outcome: AuditOutcome = |view| view.row.outcome.into();
        /// The request, as the header `x-request-id` of its answer named it, or the job.
        request_id: Option<String> = |view| view.row.request_id.clone();
        /// What was there before: a JSON object of the fields that were changed. Null when there was nothing, or it is erased.
        before: Option<Json<Value>> = |view| view.detail.before.clone().map(Json);
        /// What is there since: a JSON object of the fields that were changed. Null when there is nothing, or it is erased.
        after: Option<Json<Value>> = |view| view.detail.after.clone().map(Json);
        /// The client's address. Null for the program itself, or when it is erased.
        address: Option<String> = |view| view.detail.address.clone();
        /// The client's User-Agent, its first 300 characters. Null when it sent none, or it is erased.
        user_agent: Option<String> = |view| view.detail.user_agent.clone();
        /// Its place in the chain of its log, from 1; null for the moment until it is sealed.
        position: Option<i64> = |view| view.row.position;
        /// Whether it is sealed: whoever changes it from then on breaks the chain, which `noren doctor` finds.
        sealed: bool = |view| view.row.position.is_some();
        /// When before, after, address and userAgent were erased (UTC); null when they were not.
        detail_erased_at: Option<DateTime<Utc>> = |view| view.detail.erased_at;
    }
    one {
        /// The tenant whose log it is in; null for the platform's.
        tenant: Tenant;
    }
}

/// Which entries: everything that is given must hold.
#[derive(InputObject)]
pub struct AuditEventFilter {
    /// In the log of this tenant: for platform administrators, who see all logs without it.
    tenant_id: Option<ID>,
    /// One of these actions, at most 250, such as `storeUpdate`.
    actions: Option<Vec<String>>,
    /// By one of these actors, at most 250, as the field `actor` names them.
    actors: Option<Vec<String>>,
    /// About one of these ids, at most 250.
    subjects: Option<Vec<String>>,
    /// By actors of one of these kinds.
    actor_kinds: Option<Vec<ActorKind>>,
    /// With one of these ends.
    outcomes: Option<Vec<AuditOutcome>>,
    /// Within this time.
    occurred_at: Option<DateTimeRange>,
}

impl IntoFilter<ops::audit::AuditFilter> for AuditEventFilter {
    fn into_filter(self) -> Result<ops::audit::AuditFilter> {
        Ok(ops::audit::AuditFilter {
            tenant_id: self.tenant_id.as_ref().map(id).transpose()?,
            actions: texts(self.actions)?,
            actors: texts(self.actors)?,
            subjects: texts(self.subjects)?,
            actor_kinds: self.actor_kinds.map(|all| all.into_iter().map(Into::into).collect()),
            outcomes: self.outcomes.map(|all| all.into_iter().map(Into::into).collect()),
            occurred_at: self.occurred_at.map(DateTimeRange::read).transpose()?,
        })
    }
}

order_input! {
    /// The order of the audit log. Without it: the newest first.
    AuditEventOrder by
    /// What the audit log is sorted by.
    AuditEventSortKey for AuditSort {
        /// When it happened.
        OccurredAt,
    }
    default OccurredAt Desc
}

/// The fields that are in the erasable part.
const DETAIL: [&str; 5] = ["before", "after", "address", "userAgent", "detailErasedAt"];

impl Planned for AuditEvent {
    type Row = AuditEventRow;
    type FilterInput = AuditEventFilter;
    type OrderInput = AuditEventOrder;
    const NAME: &'static str = "AuditEvent";

    fn bare(row: AuditEventRow) -> Self {
        Self::unrelated(AuditView { row, detail: AuditDetail::default() })
    }

    fn row(&self) -> &AuditEventRow {
        &self.row.row
    }

    fn relate<'a>(ctx: &'a OpCtx, entries: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if DETAIL.iter().any(|field| selected.has(Self::NAME, field)) {
                let ids: Vec<AuditEventId> = entries.iter().map(|entry| entry.row.row.id).collect();
                let mut found = details(ctx, &ids).await.map_err(IntoGraphql::into_graphql)?;
                for entry in entries.iter_mut() {
                    entry.row.detail = found.remove(&entry.row.row.id).unwrap_or_default();
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "tenant") {
                let tenants = Tenant::referred(ctx, entries.iter().filter_map(|entry| entry.row.row.tenant_id), &selected).await?;
                for entry in entries.iter_mut() {
                    entry.tenant = tenants.map(|found| entry.row.row.tenant_id.and_then(|tenant| found.get(&tenant).cloned()));
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// Reading the audit log.
#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The audit log: of the tenant, or of all tenants and the platform itself for a platform administrator who has chosen none.
    /// Administrators, and integrations with `audit:read`.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a list in the schema")]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the start, 0 to 250. Without `first` and `last`: 50.")] first: Option<i32>,
        #[graphql(desc = "Rows after this cursor; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 0 to 250.")] last: Option<i32>,
        #[graphql(desc = "Rows before this cursor; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Only entries for which all of this holds.")] filter: Option<AuditEventFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<AuditEventOrder>,
    ) -> Result<Rendered<Connection<AuditEvent>>> {
        list(ctx, PageArgs { first, after, last, before }, filter, order_by).await
    }
}

/// What to erase.
#[derive(InputObject)]
pub struct AuditDetailEraseInput {
    /// The id that entries are about or by: of a user, a customer or a session, or of a merchant's user as `actor` names them; not the
    /// caller's own.
    subject: ID,
    /// The tenant whose log is meant: only a platform administrator names it; without it, the platform's own log.
    tenant_id: Option<ID>,
}

payload! {
    /// What came of auditDetailErase.
    AuditDetailErasePayload {
        /// How many entries lost their detail; 0 when it was erased before.
        erased_entries: u64,
    }
}

/// Erasing what the audit log says of a person.
#[derive(Default)]
pub struct AuditMutation;

#[Object]
impl AuditMutation {
    /// Erases what one log says of a person: before, after, address and userAgent of all entries about or by this id. The entries
    /// themselves stay, and so does the proof that nobody changed them. Entries that tell of erasures keep their detail.
    /// Administrators only.
    async fn audit_detail_erase(&self, ctx: &Context<'_>, #[graphql(desc = "What to erase.")] input: AuditDetailEraseInput) -> Result<AuditDetailErasePayload> {
        let tenant = input.tenant_id.as_ref().map(id).transpose()?;
        match services(ctx)?.audit.erase(op(ctx)?, &input.subject, tenant).await {
            Ok(erased) => Ok(AuditDetailErasePayload { erased_entries: Some(erased), user_errors: Vec::new() }),
            Err(error) => AuditDetailErasePayload::refused(error),
        }
    }
}
