//! What is enqueued with a change is done once in effect, however often it fails and whoever dies.

use std::time::Duration;

use chrono::TimeDelta;
use platform::db::Access;
use platform::jobs::{Enqueued, NewJob, cancel, enqueue, enqueue_all, lag};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::harness::{Backend, People};
use uuid::Uuid;

use crate::workshop::Workshop;

#[rstest]
#[tokio::test]
async fn a_job_is_part_of_its_change(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let process = shop.process();
    let tx = shop.db().write(Access::Tenant(shop.tenant)).await.unwrap();
    enqueue(&tx, &shop.trace(), shop.job("is rolled back")).await.unwrap();
    drop(tx);
    let id = shop.enqueued(shop.job("is committed")).await;
    shop.until(id, "DONE", 1).await;
    assert_eq!(*shop.work.begun.lock().unwrap(), [json!({ "does": "is committed" })]);
    process.stop(Duration::from_secs(5)).await;
}

#[rstest]
#[tokio::test]
async fn a_failed_job_waits_longer_each_time_and_a_restart_forgets_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let process = shop.process();
    let id = shop.enqueued(shop.job("fails twice")).await;
    shop.until(id, "QUEUED", 1).await;
    process.stop(Duration::from_secs(5)).await;

    let process = shop.process();
    shop.clock().advance(TimeDelta::seconds(59));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(shop.state(id).await, ("QUEUED".to_owned(), 1, Some("attempt 1".to_owned())), "a minute is not over");
    shop.clock().advance(TimeDelta::seconds(17));
    shop.until(id, "QUEUED", 2).await;
    shop.clock().advance(TimeDelta::seconds(119));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(shop.state(id).await.1, 2, "the second wait is twice as long");
    shop.clock().advance(TimeDelta::seconds(32));
    shop.until(id, "DONE", 3).await;
    process.stop(Duration::from_secs(5)).await;
}

#[rstest]
#[tokio::test]
async fn what_hangs_or_panics_is_tried_again_and_what_cannot_be_done_is_announced(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let process = shop.process();
    let cannot = shop.enqueued(shop.job("cannot")).await;
    let never = shop.enqueued(shop.job("always fails")).await;
    let mended = [shop.enqueued(shop.job("panics")).await, shop.enqueued(shop.job("hangs")).await];
    let asks = shop.enqueued(shop.job("asks for time")).await;
    shop.until(cannot, "FAILED", 1).await;
    for id in mended {
        shop.until(id, "QUEUED", 1).await;
    }
    shop.clock().advance(TimeDelta::minutes(3));
    for id in mended {
        shop.until(id, "DONE", 2).await;
    }
    shop.until(never, "QUEUED", 2).await;
    assert_eq!(shop.state(asks).await.1, 1, "it asked for two hours");
    shop.clock().advance(TimeDelta::hours(2));
    shop.until(never, "FAILED", 3).await;
    shop.until(asks, "DONE", 2).await;
    let of_tenant = format!("select count(*) from events where name = 'job.failed' and subject in ('{cannot}', '{never}') and tenant_id is not null");
    assert_eq!(shop.number(&of_tenant).await, 2);
    assert_eq!(shop.number("select count(*) from events where name = 'job.failed'").await, 2);
    process.stop(Duration::from_secs(5)).await;
}

#[rstest]
#[tokio::test]
async fn a_queue_runs_so_many_at_once_and_a_key_is_there_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let first = shop.enqueued(shop.job("nothing").unique("k")).await;
    assert_eq!(shop.enqueue(shop.job("nothing").unique("k")).await, Enqueued::AlreadyThere);
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(shop.enqueued(shop.job("takes a while")).await);
    }
    let processes = [shop.process(), shop.process()];
    for id in jobs {
        shop.until(id, "DONE", 1).await;
    }
    shop.until(first, "DONE", 1).await;
    assert!(matches!(shop.enqueue(shop.job("nothing").unique("k")).await, Enqueued::New(_)), "the first one is over");
    let most = shop.work.most_at_once.load(std::sync::atomic::Ordering::SeqCst);
    assert!((2..=8).contains(&most), "two processes, four at once in each: {most}");
    for process in processes {
        process.stop(Duration::from_secs(5)).await;
    }
}

