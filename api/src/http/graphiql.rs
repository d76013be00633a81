//! GraphiQL: the console, where it was built before this program was; else a page whose assets come from a CDN, pinned, and checked by
//! the browser against their digests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Serialize;

use super::console;
use crate::app::App;

/// A query to begin with.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// The query.
    pub query: String,
    /// The caller's bearer, as a header in JSON.
    pub headers: String,
}

const CDN_PAGE: &str = include_str!("graphiql.html");
const CDN_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'unsafe-inline' https://unpkg.com; style-src 'self' 'unsafe-inline' https://unpkg.com; \
     font-src https://unpkg.com data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `/graphiql`.
pub async fn page(State(app): State<Arc<App>>) -> Response {
    let examples = app.graphiql.as_deref().unwrap_or_default();
    let (page, policy) = console::page().map_or_else(|| (CDN_PAGE.to_owned(), CDN_POLICY), |page| (page, console::POLICY));
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(with_examples(&page, examples))).into_response()
}

/// The page with the examples as JSON in it.
fn with_examples(page: &str, examples: &[Example]) -> String {
    // A script element ends at `</`, wherever that stands.
    let json = serde_json::to_string(examples).unwrap_or_else(|_| "[]".to_owned()).replace('<', "\\u003c");
    page.replace("\"EXAMPLES\"", &json)
}

/// `/`.
pub async fn redirect() -> Redirect {
    Redirect::temporary("/graphiql")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pages_hold_the_examples_and_no_example_ends_their_script() {
        let example = Example { title: "</script>", query: "{ viewer { kind } }".to_owned(), headers: "{}".to_owned() };
        for page in std::iter::once(CDN_PAGE.to_owned()).chain(console::page()) {
            let filled = with_examples(&page, std::slice::from_ref(&example));
            assert!(filled.contains(r#"[{"title":"\u003c/script>","query":"{ viewer { kind } }","headers":"{}"}]"#), "{filled}");
            assert_eq!(filled.matches("</script>").count(), page.matches("</script>").count());
        }
    }
}
