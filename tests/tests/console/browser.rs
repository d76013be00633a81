//! The page in headless Chromium, as somebody uses it: on a desk, and on a phone.

use std::path::{Path, PathBuf};

use entities::{ApiScope, TokenRole};
use rstest::rstest;
use tests::harness::node::{NodePackage, scratch};
use tests::harness::{Backend, People, Server};

use crate::require_console;

const BROWSER: NodePackage = NodePackage::new("browser");

/// Chromium, under one of the names that it goes by.
fn chromium() -> PathBuf {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    named.into_iter().chain(found).find(|path| path.exists()).expect("Chromium; `tests/run` brings it along, or CHROMIUM says where it is")
}

/// Runs a script against a server, with tokens; its screenshots go under target/tmp/browser.
async fn drive(script: &'static str, screen: &'static str, server: &Server, tokens: Vec<(&'static str, String)>) -> String {
    let url = server.url("/graphiql");
    require_console(&reqwest::get(&url).await.unwrap().text().await.unwrap());
    let screenshots = scratch("browser/screenshots");
    let chromium = chromium().display().to_string();
    let drive = move || {
        let mut environment = vec![("CHROMIUM", chromium.as_str())];
        environment.extend(tokens.iter().map(|(name, token)| (*name, token.as_str())));
        BROWSER.run(script, &[Path::new(screen), Path::new(&url), &screenshots], &environment)
    };
    tokio::task::spawn_blocking(drive).await.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_pasted_and_a_query_is_answered(#[values("desktop", "phone")] screen: &'static str) {
    let server = Server::start(Backend::Sqlite).await;
    let tenant = People::of(&server).tenant("Aoi Trading").await;
    let token = server.token(TokenRole::TenantAdmin, Some(tenant)).await;
    let said = drive("query.mjs", screen, &server, vec![("TOKEN", token)]).await;
    assert!(said.ends_with("all of it was seen\n"), "{said}");
}

#[rstest]
#[case("desktop", Backend::Postgres)]
#[case("phone", Backend::Sqlite)]
#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_another_client_raises_are_seen_until_the_token_is_revoked(#[case] screen: &'static str, #[case] backend: Backend) {
    let server = Server::working(backend).await;
    let people = People::of(&server);
    let tenant = people.tenant("Aoi Trading").await;
    let (id, reader) = people.token(TokenRole::Integration, Some(tenant), &[ApiScope::AlertsRead]).await;
    let (_, raiser) = people.token(TokenRole::Integration, Some(tenant), &[ApiScope::AlertsWrite]).await;
    let admin = server.token(TokenRole::PlatformAdmin, None).await;
    let tokens = vec![("TOKEN", reader.bearer.unwrap()), ("TOKEN_ID", id.to_string()), ("RAISER", raiser.bearer.unwrap()), ("ADMIN", admin)];
    let said = drive("alerts.mjs", screen, &server, tokens).await;
    assert!(said.ends_with("all of it was seen\n"), "{said}");
}
