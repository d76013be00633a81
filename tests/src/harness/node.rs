//! Running the checks that are written for Node: packages in folders of this crate.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A package of checks.
pub struct NodePackage {
    name: &'static str,
}

impl NodePackage {
    /// The package in the folder of this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.name)
    }

    /// Runs a script of the package and returns what it said.
    pub fn run(&self, script: &str, args: &[&Path], environment: &[(&str, &str)]) -> String {
        self.install();
        let mut command = Command::new("node");
        command.arg(script).args(args).current_dir(self.folder()).env("NO_COLOR", "1").envs(environment.iter().copied());
        said(&format!("node {script}"), &output(command))
    }

    /// `npm ci`, once for each state of the lockfile, whoever asks first.
    fn install(&self) {
        let lock = File::create(scratch(&format!("{}/install", self.name)).join("lock")).expect("a lock file");
        lock.lock().expect("the lock");
        let wanted = fs::read(self.folder().join("package-lock.json")).expect("the lockfile");
        let stamp = self.folder().join("node_modules/.installed");
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return;
        }
        let mut command = Command::new("npm");
        command.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(self.folder());
        said("npm ci", &output(command));
        fs::write(stamp, wanted).expect("the stamp is written");
    }
}

/// A folder under `target/tmp` for what a check writes.
pub fn scratch(name: &str) -> PathBuf {
    // Tests lie in target/PROFILE/deps.
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.ancestors().nth(3).expect("a target folder").join("tmp").join(name);
    fs::create_dir_all(&folder).expect("a folder under target");
    folder
}

fn output(mut command: Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("{:?} does not start: {error}. These checks need Node 20.19 or newer with npm; `tests/run` brings it along", command.get_program())
    })
}

fn said(what: &str, output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{what}: {}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    stdout
}
