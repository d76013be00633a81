//! The program itself, as operators start it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program: as it was built last, or built now when it never was. `tests/run` builds it before the tests.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // Tests lie in target/PROFILE/deps.
        let test = std::env::current_exe().expect("the test's own path");
        let folder = test.parent().and_then(Path::parent).expect("a target folder");
        let program = folder.join(format!("noren{}", std::env::consts::EXE_SUFFIX));
        if !program.exists() {
            let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            build.args(["build", "--quiet", "--package", "api"]).current_dir(env!("CARGO_MANIFEST_DIR"));
            if folder.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().expect("cargo runs").success(), "cargo build --package api failed");
        }
        program
    })
}

/// The program with nothing set: no settings of whoever runs the tests reach it.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command.env_clear().envs(std::env::vars().filter(|(name, _)| name == "PATH" || name == "HOME")).current_dir(folder);
    command
}
