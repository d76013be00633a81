//! Everything that can be reached from one's own is one's own.

use entities::StoreId;
use rstest::rstest;
use tests::harness::{Backend, Contract, Town, ids_in};

use crate::kinds;

/// How deep relations are followed below a root field.
const DEPTH: usize = 2;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn from_ones_own_nothing_leads_to_what_is_anothers(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 4).await;
    let contract = Contract::of(&town.server).await;
    let mine = town.belongings(town.ours.tenant).await;
    let roots = [
        "tenants",
        "stores",
        "customers",
        "products",
        "orders",
        "users",
        "apiTokens",
        "auditEvents",
        "jobs",
        "webhookEndpoints",
        "webhookDeliveries",
        "connections",
        "webhookEvents",
        "alerts",
        "alertSilences",
        "notificationChannels",
        "notifications",
    ];
    // A merchant sees nothing of the tenant beside the store.
    let of_a_store = Contract::of(&town.server).await.without(&["tenant", "alerts"]);
    let callers = [
        ("administrator", &town.ours.admin.credentials, None, &contract),
        ("platform administrator in the tenant", &town.platform.choosing(town.ours.tenant), None, &contract),
        ("member", &town.ours.member.credentials, None, &contract),
        ("member of one store", &town.ours.clerk.credentials, Some(town.ours.store(0)), &contract),
        ("merchant", &kinds::merchant(&town).credentials(), Some(town.ours.store(0)), &of_a_store),
    ];
    for (who, credentials, store, contract) in callers {
        let mut asked = 0;
        let mut queries = vec![format!("{{ viewer {} }}", contract.selection("Viewer", DEPTH))];
        for root in roots {
            let field = contract.fields("Query").iter().find(|field| field.name == root).expect("a root field");
            let node = field.of.name.trim_end_matches("Connection");
            queries.push(format!("{{ {root}(first: 3) {} }}", contract.page(node, DEPTH)));
        }
        for query in queries {
            let answer = town.server.ask(credentials, &query).await;
            // Some lists are not for everybody: the sweep says which.
            if answer.code() == Some("FORBIDDEN") && answer.body["data"].is_null() {
                continue;
            }
            assert!(answer.body.get("errors").is_none(), "{who}: {query}\n{answer:?}");
            for (text, id) in ids_in(&answer.body) {
                let Some(found) = mine.get(&id) else { panic!("{who} reaches {text}, which is another tenant's: {query}") };
                assert!(reaches(store, *found), "{who} reaches {text}, which is in another store: {query}");
                asked += 1;
            }
            let body = answer.body.to_string();
            assert!(!body.contains(&town.theirs.marker), "{who}: {query}\n{body}");
            // Everything of the second store bears its number.
            let next_door = format!("{}2", town.ours.marker);
            assert!(store.is_none() || !body.contains(&next_door), "{who} sees the second store: {query}\n{body}");
        }
        assert!(asked > 100, "{who} reached only {asked} things");
    }
}

fn reaches(limited: Option<StoreId>, found: Option<StoreId>) -> bool {
    limited.is_none_or(|mine| found.is_none_or(|store| store == mine))
}
