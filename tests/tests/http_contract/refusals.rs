//! What the endpoint does not take: each refused with a message of its own, while other requests go on.

use std::collections::HashSet;

use entities::TokenRole;
use reqwest::header::{ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::harness::{Backend, Server};

/// A server, and a platform administrator who talks to it.
struct Talk {
    server: Server,
    client: Client,
    token: String,
}

impl Talk {
    async fn start() -> Self {
        let flags = [("cors_origins", "https://admin.example.com".to_owned())].into();
        let server = Server::with(Backend::Sqlite, flags).await;
        let token = server.token(TokenRole::PlatformAdmin, None).await;
        Self { server, client: Client::builder().build().unwrap(), token }
    }

    fn request(&self, method: Method, query: &[(&str, &str)]) -> RequestBuilder {
        self.anonymous(method, query).bearer_auth(&self.token)
    }

    fn anonymous(&self, method: Method, query: &[(&str, &str)]) -> RequestBuilder {
        let url = url::Url::parse_with_params(&self.server.url("/graphql"), query).unwrap();
        self.client.request(method, url)
    }

    fn post(&self, body: &Value) -> RequestBuilder {
        self.typed("application/json", body.to_string())
    }

    fn document(&self, query: impl Into<String>) -> RequestBuilder {
        self.post(&json!({ "query": query.into() }))
    }

    fn typed(&self, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, &[]).header(CONTENT_TYPE, content_type).header(ACCEPT, "application/graphql-response+json").body(body)
    }

    async fn works(&self) {
        let response = self.document("{ __typename }").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.json::<Value>().await.unwrap(), json!({ "data": { "__typename": "Query" } }));
    }
}

/// The status and the one message of an answer without data.
async fn refused(what: &str, request: RequestBuilder) -> (StatusCode, String) {
    let response = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_else(|error| panic!("{what}: {status}, and the body is no JSON: {error}"));
    assert!(body.get("data").is_none_or(Value::is_null), "{what} was run: {body}");
    let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{what}: {body}"));
    assert_eq!(errors.len(), 1, "{what}: {body}");
    assert!(errors[0]["extensions"]["code"].is_string(), "{what} has no code: {body}");
    (status, errors[0]["message"].as_str().unwrap_or_else(|| panic!("{what}: {body}")).to_owned())
}

fn nested(times: usize) -> String {
    format!("{{ store(id: \"x\") {}{{ id }}{} }}", "{ orders(first: 1) { nodes { store ".repeat(times), " } } }".repeat(times))
}

/// Each fragment holds the next one.
fn chain(times: usize) -> String {
    let fragments: String = (0..times).map(|n| format!("fragment f{n} on Query {{ ...f{} }} ", n + 1)).collect();
    format!("{{ ...f0 }} {fragments} fragment f{times} on Query {{ __typename }}")
}

/// Each fragment holds the next one ten times: a short text for 10^times fields.
fn multiplying(times: usize) -> String {
    let fragments: String = (0..times).map(|n| format!("fragment f{n} on Query {{ {} }} ", format!("...f{} ", n + 1).repeat(10))).collect();
    format!("{{ ...f0 }} {fragments} fragment f{times} on Query {{ __typename }}")
}

