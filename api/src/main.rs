//! The program.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // Two providers may be compiled in; TLS clients panic unless one is chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    api::cli::run(api::cli::Cli::parse()).await
}
