//! One operation, however it came: over HTTP or on a socket. Its work runs in a task of its own: a client that goes away never
//! cancels it half way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Response as GraphqlResponse, ServerError, Value, Variables};
use axum::http::StatusCode;
use people::identity::AuthError;
use platform::callers::Origin;
use platform::{Caller, OpCtx};
use tracing::Span;

use super::client::Credentials;
use super::refusal::{Refusal, shortened};
use super::slow::SlowRequest;
use crate::app::App;
use crate::graphql::{Code, Loaders, OperationCost, Written};
use crate::telemetry::Outcome;

/// The operation's caller and where they stand.
pub async fn caller(app: &App, credentials: &Credentials, origin: Origin) -> Result<OpCtx, Refusal> {
    let caller = match credentials.bearer.as_deref() {
        None => Caller::Anonymous,
        Some(token) => {
            let caller = app.callers.authenticate(token).await.map_err(|error| match error {
                AuthError::Storage(error) => {
                    tracing::error!(%error, "a caller could not be looked up");
                    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Internal, "the caller could not be looked up; try again")
                }
                refused => Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, refused.to_string()),
            })?;
            app.throttle.remember(token);
            caller
        }
    };
    let ctx = OpCtx::new(app.db.clone(), app.clock.clone(), caller, credentials.tenant, origin)
        .map_err(|error| Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, error.to_string()))?;
    app.callers.note_activity(&ctx);
    Ok(ctx)
}

/// Counts an operation against its caller's limits, and as used.
pub async fn admit(app: &App, ctx: &OpCtx, document: &ExecutableDocument, operation: &OperationDefinition) -> Result<(), Refusal> {
    app.throttle.count(ctx, std::iter::once_with(|| root_fields(document, operation)).flatten()).await?;
    app.usage.api_call(ctx);
    Ok(())
}

/// Says in the log and the trace who asked for what.
pub fn tell(ctx: &OpCtx, operation: Option<&str>) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    span.record("actor", ctx.caller().key());
    if let Some(tenant) = ctx.standing().tenant() {
        span.record("tenant", tracing::field::display(tenant));
    }
    if let Some(operation) = operation {
        span.record("operation", operation.get(..64).unwrap_or(operation));
    }
}

/// An operation that is about to run.
pub struct Work {
    app: Arc<App>,
    request: async_graphql::Request,
    ctx: Arc<OpCtx>,
    cost: Arc<OperationCost>,
    operation: Option<String>,
    arrived: Instant,
}

/// What came of an operation that could be tried.
pub struct Ran {
    /// The answer.
    pub body: Vec<u8>,
    /// Whether nothing of it ran.
    pub did_not_run: bool,
    /// Whether it was valid.
    pub valid: bool,
    /// When to come back, if the points for it were not there.
    pub throttled: Option<Duration>,
}

/// The request for the executor.
pub fn request(document: &ExecutableDocument, name: Option<String>, variables: Variables, ctx: &Arc<OpCtx>) -> async_graphql::Request {
    let mut request = async_graphql::Request::new("").variables(variables).data(ctx.clone()).data(Loaders::new(ctx));
    request.operation_name = name;
    request.set_parsed_query(document.clone());
    request
}

impl Work {
    /// A query or a mutation of this caller, who has been at it since `arrived`.
    pub fn new(app: &Arc<App>, request: async_graphql::Request, ctx: Arc<OpCtx>, operation: Option<String>, arrived: Instant) -> Self {
        let cost = Arc::new(app.throttle.cost(&ctx));
        Self { app: app.clone(), request: request.data(cost.clone()), ctx, cost, operation, arrived }
    }

