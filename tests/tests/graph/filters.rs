//! Filters: each field of each filter finds the rows that it says, and no others.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entities::tables::{customers, orders, products};
use entities::{FinancialStatus, FulfillmentStatus, OrderStatus, StoreDataKind, StoreStatus};
use platform::text::fold;
use rstest::rstest;
use tests::harness::{Backend, Contract, Credentials, Town, seed};

/// A filter, and the ids that it must find.
type Case = (String, BTreeSet<String>);

/// Texts as people type them: wildcards of SQL, other widths, several words, and what is nowhere.
const TEXTS: [&str; 12] =
    ["50%", "%", "_", "under_score", "\\", "back\\slash", "ｔａｎａｋａ", "MIX50", "Ｍｉｘ５０", "山田", "oursmark 50", "nothing like it"];

fn contains(search_text: &str, text: &str) -> bool {
    text.split_whitespace().all(|word| search_text.contains(&fold(word)))
}

fn literal(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

/// Spans with ends on rows, between them, and before all.
fn spans<T>(rows: &[&T], at: impl Fn(&T) -> DateTime<Utc>) -> Vec<(String, DateTime<Utc>, DateTime<Utc>)> {
    let mut instants: Vec<_> = rows.iter().map(|row| at(row)).collect();
    instants.sort();
    let (first, middle, last) = (instants[0], instants[instants.len() / 2], instants[instants.len() - 1]);
    [(first, middle), (middle, last), (first, last), (middle, middle)]
        .into_iter()
        .map(|(from, before)| (format!("{{ from: \"{}\", before: \"{}\" }}", from.to_rfc3339(), before.to_rfc3339()), from, before))
        .collect()
}

struct Cases<'a, T> {
    rows: Vec<&'a T>,
    id: fn(&T) -> String,
    cases: Vec<Case>,
}

impl<'a, T> Cases<'a, T> {
    fn add(&mut self, filter: impl Into<String>, matches: impl Fn(&T) -> bool) {
        let found = self.rows.iter().filter(|row| matches(row)).map(|row| (self.id)(row)).collect();
        self.cases.push((filter.into(), found));
    }

    fn times(&mut self, field: &str, at: fn(&T) -> DateTime<Utc>) {
        for (span, from, before) in spans(&self.rows, at) {
            self.add(format!("{field}: {span}"), |row| at(row) >= from && at(row) < before);
        }
    }

    fn texts(&mut self, search_text: fn(&T) -> &str) {
        for text in TEXTS {
            self.add(format!("text: {}", literal(text)), |row| contains(search_text(row), text));
        }
    }

    fn money(&mut self, field: &str, amount: fn(&T) -> (i64, &str)) {
        self.add(format!("{field}: {{ currencyCode: \"JPY\", min: \"1000\", max: 2000 }}"), |row| {
            amount(row).1 == "JPY" && (1_000..=2_000).contains(&amount(row).0)
        });
        self.add(format!("{field}: {{ currencyCode: \"JPY\" }}"), |row| amount(row).1 == "JPY");
        self.add(format!("{field}: {{ currencyCode: \"USD\", max: \"10.00\" }}"), |row| amount(row).1 == "USD" && amount(row).0 <= 1_000);
    }
}

fn orders(town: &Town) -> Vec<Case> {
    let side = &town.ours;
    let mut of = Cases { rows: side.stores.iter().flat_map(|data| &data.orders).collect(), id: |row: &orders::Model| row.id.to_string(), cases: Vec::new() };
    let (second, buyer) = (side.store(1), side.stores[0].orders.iter().find_map(|order| order.customer_id));
    of.add(format!("storeIds: [\"{second}\"]"), |row| row.store_id == second);
    of.add("storeIds: []", |_| false);
    of.add(format!("customerIds: [\"{}\"]", buyer.expect("a buyer")), |row| row.customer_id == buyer);
    of.add("statuses: [OPEN, CLOSED]", |row| row.status != OrderStatus::Cancelled);
    of.add("financialStatuses: [PAID]", |row| row.financial_status == Some(FinancialStatus::Paid));
    of.add("fulfillmentStatuses: [ON_HOLD, UNFULFILLED]", |row| {
        matches!(row.fulfillment_status, Some(FulfillmentStatus::OnHold | FulfillmentStatus::Unfulfilled))
    });
    of.times("processedAt", |row| row.processed_at);
    of.times("createdAt", |row| row.created_at);
    of.times("updatedAt", |row| row.updated_at);
    of.money("totalPrice", |row| (row.total_price_minor, &row.currency_code));
    of.add("number: \"#1003\"", |row| row.number == "#1003");
    of.add("number: \"#100\"", |_| false);
    let email = side.stores[0].orders.iter().find_map(|order| order.email.clone()).expect("an address");
    of.add(format!("email: {}", literal(&email.to_uppercase())), |row| row.email.as_deref() == Some(&email));
    of.add("test: true", |row| row.test);
    of.add("test: false, statuses: [OPEN]", |row| !row.test && row.status == OrderStatus::Open);
    of.texts(|row| &row.search_text);
    of.cases
}

