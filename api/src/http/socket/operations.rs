//! The operations of one socket: each runs by itself, and what it says is passed on in order.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Positioned};
use futures::{FutureExt, StreamExt};
use platform::OpCtx;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::protocol::{complete, error, next};
use crate::app::App;
use crate::graphql::{Code, Live as Run, expired, whole_seconds};
use crate::http::live::{Following, Guest, Step, Subscription};
use crate::http::operation::{Ran, Work, admit, chosen, complete as complete_error, request, tell};
use crate::http::parameters::{Parameters, variables};
use crate::http::refusal::Refusal;

/// What came of an operation so far.
pub enum Outcome {
    /// It is over: this is all it has to say.
    Said(Vec<Message>),
    /// It goes on.
    Follows(Box<Following>),
}

/// Whether whoever sent it is to blame for what came of it.
pub type Blamed = bool;

/// Runs an operation as far as it runs at once.
pub async fn begin(app: Arc<App>, ctx: Arc<OpCtx>, guest: Option<Arc<Guest>>, id: Arc<str>, payload: Value) -> (Outcome, Blamed) {
    let request_id = ctx.origin().request_id.clone();
    let ran = AssertUnwindSafe(run(&app, ctx, guest, &id, payload)).catch_unwind().await;
    let ran = ran.unwrap_or_else(|_| {
        tracing::error!(request_id, "an operation panicked");
        Err(Refusal::broken(&request_id))
    });
    match ran {
        Ok(outcome) => outcome,
        Err(refusal) => {
            let refusal = Refusal { request_id, ..refusal };
            (Outcome::Said(vec![error(&id, &[refusal.error()])]), refusal.blames_the_sender())
        }
    }
}

async fn run(app: &Arc<App>, ctx: Arc<OpCtx>, guest: Option<Arc<Guest>>, id: &str, payload: Value) -> Result<(Outcome, Blamed), Refusal> {
    let arrived = Instant::now();
    let parameters = Parameters::from_message(payload, &app.limits)?;
    let query = parameters.query.ok_or_else(|| Refusal::malformed("`query` is missing in the payload"))?;
    let document = app.documents.parse(&query).map_err(|refused| Refusal::malformed(refused.to_string()))?;
    let (name, operation) = chosen(&document, parameters.operation_name.as_deref()).map_err(Refusal::malformed)?;
    tell(&ctx, name);
    admit(app, &ctx, &document, operation).await?;
    let variables = variables(operation, parameters.variables);
    if operation.ty != OperationType::Subscription {
        let request = request(&document, parameters.operation_name, variables, &ctx);
        let ran = Work::new(app, request, ctx, name.map(str::to_owned), arrived).run().await?;
        let blamed = !ran.valid;
        return Ok((Outcome::Said(said(id, ran)), blamed));
    }
    let field = only_field(&document, operation)?;
    let cursor = cursor_variable(&query, &field.node);
    let document = Arc::new(with_field(&document, name, field));
    let subscription = Subscription { document, query, operation: parameters.operation_name, variables, cursor };
    subscribe(app, ctx, guest, id, subscription).await
}

/// What came of a query or a mutation.
fn said(id: &str, ran: Ran) -> Vec<Message> {
    if ran.did_not_run {
        let errors = serde_json::from_slice::<Value>(&ran.body).ok().and_then(|mut body| Some(body.get_mut("errors")?.take()));
        if let Some(Value::Array(errors)) = errors {
            return vec![error(id, &errors)];
        }
    }
    next(id, &ran.body).into_iter().chain([complete(id)]).collect()
}

/// Finds out what a subscription follows, and follows it.
async fn subscribe(app: &Arc<App>, ctx: Arc<OpCtx>, guest: Option<Arc<Guest>>, id: &str, subscription: Subscription) -> Result<(Outcome, Blamed), Refusal> {
    let (plan, cost) = (Run::plan(), Arc::new(app.throttle.cost(&ctx)));
    let request = request(&subscription.document, subscription.operation.clone(), subscription.variables.clone(), &ctx);
    let response = app.schema.execute_stream(request.data(plan.clone()).data(cost.clone())).next().await;
    ctx.release().await;
    if cost.throttled().is_some() {
        metrics::counter!("noren_throttled_total", "by" => "cost").increment(1);
    }
    let blamed = cost.requested() == 0;
    let (topic, guest) = match (plan.topic(), guest) {
        (Some(topic), Some(guest)) => (topic, guest),
        (_, _) => {
            let mut errors = response.map(|response| response.errors).unwrap_or_default();
            errors.iter_mut().for_each(|error| complete_error(error, &ctx.origin().request_id));
            let mut errors: Vec<Value> = errors.iter().filter_map(|error| serde_json::to_value(error).ok()).collect();
            if errors.is_empty() {
                errors.push(Refusal::malformed("the subscription follows nothing: its field is skipped").error());
            }
            return Ok((Outcome::Said(vec![error(id, &errors)]), blamed));
        }
    };
    let following = app.live.follow(subscription, topic, guest, cost).await.map_err(|error| {
        tracing::error!(%error, "a feed could not be followed");
        Refusal::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, Code::Internal, "the feed could not be read; try again")
    })?;
    Ok((Outcome::Follows(Box::new(following)), blamed))
}

