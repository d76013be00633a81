//! What changes after the first sync follows: by webhooks, by increments, by reconciliation, never backwards.

use chrono::TimeDelta;
use commerce::sync::SyncLimits;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;
use tests::harness::shopify::{Does, Kind, On, Sequence, customer, order, product};

use crate::world::{SCOPES, World, changed, text};

impl World {
    /// Up to when increments of each kind have come.
    pub async fn checkpoints(&self) -> Vec<(String, chrono::DateTime<chrono::Utc>)> {
        use sea_orm::ConnectionTrait;
        let db = self.server.db();
        let tx = db.read(platform::db::Access::Tenant(self.tenant)).await.unwrap();
        let rows = tx.query_all_raw(db.statement("select kind, up_to from sync_checkpoints order by kind", [])).await.unwrap();
        rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
    }

    async fn order_row(&self, id: u64) -> Value {
        let found = self.ask(&format!("{{ orders(filter: {{ number: \"#{id}\" }}) {{ nodes {{ externalId email updatedAt }} }} }}")).await;
        found["orders"]["nodes"][0].clone()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_while_an_export_was_prepared_stays(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 20).await;
    world.shop(|shop| shop.bulk_patience = 4);
    world.shop(|shop| shop.subscribe("ORDERS_UPDATED", "https://noren.example/hooks"));
    world.shop(|shop| shop.subscribe("ORDERS_CREATE", "https://noren.example/hooks"));
    world.shopify.deliveries(crate::world::SHOP, Sequence::AsHappened);
    let id = world.begin("kind: FULL").await;
    world.exporting(3).await;
    // The shop's files are as of now. One order is changed after that, one within the same second as it was dated before, one is new.
    let later = world.shopify.now() + TimeDelta::seconds(5);
    world.shop(|shop| {
        let (newer, same) = (shop.things(Kind::Order)[&5_001].clone(), shop.things(Kind::Order)[&5_002].clone());
        let as_before = text(&same["updatedAt"]).parse().unwrap();
        shop.put(Kind::Order, &changed(newer, later, json!({ "email": "newer@example.com" })));
        shop.put(Kind::Order, &changed(same, as_before, json!({ "email": "same-second@example.com" })));
        shop.put(Kind::Order, &order(5_900, 1, 7_001, later, later));
    });
    let deliveries = world.shopify.deliveries(crate::world::SHOP, Sequence::Backwards);
    assert_eq!(deliveries.len(), 3);
    world.deliver(&deliveries).await;
    assert_eq!(world.run(&id).await["status"], "RUNNING");
    assert_eq!(world.order_row(5_001).await["email"], "newer@example.com", "known before the export has brought it");
    let run = world.ended(&id).await;
    assert_eq!(run["status"], "COMPLETED", "{run}");
    for (number, email) in [(5_001, "newer@example.com"), (5_002, "same-second@example.com"), (5_900, "hanako7001@example.com")] {
        assert_eq!(world.order_row(number).await["email"], email, "{number}");
    }
    world.complete("kind: INCREMENT").await;
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn increments_follow_what_changes_and_what_is_deleted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 30).await;
    world.complete("kind: FULL").await;
    let (calls, began) = (world.shopify.heard().len(), world.checkpoints().await);
    assert_eq!(began.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["CUSTOMERS", "DELETIONS", "ORDERS", "PRODUCTS"]);
    let quiet = world.complete("kind: INCREMENT").await;
    assert_eq!((&quiet["received"], &quiet["created"]), (&json!(0), &json!(0)), "{quiet}");
    assert!(world.shopify.heard().len() - calls <= 6, "nothing has changed: a page of each kind, and what was deleted");

