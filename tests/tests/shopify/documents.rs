//! Every file of what is asked of Shopify is valid by what the stand-in knows of the API.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tests::harness::shopify::objection;

fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "graphql") {
            found.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// The fragments that a text spreads, and those that they spread.
fn spread(text: &str, fragments: &BTreeMap<String, String>, found: &mut BTreeSet<String>) {
    for name in text.split("...").skip(1).filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next()).filter(|name| !name.is_empty()) {
        let fragment = fragments.values().find(|fragment| fragment.contains(&format!("fragment {name} on"))).unwrap_or_else(|| panic!("{name} is no fragment"));
        if found.insert(fragment.clone()) {
            spread(fragment, fragments, found);
        }
    }
}

#[test]
fn every_document_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../integrations/src/shopify/documents");
    let (fragments, mut checked) = (files(&folder.join("fragments")), 0);
    let mut unused: BTreeSet<&String> = fragments.values().collect();
    let bulk = files(&folder.join("bulk")).into_iter().map(|(name, text)| (name, text.replace("SEARCH", "status:open")));
    for (name, mut text) in files(&folder).into_iter().chain(bulk) {
        let mut spreads = BTreeSet::new();
        spread(&text, &fragments, &mut spreads);
        spreads.iter().for_each(|fragment| text.push_str(fragment));
        assert_eq!(objection(&text), None, "{name}");
        unused.retain(|fragment| !spreads.contains(*fragment));
        checked += 1;
    }
    assert!(checked > 25 && unused.is_empty(), "{checked} were checked, unused: {unused:?}");
    assert!(objection("query Nonsense { shop { nonsense } }").is_some());
}
