//! Pages: walked from either end, in steps of any size, a list shows each of its rows once and in its order.

use std::time::{Duration, Instant};

use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestRunner};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Answer, Backend, Credentials, Town, seed};
use uuid::Uuid;

/// A list, and what it must show when the smallest come first.
struct Listed {
    /// The query around the list: `%` stands for the list itself.
    around: String,
    list: &'static str,
    key: &'static str,
    who: Credentials,
    ids: Vec<String>,
}

impl Listed {
    fn new<K: Ord>(around: &str, list: &'static str, key: &'static str, who: &Credentials, rows: impl Iterator<Item = (K, Uuid, String)>) -> Self {
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        Self { around: around.to_owned(), list, key, who: who.clone(), ids: rows.into_iter().map(|(.., id)| id).collect() }
    }

    async fn page(&self, town: &Town, arguments: &str) -> Answer {
        let page = "totalCount edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";
        let list = format!("{}({arguments}) {{ {page} }}", self.list);
        town.server.ask(&self.who, &format!("{{ {} }}", self.around.replace('%', &list))).await
    }

    fn found<'a>(&self, answer: &'a Answer) -> &'a Value {
        let data = answer.data();
        data.get(self.list).or_else(|| data.as_object()?.values().next()?.get(self.list)).unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// Walks the whole list in pages of these sizes, over and over.
    async fn walk(&self, town: &Town, direction: &str, forwards: bool, sizes: &[usize]) -> Vec<String> {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        for size in sizes.iter().cycle() {
            let place = match (&cursor, forwards) {
                (None, _) => String::new(),
                (Some(cursor), true) => format!("after: \"{cursor}\", "),
                (Some(cursor), false) => format!("before: \"{cursor}\", "),
            };
            let size = format!("{}: {size}", if forwards { "first" } else { "last" });
            let answer = self.page(town, &format!("{place}{size}, orderBy: {{ field: {}, direction: {direction} }}", self.key)).await;
            let page = self.found(&answer);
            assert_eq!(page["totalCount"], json!(self.ids.len()));
            let mut ids: Vec<String> = page["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect();
            assert_eq!(page["nodes"], json!(ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>()));
            if !forwards {
                ids.reverse();
            }
            seen.extend(ids);
            let (more, next) = if forwards { ("hasNextPage", "endCursor") } else { ("hasPreviousPage", "startCursor") };
            if page["pageInfo"][more] == false {
                break;
            }
            assert!(seen.len() <= self.ids.len(), "{} by {} does not end", self.list, self.key);
            cursor = page["pageInfo"][next].as_str().map(str::to_owned);
        }
        seen
    }
}