    let now = world.shopify.now() + TimeDelta::seconds(1);
    world.shop(|shop| {
        // More than a page, with more children than come with it; some are new, one has fewer than before.
        for number in 1..=25 {
            let known = shop.things(Kind::Order)[&(5_000 + number)].clone();
            shop.put(
                Kind::Order,
                &changed(known, now + TimeDelta::seconds(number as i64 / 5), json!({ "email": format!("changed{number}@example.com"), "closed": true })),
            );
        }
        shop.put(Kind::Order, &order(5_901, 4, 7_901, now, now));
        shop.put(Kind::Customer, &customer(7_901, now, now));
        shop.put(Kind::Product, &product(91, 130, now, now));
        let mut fewer = changed(shop.things(Kind::Product)[&85].clone(), now, json!({ "title": "Gyokuro" }));
        fewer["variants"].as_array_mut().unwrap().drain(3..40);
        shop.put(Kind::Product, &fewer);
        shop.delete(Kind::Product, 82, now);
    });
    let run = world.complete("kind: INCREMENT").await;
    world.assert_same_but_many_variants().await;
    assert_eq!(run["deleted"], 1, "{run}");
    for ((kind, before), (_, after)) in began.iter().zip(world.checkpoints().await) {
        assert!(after > *before, "{kind}: {before} {after}");
    }
    let again = world.complete("kind: INCREMENT").await;
    assert_eq!((&again["created"], &again["updated"]), (&json!(0), &json!(0)), "the overlap comes again and changes nothing: {again}");
}

