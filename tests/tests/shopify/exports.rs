//! Exports: what comes is everything, or it is told that it is not.

use std::time::Duration;

use chrono::TimeDelta;
use integrations::ports::shop::{DataKind, DownloadError, DownloadReader, Export, ExportAsk, ExportStatus, Fetched, Instants, Problem, Range, ShopSource};
use rstest::rstest;
use tests::harness::shopify::{BulkFault, Does, On};

use super::world::{EVERYTHING, World, at, kind, lines, sorted};

const ORDERS: ExportAsk = ExportAsk { kind: DataKind::Orders, range: EVERYTHING };

impl World {
    /// The export, when it has ended.
    async fn ended(&self, export: &Export) -> Export {
        for _ in 0..20 {
            let now = self.app.export(&self.access, &export.id).await.unwrap().unwrap();
            if now.status != ExportStatus::Running {
                return now;
            }
        }
        panic!("{} does not end", export.id);
    }

    async fn run(&self, ask: &ExportAsk) -> Export {
        let started = self.app.start_export(&self.access, ask).await.unwrap();
        assert_eq!(started.status, ExportStatus::Running);
        self.ended(&started).await
    }
}

#[rstest]
#[tokio::test]
async fn an_export_is_everything_that_the_shop_has(#[values(DataKind::Customers, DataKind::Products, DataKind::Orders)] data: DataKind) {
    let world = World::trading().await;
    let export = world.run(&ExportAsk { kind: data, range: EVERYTHING }).await;
    assert_eq!(export.status, ExportStatus::Completed);
    let mut download = world.app.open_export(export.file.as_ref().unwrap()).await.unwrap();
    let read = lines(&mut *download).await.unwrap();
    let things = world.shop(|shop| shop.things(kind(data)));
    let children: usize =
        things.values().map(|thing| ["lineItems", "variants"].iter().map(|name| thing[*name].as_array().map_or(0, Vec::len)).sum::<usize>()).sum();
    assert_eq!((read.len(), read.iter().filter(|line| line.is_err()).count()), (things.len() + children, 0));
    assert_eq!((download.objects(), download.roots()), (export.objects, export.roots));
    assert_eq!((export.objects, export.roots), ((things.len() + children) as u64, things.len() as u64));
}

#[tokio::test]
async fn slices_hold_each_order_once() {
    let world = World::trading().await;
    let (mut roots, mut from) = (0, at("2026-01-01T00:00:00Z"));
    let mut read = Vec::new();
    while from < at("2027-01-01T00:00:00Z") {
        let until = from + TimeDelta::days(31);
        let range = Range { by: Instants::Created, from: Some(from), until: Some(until), archived: true };
        let export = world.run(&ExportAsk { kind: DataKind::Orders, range }).await;
        roots += export.roots;
        if let Some(file) = &export.file {
            read.extend(lines(&mut *world.app.open_export(file).await.unwrap()).await.unwrap());
        }
        from = until;
    }
    assert_eq!(roots, 60);
    let whole = world.run(&ORDERS).await;
    let all = lines(&mut *world.app.open_export(whole.file.as_ref().unwrap()).await.unwrap()).await.unwrap();
    assert_eq!(sorted(read), sorted(all));
}

#[tokio::test]
async fn an_export_of_nothing_has_no_file() {
    let world = World::start().await;
    let export = world.run(&ORDERS).await;
    assert_eq!((export.status, export.objects, export.file.is_none()), (ExportStatus::Completed, 0, true));
}

#[rstest]
#[case(BulkFault::DropSlice)]
#[case(BulkFault::ShortFile)]
#[tokio::test]
async fn a_file_that_lacks_something_differs_from_its_counts(#[case] fault: BulkFault) {
    let world = World::trading().await;
    world.shop(|shop| shop.bulk_then([fault]));
    let export = world.run(&ORDERS).await;
    assert_eq!(export.status, ExportStatus::Completed, "nothing else tells of it");
    let mut download = world.app.open_export(export.file.as_ref().unwrap()).await.unwrap();
    let _ = lines(&mut *download).await.unwrap();
    assert!(download.objects() < export.objects);
}

