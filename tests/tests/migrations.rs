//! The database's shape goes up and down, and stays what the program expects.

use migration::{Migrator, MigratorTrait};
use platform::Database;
use platform::db::{DatabaseSettings, MigrationState, check_role, migrate, migration_state};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use tests::harness::{Backend, TestDatabase};

#[rstest]
#[tokio::test]
async fn migrations_run_up_down_and_up_again(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let owner = DatabaseSettings { role: None, ..database.settings().clone() };
    assert_eq!(migrate(&owner).await.unwrap().len(), Migrator::migrations().len());
    assert_eq!(migrate(&owner).await.unwrap(), Vec::<String>::new());
    let db = Database::connect(&owner).await.unwrap();
    assert_eq!(migration_state(&db).await.unwrap(), MigrationState::Current);
    Migrator::down(&db.pool(), None).await.unwrap();
    assert!(matches!(migration_state(&db).await.unwrap(), MigrationState::Behind(steps) if steps.len() == Migrator::migrations().len()));
    Migrator::up(&db.pool(), None).await.unwrap();
    let serving = Database::connect(database.settings()).await.unwrap();
    assert_eq!(migration_state(&serving).await.unwrap(), MigrationState::Current);
    assert_eq!(check_role(&serving).await.unwrap(), vec![]);
    serving.close().await;
    db.close().await;
}

#[rstest]
#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    let runs = futures::future::join_all((0..4).map(|_| migrate(database.settings()))).await;
    let steps: Vec<usize> = runs.into_iter().map(|run| run.unwrap().len()).collect();
    assert_eq!(steps.iter().sum::<usize>(), Migrator::migrations().len(), "{steps:?}");
}

#[rstest]
#[tokio::test]
async fn jobs_that_wait_already_are_sorted_into_lanes(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let db = Database::connect(&DatabaseSettings { role: None, ..database.settings().clone() }).await.unwrap();
    Migrator::up(&db.pool(), Some(5)).await.unwrap();
    for (number, kind, payload, status) in [
        (1, "webhook.deliver", "{\"endpointId\": \"webhookendpoint_1\"}", "QUEUED"),
        (2, "upkeep.clean", "{}", "RUNNING"),
        (3, "webhook.deliver", "{\"endpointId\": \"webhookendpoint_1\"}", "DONE"),
    ] {
        let id = match backend {
            Backend::Sqlite => format!("x'{number:032x}'"),
            Backend::Postgres => format!("'{number:032x}'"),
        };
        let insert = format!(
            "insert into jobs (id, queue, kind, payload, status, attempts, max_attempts, run_at, created_at, updated_at)
             values ({id}, 'webhooks', '{kind}', '{payload}', '{status}', 0, 3, '2026-11-21T09:00:00Z', '2026-11-21T09:00:00Z', '2026-11-21T09:00:00Z')"
        );
        db.pool().execute_unprepared(&insert).await.unwrap();
    }
    Migrator::up(&db.pool(), None).await.unwrap();
    let rows = db.pool().query_all_raw(db.statement("select lane from jobs order by id", [])).await.unwrap();
    let lanes: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(lanes, ["webhookendpoint_1", "upkeep.clean", ""]);
    db.close().await;
}