#[rstest]
#[tokio::test]
async fn what_a_job_writes_and_its_being_done_are_one(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let process = shop.process();
    let mut marks = shop.job("marks");
    marks.payload["ms"] = json!(if backend == Backend::Sqlite { 0 } else { 300 });
    let id = shop.enqueued(marks).await;
    if backend == Backend::Postgres {
        // SQLite's one writer is taken while the job writes: nobody could call it off in between.
        shop.until(id, "RUNNING", 1).await;
        let tx = shop.db().write(Access::Tenant(shop.tenant)).await.unwrap();
        assert!(cancel(&tx, id, shop.trace().now()).await.unwrap());
        tx.commit().await.unwrap();
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(shop.state(id).await.0, "CANCELLED");
        assert_eq!(shop.number("select count(*) from tenants where contact_phone is not null").await, 0, "it was called off, and wrote");
    } else {
        shop.until(id, "DONE", 1).await;
        assert_eq!(shop.number("select count(*) from tenants where contact_phone = 'x'").await, 1);
    }
    process.stop(Duration::from_secs(5)).await;
}

#[rstest]
#[tokio::test]
async fn orphans_are_taken_over_until_their_attempts_are_used_up(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let (young, old) = (shop.enqueued(shop.job("nothing")).await, shop.enqueued(shop.job("nothing")).await);
    let now = shop.trace().now();
    let tx = shop.db().write(Access::Worker).await.unwrap();
    for (id, attempts) in [(young, 1), (old, 3)] {
        let sql = "update jobs set status = 'RUNNING', attempts = $1, lease = $2, lease_until = $3 where id = $4";
        let lease = Uuid::from_u128(rand::random());
        let values = [attempts.into(), lease.into(), (now + TimeDelta::seconds(30)).into(), id.into()];
        tx.execute_raw(shop.db().statement(sql, values)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let process = shop.process();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((shop.state(young).await.0.as_str(), shop.work.begun()), ("RUNNING", 0), "the lease holds");
    process.stop(Duration::from_secs(5)).await;
    shop.clock().advance(TimeDelta::seconds(31));
    let process = shop.process();
    shop.until(young, "DONE", 2).await;
    shop.until(old, "FAILED", 3).await;
    assert_eq!(shop.work.begun(), 1);
    process.stop(Duration::from_secs(5)).await;
}

#[rstest]
#[tokio::test]
async fn a_process_that_is_shut_down_gives_back_what_it_cannot_finish(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let process = shop.process();
    let (short, long) = (shop.enqueued(shop.job("takes a while")).await, shop.enqueued(shop.job("hangs")).await);
    shop.until(long, "RUNNING", 1).await;
    process.stop(Duration::from_millis(200)).await;
    shop.until(short, "DONE", 1).await;
    assert_eq!(shop.state(long).await.0, "QUEUED");
    assert_eq!(shop.state(long).await.1, 0, "it was not the job's fault");
}

#[rstest]
#[tokio::test]
async fn nobodys_backlog_keeps_others_waiting(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let others = People::of(&shop.server).tenant("Next door K.K.").await;
    let tomorrow = shop.trace().now() + TimeDelta::days(1);
    // Two thousand lanes in which nothing is due yet, one with much to do, and one behind all of them with a single job.
    let mut jobs: Vec<_> = (0..2_000).map(|lane| shop.job("nothing").at(tomorrow).in_lane(format!("later {lane}"))).collect();
    jobs.extend((0..500).map(|_| shop.job("hangs").in_lane("busy")));
    let tx = shop.db().write(Access::Worker).await.unwrap();
    enqueue_all(&tx, &shop.trace(), jobs).await.unwrap();
    let last = NewJob { tenant: Some(others), ..shop.job("nothing") }.in_lane("zzz");
    let Enqueued::New(last) = enqueue(&tx, &shop.trace(), last).await.unwrap() else { panic!("it is new") };
    tx.commit().await.unwrap();

    shop.clock().advance(TimeDelta::minutes(10));
    let lag = lag(shop.db(), &*shop.clock()).await.unwrap();
    assert_eq!((lag.due, lag.seconds), (501, 600.0), "nobody works on anything");
    let processes = [shop.process(), shop.process()];
    shop.until(last, "DONE", 1).await;
    let begun = shop.number("select count(*) from jobs where lane = 'busy' and attempts > 0").await;
    assert!(begun < 250, "it came before {begun} of those that were there before it");
    for process in processes {
        process.stop(Duration::from_secs(5)).await;
    }
    let lost = "select count(*) from jobs where lane = 'busy' and status <> 'QUEUED'";
    assert_eq!(shop.number(lost).await, 0, "what hung is tried again");
}
