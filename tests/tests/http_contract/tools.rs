//! The tools of those who use the API: they take the schema, and find the endpoint to be as they expect.

use std::path::Path;

use entities::TokenRole;
use tests::harness::{Backend, Server};

use crate::node::{run, schema_file, scratch};

#[tokio::test(flavor = "multi_thread")]
async fn every_audit_of_graphql_over_http_passes() {
    let server = Server::start(Backend::Sqlite).await;
    let authorization = format!("Bearer {}", server.token(TokenRole::PlatformAdmin, None).await);
    let url = server.url("/graphql");
    let said = tokio::task::spawn_blocking(move || run("audits.mjs", &[Path::new(&url)], Some(&authorization))).await.unwrap();
    assert!(said.contains("61 of 61 audits passed"), "{said}");
}

#[test]
fn the_schema_is_valid_and_everything_in_it_is_described() {
    run("described.mjs", &[&schema_file("described")], None);
}

#[test]
fn relays_compiler_takes_the_schema() {
    run("relay.mjs", &[&schema_file("relay"), &scratch("relay").join("compiled")], None);
}

#[test]
fn graphql_codegen_takes_the_schema() {
    run("codegen.mjs", &[&schema_file("codegen"), &scratch("codegen").join("generated")], None);
}
