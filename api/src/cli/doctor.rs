//! `noren doctor`: checks everything that must be right before serving, and says what to do about what is not.

mod versions;

use std::time::Duration;

use entities::{AuditEventId, TenantId};
use platform::audit::ChainReport;
use platform::config::{Settings, SettingsErrors};
use platform::crypto::{MasterKey, MasterKeyState};
use platform::db::{MigrationState, RoleProblem, check_role, migration_state};
use platform::{Clock, Database, SystemClock};

use super::Failure;

/// A database clock that is further away than this is wrong.
const CLOCK_TOLERANCE: chrono::TimeDelta = chrono::TimeDelta::seconds(5);
/// Audit entries that may wait for their seal; the sealer of a program that serves leaves none for longer than seconds.
const UNSEALED_TOLERANCE: i64 = 1_000;

#[derive(Default)]
struct Findings {
    wrong: usize,
}

impl Findings {
    fn good(&self, what: &str, how: impl std::fmt::Display) {
        println!("ok     {what}: {how}");
    }

    /// Something that is well, but not for long.
    fn soon(&self, what: &str, todo: impl std::fmt::Display) {
        println!("soon   {what}: {todo}");
    }

    fn bad(&mut self, what: &str, todo: impl std::fmt::Display) {
        self.wrong += 1;
        println!("WRONG  {what}: {todo}");
    }
}

/// Checks, prints a line each, and fails when something is wrong.
pub async fn run(settings: Result<Settings, SettingsErrors>) -> Result<(), Failure> {
    let mut findings = Findings::default();
    match settings {
        Ok(settings) => {
            findings.good("configuration", "every setting is readable");
            check(&settings, &mut findings).await;
        }
        Err(SettingsErrors(errors)) => errors.iter().for_each(|error| findings.bad("configuration", error)),
    }
    match findings.wrong {
        0 => Ok(()),
        wrong => {
            println!("{wrong} to mend");
            Err(Failure::Told)
        }
    }
}

async fn check(settings: &Settings, findings: &mut Findings) {
    let missing_file = settings.database.sqlite_file().filter(|file| !file.exists());
    if let Some(file) = missing_file {
        // Looking must not make anything.
        findings.bad("database", format!("{} does not exist yet; `noren serve` makes it", file.display()));
        return;
    }
    let missing_key = settings.key_file().filter(|file| settings.master_key.is_none() && !file.exists());
    if let Some(file) = missing_key {
        findings.bad("keys", format!("the key file {} is gone; restore it, or nothing that is sealed will open", file.display()));
    }
    let master = match settings.master_key_if_there() {
        Ok(Some(master)) => {
            findings.good("keys", "the master key is readable");
            Some(master)
        }
        Ok(None) => None,
        Err(error) => {
            findings.bad("keys", error);
            None
        }
    };
    let connecting = tokio::time::timeout(Duration::from_secs(15), Database::connect(&settings.database));
    let db = match connecting.await {
        Ok(Ok(db)) => db,
        Ok(Err(error)) => return findings.bad("database", error),
        Err(_) => return findings.bad("database", "it does not answer within 15 s; is the address right, and the server up?"),
    };
    findings.good("database", if settings.database.is_postgres() { "PostgreSQL answers" } else { "SQLite opens" });
    match migration_state(&db).await {
        Ok(MigrationState::Current) => findings.good("migrations", "up to date"),
        Ok(MigrationState::Behind(steps)) => return findings.bad("migrations", format!("{} missing; run `noren migrate`", steps.join(", "))),
        Ok(MigrationState::Ahead(steps)) => {
            return findings.bad("migrations", format!("the database has {}, which this program does not know; run the newer program", steps.join(", ")));
        }
        Err(error) => return findings.bad("migrations", error),
    }
    let mut sealed_with = None;
    if let Some(master) = master {
        match platform::crypto::master_key_state(&db, &master).await {
            Ok(MasterKeyState::Matches) => {
                findings.good("keys", "the master key is the database's");
                sealed_with = Some(master);
            }
            Ok(MasterKeyState::Unset) => findings.good("keys", "the database has not been served yet: the first start binds it to this master key"),
            Ok(MasterKeyState::Differs) => findings.bad("keys", "the master key is not the one that the database was first served with; restore that one"),
            Err(error) => findings.bad("keys", error),
        }
    }
    match check_role(&db).await {
        Ok(problems) if problems.is_empty() => findings.good(
            "row-level security",
            if settings.database.is_postgres() { "forced on every tenant's table" } else { "SQLite has none; the tenant filter stands alone" },
        ),
        Ok(problems) => problems.iter().map(RoleProblem::to_string).for_each(|problem| findings.bad("row-level security", problem)),
        Err(error) => findings.bad("row-level security", error),
    }
    if let Some(master) = sealed_with {
        check_audit(&db, &master, findings).await;
    }
    versions::check(settings, &db, findings).await;
    check_clock(&db, findings).await;
    db.close().await;
}

/// Follows every chain of the audit log from its beginning.
async fn check_audit(db: &Database, master: &MasterKey, findings: &mut Findings) {
    let reports = match platform::audit::verify(db, master).await {
        Ok(reports) => reports,
        Err(error) => return findings.bad("audit", format!("the audit log could not be read: {error}")),
    };
    let broken = reports.iter().filter_map(broken_link);
    let before = findings.wrong;
    broken.for_each(|broken| findings.bad("audit", broken));
    let total = |of: fn(&ChainReport) -> i64| reports.iter().map(of).sum::<i64>();
    let (sealed, erased, unsealed) = (total(|report| report.sealed), total(|report| report.erased), total(|report| report.unsealed));
    if unsealed > UNSEALED_TOLERANCE {
        findings.bad("audit", format!("{unsealed} entries wait for their seal; is `noren serve` running, and what does it log of the sealer?"));
    }
    if findings.wrong == before {
        let chains = reports.iter().filter(|report| report.sealed > 0).count();
        findings.good("audit", format!("{sealed} entries in {chains} chains sealed, {erased} with their detail erased, {unsealed} wait for their seal"));
    }
}

/// What is wrong with a chain, and where it begins to be.
fn broken_link(report: &ChainReport) -> Option<String> {
    let broken = report.broken.as_ref()?;
    let log = if report.chain.is_nil() { "the platform".to_owned() } else { TenantId::from(report.chain).to_string() };
    let entry = broken.entry.map(|entry| format!(", {}", AuditEventId::from(entry))).unwrap_or_default();
    Some(format!(
        "somebody changed the log of {log} behind the program's back: at position {} of {}{entry}: {}; compare with a backup",
        broken.position, report.sealed, broken.what
    ))
}

async fn check_clock(db: &Database, findings: &mut Findings) {
    let sql = if platform::db::is_sqlite(db.backend()) {
        "select strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
    } else {
        "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    };
    let theirs = match db.query_one(sql, []).await {
        Ok(Some(row)) => row.try_get_by_index::<String>(0).ok().and_then(|text| text.parse::<chrono::DateTime<chrono::Utc>>().ok()),
        Ok(None) | Err(_) => None,
    };
    match theirs.map(|theirs| (theirs - SystemClock.now()).abs()) {
        Some(apart) if apart <= CLOCK_TOLERANCE => findings.good("clock", "this machine and the database agree"),
        Some(apart) => findings.bad("clock", format!("this machine and the database are {} s apart; set both by NTP", apart.num_seconds())),
        None => findings.bad("clock", "the database does not tell its time"),
    }
}
