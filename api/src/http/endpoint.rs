//! GraphQL over HTTP. The work of a request runs in a task of its own: a client that hangs up never cancels it half way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{Response as GraphqlResponse, ServerError, Value, Variables};
use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use people::identity::AuthError;
use platform::callers::Origin;
use platform::{Caller, OpCtx};
use serde::Deserialize;
use tower_http::request_id::RequestId;

use super::client::{bearer, chosen_tenant};
use super::negotiate::{Answer, is_json};
use crate::app::App;
use crate::graphql::{Code, Loaders, Refused, response_json};

/// How long a request may take, and each statement of it, before its client is told that it does.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The parameters of a request.
#[derive(Debug, Deserialize)]
struct Parameters {
    query: Option<String>,
    #[serde(default, rename = "operationName")]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Parameters {
    /// Whether any text has the one character that PostgreSQL cannot hold.
    fn has_nul(&self) -> bool {
        fn nul(value: &serde_json::Value) -> bool {
            match value {
                serde_json::Value::String(text) => text.contains('\0'),
                serde_json::Value::Array(items) => items.iter().any(nul),
                serde_json::Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || nul(value)),
                serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => false,
            }
        }
        let written = self.query.as_ref().is_some_and(|query| query.contains('\0') || query.contains("\\u0000"));
        written || self.variables.iter().flat_map(serde_json::Map::values).any(nul)
    }
}

/// An answer without data.
struct Refusal {
    status: StatusCode,
    code: Code,
    message: String,
    at: Option<(usize, usize)>,
    allow: Option<&'static str>,
    request_id: String,
}

impl Refusal {
    fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), at: None, allow: None, request_id: String::new() }
    }

    fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
    }

    fn into_response(self, answer: Answer) -> Response {
        let mut error = serde_json::json!({ "message": self.message, "extensions": { "code": self.code.as_str() } });
        if self.code == Code::Internal && !self.request_id.is_empty() {
            error["extensions"]["requestId"] = self.request_id.clone().into();
        }
        if let Some((line, column)) = self.at {
            error["locations"] = serde_json::json!([{ "line": line, "column": column }]);
        }
        let mut response = respond(answer, self.status, serde_json::json!({ "errors": [error] }).to_string().into());
        if let Some(allow) = self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn respond(answer: Answer, status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, answer.media_type());
    response
}

/// `/graphql`.
pub async fn graphql(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request_id: Option<Extension<RequestId>>,
    request: Request,
) -> Response {
    let Some(answer) = Answer::accepted(request.headers()) else {
        let message = "this endpoint answers application/graphql-response+json and application/json; Accept must allow one of them";
        return Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message).into_response(Answer::Json);
    };
    let request_id = request_id.and_then(|Extension(id)| id.header_value().to_str().ok().map(str::to_owned)).unwrap_or_default();
    match serve(app, peer, request_id.clone(), request, answer).await {
        Ok(response) => response,
        Err(refusal) => Refusal { request_id, ..refusal }.into_response(answer),
    }
}

async fn serve(app: Arc<App>, peer: SocketAddr, request_id: String, request: Request, answer: Answer) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let reads_only = match parts.method {
        Method::GET => true,
        Method::POST => false,
        _ => return Err(Refusal { allow: Some("GET, POST"), ..Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, "use GET or POST") }),
    };
    let parameters = if reads_only { from_query(&parts.uri)? } else { from_body(&parts.headers, body, app.limits.body).await? };
    if parameters.has_nul() {
        return Err(Refusal::malformed("text with the character U+0000 cannot be stored; take it out"));
    }
    let query = parameters.query.ok_or_else(|| Refusal::malformed("the parameter `query` is missing"))?;
    let document = app.documents.parse(&query).map_err(|refused| refused_document(&refused, answer))?;
    let operation = chosen_operation(&document, parameters.operation_name.as_deref()).map_err(|message| request_error(message, answer))?;
    if reads_only && operation.ty != OperationType::Query {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, "GET runs queries alone; send this with POST");
        return Err(Refusal { allow: Some("POST"), ..refusal });
    }

    let origin = Origin {
        address: Some(app.proxies.client(peer.ip(), &parts.headers)),
        user_agent: parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(|text| text.chars().take(300).collect()),
        request_id,
    };
    let ctx = Arc::new(operation_of(&app, &parts.headers, origin).await?);
    let mut request = async_graphql::Request::new("").variables(variables(operation, parameters.variables)).data(ctx.clone()).data(Loaders::new(&ctx));
    request.operation_name = parameters.operation_name;
    request.set_parsed_query(ExecutableDocument::clone(&document));
    run(&app, request, ctx, answer).await
}

/// Runs the request to its end, whether or not anybody waits for it.
async fn run(app: &Arc<App>, request: async_graphql::Request, ctx: Arc<OpCtx>, answer: Answer) -> Result<Response, Refusal> {
    let schema = app.schema.clone();
    let span = tracing::Span::current();
    let request_id = ctx.origin().request_id.clone();
    let work = async move {
        let response = schema.execute(request).await;
        ctx.release().await;
        response
    };
    let task = app.tasks.spawn(tracing::Instrument::instrument(work, span));
    let response = match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            tracing::error!(%panic, "a request panicked");
            let message = format!("something broke on our side; the request id {request_id} helps to find it");
            return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message));
        }
        Err(_) => {
            let message = format!("the request takes longer than {} s; ask for less at once", PATIENCE.as_secs());
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Internal, message));
        }
    };
    Ok(into_http(response, &request_id, answer))
}

