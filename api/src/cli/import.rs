//! `noren import`.

use clap::Subcommand;
use platform::config::Settings;

use super::Failure;

#[derive(Subcommand)]
pub enum ImportCommand {
    /// x
    Shopify,
}

pub async fn run(_: &Settings, _: ImportCommand) -> Result<(), Failure> {
    Ok(())
}
