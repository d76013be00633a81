//! The parameters of a GraphQL request, from an address or a body, bounded as they come in.

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::Variables;
use async_graphql::parser::types::OperationDefinition;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::negotiate::is_json;
use super::refusal::{Refusal, shortened};
use super::room::{self, Arrived, Place, Unfit};
use crate::graphql::{Code, Limits};

/// The parameters of a request.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    /// The document.
    pub query: Option<String>,
    /// Which of its operations.
    #[serde(default, rename = "operationName")]
    pub operation_name: Option<String>,
    /// The variables.
    #[serde(default)]
    pub variables: Option<Map<String, Value>>,
    /// Not used, but bound to be an object.
    #[serde(default, rename = "extensions")]
    _extensions: Option<Map<String, Value>>,
    /// The room that the body takes up.
    #[serde(skip)]
    _place: Place,
}

impl Parameters {
    /// From the query of an address.
    pub fn from_query(uri: &axum::http::Uri, limits: &Limits) -> Result<Self, Refusal> {
        let Query(mut found) = Query::<HashMap<String, String>>::try_from_uri(uri).map_err(|error| Refusal::malformed(error.to_string()))?;
        let mut map = |name: &str| -> Result<_, Refusal> {
            found
                .remove(name)
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|error| Refusal::malformed(format!("`{name}` must be a JSON object: {}", json_error(&error))))
        };
        let (variables, extensions) = (map("variables")?, map("extensions")?);
        let operation_name = found.remove("operationName").filter(|name| !name.is_empty());
        Self { query: found.remove("query"), operation_name, variables, _extensions: extensions, _place: None }.bounded(limits)
    }

    /// From a body, which may be slow or endless.
    pub async fn from_body(headers: &HeaderMap, body: Body, limits: &Limits, patience: Duration) -> Result<Self, Refusal> {
        if !is_json(headers) {
            let message = "send the request as application/json in UTF-8; forms, multipart and plain text are not taken";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadUserInput, message));
        }
        let encoding = headers.get(header::CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
        if let Some(encoding) = encoding.filter(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")) {
            let message = format!("bodies are not taken encoded as `{}`: send the JSON as it is, without Content-Encoding", shortened(encoding));
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadUserInput, message));
        }
        let limit = limits.body;
        let too_large = || {
            let message = format!("the body is larger than {limit} bytes; split the request");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::BadUserInput, message)
        };
        let late = |_| {
            let message = format!("the body did not arrive within {} s; send it faster, or less at once", patience.as_secs());
            Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::BadUserInput, message)
        };
        let arrived = tokio::time::timeout(patience, room::arrive(body, limit)).await.map_err(late)?;
        let Arrived { bytes, place } = arrived.map_err(|unfit| match unfit {
            Unfit::TooLarge => too_large(),
            Unfit::Broken => Refusal::malformed("the body did not arrive whole"),
            Unfit::NoRoom => Refusal::no_room(),
        })?;
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            return Err(Refusal::malformed("batches are not taken; send one operation a request, with several root fields if need be"));
        }
        let parameters: Self =
            serde_json::from_slice(&bytes).map_err(|error| Refusal::malformed(format!("the body is not a GraphQL request: {}", json_error(&error))))?;
        Self { _place: place, ..parameters }.bounded(limits)
    }

    /// From a message on a socket.
    pub fn from_message(payload: Value, limits: &Limits) -> Result<Self, Refusal> {
        let parameters: Self =
            serde_json::from_value(payload).map_err(|error| Refusal::malformed(format!("the payload is not a GraphQL request: {}", json_error(&error))))?;
        parameters.bounded(limits)
    }

    fn bounded(self, limits: &Limits) -> Result<Self, Refusal> {
        let mut values = 0;
        let mut nul = self.query.as_ref().is_some_and(|query| query.contains('\0') || query.contains("\\u0000"));
        for (name, value) in self.variables.iter().flatten() {
            nul |= name.contains('\0') | look_at(value, &mut values);
        }
        if nul {
            return Err(Refusal::malformed("text with the character U+0000 cannot be stored; take it out"));
        }
        if values > limits.values {
            let most = limits.values;
            return Err(Refusal::malformed(format!("the variables have more than {most} values; send them in several requests")));
        }
        Ok(self)
    }
}

/// Counts values, and tells whether any text has the one character that PostgreSQL cannot hold. JSON is never nested deep here.
fn look_at(value: &Value, values: &mut usize) -> bool {
    *values += 1;
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().fold(false, |nul, item| nul | look_at(item, values)),
        Value::Object(fields) => fields.iter().fold(false, |nul, (key, value)| nul | key.contains('\0') | look_at(value, values)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What is wrong with JSON.
fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.contains("recursion limit") { "the JSON nests more than 128 deep; flatten it".to_owned() } else { text }
}

/// The variables with their defaults: `@include(if: $x)` looks nowhere else.
pub fn variables(operation: &OperationDefinition, given: Option<Map<String, Value>>) -> Variables {
    let mut variables = Variables::from_json(Value::Object(given.unwrap_or_default()));
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value {
            variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.node.clone());
        }
    }
    variables
}