#[tokio::test]
async fn each_wrong_request_has_its_own_answer_and_others_go_on() {
    let talk = Talk::start().await;
    let aliases = |count: usize| (0..count).map(|n| format!("a{n}: id ")).collect::<String>();
    let form = "application/x-www-form-urlencoded";
    let multipart = "multipart/form-data; boundary=x";
    let operations = "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{\"query\":\"{ __typename }\"}\r\n--x--\r\n";
    let simple = json!({ "query": "{ __typename }" }).to_string();
    let cases = [
        ("a mutation by GET", talk.request(Method::GET, &[("query", "mutation { __typename }")]), 405, "POST"),
        ("PUT", talk.request(Method::PUT, &[]).header(CONTENT_TYPE, "application/json").body(simple.clone()), 405, "GET or POST"),
        ("a batch", talk.post(&json!([{ "query": "{ __typename }" }])), 400, "batches"),
        ("no query", talk.post(&json!({})), 400, "`query` is missing"),
        ("bad JSON", talk.typed("application/json", "{\"query\": "), 400, "not a GraphQL request"),
        (
            "an answer in HTML",
            talk.request(Method::POST, &[]).header(CONTENT_TYPE, "application/json").header(ACCEPT, "text/html").body(simple.clone()),
            406,
            "Accept",
        ),
        ("a body over the limit", talk.document("#".repeat(2 * 1024 * 1024)), 413, "larger than"),
        ("a text that is no document", talk.document("{ __typename"), 400, "expected"),
        ("deep literals", talk.document(format!("{{ orders(filter: {}{}) {{ totalCount }} }}", "[".repeat(5_000), "]".repeat(5_000))), 400, "nests brackets"),
        ("deep selections", talk.document(nested(5)), 400, "nests fields 17 deep, and 15 is the most"),
        (
            "deep lists",
            talk.document(format!("{{ viewer {{ tenant {{ {}id{} }} }} }}", "stores { nodes { tenant { ".repeat(20), " } } }".repeat(20))),
            400,
            "nests fields 63 deep, and 15 is the most",
        ),
        ("deep fragments", talk.document(chain(1_000)), 400, "more than 64 levels"),
        ("wide lists", talk.document("{ orders(first: 250) { nodes { items(first: 250) { nodes { id } } } } }"), 400, "50000 is the most"),
        (
            "wide lists of ids",
            talk.post(&json!({ "query": "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", "variables": { "ids": vec!["x"; 30_000] } })),
            400,
            "more than 20000 values",
        ),
        (
            "deep variables",
            talk.typed("application/json", format!("{{\"query\": \"\", \"variables\": {{\"a\": {}{}}}}}", "[".repeat(20_000), "]".repeat(20_000))),
            400,
            "more than 128 deep",
        ),
        ("a pile of directives", talk.document(format!("{{ __typename {} }}", "@include(if: true) ".repeat(20))), 400, "more than 10 directives"),
        ("a name of a megabyte", talk.document(format!("{{ {} }}", "a".repeat(1_000_000))), 400, "more than 256 bytes"),
        (
            "an operation name of a megabyte",
            talk.post(&json!({ "query": "query a { __typename }", "operationName": "a".repeat(1_000_000) })),
            400,
            "no operation named `aaaa",
        ),
        ("a page that is too large", talk.document("{ orders(first: 251) { totalCount } }"), 200, "0 to 250 rows"),
        ("an alias bomb", talk.document(format!("{{ order(id: \"x\") {{ {} }} }}", aliases(1_000))), 400, "aliases"),
        ("many root fields", talk.document(format!("{{ {} }}", "viewer { __typename } ".repeat(200))), 400, "root fields"),
        ("a huge document", talk.document(format!("{{ {} }}", "id ".repeat(50_000))), 400, "tokens"),
        ("a huge list", talk.document(format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\", ".repeat(5_000))), 400, "elements"),
        ("fragments in a circle", talk.document("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"), 400, "itself"),
        ("fragments that multiply", talk.document(multiplying(18)), 400, "fragments"),
        ("an unknown field", talk.document("{ nothing }"), 400, "nothing"),
        ("an unknown operation", talk.post(&json!({ "query": "query a { __typename }", "operationName": "b" })), 400, "no operation named"),
        ("several operations, none chosen", talk.document("query a { __typename } query b { __typename }"), 400, "several operations"),
        ("variables by GET that are no object", talk.request(Method::GET, &[("query", "{ __typename }"), ("variables", "[1]")]), 400, "`variables`"),
        ("a token that nobody holds", talk.anonymous(Method::GET, &[("query", "{ __typename }")]).bearer_auth("noren_nobody"), 401, "token"),
        ("a scheme that is not Bearer", talk.anonymous(Method::GET, &[("query", "{ __typename }")]).header(AUTHORIZATION, "Basic eDp5"), 401, "Bearer"),
        ("a tenant that is no id", talk.document("{ __typename }").header("noren-tenant", "acme"), 400, "Noren-Tenant"),
        ("a compressed body", talk.typed("application/json", "x").header("content-encoding", "gzip"), 415, "without Content-Encoding"),
        ("plain text", talk.typed("text/plain", simple.clone()), 415, "application/json"),
    ];
    let (mut messages, mut wrong) = (HashSet::new(), Vec::new());
    for (what, request, status, part) in cases {
        let (got, message) = refused(what, request).await;
        if got.as_u16() != status || !message.contains(part) || !messages.insert(message.clone()) {
            wrong.push(format!("{what} should be {status} with its own message about {part:?}, and is {got}: {message}"));
        }
        talk.works().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What a page on another site can send without being asked first is all refused alike.
    for (content_type, body) in
        [(form, "query=%7B__typename%7D"), (multipart, operations), ("application/graphql", "{ __typename }"), ("text/plain;application/json", &simple)]
    {
        assert_eq!(refused(content_type, talk.typed(content_type, body.to_owned())).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    let untyped = talk.request(Method::POST, &[]).body(simple.into_bytes());
    assert_eq!(refused("no content type", untyped).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    talk.works().await;
}

#[tokio::test]
async fn methods_that_are_not_taken_are_told_which_are() {
    let talk = Talk::start().await;
    let allowed = |request: RequestBuilder| async { request.send().await.unwrap().headers().get(ALLOW).map(|allow| allow.to_str().unwrap().to_owned()) };
    assert_eq!(allowed(talk.request(Method::GET, &[("query", "mutation { __typename }")])).await.as_deref(), Some("POST"));
    assert_eq!(allowed(talk.request(Method::DELETE, &[])).await.as_deref(), Some("GET, POST"));
}

#[tokio::test]
async fn json_nested_without_end_is_refused_before_it_hurts() {
    let talk = Talk::start().await;
    let variables = format!("{{\"query\": \"{{ __typename }}\", \"variables\": {{\"a\": {}{}}}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refused("deep variables", talk.typed("application/json", variables)).await.0, StatusCode::BAD_REQUEST);
    talk.works().await;
}

#[tokio::test]
async fn only_listed_pages_may_call_from_a_browser() {
    let talk = Talk::start().await;
    for (origin, allowed) in
        [("https://admin.example.com", true), ("https://admin.example.com.evil.example", false), ("http://admin.example.com", false), ("null", false)]
    {
        let preflight = talk
            .anonymous(Method::OPTIONS, &[])
            .header(ORIGIN, origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,noren-tenant");
        for request in [preflight, talk.document("{ __typename }").header(ORIGIN, origin)] {
            let response = request.send().await.unwrap();
            let answer = response.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(answer.as_deref(), allowed.then_some(origin), "{origin}");
        }
    }
}