#[tokio::test]
async fn a_broken_off_export_offers_a_part_and_never_a_file() {
    let world = World::trading().await;
    world.shop(|shop| shop.bulk_then([BulkFault::Fails, BulkFault::Expires]));
    let failed = world.run(&ORDERS).await;
    assert_eq!((failed.status, failed.file.is_none(), failed.error.as_deref()), (ExportStatus::Failed, true, Some("INTERNAL_SERVER_ERROR")));
    let mut part = world.app.open_export(failed.partial_file.as_ref().unwrap()).await.unwrap();
    lines(&mut *part).await.unwrap();
    assert!(part.objects() < failed.objects && part.objects() > 0);
    let expired = world.run(&ORDERS).await;
    assert_eq!((expired.status, expired.file.is_none()), (ExportStatus::Expired, true));
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_found_again() {
    let world = World::trading().await;
    let since = world.shopify.now() - TimeDelta::seconds(1);
    assert!(world.app.find_export(&world.access, &ORDERS, since).await.unwrap().is_none());
    world.shopify.then(On::Operation("BulkRun"), [Does::Forgets]);
    let error = world.app.start_export(&world.access, &ORDERS).await.unwrap_err();
    assert!(error.problem.may_have_acted(), "{error}");
    let found = world.app.find_export(&world.access, &ORDERS, since).await.unwrap().unwrap();
    assert_eq!(found.id, world.shop(|shop| shop.operations()[0].id.clone()));
    // Another question is another export.
    let half = ExportAsk { range: Range { from: Some(at("2026-06-01T00:00:00Z")), ..EVERYTHING }, ..ORDERS };
    assert!(world.app.find_export(&world.access, &half, since).await.unwrap().is_none());
    assert!(world.app.find_export(&world.access, &ORDERS, world.shopify.now() + TimeDelta::seconds(2)).await.unwrap().is_none());
}

#[tokio::test]
async fn five_run_at_once_and_one_that_is_called_off_makes_room() {
    let world = World::trading().await;
    world.shop(|shop| shop.bulk_then([BulkFault::Hangs; 5]));
    let mut running = Vec::new();
    for _ in 0..5 {
        running.push(world.app.start_export(&world.access, &ORDERS).await.unwrap());
    }
    let error = world.app.start_export(&world.access, &ORDERS).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Busy(_)), "{error}");
    world.app.cancel_export(&world.access, &running[0].id).await.unwrap();
    let cancelled = world.app.export(&world.access, &running[0].id).await.unwrap().unwrap();
    assert_eq!(cancelled.status, ExportStatus::Cancelled);
    let last = world.run(&ORDERS).await;
    world.app.cancel_export(&world.access, &last.id).await.unwrap();
    assert!(world.app.export(&world.access, "gid://shopify/BulkOperation/1").await.unwrap().is_none());
}

#[rstest]
#[case::cut(&[Does::Cut(500)])]
#[case::again_and_again(&[Does::Cut(700), Does::Cut(900), Does::Cut(1), Does::Cut(3_000)])]
#[case::a_server_that_stumbles(&[Does::Cut(100), Does::Status(503, None), Does::Status(500, None)])]
#[tokio::test]
async fn a_file_that_is_cut_is_taken_up_where_it_broke(#[case] does: &[Does]) {
    let world = World::trading().await;
    for packed in [false, true] {
        world.shop(|shop| shop.packs_files = packed);
        let export = world.run(&ORDERS).await;
        let file = export.file.as_ref().unwrap();
        let whole = lines(&mut *world.app.open_export(file).await.unwrap()).await.unwrap();
        world.shopify.then(On::File, does.iter().copied());
        let mut download = world.app.open_export(file).await.unwrap();
        assert_eq!(sorted(lines(&mut *download).await.unwrap()), sorted(whole));
        assert_eq!((download.objects(), download.roots()), (export.objects, export.roots));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_reads_the_same_file_and_knows_how_far_it_is() {
    let world = World::trading().await;
    let export = world.run(&ORDERS).await;
    let whole = lines(&mut *world.app.open_export(export.file.as_ref().unwrap()).await.unwrap()).await.unwrap();
    world.shopify.then(On::File, [Does::Cut(400)]);
    let download = world.app.open_export(export.file.as_ref().unwrap()).await.unwrap();
    let (mut reader, fetched) = DownloadReader::new(download, tokio::runtime::Handle::current());
    let text = tokio::task::spawn_blocking(move || std::io::read_to_string(&mut reader)).await.unwrap().unwrap();
    assert_eq!(text.lines().count(), whole.len());
    let Fetched { objects, roots, bytes, whole, error, .. } = fetched.lock().unwrap().clone();
    assert_eq!((objects, roots, bytes, whole, error), (export.objects, export.roots, text.len() as u64, true, None));
}

#[tokio::test]
async fn a_file_that_never_comes_whole_is_an_error_and_so_is_one_that_is_gone() {
    let world = World::trading().await;
    let export = world.run(&ORDERS).await;
    let file = export.file.as_ref().unwrap();
    world.shopify.then(On::File, std::iter::once(Does::Cut(300)).chain([Does::Cut(0); 4]));
    let mut download = world.app.open_export(file).await.unwrap();
    match lines(&mut *download).await.unwrap_err() {
        DownloadError::Cut { bytes, .. } => assert_eq!(bytes, 300),
        other => panic!("{other}"),
    }
    world.shopify.then(On::File, [Does::Status(503, None)]);
    assert!(matches!(world.app.open_export(file).await.map(|_| ()), Err(DownloadError::Unreachable(_))));
    world.shopify.pass(Duration::from_secs(8 * 24 * 3_600));
    assert_eq!(world.app.open_export(file).await.map(|_| ()).unwrap_err(), DownloadError::Gone(403));
}
