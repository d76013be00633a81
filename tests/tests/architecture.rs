//! The house keeps its directions: which crate may lean on which, and which library is used where.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn dependencies(manifest: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(manifest)).unwrap();
    let section = text.split("[dependencies]").nth(1).unwrap_or_default().split("\n[").next().unwrap_or_default().to_owned();
    section.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

#[test]
fn crates_lean_on_those_below_them_alone() {
    // api → ops → commerce → people → platform → integrations → entities; migrations know no entity.
    let order = ["entities", "integrations", "platform", "people", "commerce", "ops", "api"];
    let manifests = ["entities", "integrations", "api/platform", "api/people", "api/commerce", "api/ops", "api"];
    for (rank, manifest) in manifests.iter().enumerate() {
        for dependency in dependencies(&format!("{manifest}/Cargo.toml")) {
            if let Some(other) = order.iter().position(|name| *name == dependency) {
                assert!(other < rank, "{manifest} leans on {dependency}, which is not below it");
            }
        }
    }
    let migration = dependencies("migration/Cargo.toml");
    assert!(!migration.iter().any(|name| order.contains(&name.as_str())), "migrations stay what they were: {migration:?}");
}

#[test]
fn libraries_are_used_in_their_rooms_alone() {
    let uses = |manifest: &str, library: &str| dependencies(manifest).iter().any(|name| name == library);
    for manifest in
        ["entities/Cargo.toml", "api/platform/Cargo.toml", "api/people/Cargo.toml", "api/commerce/Cargo.toml", "api/ops/Cargo.toml", "api/Cargo.toml"]
    {
        assert!(!uses(manifest, "reqwest"), "{manifest}: only integrations speak to the outside");
    }
    for manifest in
        ["entities/Cargo.toml", "integrations/Cargo.toml", "api/platform/Cargo.toml", "api/people/Cargo.toml", "api/commerce/Cargo.toml", "api/ops/Cargo.toml"]
    {
        assert!(!uses(manifest, "async-graphql") && !uses(manifest, "axum"), "{manifest}: only api knows GraphQL and HTTP");
    }
    for (path, text) in sources("api/src") {
        let place = path.strip_prefix(root().join("api/src")).unwrap().to_owned();
        let allowed = place.starts_with("graphql") || place.starts_with("http");
        assert!(allowed || !text.contains("async_graphql::"), "{}: GraphQL belongs into graphql/ and http/", place.display());
    }
}

#[test]
fn only_the_database_room_names_transactions() {
    for folder in ["api/src", "api/people/src", "api/commerce/src", "api/ops/src", "integrations/src"] {
        for (path, text) in sources(folder) {
            for word in ["DatabaseTransaction", "sqlx::Transaction", "begin_with", "TransactionTrait"] {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
}
