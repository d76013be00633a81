//! Servers as processes of their own, so that their time is told apart from everybody else's.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Outcome;

/// A server that runs until this is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts `command`, which gets the address to listen on from `listen`, and waits until it answers. It logs to a file.
    pub async fn start(mut command: Command, log: &Path, listen: impl FnOnce(&mut Command, SocketAddr)) -> Outcome<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        listen(&mut command, address);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(log)?).spawn()?;
        let mut server = Self { child, address };
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if begun.elapsed() > Duration::from_secs(20) || server.child.try_wait()?.is_some() {
                return Err(format!("{command:?} does not serve:\n{}", std::fs::read_to_string(log)?).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(server)
    }

    /// The processor time that it has used so far, in the system and outside.
    pub fn used(&self) -> Outcome<Duration> {
        const TICK: Duration = Duration::from_millis(10);
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program may hold anything, and ends with the last parenthesis.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u32 = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0)).sum();
        Ok(TICK * ticks)
    }

    /// The memory that it holds, in bytes.
    pub fn memory(&self) -> Outcome<u64> {
        self.kilobytes("VmRSS:")
    }

    /// The most memory that it has held so far, in bytes.
    pub fn peak(&self) -> Outcome<u64> {
        self.kilobytes("VmHWM:")
    }

    fn kilobytes(&self, line: &str) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let held = status.lines().find_map(|known| known.strip_prefix(line)).and_then(|rest| rest.trim().strip_suffix("kB"));
        Ok(held.ok_or("the memory of a process is unknown")?.trim().parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The product, built beside this program.
pub fn noren() -> Outcome<PathBuf> {
    let file = std::env::current_exe()?.with_file_name("noren");
    if file.exists() { Ok(file) } else { Err(format!("{} is missing: run `cargo build --release` first", file.display()).into()) }
}
