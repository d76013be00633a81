//! Which door is where, and what all of them have in common.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::routing::{any, get, post};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use super::{console, endpoint, graphiql, health, installs, metrics, webhooks};
use crate::app::App;
use crate::telemetry::continue_trace;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Request ids of our own: one that a client sends could be anything.
#[derive(Clone)]
struct NewRequestId(platform::Ids);

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let id: uuid::Uuid = self.0.next();
        HeaderValue::from_str(&id.to_string()).ok().map(RequestId::new)
    }
}

/// All doors.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/graphql", any(endpoint::graphql))
        .route("/webhooks/{provider}/{connection}", post(webhooks::receive))
        .route("/install/{provider}/{connection}", get(installs::launch))
        .route("/install/{provider}/{connection}/callback", get(installs::callback))
        .route("/install/{provider}/{connection}/session", post(installs::session))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/api/health", get(health::ready))
        .route("/metrics", get(metrics::page));
    if app.graphiql.is_some() {
        router = router.route("/", get(graphiql::redirect)).route("/graphiql", get(graphiql::page)).route("/graphiql/", get(graphiql::redirect));
        router = router.route("/graphiql/{*path}", get(console::asset));
    }
    let fixed = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    // One stack: each layer of a router of its own would be boxed again for every request.
    let layers = ServiceBuilder::new()
        .map_request(without_request_id)
        .layer(SetRequestIdLayer::new(REQUEST_ID, NewRequestId(platform::Ids::new(app.clock.clone()))))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span_of(app.traced)).on_request(()).on_response(log))
        .layer(CatchPanicLayer::new())
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(cors(&app.cors_origins));
    router.layer(layers).with_state(app)
}

fn without_request_id(mut request: Request) -> Request {
    request.headers_mut().remove(REQUEST_ID);
    request
}

/// The span of a request: the caller and what they ask for are told once they are known.
fn span_of(traced: bool) -> impl Fn(&Request) -> tracing::Span + Clone {
    use tracing::field::Empty;
    move |request| {
        let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
        let path = request.uri().path();
        let span = tracing::info_span!("request", %id, method = %request.method(), path, actor = Empty, tenant = Empty, operation = Empty);
        if traced {
            continue_trace(&span, request.headers());
        }
        span
    }
}

fn log<B>(response: &axum::http::Response<B>, took: std::time::Duration, _: &tracing::Span) {
    tracing::info!(status = response.status().as_u16(), ms = took.as_secs_f64() * 1_000.0, "answered");
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, HeaderName::from_static("noren-tenant")])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(std::time::Duration::from_secs(600))
}