/// Every list of every kind, by every key.
async fn lists(town: &Town) -> Vec<Listed> {
    let (who, side) = (&town.ours.admin.credentials, &town.ours);
    let mut stores: Vec<_> = side.stores.iter().map(|data| data.row.clone()).collect();
    let tx = town.server.db().write(platform::db::Access::Platform).await.unwrap();
    for number in 0..5 {
        // Three of them have one name.
        let mut row = seed::store_row(side.tenant, &format!("other{number}"));
        row.name_key = format!("shop {}", number / 3);
        seed::insert::<entities::tables::stores::Entity, entities::tables::stores::ActiveModel>(&tx, std::slice::from_ref(&row)).await;
        stores.push(row);
    }
    tx.commit().await.unwrap();
    let mut tenants = vec![(format!("{} k.k.", side.marker), side.tenant), (format!("{} k.k.", town.theirs.marker), town.theirs.tenant)];
    for number in 0..5 {
        let name = format!("Tenant {}", number % 2);
        tenants.push((name.to_lowercase(), town.people.tenant(&name).await));
    }
    let orders = || side.stores.iter().flat_map(|data| &data.orders);
    let customers = || side.stores.iter().flat_map(|data| &data.customers);
    let products = || side.stores.iter().flat_map(|data| &data.products);
    macro_rules! by {
        ($list:literal, $key:literal, $rows:expr, |$row:ident| $value:expr) => {
            Listed::new("%", $list, $key, who, $rows.map(|$row| ($value, $row.id.uuid(), $row.id.to_string())))
        };
    }
    let in_store = format!("store(id: \"{}\") {{ % }}", side.store(0));
    let buyer = side.stores[0].orders.iter().find_map(|order| order.customer_id).unwrap();
    let of_buyer = format!("customer(id: \"{buyer}\") {{ % }}");
    let bought = orders().filter(|row| row.customer_id == Some(buyer)).map(|row| (row.updated_at, row.id.uuid(), row.id.to_string()));
    let sold = side.stores[0].orders.iter().map(|row| (row.processed_at, row.id.uuid(), row.id.to_string()));
    let of_tenant = format!("tenant(id: \"{}\") {{ % }}", side.tenant);
    vec![
        by!("orders", "PROCESSED_AT", orders(), |row| row.processed_at),
        by!("orders", "UPDATED_AT", orders(), |row| row.updated_at),
        by!("orders", "TOTAL_PRICE", orders(), |row| row.total_price_minor),
        by!("customers", "CREATED_AT", customers(), |row| row.created_at),
        by!("customers", "UPDATED_AT", customers(), |row| row.updated_at),
        by!("customers", "TOTAL_SPENT", customers(), |row| row.total_spent_minor),
        by!("products", "TITLE", products(), |row| row.title_key.clone()),
        by!("products", "CREATED_AT", products(), |row| row.created_at),
        by!("products", "UPDATED_AT", products(), |row| row.updated_at),
        by!("stores", "NAME", stores.iter(), |row| row.name_key.clone()),
        by!("stores", "CREATED_AT", stores.iter(), |row| row.created_at),
        Listed::new("%", "tenants", "COMPANY_NAME", &town.platform, tenants.iter().map(|(name, id)| (name.clone(), id.uuid(), id.to_string()))),
        Listed::new("%", "tenants", "CREATED_AT", &town.platform, tenants.iter().map(|(_, id)| ((), id.uuid(), id.to_string()))),
        Listed::new(&in_store, "orders", "PROCESSED_AT", who, sold),
        Listed::new(&of_buyer, "orders", "UPDATED_AT", who, bought),
        Listed::new(&of_tenant, "stores", "NAME", who, stores.iter().map(|row| (row.name_key.clone(), row.id.uuid(), row.id.to_string()))),
    ]
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_in_pages_of_any_size_visits_each_row_once_and_in_order(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 9).await;
    let lists = lists(&town).await;
    let started = Instant::now();
    for listed in &lists {
        let walks = (proptest::collection::vec(1_usize..8, 1..4), any::<bool>(), any::<bool>());
        let mut runner = TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
        let run = runner.run(&walks.prop_map(|walk| walk), |(sizes, forwards, reverse)| {
            let direction = if reverse { "DESC" } else { "ASC" };
            let seen = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(listed.walk(&town, direction, forwards, &sizes)));
            let mut expected = listed.ids.clone();
            if reverse == forwards {
                expected.reverse();
            }
            proptest::prop_assert_eq!(&seen, &expected, "{} by {} {}", listed.list, listed.key, direction);
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{} by {}: {error}", listed.list, listed.key));
    }
    assert!(started.elapsed() < Duration::from_secs(120));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_page_is_refused() {
    let town = Town::new(Backend::Sqlite, 3).await;
    let lists = lists(&town).await;
    for listed in &lists {
        let answer = listed.page(&town, &format!("first: 1, orderBy: {{ field: {} }}", listed.key)).await;
        let cursor = listed.found(&answer)["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
        for other in lists.iter().filter(|other| other.list == listed.list && other.key != listed.key) {
            let refused = other.page(&town, &format!("first: 1, after: \"{cursor}\", orderBy: {{ field: {} }}", other.key)).await;
            assert_eq!(refused.code(), Some("BAD_USER_INPUT"), "a cursor of {} was taken for {}", listed.key, other.key);
        }
        let wrong = ["first: 251", "last: 251", "first: -1", "first: 1, last: 1", "first: 1, before: \"x\"", "last: 1, after: \"x\"", "first: 1, after: \"x\""];
        for arguments in wrong {
            assert_eq!(listed.page(&town, arguments).await.code(), Some("BAD_USER_INPUT"), "{}({arguments})", listed.list);
        }
        let (none, all) = (listed.page(&town, "first: 0").await, listed.page(&town, "first: 250").await);
        assert_eq!(listed.found(&none)["edges"], json!([]));
        assert_eq!(listed.found(&none)["pageInfo"]["hasNextPage"], json!(true));
        assert_eq!(listed.found(&all)["edges"].as_array().unwrap().len(), listed.ids.len());
    }
}
