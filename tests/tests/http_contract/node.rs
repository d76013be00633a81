//! Running the checks that are written for Node.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of the Node package.
fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("http")
}

/// A folder for what a check writes.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("http_contract").join(name);
    fs::create_dir_all(&folder).expect("a folder under target");
    folder
}

/// The schema in a file, as the code prints it.
pub fn schema_file(name: &str) -> PathBuf {
    let file = scratch(name).join("printed.graphql");
    fs::write(&file, api::sdl()).expect("the schema is written");
    file
}

/// Runs a script of the package and returns what it said.
pub fn run(script: &str, args: &[&Path], authorization: Option<&str>) -> String {
    install();
    let mut command = Command::new("node");
    command.arg(script).args(args).current_dir(package()).env("NO_COLOR", "1");
    if let Some(authorization) = authorization {
        command.env("AUTHORIZATION", authorization);
    }
    said(&format!("node {script}"), &output(command))
}

/// `npm ci`, once for each state of the lockfile, whoever asks first.
fn install() {
    let lock = File::create(scratch("install").join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let wanted = fs::read(package().join("package-lock.json")).expect("the lockfile");
    let stamp = package().join("node_modules/.installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return;
    }
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(package());
    said("npm ci", &output(command));
    fs::write(stamp, wanted).expect("the stamp is written");
}

fn output(mut command: Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("{:?} does not start: {error}. These checks need Node 20 or newer with npm; `tests/run` brings it along", command.get_program())
    })
}

fn said(what: &str, output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{what}: {}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    stdout
}
