//! Jobs as administrators see them, have them tried again and call them off.

use chrono::TimeDelta;
use entities::JobId;
use platform::Trace;
use platform::db::Access;
use platform::jobs::{Enqueued, NewJob, enqueue};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::machinery::{IDLE, failed_job, queued_job};
use tests::harness::{Backend, Credentials, Town};

const FIELDS: &str = "id queue kind status attempts maxAttempts payload uniqueKey lastError runAt startedAt finishedAt createdAt updatedAt tenant { id }";

async fn set(town: &Town, job: JobId, status: &str) {
    let db = town.server.db();
    let tx = db.write(Access::Worker).await.unwrap();
    tx.execute_raw(db.statement("update jobs set status = $1 where id = $2", [status.into(), job.into()])).await.unwrap();
    tx.commit().await.unwrap();
}

async fn change(town: &Town, name: &str, job: JobId) -> Value {
    let text = format!("mutation {{ {name}(input: {{ id: \"{job}\" }}) {{ job {{ {FIELDS} }} userErrors {{ code field message }} }} }}");
    town.server.ask(&town.ours.admin.credentials, &text).await.data()[name].clone()
}

async fn code(town: &Town, name: &str, job: JobId) -> String {
    let answer = change(town, name, job).await;
    assert!(answer["job"].is_null());
    answer["userErrors"][0]["code"].as_str().unwrap().to_owned()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_tried_again_and_called_off(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let (tenant, trace) = (town.ours.tenant, Trace::system("a test", town.server.clock()));
    town.server.clock.advance(TimeDelta::minutes(5));
    let now = json!(platform::Clock::now(&*town.server.clock).to_rfc3339());

    let failed = town.ours.job;
    let job = change(&town, "jobRetry", failed).await["job"].clone();
    assert_eq!((&job["status"], &job["attempts"], &job["runAt"], &job["finishedAt"]), (&json!("QUEUED"), &json!(0), &now, &json!(null)));
    assert_eq!((&job["lastError"], &job["tenant"]["id"]), (&json!("no luck"), &json!(tenant.to_string())));
    assert_eq!(change(&town, "jobRetry", failed).await["userErrors"], json!([]), "what waits is due at once");

    let enqueued = async |job: NewJob| {
        let tx = town.server.db().write(Access::Tenant(tenant)).await.unwrap();
        let Enqueued::New(id) = enqueue(&tx, &trace, job).await.unwrap() else { panic!("there is one already") };
        tx.commit().await.unwrap();
        id
    };
    let later = enqueued(NewJob::new(&IDLE, Some(tenant), json!({})).at(trace.now() + TimeDelta::days(1))).await;
    assert_eq!(change(&town, "jobRetry", later).await["job"]["runAt"], now);

    set(&town, later, "RUNNING").await;
    assert_eq!(code(&town, "jobRetry", later).await, "JOB_RUNNING");
    let called_off = change(&town, "jobCancel", later).await["job"].clone();
    assert_eq!((&called_off["status"], &called_off["finishedAt"]), (&json!("CANCELLED"), &now));
    assert_eq!(code(&town, "jobCancel", later).await, "JOB_OVER");
    assert_eq!(change(&town, "jobRetry", later).await["job"]["status"], "QUEUED", "what was called off can be tried again");
    set(&town, later, "DONE").await;
    assert_eq!((code(&town, "jobRetry", later).await, code(&town, "jobCancel", later).await), ("JOB_OVER".to_owned(), "JOB_OVER".to_owned()));

    // Another one has taken up the work of one that failed.
    let only = || NewJob::new(&IDLE, Some(tenant), json!({})).unique("the only one");
    let first = enqueued(only()).await;
    set(&town, first, "FAILED").await;
    let second = enqueued(only()).await;
    assert_eq!(code(&town, "jobRetry", first).await, "JOB_SUPERSEDED");
    set(&town, second, "DONE").await;
    assert_eq!(change(&town, "jobRetry", first).await["job"]["uniqueKey"], "the only one");

    assert_eq!(code(&town, "jobRetry", town.theirs.job).await, "NOT_FOUND");
    assert_eq!(code(&town, "jobCancel", town.theirs.job).await, "NOT_FOUND");
    let log = "{ auditEvents(filter: { actions: [\"jobRetry\", \"jobCancel\"] }) { nodes { action subject before after } } }";
    let log = town.server.ask(&town.ours.admin.credentials, log).await.data()["auditEvents"]["nodes"].clone();
    let of_failed = |entry: &&Value| entry["subject"] == failed.to_string() && entry["before"]["status"] == "FAILED";
    let tried = log.as_array().unwrap().iter().find(of_failed).expect("its entry");
    assert_eq!((&tried["action"], &tried["after"]["status"], &tried["after"]["attempts"]), (&json!("jobRetry"), &json!("QUEUED"), &json!(0)));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_that_retry_at_once_leave_one_that_waits(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let trace = Trace::system("a test", town.server.clock());
    let mut failed = Vec::new();
    for _ in 0..6 {
        let tx = town.server.db().write(Access::Worker).await.unwrap();
        let Enqueued::New(id) = enqueue(&tx, &trace, NewJob::new(&IDLE, Some(town.ours.tenant), json!({})).unique("one")).await.unwrap() else {
            panic!("one at a time")
        };
        tx.commit().await.unwrap();
        set(&town, id, "FAILED").await;
        failed.push(id);
    }
    let answers = futures::future::join_all(failed.iter().map(|id| change(&town, "jobRetry", *id))).await;
    let done = answers.iter().filter(|answer| answer["job"]["status"] == "QUEUED").count();
    let refused = answers.iter().filter(|answer| answer["userErrors"][0]["code"] == "JOB_SUPERSEDED").count();
    assert_eq!((done, refused), (1, 5), "{answers:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_by_state_queue_kind_and_time(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let tx = town.server.db().write(Access::Worker).await.unwrap();
    enqueue(&tx, &Trace::system("a test", town.server.clock()), NewJob::new(&IDLE, None, json!({}))).await.unwrap();
    tx.commit().await.unwrap();
    town.server.clock.advance(TimeDelta::minutes(1));
    let from = platform::Clock::now(&*town.server.clock).to_rfc3339();
    let waits = queued_job(&town.server, town.ours.tenant).await;
    town.server.clock.advance(TimeDelta::seconds(1));
    let failed = failed_job(&town.server, town.ours.tenant).await;

    let list = async |who: &Credentials, filter: &str| {
        let answer = town.server.ask(who, &format!("{{ jobs(filter: {{ kinds: [\"town.idle\"], {filter} }}) {{ totalCount nodes {{ {FIELDS} }} }} }}")).await;
        answer.data()["jobs"].clone()
    };
    let admin = &town.ours.admin.credentials;
    let ids = |jobs: &Value| jobs["nodes"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&list(admin, "").await), [failed.to_string(), waits.to_string(), town.ours.job.to_string()], "the newest first");
    assert_eq!(ids(&list(admin, "statuses: [FAILED]").await), [failed.to_string(), town.ours.job.to_string()]);
    assert_eq!(
        ids(&list(admin, &format!("statuses: [FAILED, QUEUED], createdAt: {{ from: \"{from}\" }}, queues: [\"upkeep\"]")).await),
        [failed.to_string(), waits.to_string()]
    );
    assert_eq!(list(admin, "queues: [\"inbox\"]").await["totalCount"], 0);
    let others = town.server.ask(admin, "{ jobs(filter: { kinds: [\"somebody.else\"] }) { totalCount } }").await;
    assert_eq!(others.data()["jobs"]["totalCount"], 0);
    assert_eq!(list(&town.platform, "").await["totalCount"], 5, "both tenants' and what belongs to none");
    assert_eq!(list(&town.platform.choosing(town.theirs.tenant), "").await["totalCount"], 1);
    let none = list(&town.platform, "statuses: [QUEUED]").await;
    assert!(none["nodes"].as_array().unwrap().iter().any(|job| job["tenant"].is_null()));
}
