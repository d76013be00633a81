//! The public contract is what `schema.graphql` says.

#[test]
fn schema_graphql_is_printed_from_the_code() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.graphql");
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        kept == api::sdl(),
        "schema.graphql differs from the code. If the change is meant, run `cargo run -- schema > schema.graphql`, \
         and name it in CHANGELOG.md if it breaks a client."
    );
}
