//! The files of the console over HTTP.

use api::http::Example;
use platform::config::Flags;
use reqwest::{Client, Response, StatusCode};
use rstest::rstest;
use tests::harness::{Backend, Server};

use crate::require_console;

async fn get(server: &Server, path: &str, encodings: &str) -> Response {
    // No redirects: they would hide what is there.
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    client.get(server.url(path)).header("accept-encoding", encodings).send().await.unwrap()
}

async fn page(server: &Server) -> String {
    let page = get(server, "/graphiql", "identity").await.text().await.unwrap();
    require_console(&page);
    page
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// The addresses in the page.
fn assets(page: &str) -> Vec<String> {
    page.split('"').filter(|text| text.starts_with("/graphiql/assets/")).map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_of_the_page_comes_from_elsewhere_and_no_script_stands_in_it() {
    let server = Server::start(Backend::Sqlite).await;
    let page = page(&server).await;
    assert!(!page.contains("://"), "{page}");
    let response = get(&server, "/graphiql", "identity").await;
    let policy = header(&response, "content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("://"), "{policy}");
    for needed in ["worker-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(needed), "{policy}");
    }
    assert_eq!((header(&response, "content-type"), header(&response, "cache-control")), ("text/html; charset=utf-8", "no-store"));
}

#[rstest]
#[case("br, gzip", "br")]
#[case("gzip, deflate, br;q=0", "gzip")]
#[case("identity", "")]
#[tokio::test]
async fn its_files_are_compressed_and_kept_for_good(#[case] accepted: &str, #[case] encoding: &str) {
    let server = Server::start(Backend::Sqlite).await;
    let files = assets(&page(&server).await);
    assert!(files.iter().any(|file| file.ends_with(".js")) && files.iter().any(|file| file.ends_with(".css")), "{files:?}");
    for file in files {
        let response = get(&server, &file, accepted).await;
        assert_eq!(response.status(), StatusCode::OK, "{file}");
        let content_type = match file.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(header(&response, "content-type"), content_type);
        assert_eq!(header(&response, "content-encoding"), encoding, "{file}");
        assert_eq!(header(&response, "cache-control"), "public, max-age=31536000, immutable");
        assert!(response.headers().get_all("vary").iter().any(|vary| vary == "accept-encoding"), "{file}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        let body = response.bytes().await.unwrap();
        // What was not compressed is read as it is.
        assert_eq!(std::str::from_utf8(&body).is_ok(), encoding.is_empty(), "{file}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = Server::start(Backend::Sqlite).await;
    page(&server).await;
    for path in ["/graphiql/assets/none.js", "/graphiql/index.html", "/graphiql/assets/%2e%2e/index.html", "/graphiql/..%2f..%2fpackage.json"] {
        assert_eq!(get(&server, path, "gzip").await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let licences = get(&server, "/graphiql/licenses.md", "identity").await.text().await.unwrap();
    assert!(licences.contains("graphiql") && licences.contains("MIT"), "the licences of what is embedded");
}

#[tokio::test]
async fn the_examples_of_the_demo_are_in_the_page() {
    let example =
        Example { title: "</script><script>alert(1)", query: "{ viewer { kind } }".to_owned(), headers: r#"{"Authorization": "Bearer it"}"#.to_owned() };
    let server = Server::tuned(Backend::Sqlite, Flags::new(), |app| app.graphiql = Some(vec![example])).await;
    let page = page(&server).await;
    let data = page.split(r#"<script type="application/json" id="examples">"#).nth(1).unwrap().split("</script>").next().unwrap();
    let examples: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(examples[0]["title"], "</script><script>alert(1)");
    assert_eq!((&examples[0]["query"], &examples[0]["headers"]), (&"{ viewer { kind } }".into(), &r#"{"Authorization": "Bearer it"}"#.into()));
}

#[tokio::test]
async fn where_graphiql_is_off_there_is_nothing_of_it() {
    let on = Server::start(Backend::Sqlite).await;
    let mut paths = assets(&page(&on).await);
    paths.extend(["/", "/graphiql", "/graphiql/", "/graphiql/licenses.md"].map(str::to_owned));
    let off = Server::tuned(Backend::Sqlite, Flags::new(), |app| app.graphiql = None).await;
    for path in paths {
        assert_ne!(get(&on, &path, "gzip").await.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(get(&off, &path, "gzip").await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
