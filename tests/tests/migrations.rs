//! The database's shape goes up and down, and stays what the program expects.

use migration::{Migrator, MigratorTrait};
use platform::Database;
use platform::db::{DatabaseSettings, MigrationState, check_role, migrate, migration_state};
use rstest::rstest;
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
