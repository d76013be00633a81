//! An answer of the API, read to the last: data, or what is wrong in the port's words.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::outgoing::{Whole, clean};
use crate::ports::shop::{Cost, Problem};

/// What a call came to.
pub(super) struct Answered<T> {
    pub(super) data: Result<T, Problem>,
    pub(super) status: Option<u16>,
    pub(super) cost: Option<Cost>,
    pub(super) api_version: Option<String>,
    pub(super) request_id: Option<String>,
    /// When it was answered, by the shop's clock.
    pub(super) answered_at: Option<DateTime<Utc>>,
}

impl<T> Answered<T> {
    /// No answer.
    pub(super) fn without(problem: Problem) -> Self {
        Self { data: Err(problem), status: None, cost: None, api_version: None, request_id: None, answered_at: None }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    errors: Option<Errors>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

/// What is wrong: a list in GraphQL, a text where the request never got so far.
#[derive(Deserialize)]
#[serde(untagged)]
enum Errors {
    List(Vec<WireError>),
    Text(String),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    extensions: Option<ErrorExtensions>,
}

#[derive(Deserialize)]
struct ErrorExtensions {
    #[serde(default)]
    code: Option<String>,
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    cost: Option<WireCost>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCost {
    requested_query_cost: f64,
    #[serde(default)]
    actual_query_cost: Option<f64>,
    throttle_status: ThrottleStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThrottleStatus {
    maximum_available: f64,
    currently_available: f64,
    restore_rate: f64,
}

/// What was asked and taken counts up, what there is counts down.
fn cost(wire: &WireCost) -> Cost {
    let (up, down) = (|points: f64| points.max(0.0).ceil() as u64, |points: f64| points.max(0.0).floor() as u64);
    Cost {
        requested: up(wire.requested_query_cost),
        actual: wire.actual_query_cost.map(up),
        maximum: down(wire.throttle_status.maximum_available),
        available: down(wire.throttle_status.currently_available),
        restore_rate: down(wire.throttle_status.restore_rate),
    }
}

/// The longest text of an error that is kept, in characters.
const LONGEST: usize = 300;

pub(super) fn read<T: DeserializeOwned>(whole: Whole) -> Answered<T> {
    let header = |name: &str| whole.headers.get(name).and_then(|value| value.to_str().ok()).map(|text| clean(text, 100));
    let (api_version, request_id) = (header("x-shopify-api-version"), header("x-request-id"));
    let date = whole.headers.get("date").and_then(|value| value.to_str().ok());
    let answered_at = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
    let envelope: Result<Envelope<'_>, _> = serde_json::from_slice(&whole.body);
    let cost = envelope.as_ref().ok().and_then(|envelope| envelope.extensions.as_ref()).and_then(|extensions| extensions.cost.as_ref()).map(cost);
    let data = match whole.status {
        200 => envelope.map_err(|error| Problem::Unknown(format!("the answer is not JSON: {error}"))).and_then(data),
        status => Err(of_status(status, &whole)),
    };
    Answered { data, status: Some(whole.status), cost, api_version, request_id, answered_at }
}

fn data<T: DeserializeOwned>(envelope: Envelope<'_>) -> Result<T, Problem> {
    // Data that comes with errors is not all of it: it is never taken for the whole.
    match envelope.errors {
        Some(Errors::List(errors)) if !errors.is_empty() => return Err(of_errors(&errors)),
        Some(Errors::Text(text)) => return Err(Problem::Refused(clean(&text, LONGEST))),
        Some(Errors::Other(_)) => return Err(Problem::Unknown("the answer has errors of a shape that is not known".to_owned())),
        Some(Errors::List(_)) | None => {}
    }
    let data = envelope.data.ok_or_else(|| Problem::Unknown("the answer has neither data nor errors".to_owned()))?;
    serde_json::from_str(data.get()).map_err(|error| Problem::Unknown(format!("the answer is not what was asked for: {}", clean(&error.to_string(), LONGEST))))
}

fn of_errors(errors: &[WireError]) -> Problem {
    let code = |code: &str| errors.iter().find(|error| error.extensions.as_ref().and_then(|extensions| extensions.code.as_deref()) == Some(code));
    let said = |error: &WireError| clean(&error.message, LONGEST);
    if code("THROTTLED").is_some() {
        return Problem::Throttled { after: None };
    }
    if let Some(error) = code("MAX_COST_EXCEEDED") {
        return Problem::TooCostly(said(error));
    }
    if let Some(error) = code("ACCESS_DENIED") {
        return Problem::MissingScope(said(error));
    }
    if let Some(error) = code("SHOP_INACTIVE") {
        return Problem::ShopClosed { status: 200, why: said(error) };
    }
    if let Some(error) = code("INTERNAL_SERVER_ERROR").or_else(|| code("TIMEOUT")) {
        return Problem::Failed { why: said(error), after: None };
    }
    Problem::Refused(clean(&errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "), LONGEST))
}

fn of_status(status: u16, whole: &Whole) -> Problem {
    let why = || clean(&String::from_utf8_lossy(&whole.body[..whole.body.len().min(4 * LONGEST)]), LONGEST);
    let answered = || format!("Shopify answered {status}: {}", why()).trim_end_matches([':', ' ']).to_owned();
    match status {
        401 => Problem::Unauthorized,
        402 | 403 | 404 | 423 => Problem::ShopClosed { status, why: why() },
        429 | 430 => Problem::Throttled { after: whole.retry_after },
        408 | 425 | 500..=599 => Problem::Failed { why: answered(), after: whole.retry_after },
        _ => Problem::Refused(answered()),
    }
}
