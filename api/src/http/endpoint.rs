//! GraphQL over HTTP. The work of a request runs in a task of its own: a client that hangs up never cancels it half way.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::Extension;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use people::identity::AuthError;
use platform::callers::Origin;
use platform::{Caller, OpCtx};
use tower_http::request_id::RequestId;
use tracing::Span;

use super::client::{bearer, chosen_tenant};
use super::negotiate::Answer;
use super::parameters::{Parameters, variables};
use super::refusal::{Refusal, respond, shortened};
use super::slow::SlowRequest;
use crate::app::App;
use crate::graphql::{Code, Loaders, OperationCost, Written};
use crate::telemetry::Outcome;

/// `/graphql`.
pub async fn graphql(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request_id: Option<Extension<RequestId>>,
    request: Request,
) -> Response {
    let request_id = request_id.and_then(|Extension(id)| id.header_value().to_str().ok().map(str::to_owned)).unwrap_or_default();
    let address = app.proxies.client(peer.ip(), request.headers());
    let sender = app.throttle.sender(address, bearer(request.headers()).ok().flatten());
    let accepted = Answer::accepted(request.headers());
    let answer = accepted.unwrap_or(Answer::Json);
    let served = match accepted {
        None => Err(not_acceptable()),
        Some(_) => match app.throttle.admit(sender).await {
            Ok(()) => serve(&app, address, request_id.clone(), request, answer).await,
            Err(throttled) => Err(throttled),
        },
    };
    let (response, blamed) = match served {
        Ok(Served { response, valid }) => (response, !valid),
        Err(refusal) => {
            app.metrics.not_run(outcome_of(refusal.code));
            let blamed = refusal.blames_the_sender();
            (Refusal { request_id, ..refusal }.into_response(answer), blamed)
        }
    };
    if blamed {
        app.throttle.refused(sender).await;
    }
    response
}

fn not_acceptable() -> Refusal {
    let message = "this endpoint answers application/graphql-response+json and application/json; Accept must allow one of them";
    Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message)
}

const fn outcome_of(code: Code) -> Outcome {
    match code {
        Code::Throttled => Outcome::Throttled,
        Code::Internal => Outcome::Failed,
        Code::Unauthenticated | Code::Forbidden | Code::Conflict | Code::BadUserInput => Outcome::Refused,
    }
}

/// What came of a request that could be tried.
struct Served {
    response: Response,
    /// Whether its operation was valid.
    valid: bool,
}

async fn serve(app: &Arc<App>, address: IpAddr, request_id: String, request: Request, answer: Answer) -> Result<Served, Refusal> {
    let (parts, body) = request.into_parts();
    let reads_only = match parts.method {
        Method::GET => true,
        Method::POST => false,
        _ => return Err(Refusal { allow: Some("GET, POST"), ..Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, "use GET or POST") }),
    };
    let parameters = if reads_only {
        Parameters::from_query(&parts.uri, &app.limits)?
    } else {
        Parameters::from_body(&parts.headers, body, &app.limits, app.times.patience).await?
    };
    // From here on the client has done its part: what takes long is ours.
    let arrived = Instant::now();
    let query = parameters.query.ok_or_else(|| Refusal::malformed("the parameter `query` is missing"))?;
    let document = app.documents.parse(&query).map_err(|refused| Refusal::document(&refused, answer))?;
    let (name, operation) = chosen_operation(&document, parameters.operation_name.as_deref()).map_err(|message| Refusal::not_run(message, answer))?;
    if reads_only && operation.ty != OperationType::Query {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, "GET runs queries alone; send this with POST");
        return Err(Refusal { allow: Some("POST"), ..refusal });
    }

    let origin = Origin {
        address: Some(address),
        user_agent: parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(|text| text.chars().take(300).collect()),
        request_id,
    };
    let ctx = Arc::new(operation_of(app, &parts.headers, origin).await?);
    tell(&ctx, name);
    app.throttle.count(&ctx, std::iter::once_with(|| root_fields(&document, operation)).flatten()).await?;
    app.usage.api_call(&ctx);
    let cost = Arc::new(app.throttle.cost(&ctx));
    let mut request =
        async_graphql::Request::new("").variables(variables(operation, parameters.variables)).data(ctx.clone()).data(Loaders::new(&ctx)).data(cost.clone());
    request.operation_name = parameters.operation_name;
    request.set_parsed_query(ExecutableDocument::clone(&document));
    let work = Work { app: app.clone(), request, ctx, cost, operation: name.map(str::to_owned), answer, arrived };
    work.run().await
}

