//! The tools of those who use the API: they take the schema, and find the endpoint to be as they expect.

use std::fs;
use std::path::{Path, PathBuf};

use entities::TokenRole;
use tests::harness::node::{NodePackage, scratch};
use tests::harness::{Backend, Server};

const TOOLS: NodePackage = NodePackage::new("http");

/// The schema in a file, as the code prints it.
fn schema_file(name: &str) -> PathBuf {
    let file = scratch(&format!("http/{name}")).join("printed.graphql");
    fs::write(&file, api::sdl()).expect("the schema is written");
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn every_audit_of_graphql_over_http_passes() {
    let server = Server::start(Backend::Sqlite).await;
    let authorization = format!("Bearer {}", server.token(TokenRole::PlatformAdmin, None).await);
    let url = server.url("/graphql");
    let said = tokio::task::spawn_blocking(move || TOOLS.run("audits.mjs", &[Path::new(&url)], &[("AUTHORIZATION", &authorization)])).await.unwrap();
    assert!(said.contains("61 of 61 audits passed"), "{said}");
}

#[test]
fn the_schema_is_valid_and_everything_in_it_is_described() {
    TOOLS.run("described.mjs", &[&schema_file("described")], &[]);
}

#[test]
fn relays_compiler_takes_the_schema() {
    TOOLS.run("relay.mjs", &[&schema_file("relay"), &scratch("http/relay").join("compiled")], &[]);
}

#[test]
fn graphql_codegen_takes_the_schema() {
    TOOLS.run("codegen.mjs", &[&schema_file("codegen"), &scratch("http/codegen").join("generated")], &[]);
}
