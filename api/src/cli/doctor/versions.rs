//! How long the versions of providers' APIs are kept that the program and its connections speak.

use chrono::{NaiveDate, TimeDelta};
use integrations::ports::shop::ShopSystem;
use integrations::registry::ShopSystems;
use people::connections::{SpokenVersion, spoken_versions};
use platform::config::Settings;
use platform::{Clock, Database, SystemClock};

use super::Findings;
use crate::app::shop_systems_of;

const WHAT: &str = "API versions";
/// What ends within this time is told of.
const AHEAD: TimeDelta = TimeDelta::days(90);
/// Connections that are told of one by one.
const NAMED: i64 = 20;

/// Looks at the program's versions and at those that connections set.
pub(super) async fn check(settings: &Settings, db: &Database, findings: &mut Findings) {
    let systems = match ShopSystems::new(shop_systems_of(settings)) {
        Ok(systems) => systems,
        Err(error) => return findings.bad(WHAT, error),
    };
    for system in systems.all() {
        let told = Told { who: "the program speaks".to_owned(), todo: "update the program", system, version: system.api_version() };
        told.judge(findings);
    }
    let own = match spoken_versions(db, NAMED).await {
        Ok(own) => own,
        Err(error) => return findings.bad(WHAT, format!("the connections could not be read: {error}")),
    };
    for SpokenVersion { connection, provider, version } in own {
        let Some(system) = systems.of(&provider) else { continue };
        let todo = "have `connectionUpdate` set its `apiVersion` to a later one, or to null for the program's own";
        Told { who: format!("{connection} speaks"), todo, system: &*system, version: &version }.judge(findings);
    }
}

struct Told<'a> {
    who: String,
    todo: &'static str,
    system: &'a dyn ShopSystem,
    version: &'a str,
}

impl Told<'_> {
    fn judge(self, findings: &mut Findings) {
        let Self { who, todo, system, version } = self;
        let (provider, today) = (system.key(), SystemClock.now().date_naive());
        let speaks = format!("{who} {version} of {provider}");
        match system.kept_until(version) {
            None => findings.soon(WHAT, format!("{speaks}, of which nobody knows how long it is kept; {todo}")),
            Some(end) if end <= today => findings.bad(WHAT, format!("{speaks}, which need not be kept since {end}: another one answers instead; {todo}")),
            Some(end) if is_near(end, today) => {
                findings.soon(WHAT, format!("{speaks}, which is kept until {end} at least, {} days from now; {todo}", (end - today).num_days()))
            }
            Some(end) => findings.good(WHAT, format!("{speaks}, which is kept until {end} at least")),
        }
    }
}

fn is_near(end: NaiveDate, today: NaiveDate) -> bool {
    end - today <= AHEAD
}
