//! Tables.

use std::fmt::Write as _;

use super::Outcome;
use super::cases::Case;
use super::load::Measured;

/// What it was measured on.
pub fn machine() -> Outcome<String> {
    let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} cores ({model}); client, servers and PostgreSQL share them. CPU is the server's own, per request.\n"))
}

/// The product beside the floor.
pub fn beside(rows: &[(Case, usize, Measured, Measured)]) -> String {
    let mut table = "| | connections | floor: req/s | p50 / p99 ms | CPU µs | product: req/s | p50 / p99 ms | CPU µs | CPU: times the floor |\n".to_owned();
    table.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (case, connections, floor, product) in rows {
        let ratio = product.cpu / floor.cpu;
        let _ = writeln!(table, "| {} | {connections} | {} | {} | **{ratio:.1}** |", case.name(), cells(floor), cells(product));
    }
    table
}

fn cells(measured: &Measured) -> String {
    let ms = |micros: u64| micros as f64 / 1e3;
    format!("{:.0} | {:.2} / {:.2} | {:.0}", measured.rate, ms(measured.p50), ms(measured.p99), measured.cpu)
}

/// What each step costs more than the one before it.
pub fn ladder(connections: usize, steps: &[(&str, Vec<Measured>)]) -> String {
    let mut table = format!("CPU µs a request with {connections} connections, and what the step adds:\n\n| |");
    for case in Case::ALL {
        let _ = write!(table, " {} |", case.name());
    }
    table.push_str("\n|---|--:|--:|--:|\n");
    let mut before: Option<&Vec<Measured>> = None;
    for (adds, measured) in steps {
        let _ = write!(table, "| {adds} |");
        for (index, case) in measured.iter().enumerate() {
            let more = before.map(|before| format!(" ({:+.0})", case.cpu - before[index].cpu)).unwrap_or_default();
            let _ = write!(table, " {:.0}{more} |", case.cpu);
        }
        table.push('\n');
        before = Some(measured);
    }
    table
}