/// The last step of a subscription as the client hears of it.
pub fn told_last(id: &str, following: &Following, step: &Step) -> Option<Message> {
    match step {
        Step::Event(_) => None,
        Step::TooSlow(cursor) => {
            let message = "events came faster than they were read: subscribe again after `extensions.cursor`";
            let told = json!({ "message": message, "extensions": { "code": Code::Throttled.as_str(), "cursor": cursor.to_string() } });
            Some(error(id, &[told]))
        }
        Step::TooDear(cursor, wait) => {
            let seconds = whole_seconds(*wait);
            let message = format!(
                "what is replayed costs more points than come back, with what else you ask for: subscribe again after `extensions.cursor` in {seconds} s, or ask for fewer fields"
            );
            let extensions = json!({ "code": Code::Throttled.as_str(), "cursor": cursor.to_string(), "retryAfterSeconds": seconds });
            Some(error(id, &[json!({ "message": message, "extensions": extensions })]))
        }
        Step::Expired(oldest) => {
            let told = expired(following.feed(), *oldest).into_server_error(async_graphql::Pos::default());
            serde_json::to_value(&told).ok().map(|told| error(id, &[told]))
        }
    }
}

/// The one root field of a subscription, through fragments.
fn only_field(document: &ExecutableDocument, operation: &OperationDefinition) -> Result<Positioned<Field>, Refusal> {
    let mut found = Vec::new();
    fields(document, &operation.selection_set.node, &mut found);
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(Refusal::malformed("a subscription has exactly one root field; send several operations on the same socket")),
    }
}

fn fields<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet, found: &mut Vec<&'a Positioned<Field>>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => found.push(field),
            Selection::InlineFragment(fragment) => fields(document, &fragment.node.selection_set.node, found),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    fields(document, &fragment.node.selection_set.node, found);
                }
            }
        }
    }
}

/// The document with the field at its root: the executor finds no root field of a subscription in a fragment.
fn with_field(document: &ExecutableDocument, name: Option<&str>, field: Positioned<Field>) -> ExecutableDocument {
    let mut document = document.clone();
    let operation = match (&mut document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get_mut(name),
        (DocumentOperations::Multiple(_), None) => None,
    };
    if let Some(operation) = operation
        && !matches!(operation.node.selection_set.node.items.as_slice(), [Positioned { node: Selection::Field(_), .. }])
    {
        let position = field.pos;
        operation.node.selection_set.node.items = vec![Positioned::new(Selection::Field(field), position)];
        // A fragment that nothing spreads any more would not be valid.
        let mut spread = HashSet::new();
        for (_, operation) in document.operations.iter() {
            spreads(&document, &operation.node.selection_set.node, &mut spread);
        }
        document.fragments.retain(|name, _| spread.contains(name));
    }
    document
}

/// The fragments that are spread somewhere below, each looked into once.
fn spreads(document: &ExecutableDocument, set: &SelectionSet, found: &mut HashSet<Name>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => spreads(document, &field.node.selection_set.node, found),
            Selection::InlineFragment(fragment) => spreads(document, &fragment.node.selection_set.node, found),
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if found.insert(name.clone())
                    && let Some(fragment) = document.fragments.get(name)
                {
                    spreads(document, &fragment.node.selection_set.node, found);
                }
            }
        }
    }
}

/// The variable that `after` is, if the document names it nowhere else: those who begin elsewhere see the same events.
fn cursor_variable(query: &str, field: &Field) -> Option<String> {
    let after = field.arguments.iter().find(|(name, _)| name.node == "after").map(|(_, value)| &value.node)?;
    let after = after.to_string();
    let name = after.strip_prefix('$')?;
    let named = query.match_indices('$').filter(|(at, _)| {
        let rest = &query[at + 1..];
        rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    });
    // Once where it is declared, once here.
    (named.count() == 2).then(|| name.to_owned())
}
