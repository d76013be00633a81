//! `noren serve --demo`: a throw-away database, one bearer for each kind of caller, and queries to try.

use std::net::SocketAddr;
use std::sync::Arc;

use platform::Clock;
use platform::config::Settings;

use crate::cli::{Failure, Opened};
use crate::http::Example;

/// What the demo gives people to begin with.
pub struct Demo;

/// Puts the database into a folder that goes with the server.
pub fn throw_away(settings: &mut Settings) -> Result<tempfile::TempDir, Failure> {
    let folder = tempfile::tempdir()?;
    settings.database.url = format!("sqlite:{}", folder.path().join("demo.db").display());
    settings.database_owner_url = None;
    settings.master_key = None;
    Ok(folder)
}

/// Fills the database.
pub async fn prepare(_: &Opened, _: &Arc<dyn Clock>) -> Result<Demo, Failure> {
    Ok(Demo)
}

impl Demo {
    /// Prints the bearers and the queries.
    pub fn announce(&self, _: SocketAddr) {}

    /// The queries for GraphiQL.
    pub fn examples(&self) -> Vec<Example> {
        Vec::new()
    }
}
