//! What is measured of the machine.

use std::path::PathBuf;

use sysinfo::{DiskRefreshKind, Disks, System};

/// How much of a machine is used, in percent; none where that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings {
    /// Of its processors' time since it was last measured.
    pub cpu: Option<f64>,
    /// Of its memory.
    pub memory: Option<f64>,
    /// Of the fullest of the disks that are watched.
    pub disk: Option<f64>,
}

/// Something that can be measured.
pub trait Measure: Send {
    /// The machine's name.
    fn host(&self) -> String;

    /// How much is used now.
    fn measure(&mut self) -> Readings;
}

/// The machine that this process runs on.
pub struct Machine {
    host: String,
    system: System,
    disks: Disks,
    watched: Vec<PathBuf>,
    measured: bool,
}

impl Machine {
    /// This machine, with the disks that these paths lie on.
    pub fn new(watched: Vec<PathBuf>) -> Self {
        let watched = watched.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect();
        let host = System::host_name().unwrap_or_else(|| "unknown".to_owned());
        Self { host, system: System::new(), disks: Disks::new_with_refreshed_list_specifics(storage()), watched, measured: false }
    }

    /// How full the disk is that a path lies on.
    fn fullness(&self, path: &std::path::Path) -> Option<f64> {
        let holding = self.disks.list().iter().filter(|disk| path.starts_with(disk.mount_point()));
        let disk = holding.max_by_key(|disk| disk.mount_point().components().count())?;
        percent(disk.total_space().saturating_sub(disk.available_space()), disk.total_space())
    }
}

fn storage() -> DiskRefreshKind {
    DiskRefreshKind::nothing().with_storage()
}

#[expect(clippy::cast_precision_loss, reason = "a percentage need not be exact")]
fn percent(used: u64, total: u64) -> Option<f64> {
    (total > 0).then(|| used as f64 * 100.0 / total as f64)
}

impl Measure for Machine {
    fn host(&self) -> String {
        self.host.clone()
    }

    fn measure(&mut self) -> Readings {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.disks.refresh_specifics(true, storage());
        // The first measurement has none before it to compare with.
        let cpu = self.measured.then(|| f64::from(self.system.global_cpu_usage()));
        self.measured = true;
        let memory = percent(self.system.used_memory(), self.system.total_memory());
        Readings { cpu, memory, disk: self.watched.iter().filter_map(|path| self.fullness(path)).max_by(f64::total_cmp) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_measured() {
        let mut machine = Machine::new(vec![std::env::temp_dir()]);
        let first = machine.measure();
        assert_eq!(first.cpu, None);
        let second = machine.measure();
        for percent in [second.cpu, second.memory, second.disk].into_iter().flatten() {
            assert!((0.0..=100.5).contains(&percent), "{second:?}");
        }
        assert!(second.memory.is_some() && !machine.host().is_empty());
    }
}