fn customers(town: &Town) -> Vec<Case> {
    let side = &town.ours;
    let rows = side.stores.iter().flat_map(|data| &data.customers).collect();
    let mut of = Cases { rows, id: |row: &customers::Model| row.id.to_string(), cases: Vec::new() };
    let second = side.store(1);
    of.add(format!("storeIds: [\"{second}\"]"), |row| row.store_id == second);
    of.times("createdAt", |row| row.created_at);
    of.times("updatedAt", |row| row.updated_at);
    of.money("totalSpent", |row| (row.total_spent_minor, &row.currency_code));
    let email = side.stores[0].customers.iter().find_map(|customer| customer.email.clone()).expect("an address");
    of.add(format!("email: {}", literal(&email.replace("Buyer", "ＢＵＹＥＲ"))), |row| row.email.as_deref() == Some(&email));
    of.add("acceptsEmailMarketing: true", |row| row.accepts_email_marketing);
    of.add("isActive: false", |row| !row.is_active);
    of.texts(|row| &row.search_text);
    of.cases
}

fn products(town: &Town) -> Vec<Case> {
    let side = &town.ours;
    let mut of =
        Cases { rows: side.stores.iter().flat_map(|data| &data.products).collect(), id: |row: &products::Model| row.id.to_string(), cases: Vec::new() };
    let second = side.store(1);
    of.add(format!("storeIds: [\"{second}\"]"), |row| row.store_id == second);
    of.add("vendor: \"Kyoto Works\"", |row| row.vendor.as_deref() == Some("Kyoto Works"));
    of.add("productType: \"Ware\"", |row| row.product_type.as_deref() == Some("Ware"));
    of.add("category: \"Cups\", productType: \"Art\"", |row| row.category.as_deref() == Some("Cups") && row.product_type.as_deref() == Some("Art"));
    of.times("createdAt", |row| row.created_at);
    of.times("updatedAt", |row| row.updated_at);
    of.texts(|row| &row.search_text);
    of.cases
}

async fn stores(town: &Town) -> Vec<Case> {
    let mut rows: Vec<_> = town.ours.stores.iter().map(|data| data.row.clone()).collect();
    let tx = town.server.db().write(platform::db::Access::Platform).await.unwrap();
    for (name, status, kind) in [("50%", StoreStatus::Inactive, StoreDataKind::Demo), ("Ｔａｎａｋａ", StoreStatus::Uninstalled, StoreDataKind::Test)] {
        let mut row = seed::store_row(town.ours.tenant, &format!("extra{}", rows.len()));
        row.search_text = platform::text::search_text(&[Some(name), Some(&row.domain)]);
        (row.status, row.data_kind) = (status, kind);
        seed::insert::<entities::tables::stores::Entity, entities::tables::stores::ActiveModel>(&tx, std::slice::from_ref(&row)).await;
        rows.push(row);
    }
    tx.commit().await.unwrap();
    let mut of = Cases { rows: rows.iter().collect(), id: |row| row.id.to_string(), cases: Vec::new() };
    of.add("statuses: [INACTIVE, UNINSTALLED]", |row| row.status != StoreStatus::Active);
    of.add("dataKinds: [DEMO]", |row| row.data_kind == StoreDataKind::Demo);
    of.add("domain: \"OURSMARK1.myshopify.com\"", |row| row.domain == "oursmark1.myshopify.com");
    of.texts(|row| &row.search_text);
    of.cases
}

async fn tenants(town: &Town) -> Vec<Case> {
    let percent = town.people.tenant("50% Ｔａｎａｋａ").await;
    town.people.suspend(town.theirs.tenant).await;
    let ids = |of: &[entities::TenantId]| of.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    vec![
        ("statuses: [SUSPENDED]".to_owned(), ids(&[town.theirs.tenant])),
        ("statuses: [ACTIVE]".to_owned(), ids(&[town.ours.tenant, percent])),
        ("statuses: []".to_owned(), ids(&[])),
        ("text: \"50%\"".to_owned(), ids(&[percent])),
        ("text: \"tanaka\"".to_owned(), ids(&[percent])),
        ("text: \"OURSMARK\"".to_owned(), ids(&[town.ours.tenant])),
        ("text: \"mark\", statuses: [ACTIVE]".to_owned(), ids(&[town.ours.tenant])),
        // Words in any order, as in every other list.
        ("text: \"k.k. oursmark\"".to_owned(), ids(&[town.ours.tenant])),
        ("text: \"_\"".to_owned(), ids(&[])),
    ]
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_each_filter_finds_what_it_says(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 40).await;
    let contract = Contract::of(&town.server).await;
    let admin = &town.ours.admin.credentials;
    let lists: [(&str, &str, &Credentials, Vec<Case>); 5] = [
        ("orders", "OrderFilter", admin, orders(&town)),
        ("customers", "CustomerFilter", admin, customers(&town)),
        ("products", "ProductFilter", admin, products(&town)),
        ("stores", "StoreFilter", admin, stores(&town).await),
        ("tenants", "TenantFilter", &town.platform, tenants(&town).await),
    ];
    for (list, input, who, cases) in lists {
        for field in contract.inputs(input) {
            let tried = cases.iter().any(|(filter, found)| filter.starts_with(&format!("{}:", field.name)) && !found.is_empty());
            assert!(tried, "add a case to graph/filters.rs that finds something by {input}.{}", field.name);
        }
        for (filter, expected) in cases {
            let answer = town.server.ask(who, &format!("{{ {list}(first: 250, filter: {{ {filter} }}) {{ totalCount nodes {{ id }} }} }}")).await;
            let nodes = answer.data()[list]["nodes"].as_array().expect("rows");
            let found: BTreeSet<String> = nodes.iter().map(|node| node["id"].as_str().unwrap_or_default().to_owned()).collect();
            assert_eq!(found, expected, "{list} where {filter}");
            assert_eq!(answer.data()[list]["totalCount"], expected.len(), "{list} where {filter}");
        }
    }
}
