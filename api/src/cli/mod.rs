//! The commands. What scripts read goes to standard output, everything else to standard error.

mod doctor;
mod import;
mod migrate;
mod open;
mod serve;
mod sync;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
pub use open::{Opened, operator};
use platform::config::{Flags, Settings, load};

use crate::telemetry::start_logging;

/// One GraphQL API for running a multi-tenant commerce back office.
#[derive(Parser)]
#[command(name = "noren", version, about)]
pub struct Cli {
    /// The settings file; it need not exist.
    #[arg(long, global = true, default_value = "noren.toml")]
    config: PathBuf,
    /// The database: sqlite:PATH or postgres://… (also DATABASE_URL).
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (the default).
    Serve(serve::ServeArgs),
    /// Bring the database to this program's shape.
    Migrate,
    /// Make API tokens.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Print the GraphQL schema.
    Schema,
    /// Read a store's data from a file that its shop system wrote. Run again it changes nothing.
    Import(import::ImportArgs),
    /// Bring a store's data up to date from its shop, by the server that runs on this database.
    Sync(sync::SyncArgs),
    /// Check configuration, keys, database, migrations, row-level security, the audit log, the versions of providers' APIs and the clock, and say what
    /// to do.
    Doctor,
}

/// Why a command failed; it has been told already, or is told now.
#[derive(Debug)]
pub enum Failure {
    /// To be told.
    Message(String),
    /// Told already.
    Told,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Message(error.to_string())
    }
}

/// Runs the command line to its exit code.
pub async fn run(cli: Cli) -> ExitCode {
    match dispatch(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Message(message)) => {
            eprintln!("noren: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    let mut flags = Flags::new();
    flags.extend(cli.database_url.map(|url| ("database_url", url)));
    match cli.command.unwrap_or(Command::Serve(serve::ServeArgs::default())) {
        Command::Schema => {
            print!("{}", crate::sdl());
            Ok(())
        }
        Command::Serve(args) => {
            flags.extend(args.flags());
            let settings = load(&cli.config, &flags)?;
            serve::serve(settings, &args).await
        }
        Command::Migrate => migrate::migrate(&configured(&cli.config, &flags)?).await,
        Command::Token(command) => token::run(&configured(&cli.config, &flags)?, command).await,
        Command::Import(command) => import::run(&configured(&cli.config, &flags)?, command).await,
        Command::Sync(args) => sync::run(&configured(&cli.config, &flags)?, args).await,
        Command::Doctor => doctor::run(load(&cli.config, &flags)).await,
    }
}

fn configured(file: &std::path::Path, flags: &Flags) -> Result<Settings, Failure> {
    let settings = load(file, flags)?;
    start_logging(&settings, None)?;
    Ok(settings)
}