    /// Runs it to its end, whether or not anybody waits for that.
    pub async fn run(self) -> Result<Ran, Refusal> {
        let request_id = self.ctx.origin().request_id.clone();
        let (tasks, patience) = (self.app.tasks.clone(), self.app.times.patience);
        let task = tasks.spawn(tracing::Instrument::instrument(self.done(), Span::current()));
        match tokio::time::timeout(patience, task).await {
            Ok(Ok(ran)) => ran,
            Ok(Err(panic)) => {
                tracing::error!(%panic, "a request panicked");
                Err(Refusal::broken(&request_id))
            }
            Err(_) => {
                let message = format!("the request takes longer than {} s; ask for less at once", patience.as_secs());
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Internal, message))
            }
        }
    }

    async fn done(self) -> Result<Ran, Refusal> {
        let Self { app, request, ctx, cost, operation, arrived } = self;
        let begun = Instant::now();
        let response = app.schema.execute(request).await;
        ctx.release().await;
        let took = begun.elapsed();
        let throttled = cost.throttled();
        let valid = cost.requested() > 0;
        let outcome = outcome_of(&response, valid, throttled.is_some());
        let known = !matches!(ctx.caller(), Caller::Anonymous);
        app.metrics.ran(operation.as_deref(), known && valid, outcome, took);
        if throttled.is_some() {
            metrics::counter!("noren_throttled_total", "by" => "cost").increment(1);
        }
        let took = arrived.elapsed();
        if took >= app.times.slow {
            (app.on_slow)(SlowRequest::of(&ctx, operation, took));
        }
        answer(&app, response, &cost, &ctx.origin().request_id).await
    }
}

/// What came of a response.
pub fn outcome_of(response: &GraphqlResponse, valid: bool, throttled: bool) -> Outcome {
    match (throttled, valid) {
        (true, _) => Outcome::Throttled,
        (false, false) => Outcome::Refused,
        (false, true) if response.errors.is_empty() => Outcome::Ok,
        (false, true) if response.errors.iter().any(is_internal) => Outcome::Failed,
        (false, true) => Outcome::Errors,
    }
}

async fn answer(app: &App, mut response: GraphqlResponse, cost: &OperationCost, request_id: &str) -> Result<Ran, Refusal> {
    for error in &mut response.errors {
        complete(error, request_id);
    }
    let broken = |error: serde_json::Error| {
        tracing::error!(%error, "a response could not be written");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "the response could not be written")
    };
    let written = Written::data(&response).map_err(broken)?;
    let throttled = cost.throttled();
    let actual = cost.settle(written.fields()).await;
    let valid = cost.requested() > 0;
    if throttled.is_none() && valid {
        app.metrics.cost(cost.requested(), actual);
    }
    let extension = cost.extension(throttled.is_none().then_some(actual));
    let body = written.finish(&response, extension.as_ref()).map_err(broken)?;
    Ok(Ran { body, did_not_run: did_not_run(&response), valid: valid || throttled.is_some(), throttled })
}

/// Errors of a request that did not run have no path.
fn did_not_run(response: &GraphqlResponse) -> bool {
    response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty())
}

/// Whether an error is our fault.
pub fn is_internal(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    matches!(code, Some(Value::String(code)) if code == Code::Internal.as_str())
}

/// Every error has a code; what is internal names the request, so that it can be found.
pub fn complete(error: &mut ServerError, request_id: &str) {
    error.message = shortened(std::mem::take(&mut error.message));
    let internal = is_internal(error);
    let extensions = error.extensions.get_or_insert_default();
    if internal {
        extensions.set("requestId", request_id);
    } else if extensions.get("code").is_none() {
        extensions.set("code", Code::BadUserInput.as_str());
    }
}

/// The operation of a document that is to run, and its name.
pub fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<(Option<&'a str>, &'a OperationDefinition), String> {
    let unknown = |name: &str| format!("the document has no operation named `{}`", name.chars().take(64).collect::<String>());
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok((None, &operation.node)),
        (DocumentOperations::Single(_), Some(name)) => Err(unknown(name)),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get_key_value(name).map(|(name, operation)| (Some(name.as_str()), &operation.node)).ok_or_else(|| unknown(name))
        }
        (DocumentOperations::Multiple(operations), None) => match operations.len() {
            1 => operations
                .iter()
                .next()
                .map(|(name, operation)| (Some(name.as_str()), &operation.node))
                .ok_or_else(|| "the document has no operation".to_owned()),
            _ => Err("the document has several operations; say which with `operationName`".to_owned()),
        },
    }
}

/// The root fields that an operation names, each as often as it does.
pub fn root_fields<'a>(document: &'a ExecutableDocument, operation: &'a OperationDefinition) -> Vec<&'a str> {
    fn collect<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet, found: &mut Vec<&'a str>) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => found.push(field.node.name.node.as_str()),
                Selection::InlineFragment(fragment) => collect(document, &fragment.node.selection_set.node, found),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        collect(document, &fragment.node.selection_set.node, found);
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    collect(document, &operation.selection_set.node, &mut found);
    found
}