fn into_http(mut response: GraphqlResponse, request_id: &str, answer: Answer) -> Response {
    for error in &mut response.errors {
        complete(error, request_id);
    }
    // Errors of a request that did not run have no path.
    let did_not_run = response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty());
    let status = if did_not_run { answer.request_error() } else { StatusCode::OK };
    match response_json(&response) {
        Ok(body) => respond(answer, status, body.into()),
        Err(error) => {
            tracing::error!(%error, "a response could not be written");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "the response could not be written").into_response(answer)
        }
    }
}

/// Every error has a code; what is internal names the request, so that it can be found.
fn complete(error: &mut ServerError, request_id: &str) {
    let extensions = error.extensions.get_or_insert_default();
    match extensions.get("code") {
        None => extensions.set("code", Code::BadUserInput.as_str()),
        Some(Value::String(code)) if code == Code::Internal.as_str() => extensions.set("requestId", request_id),
        Some(_) => {}
    }
}

/// The operation's caller and where they stand.
async fn operation_of(app: &App, headers: &HeaderMap, origin: Origin) -> Result<OpCtx, Refusal> {
    let caller = match bearer(headers).map_err(|message| Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message))? {
        None => Caller::Anonymous,
        Some(token) => app.callers.authenticate(token).await.map_err(|error| match error {
            AuthError::Storage(error) => {
                tracing::error!(%error, "a caller could not be looked up");
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Internal, "the caller could not be looked up; try again")
            }
            refused => Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, refused.to_string()),
        })?,
    };
    let chosen = chosen_tenant(headers).map_err(Refusal::malformed)?;
    let ctx = OpCtx::new(app.db.clone(), app.clock.clone(), caller, chosen, origin)
        .map_err(|error| Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, error.to_string()))?;
    app.callers.note_activity(&ctx);
    app.usage.api_call(&ctx);
    Ok(ctx)
}

fn from_query(uri: &axum::http::Uri) -> Result<Parameters, Refusal> {
    let Query(mut found) = Query::<HashMap<String, String>>::try_from_uri(uri).map_err(|error| Refusal::malformed(error.to_string()))?;
    let mut map = |name: &str| -> Result<_, Refusal> {
        found
            .remove(name)
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| Refusal::malformed(format!("`{name}` must be a JSON object: {error}")))
    };
    let (variables, extensions) = (map("variables")?, map("extensions")?);
    Ok(Parameters { query: found.remove("query"), operation_name: found.remove("operationName").filter(|name| !name.is_empty()), variables, extensions })
}

async fn from_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Parameters, Refusal> {
    if !is_json(headers) {
        let message = "send the request as application/json in UTF-8; forms, multipart and plain text are not taken";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadUserInput, message));
    }
    let too_large = || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::BadUserInput, format!("the body is larger than {limit} bytes"));
    let arriving = tokio::time::timeout(PATIENCE, to_bytes(body, limit));
    let arrived = arriving.await.map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::BadUserInput, "the body did not arrive in time"))?;
    let bytes = arrived.map_err(|error| {
        let limited = std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("limit"));
        if limited { too_large() } else { Refusal::malformed("the body did not arrive whole") }
    })?;
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Refusal::malformed("batches are not taken; send one operation a request, with several root fields if need be"));
    }
    let parameters: Parameters = serde_json::from_slice(&bytes).map_err(|error| Refusal::malformed(format!("the body is not a GraphQL request: {error}")))?;
    let _ = &parameters.extensions;
    Ok(parameters)
}

fn refused_document(refused: &Refused, answer: Answer) -> Refusal {
    let at = match refused {
        Refused::Syntax { at, .. } => *at,
        _ => None,
    };
    Refusal { at, ..request_error(refused.to_string(), answer) }
}

fn request_error(message: impl Into<String>, answer: Answer) -> Refusal {
    Refusal::new(answer.request_error(), Code::BadUserInput, message)
}

fn chosen_operation<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<&'a OperationDefinition, String> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Single(_), Some(name)) => Err(format!("the document has no operation named `{}`", shortened(name))),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|operation| &operation.node).ok_or_else(|| format!("the document has no operation named `{}`", shortened(name)))
        }
        (DocumentOperations::Multiple(operations), None) => match operations.len() {
            1 => operations.values().next().map(|operation| &operation.node).ok_or_else(|| "the document has no operation".to_owned()),
            _ => Err("the document has several operations; say which with `operationName`".to_owned()),
        },
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

/// The variables with their defaults: `@include(if: $x)` looks nowhere else.
fn variables(operation: &OperationDefinition, given: Option<serde_json::Map<String, serde_json::Value>>) -> Variables {
    let mut variables = Variables::from_json(serde_json::Value::Object(given.unwrap_or_default()));
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value {
            variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.node.clone());
        }
    }
    variables
}