impl World {
    /// Everything is as in the shop; of a product the first hundred variants are looked at.
    async fn assert_same_but_many_variants(&self) {
        let cut = |rows: Vec<String>| rows.into_iter().filter(|row| !row.starts_with("product | 91 ")).collect::<Vec<_>>();
        assert_eq!(cut(self.rows().await), cut(self.expected()));
        let found = self.ask("{ products(filter: { text: \"Tea 91\" }) { nodes { variants(first: 250) { totalCount } } } }").await;
        assert_eq!(found["products"]["nodes"][0]["variants"]["totalCount"], 130);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_increment_that_breaks_off_goes_on_from_what_it_has_written(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 60).await;
    world.complete("kind: FULL").await;
    let now = world.shopify.now() + TimeDelta::seconds(1);
    world.shop(|shop| {
        for number in 1..=60 {
            let known = shop.things(Kind::Order)[&(5_000 + number)].clone();
            shop.put(Kind::Order, &changed(known, now + TimeDelta::seconds(number as i64), json!({ "email": format!("changed{number}@example.com") })));
        }
    });
    world.shopify.then(On::Operation("OrdersPage"), [Does::Right, Does::Right, Does::Right, Does::Status(500, None), Does::Cut(50), Does::Throttled]);
    world.complete("kind: INCREMENT").await;
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn increments_and_reconciliations_begin_by_themselves(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 12).await;
    world.complete("kind: FULL").await;
    world.settings("intervalMinutes: 15, reconciledDays: 3").await;
    let kinds = async || {
        let found = world.ask("{ stores { nodes { syncRuns(filter: { statuses: [COMPLETED] }) { nodes { kind } } } } }").await;
        let kinds: Vec<String> = found["stores"]["nodes"][0]["syncRuns"]["nodes"].as_array().unwrap().iter().map(|run| text(&run["kind"]).to_owned()).collect();
        ["INCREMENT", "RECONCILIATION"].map(|kind| kinds.iter().filter(|one| *one == kind).count())
    };
    let wait = async |minutes: i64| {
        for _ in 0..minutes {
            world.pass(TimeDelta::minutes(1));
            tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
            world.quiesce().await;
        }
    };
    wait(1).await;
    assert_eq!(kinds().await, [0, 0], "not yet");
    let now = world.shopify.now();
    world.shop(|shop| shop.put(Kind::Order, &order(5_901, 1, 7_001, now, now)));
    world.pass(TimeDelta::minutes(14));
    wait(2).await;
    assert_eq!(kinds().await, [1, 0]);
    world.assert_same().await;
    world.pass(TimeDelta::days(1));
    wait(2).await;
    assert_eq!(kinds().await[1], 1, "{:?}", kinds().await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reconciliation_finds_what_was_missed_and_repairs_it(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 12).await;
    let now = world.shopify.now();
    let day = |days: i64| now - TimeDelta::days(days);
    world.shop(|shop| (1..=10).for_each(|number| shop.put(Kind::Order, &order(6_000 + number, 2, 7_001, day(number as i64), day(number as i64)))));
    world.complete("kind: FULL").await;
    world.settings("reconciledDays: 20").await;
    let same = world.complete("kind: RECONCILIATION").await;
    assert_eq!((&same["warnings"], &same["created"], &same["asked"]), (&json!([]), &json!(0), &json!(3 * 20 + 2)), "{same}");

    // Nobody has told of these: an order that is dated before the checkpoint, one that was deleted, a customer that was deleted.
    world.shop(|shop| {
        shop.put(Kind::Order, &order(6_900, 3, 7_002, day(4), day(4)));
        shop.delete(Kind::Order, 6_007, now);
        shop.delete(Kind::Customer, 7_005, now);
    });
    world.shop(|shop| {
        let of_nobody: Vec<_> = shop.things(Kind::Order).into_values().filter(|order| order["customer"]["id"] == "gid://shopify/Customer/7005").collect();
        of_nobody.iter().for_each(|order| shop.put(Kind::Order, &changed(order.clone(), now + TimeDelta::seconds(1), json!({ "customer": null }))));
    });
    world.complete("kind: INCREMENT").await;
    let run = world.complete("kind: RECONCILIATION").await;
    assert_eq!((&run["warnings"][0]["code"], &run["deleted"]), (&json!("REPAIRED"), &json!(2)), "{run}");
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_increment_that_fails_for_good_ends_and_is_told_of(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::with(backend, 9, SyncLimits { failures: 4, ..SyncLimits::default() }, &SCOPES).await;
    world.complete("kind: FULL").await;
    // There are always customers to begin with, and orders never come.
    let busy = |seconds: i64| {
        let now = world.shopify.now() + TimeDelta::seconds(seconds);
        world.shop(|shop| shop.put(Kind::Customer, &changed(shop.things(Kind::Customer)[&7_001].clone(), now, json!({}))));
    };
    busy(0);
    world.shopify.then(On::Operation("OrdersPage"), [Does::Status(500, None); 60]);
    let id = world.begin("kind: INCREMENT").await;
    let mut run = world.run(&id).await;
    for round in 1..400 {
        if run["status"] == "FAILED" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if world.at_work().await == 0 {
            busy(round);
            world.pass(TimeDelta::minutes(11));
        }
        run = world.run(&id).await;
    }
    assert_eq!(run["status"], "FAILED", "{run}");
    assert!(run["errorMessage"].as_str().unwrap().contains("OrdersPage"), "{run}");
    world.quiesce().await;
    let alerts = world.ask("{ alerts(filter: { types: [\"SyncFailed\"] }) { nodes { status } } }").await;
    assert_eq!(alerts["alerts"]["nodes"], json!([{ "status": "OPEN" }]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_orders_say_of_a_customer_is_no_younger_than_their_export(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 9).await;
    world.complete("kind: FULL").await;
    let now = world.shopify.now();
    // An order of somebody else is dated after the name of this one has changed.
    world.shop(|shop| {
        let other = shop.things(Kind::Order).into_values().find(|order| order["customer"]["id"] != "gid://shopify/Customer/7002").unwrap();
        shop.put(Kind::Order, &changed(other, now + TimeDelta::minutes(2), json!({})));
        shop.bulk_patience = 4;
    });
    let exports = world.shop(|shop| shop.operations().len());
    let full = world.begin("kind: FULL").await;
    world.exporting(exports + 3).await;
    world.shop(|shop| {
        shop.put(Kind::Customer, &changed(shop.things(Kind::Customer)[&7_002].clone(), now + TimeDelta::minutes(1), json!({ "lastName": "鈴木" })));
    });
    world.complete("kind: INCREMENT").await;
    world.assert_same().await;
    assert_eq!(world.ended(&full).await["status"], "COMPLETED");
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reconciliation_of_a_living_shop_finds_no_fault(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 9).await;
    world.complete("kind: FULL").await;
    world.settings("reconciledDays: 3").await;
    let id = world.begin("kind: RECONCILIATION").await;
    let living = async {
        for number in 7_100.. {
            let now = world.shopify.now();
            world.shop(|shop| {
                shop.put(Kind::Customer, &customer(number, now, now));
                shop.put(Kind::Product, &product(number, 1, now, now));
            });
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    let run = tokio::select! {
        run = world.ended(&id) => run,
        () = living => unreachable!("it never ends"),
    };
    assert_eq!((&run["status"], &run["warnings"]), (&json!("COMPLETED"), &json!([])), "{run}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_away_stays_out_where_it_is_not_wanted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 9).await;
    world.settings("archived: false, reconciledDays: 300").await;
    let then = world.shopify.now() - TimeDelta::days(2);
    let away = |number: u64, when| {
        let (order, product) = (order(number, 2, 7_001, then, then), product(number, 30, then, then));
        world.shop(|shop| {
            shop.put(Kind::Order, &changed(order, when, json!({ "closed": true })));
            shop.put(Kind::Product, &changed(product, when, json!({ "status": "ARCHIVED" })));
        });
    };
    let expected = || world.expected().into_iter().filter(|row| !row.contains("| 5900 ") && !row.contains("| 5901 ")).collect::<Vec<_>>();
    away(5_900, then);
    world.complete("kind: FULL").await;
    assert_eq!(world.rows().await, expected());

    // They change, others come, and one that is known is put away.
    let now = world.shopify.now() + TimeDelta::seconds(1);
    away(5_900, now);
    away(5_901, now);
    world.shop(|shop| {
        let (closed, archived) = (shop.things(Kind::Order)[&5_003].clone(), shop.things(Kind::Product)[&82].clone());
        shop.put(Kind::Order, &changed(closed, now, json!({ "closed": true })));
        shop.put(Kind::Product, &changed(archived, now, json!({ "status": "ARCHIVED", "title": "Bancha" })));
    });
    world.complete("kind: INCREMENT").await;
    assert_eq!(world.rows().await, expected());
    let run = world.complete("kind: RECONCILIATION").await;
    assert_eq!((&run["created"], &run["deleted"]), (&json!(0), &json!(0)), "{run}");
    assert_eq!(world.rows().await, expected());
    world.complete("kind: FULL").await;
    assert_eq!(world.rows().await, expected());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_late_delivery_does_not_bring_a_deleted_order_back(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::trading(backend, 9).await;
    world.complete("kind: FULL").await;
    world.shop(|shop| {
        shop.bulk_patience = 4;
        shop.subscribe("ORDERS_UPDATED", "https://noren.example/hooks");
    });
    world.shopify.deliveries(crate::world::SHOP, Sequence::AsHappened);
    let exports = world.shop(|shop| shop.operations().len());
    let full = world.begin("kind: FULL").await;
    world.exporting(exports + 3).await;
    // Changed and then deleted, while the shop prepares its files; the word of the change is late.
    let told_at = world.shopify.now();
    world.shop(|shop| shop.put(Kind::Order, &changed(shop.things(Kind::Order)[&5_003].clone(), told_at, json!({ "email": "late@example.com" }))));
    let late = world.shopify.deliveries(crate::world::SHOP, Sequence::AsHappened);
    assert_eq!(late.len(), 1);
    world.shop(|shop| shop.delete(Kind::Order, 5_003, told_at));
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let run = world.ended(&full).await;
    assert_eq!((&run["status"], &run["deleted"]), (&json!("COMPLETED"), &json!(1)), "{run}");
    world.deliver_as_of(&late, told_at).await;
    world.assert_same().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_edited_while_pages_are_read_has_the_lines_that_it_has(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::with(backend, 25, SyncLimits { page: 10, ..SyncLimits::default() }, &SCOPES).await;
    world.complete("kind: FULL").await;
    let now = world.shopify.now() + TimeDelta::seconds(1);
    world.shop(|shop| {
        for number in 1..=25 {
            let known = shop.things(Kind::Order)[&(5_000 + number)].clone();
            shop.put(Kind::Order, &changed(known, now + TimeDelta::seconds(number as i64), json!({})));
        }
    });
    world.shopify.then(On::Operation("OrdersPage"), [Does::Slow(std::time::Duration::from_millis(800))]);
    let before = world.shopify.times("OrdersPage");
    let id = world.begin("kind: INCREMENT").await;
    while world.shopify.times("OrdersPage") == before {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // It is on the first page, which is on its way, and on the last one again.
    world.shop(|shop| {
        let mut fewer = changed(shop.things(Kind::Order)[&5_003].clone(), now + TimeDelta::minutes(1), json!({}));
        fewer["lineItems"].as_array_mut().unwrap().pop();
        shop.put(Kind::Order, &fewer);
    });
    let run = world.ended(&id).await;
    assert_eq!(run["status"], "COMPLETED", "{run}");
    world.assert_same().await;
}
