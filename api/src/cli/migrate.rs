//! `noren migrate`.

use platform::config::Settings;

use super::Failure;

/// Takes the missing steps, as the owner of the tables.
pub async fn migrate(settings: &Settings) -> Result<(), Failure> {
    let steps = platform::db::migrate(&settings.owner()).await?;
    if steps.is_empty() {
        eprintln!("The database is up to date.");
    }
    for step in steps {
        eprintln!("migrated {step}");
    }
    Ok(())
}