/// Says in the log and the trace who asked for what.
fn tell(ctx: &OpCtx, operation: Option<&str>) {
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
struct Work {
    app: Arc<App>,
    request: async_graphql::Request,
    ctx: Arc<OpCtx>,
    cost: Arc<OperationCost>,
    operation: Option<String>,
    answer: Answer,
    arrived: Instant,
}

impl Work {
    /// Runs it to its end, whether or not anybody waits for that.
    async fn run(self) -> Result<Served, Refusal> {
        let request_id = self.ctx.origin().request_id.clone();
        let (tasks, patience) = (self.app.tasks.clone(), self.app.times.patience);
        let task = tasks.spawn(tracing::Instrument::instrument(self.done(), Span::current()));
        match tokio::time::timeout(patience, task).await {
            Ok(Ok(served)) => served,
            Ok(Err(panic)) => {
                tracing::error!(%panic, "a request panicked");
                let message = format!("something broke on our side; the request id {request_id} helps to find it");
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message))
            }
            Err(_) => {
                let message = format!("the request takes longer than {} s; ask for less at once", patience.as_secs());
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Internal, message))
            }
        }
    }

    async fn done(self) -> Result<Served, Refusal> {
        let Self { app, request, ctx, cost, operation, answer, arrived } = self;
        let begun = Instant::now();
        let response = app.schema.execute(request).await;
        ctx.release().await;
        let took = begun.elapsed();
        let throttled = cost.throttled();
        let valid = cost.requested() > 0;
        let outcome = match (throttled, valid) {
            (Some(_), _) => Outcome::Throttled,
            (None, false) => Outcome::Refused,
            (None, true) if response.errors.is_empty() => Outcome::Ok,
            (None, true) if response.errors.iter().any(is_internal) => Outcome::Failed,
            (None, true) => Outcome::Errors,
        };
        let known = !matches!(ctx.caller(), Caller::Anonymous);
        app.metrics.ran(operation.as_deref(), known && valid, outcome, took);
        if throttled.is_some() {
            metrics::counter!("noren_throttled_total", "by" => "cost").increment(1);
        }
        let took = arrived.elapsed();
        if took >= app.times.slow {
            (app.on_slow)(SlowRequest::of(&ctx, operation, took));
        }
        let response = into_http(&app, response, &cost, &ctx.origin().request_id, answer).await?;
        Ok(Served { response, valid: valid || throttled.is_some() })
    }
}

async fn into_http(app: &App, mut response: GraphqlResponse, cost: &OperationCost, request_id: &str, answer: Answer) -> Result<Response, Refusal> {
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
    if throttled.is_none() && cost.requested() > 0 {
        app.metrics.cost(cost.requested(), actual);
    }
    let extension = cost.extension(throttled.is_none().then_some(actual));
    let body = written.finish(&response, extension.as_ref()).map_err(broken)?;
    // Errors of a request that did not run have no path.
    let did_not_run = response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty());
    let status = match throttled {
        Some(_) => StatusCode::TOO_MANY_REQUESTS,
        None if did_not_run => answer.request_error(),
        None => StatusCode::OK,
    };
    let mut response = respond(answer, status, body.into());
    if let Some(after) = throttled {
        response.headers_mut().insert(header::RETRY_AFTER, crate::graphql::whole_seconds(after).into());
    }
    Ok(response)
}

fn is_internal(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    matches!(code, Some(Value::String(code)) if code == Code::Internal.as_str())
}

/// Every error has a code; what is internal names the request, so that it can be found.
fn complete(error: &mut ServerError, request_id: &str) {
    error.message = shortened(std::mem::take(&mut error.message));
    let internal = is_internal(error);
    let extensions = error.extensions.get_or_insert_default();
    if internal {
        extensions.set("requestId", request_id);
    } else if extensions.get("code").is_none() {
        extensions.set("code", Code::BadUserInput.as_str());
    }
}

/// The operation's caller and where they stand.
async fn operation_of(app: &App, headers: &HeaderMap, origin: Origin) -> Result<OpCtx, Refusal> {
    let caller = match bearer(headers).map_err(|message| Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message))? {
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
    let chosen = chosen_tenant(headers).map_err(Refusal::malformed)?;
    let ctx = OpCtx::new(app.db.clone(), app.clock.clone(), caller, chosen, origin)
        .map_err(|error| Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, error.to_string()))?;
    app.callers.note_activity(&ctx);
    Ok(ctx)
}

fn chosen_operation<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<(Option<&'a str>, &'a OperationDefinition), String> {
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
fn root_fields<'a>(document: &'a ExecutableDocument, operation: &'a OperationDefinition) -> Vec<&'a str> {
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
