//! GraphQL over HTTP, and where sockets begin.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use async_graphql::parser::types::OperationType;
use axum::Extension;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use platform::callers::Origin;
use tower_http::request_id::RequestId;

use super::client::{Credentials, bearer, user_agent};
use super::negotiate::Answer;
use super::operation::{Ran, Work, admit, caller, chosen, request as graphql_request, tell};
use super::parameters::{Parameters, variables};
use super::refusal::{Refusal, respond};
use super::socket;
use crate::app::App;
use crate::graphql::{Code, whole_seconds};
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
    let upgrade = socket::is_upgrade(request.headers());
    let accepted = if upgrade { Some(Answer::Json) } else { Answer::accepted(request.headers()) };
    let answer = accepted.unwrap_or(Answer::Json);
    let served = match accepted {
        None => Err(not_acceptable()),
        Some(_) => match app.throttle.admit(sender).await {
            Ok(()) if upgrade => socket::upgrade(&app, address, request_id.clone(), request).await.map(|response| Served { response, valid: true }),
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
        Code::Unauthenticated | Code::Forbidden | Code::Conflict | Code::CursorExpired | Code::BadUserInput => Outcome::Refused,
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
    let (name, operation) = chosen(&document, parameters.operation_name.as_deref()).map_err(|message| Refusal::not_run(message, answer))?;
    if operation.ty == OperationType::Subscription {
        let message = "subscriptions run on a WebSocket: connect to this address by the protocol graphql-transport-ws";
        return Err(Refusal::not_run(message, answer));
    }
    if reads_only && operation.ty != OperationType::Query {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, "GET runs queries alone; send this with POST");
        return Err(Refusal { allow: Some("POST"), ..refusal });
    }

    let origin = Origin { address: Some(address), user_agent: user_agent(&parts.headers), request_id };
    let ctx = Arc::new(caller(app, &Credentials::of_headers(&parts.headers)?, origin).await?);
    tell(&ctx, name);
    admit(app, &ctx, &document, operation).await?;
    let request = graphql_request(&document, parameters.operation_name, variables(operation, parameters.variables), &ctx);
    let ran = Work::new(app, request, ctx, name.map(str::to_owned), arrived).run().await?;
    Ok(Served { valid: ran.valid, response: into_http(ran, answer) })
}

fn into_http(ran: Ran, answer: Answer) -> Response {
    let status = match ran.throttled {
        Some(_) => StatusCode::TOO_MANY_REQUESTS,
        None if ran.did_not_run => answer.request_error(),
        None => StatusCode::OK,
    };
    let mut response = respond(answer, status, ran.body.into());
    if let Some(after) = ran.throttled {
        response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(after).into());
    }
    response
}
