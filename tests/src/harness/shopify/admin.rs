//! The endpoint of the Admin API: who may, what is valid, what it costs, and what comes of it.

use std::cell::RefCell;
use std::sync::Arc;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{ExecutionResponse, JsonMap};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cost::{MOST, requested};
use super::faults::{Does, On};
use super::graph::{Mutation, Query, SCHEMA, kind_of};
use super::shop::Shop;
use super::{Heard, Inner};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: JsonMap,
}

pub(super) async fn serve(State(inner): State<Arc<Inner>>, Path((shop, version)): Path<(String, String)>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let operation = asked.operation_name.clone().unwrap_or_default();
    let does = {
        let mut faults = inner.faults.lock().expect("faults");
        faults.named(&operation).unwrap_or_else(|| faults.next(&[On::Admin]))
    };
    let response = match does.instead().await {
        Some(response) => response,
        None => answer(&inner, &shop, &version, &headers, &asked, does),
    };
    let throttled = response.extensions().get::<Throttled>().is_some();
    inner.heard.lock().expect("what was heard").push(Heard { shop, operation, status: response.status().as_u16(), throttled });
    does.after(response).await
}

/// Marks answers that the throttle gave.
#[derive(Clone)]
struct Throttled;

fn answer(inner: &Inner, domain: &str, version: &str, headers: &HeaderMap, asked: &Asked, does: Does) -> Response {
    let now = inner.now();
    let mut shops = inner.shops();
    let Some(shop) = shops.get_mut(domain) else { return refusal(404, "Not Found") };
    if let Some(status) = shop.closed {
        return refusal(status, "Unavailable Shop");
    }
    let token = headers.get("x-shopify-access-token").and_then(|token| token.to_str().ok()).unwrap_or_default();
    if !shop.opens(token, now) {
        return refusal(401, "[API] Invalid API key or access token (unrecognized login or wrong password)");
    }
    let (body, throttled) = execute(inner, shop, asked, does);
    let served = shop.serves_version.clone().unwrap_or_else(|| version.to_owned());
    let mut response = ([("x-shopify-api-version", served), ("x-request-id", format!("request-{}", inner.number()))], Json(body)).into_response();
    if throttled {
        response.extensions_mut().insert(Throttled);
    }
    response
}

fn refusal(status: u16, why: &str) -> Response {
    (StatusCode::from_u16(status).expect("a status"), Json(json!({ "errors": why }))).into_response()
}

fn error(message: &str, code: &str) -> Value {
    json!({ "errors": [{ "message": message, "extensions": { "code": code, "documentation": "https://shopify.dev/api/usage/rate-limits" } }] })
}

fn execute(inner: &Inner, shop: &mut Shop, asked: &Asked, does: Does) -> (Value, bool) {
    let document = match ExecutableDocument::parse_and_validate(&SCHEMA, &asked.query, "asked.graphql") {
        Ok(document) => document,
        Err(errors) => return (error(&errors.errors.to_string(), "GRAPHQL_VALIDATION_FAILED"), false),
    };
    let operation = match document.operations.get(asked.operation_name.as_deref()) {
        Ok(operation) => operation,
        Err(problem) => return (error(&problem.message().to_string(), "GRAPHQL_VALIDATION_FAILED"), false),
    };
    let variables = match coerce_variable_values(&SCHEMA, operation, &asked.variables) {
        Ok(variables) => variables,
        Err(problem) => return (error(&problem.message().to_string(), "INVALID_VARIABLE"), false),
    };
    let points = requested(&SCHEMA, &document, operation, &variables);
    if points > MOST {
        return (error(&format!("Query cost is {points}, which exceeds the single query max cost limit ({MOST})."), "MAX_COST_EXCEEDED"), false);
    }
    if does == Does::Throttled || !shop.bucket.take(points) {
        let mut body = error("Throttled", "THROTTLED");
        body["extensions"] = shop.bucket.told(points, None);
        return (body, true);
    }
    let lacking =
        operation.root_fields(&document).filter_map(|field| kind_of(&field.name)).find(|kind| !shop.granted.iter().any(|scope| scope == kind.scope()));
    let actual = points.div_ceil(2);
    shop.bucket.give_back(points - actual);
    let mut body = match lacking {
        Some(kind) => error(&format!("Access denied for {} field. Required access: `{}` access scope.", kind.topic(), kind.scope()), "ACCESS_DENIED"),
        None => {
            let execution = Execution::new(&SCHEMA, &document).operation(operation).coerced_variable_values(&variables);
            let now = inner.now();
            let answered = if operation.is_mutation() {
                execution.execute_sync(&Mutation { shop: RefCell::new(&mut *shop), now, base: &inner.base, number: inner.number() })
            } else {
                shop.polled(&asked.operation_name, now);
                execution.execute_sync(&Query { shop: &*shop, now, whole: false })
            };
            match answered {
                Ok(ExecutionResponse { errors, data }) if errors.is_empty() => json!({ "data": data }),
                Ok(response) => json!({ "data": response.data, "errors": response.errors }),
                Err(problem) => error(&problem.message().to_string(), "INTERNAL_SERVER_ERROR"),
            }
        }
    };
    body["extensions"] = shop.bucket.told(points, Some(actual));
    (body, false)
}
