//! What has changed, page by page; counts and ids to compare with; what is kept from the app.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use integrations::ports::commerce::{BulkRecord, LineError};
use integrations::ports::shop::{Counted, DataKind, Deleted, ExportAsk, Instants, PageAsk, Problem, Range, Reach, ShopSource};
use rstest::rstest;
use tests::harness::shopify::{Does, Kind, On, order};

use super::world::{EVERYTHING, World, at, kind, lines, sorted};

impl World {
    /// Every page of a range, with the rest of what did not fit.
    async fn pages(&self, kind: DataKind, range: Range, first: u32) -> Vec<Result<BulkRecord, LineError>> {
        let (mut records, mut after, mut last) = (Vec::new(), None, None);
        loop {
            let page = self.app.page(&self.access, &PageAsk { kind, range, after: after.as_deref(), first }).await.unwrap();
            assert!(page.roots <= u64::from(first) && page.up_to >= last, "sorted by what changed");
            last = page.up_to;
            records.extend(page.records);
            let mut unfinished = page.unfinished;
            while let Some(one) = unfinished.pop() {
                let rest = self.app.rest(&self.access, &one).await.unwrap();
                records.extend(rest.records);
                unfinished.extend(rest.unfinished);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return records,
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn pages_and_an_export_say_the_same(#[values(DataKind::Customers, DataKind::Products, DataKind::Orders)] data: DataKind) {
    let world = World::trading().await;
    let export = world.app.start_export(&world.access, &ExportAsk { kind: data, range: EVERYTHING }).await.unwrap();
    let export = world.app.export(&world.access, &export.id).await.unwrap().unwrap();
    let whole = lines(&mut *world.app.open_export(export.file.as_ref().unwrap()).await.unwrap()).await.unwrap();
    // Among the products one has more variants than a page has room for.
    assert_eq!(sorted(world.pages(data, EVERYTHING, 7).await), sorted(whole));
}

#[tokio::test]
async fn what_has_changed_since_is_found_and_nothing_else() {
    let world = World::trading().await;
    let now = at("2026-12-24T00:00:00Z");
    world.shop(|shop| {
        shop.put(Kind::Order, &order(5_003, 2, 7_001, at("2026-02-01T00:00:00Z"), now));
        shop.put(Kind::Order, &order(9_001, 1, 7_002, now, now + TimeDelta::seconds(1)));
    });
    let since = Range { by: Instants::Updated, from: Some(now), until: None, archived: true };
    let page = world.app.page(&world.access, &PageAsk { kind: DataKind::Orders, range: since, after: None, first: 50 }).await.unwrap();
    assert_eq!((page.roots, page.records.len(), page.up_to, page.next), (2, 5, Some(now + TimeDelta::seconds(1)), None));
}

#[rstest]
#[tokio::test]
async fn one_thing_is_told_with_all_that_hangs_from_it(#[values(DataKind::Customers, DataKind::Products, DataKind::Orders)] data: DataKind) {
    let world = World::trading().await;
    let (id, thing) = world.shop(|shop| shop.things(kind(data)).pop_last().unwrap());
    let page = world.app.one(&world.access, data, &id.to_string()).await.unwrap();
    let children = ["lineItems", "variants"].iter().filter_map(|name| thing[*name].as_array()).map(Vec::len).sum::<usize>();
    assert_eq!((page.roots, page.records.len(), page.unfinished.len()), (1, 1 + children, 0));
    let none = world.app.one(&world.access, data, "1").await.unwrap();
    assert!(none.roots == 0 && none.records.is_empty());
}

#[tokio::test]
async fn a_page_that_asks_for_too_much_says_so() {
    let world = World::trading().await;
    let error = world.app.page(&world.access, &PageAsk { kind: DataKind::Products, range: EVERYTHING, after: None, first: 250 }).await.unwrap_err();
    assert!(matches!(error.problem, Problem::TooCostly(_)), "{error}");
}

#[rstest]
#[tokio::test]
async fn days_are_counted_a_week_at_once(#[values(DataKind::Customers, DataKind::Products, DataKind::Orders)] data: DataKind) {
    let world = World::trading().await;
    let day = |day: i64| {
        let from = at("2026-01-01T00:00:00Z") + TimeDelta::days(day);
        Range { by: Instants::Created, from: Some(from), until: Some(from + TimeDelta::days(1)), archived: true }
    };
    let mut sum = 0;
    for week in 0..53 {
        let days: Vec<Range> = (0..7).map(|index| day(week * 7 + index)).collect();
        let counted = world.app.counts(&world.access, data, &days).await.unwrap();
        assert!(counted.len() == 7 && counted.iter().all(|counted| counted.exact));
        sum += counted.iter().map(|counted| counted.count).sum::<u64>();
    }
    assert_eq!(sum as usize, world.shop(|shop| shop.count(kind(data))));
    let three = world.app.counts(&world.access, data, &[EVERYTHING, day(0), day(-1)]).await.unwrap();
    assert_eq!((three.len(), three[0], three[2]), (3, Counted { count: sum, exact: true }, Counted { count: 0, exact: true }));
    assert!(world.app.counts(&world.access, data, &[]).await.unwrap().is_empty());
    assert!(world.app.counts(&world.access, data, &[EVERYTHING; 8]).await.is_err());
}

#[tokio::test]
async fn what_was_deleted_is_missing_among_the_ids_and_told_where_the_log_tells() {
    let world = World::trading().await;
    let since = world.shopify.now() - TimeDelta::seconds(5);
    world.shop(|shop| {
        shop.delete(Kind::Order, 5_007, since + TimeDelta::seconds(6));
        shop.delete(Kind::Product, 83, since + TimeDelta::seconds(7));
    });
    let ids = world.app.ids(&world.access, DataKind::Orders, EVERYTHING, None).await.unwrap();
    let found: BTreeSet<u64> = ids.ids.iter().map(|(id, _)| id.parse().unwrap()).collect();
    assert_eq!((found.len(), found.contains(&5_007), found.contains(&5_008), ids.next), (59, false, true, None));
    let page = world.app.deletions(&world.access, since, None).await.unwrap();
    assert_eq!(page.deleted.iter().map(|Deleted { kind, external_id, .. }| (*kind, external_id.as_str())).collect::<Vec<_>>(), [(DataKind::Products, "83")]);
    assert!(world.app.deletions(&world.access, since + TimeDelta::seconds(9), None).await.unwrap().deleted.is_empty());
}

#[tokio::test]
async fn what_is_not_granted_is_said() {
    let world = World::trading().await;
    world.shop(|shop| shop.granted = vec!["read_orders".to_owned(), "read_products".to_owned()]);
    let error = world.app.page(&world.access, &PageAsk { kind: DataKind::Customers, range: EVERYTHING, after: None, first: 5 }).await.unwrap_err();
    assert!(matches!(error.problem, Problem::MissingScope(_)), "{error}");
    let granted = world.shop(|shop| shop.granted.clone());
    assert_eq!(world.app.reach(DataKind::Orders, &granted), Some(Reach { days: 60, scope: "read_all_orders" }));
    assert_eq!(world.app.reach(DataKind::Products, &granted), None);
    assert_eq!(world.app.reach(DataKind::Orders, &["read_all_orders".to_owned()]), None);
    // And it is so: the shop shows recent orders alone.
    let recent = world.app.counts(&world.access, DataKind::Orders, &[EVERYTHING]).await.unwrap()[0].count;
    assert!((recent as usize) < world.shop(|shop| shop.count(Kind::Order)));
}

#[tokio::test]
async fn a_page_that_comes_in_part_is_no_page() {
    let world = World::trading().await;
    for does in [Does::Cut(2_000), Does::Error("INTERNAL_SERVER_ERROR"), Does::Babbles] {
        world.shopify.then(On::Operation("OrdersPage"), [does]);
        let ask = PageAsk { kind: DataKind::Orders, range: EVERYTHING, after: None, first: 20 };
        assert!(world.app.page(&world.access, &ask).await.unwrap_err().problem.is_passing(), "{does:?}");
    }
    let ask = PageAsk { kind: DataKind::Orders, range: EVERYTHING, after: Some("nowhere"), first: 20 };
    assert!(matches!(world.app.page(&world.access, &ask).await.unwrap_err().problem, Problem::Refused(_)));
}
