//! Alerts to many subscribers, beside a floor that passes the very same frames on to as many TCP connections.

mod floor;
mod listeners;

pub use floor::broadcast;

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::{try_join, try_join_all};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use self::floor::TELLS;
use self::listeners::{Heard, Listeners, To};
use super::Outcome;
use super::child::Server;
use super::data::Data;
use super::floor::LISTEN;
use super::load::{Connection, graphql};
use super::report;

/// Alerts that are raised one by one, each after the one before it was heard by all.
const SINGLE: usize = 100;
/// Alerts that are raised together.
const BURST: usize = 200;
const BURSTS: usize = 5;
/// Who raises them.
const RAISERS: usize = 8;
/// Selections that are executed apart from each other.
const SELECTIONS: usize = 10;
/// File descriptors of a process beside those for subscribers.
const FILES: usize = 200;
/// Subscribers that one process takes, beside other connections.
const MOST: usize = 3_000;

/// What came of one way to raise alerts.
struct Measured {
    deliveries: usize,
    /// From the first alert to the last delivery.
    took: Duration,
    cpu: Duration,
    /// From the answer of the mutation to each delivery, in microseconds.
    each: Histogram<u64>,
    /// The same to the last delivery of each alert.
    last: Histogram<u64>,
}

impl Measured {
    fn new() -> Outcome<Self> {
        Ok(Self { deliveries: 0, took: Duration::ZERO, cpu: Duration::ZERO, each: Histogram::new(3)?, last: Histogram::new(3)? })
    }

    /// Adds what was heard of alerts, the answers of whose mutations came then.
    fn add(&mut self, begun: u64, answered: &[u64], arrivals: &[Vec<u64>]) -> Outcome<()> {
        let mut end = begun;
        for (answered, arrivals) in answered.iter().zip(arrivals) {
            let last = arrivals.iter().copied().max().unwrap_or_default();
            arrivals.iter().try_for_each(|at| self.each.record(at.saturating_sub(*answered)))?;
            self.last.record(last.saturating_sub(*answered))?;
            self.deliveries += arrivals.len();
            end = end.max(last);
        }
        self.took += Duration::from_micros(end - begun);
        Ok(())
    }

    fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.deliveries as f64
    }
}

/// The measurements, as Markdown on standard output.
pub async fn run(subscribers: usize) -> Outcome<()> {
    enough_files(subscribers)?;
    let data = Data::bare().await?;
    let product = product(&data).await?;
    let raisers = Raisers::new(&product, &data.token).await?;
    let alone = raisers.alone(&product).await?;

    let one = vec![selection(0)];
    let before = product.memory()?;
    let mut listeners = subscribed(&product, subscribers, &data.token, &one).await?;
    let memory = (product.memory()?.saturating_sub(before)) / subscribers as u64;
    let executed = executions(&product).await?;
    let single = raisers.one_by_one(&product, &mut listeners, SINGLE).await?;
    let frame = raisers.frame(&mut listeners).await?;
    let bursts = raisers.in_bursts(&product, &mut listeners).await?;
    let shared = (executions(&product).await? - executed) as f64 / (SINGLE + 1 + BURST * BURSTS) as f64;
    drop(listeners);

    let many: Vec<String> = (0..SELECTIONS).map(selection).collect();
    until(&product, "noren_subscriptions", 0).await?;
    let mut listeners = subscribed(&product, subscribers, &data.token, &many).await?;
    let executed = executions(&product).await?;
    let single_apart = raisers.one_by_one(&product, &mut listeners, SINGLE).await?;
    let bursts_apart = raisers.in_bursts(&product, &mut listeners).await?;
    let apart = (executions(&product).await? - executed) as f64 / (SINGLE + BURST * BURSTS) as f64;
    drop((listeners, product));

    let server = floor(&data).await?;
    let mut listeners = Listeners::connect(server.address, subscribers, To::Floor).await?;
    let mut tells = TcpStream::connect(server.address).await?;
    tells.set_nodelay(true)?;
    tells.write_u8(TELLS).await?;
    let floor_single = told(&server, &mut listeners, &mut tells, &frame, SINGLE, 1).await?;
    let floor_bursts = told(&server, &mut listeners, &mut tells, &frame, BURSTS, BURST).await?;

    println!("{}", report::machine()?);
    println!(
        "{subscribers} subscribers; a frame has {} bytes; a subscriber takes {} kB; an alert without subscribers takes {alone:.0} µs.\n",
        frame.len(),
        memory / 1024
    );
    println!(
        "| | executions an alert | deliveries/s | CPU µs a delivery | times the floor | without the raising | times the floor | ms to each: p50 / p99 | ms to the last: p50 / p99 |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    // An alert costs so much whether or not anybody listens.
    let raising = alone / subscribers as f64;
    for (name, executions, floor, measured) in [
        ("one by one: floor", None, &floor_single, &floor_single),
        ("one by one: product", Some(shared), &floor_single, &single),
        ("one by one: product, 10 selections", Some(apart), &floor_single, &single_apart),
        ("bursts of 200: floor", None, &floor_bursts, &floor_bursts),
        ("bursts of 200: product", Some(shared), &floor_bursts, &bursts),
        ("bursts of 200: product, 10 selections", Some(apart), &floor_bursts, &bursts_apart),
    ] {
        println!("{}", row(name, executions, floor, measured, raising));
    }
    drop((listeners, tells, server, raisers));
    data.close().await;
    Ok(())
}

fn row(name: &str, executions: Option<f64>, floor: &Measured, measured: &Measured, raising: f64) -> String {
    let delivering = measured.cpu() - executions.map_or(0.0, |_| raising);
    let ms = |of: &Histogram<u64>| format!("{:.1} / {:.1}", of.value_at_quantile(0.5) as f64 / 1e3, of.value_at_quantile(0.99) as f64 / 1e3);
    format!(
        "| {name} | {} | {:.0} | {:.1} | **{:.2}** | {delivering:.1} | **{:.2}** | {} | {} |",
        executions.map(|count| format!("{count:.2}")).unwrap_or_default(),
        measured.deliveries as f64 / measured.took.as_secs_f64(),
        measured.cpu(),
        measured.cpu() / floor.cpu(),
        delivering / floor.cpu(),
        ms(&measured.each),
        ms(&measured.last),
    )
}

/// Refuses what the limits of processes do not allow.
fn enough_files(subscribers: usize) -> Outcome<()> {
    if subscribers == 0 || subscribers > MOST {
        return Err(format!("1 to {MOST} subscribers can be measured").into());
    }
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).and_then(|rest| rest.split_whitespace().next());
    let (files, needed) = (files.and_then(|files| files.parse().ok()).unwrap_or(usize::MAX), subscribers + FILES);
    if files < needed {
        return Err(
            format!("{subscribers} subscribers need {needed} file descriptors a process, and {files} are allowed: run `ulimit -n {needed}` first").into()
        );
    }
    Ok(())
}

/// A subscription; others have another name, and are executed apart.
fn selection(number: usize) -> String {
    format!("subscription S{number} {{ alertEvents {{ cursor kind occurredAt alertId severity status count alert {{ id type source message status }} }} }}")
}

async fn product(data: &Data) -> Outcome<Server> {
    let mut command = data.noren()?;
    // One caller asks for everything here.
    command.arg("serve").env("NOREN_LOG_FILTER", "warn").env("NOREN_COST_RESTORE_RATE", "0").env("NOREN_OPERATIONS_PER_MINUTE", "0");
    Server::start(command, &data.folder().join("noren.log"), |command, address| {
        command.args(["--listen", &address.to_string()]);
    })
    .await
}

async fn floor(data: &Data) -> Outcome<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("broadcast");
    Server::start(command, &data.folder().join("floor.log"), |command, address| {
        command.env(LISTEN, address.to_string());
    })
    .await
}

/// What the product counts under a name.
async fn counted(product: &Server, name: &str) -> Outcome<u64> {
    let request = b"GET /metrics HTTP/1.1\r\nhost: bench\r\n\r\n";
    let page = String::from_utf8(Connection::open(product.address).await?.ask(request).await?.to_vec())?;
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.map_or(Ok(0.0), str::parse::<f64>)? as u64)
}

async fn executions(product: &Server) -> Outcome<u64> {
    counted(product, "noren_live_executions_total").await
}

async fn until(product: &Server, name: &str, count: usize) -> Outcome<()> {
    while counted(product, name).await? != count as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Those who listen, once all do; of what was raised before they hear nothing.
async fn subscribed(product: &Server, subscribers: usize, token: &str, selections: &[String]) -> Outcome<Listeners> {
    until(product, "noren_outbox_waiting", 0).await?;
    let listeners = Listeners::connect(product.address, subscribers, To::Product(token, selections)).await?;
    until(product, "noren_subscriptions", subscribers).await?;
    Ok(listeners)
}

/// Tells the floor a frame, so many times together.
async fn told(server: &Server, listeners: &mut Listeners, tells: &mut TcpStream, frame: &[u8], times: usize, together: usize) -> Outcome<Measured> {
    let mut measured = Measured::new()?;
    let length = u32::try_from(frame.len())?.to_be_bytes();
    let used = server.used()?;
    for _ in 0..times {
        let begun = listeners.now();
        tells.write_all(&[&length[..], frame].concat().repeat(together)).await?;
        let heard = listeners.hear(together).await?;
        measured.add(begun, &vec![begun; together], &heard.arrivals)?;
    }
    measured.cpu = server.used()? - used;
    Ok(measured)
}

/// Connections that raise alerts.
struct Raisers {
    token: String,
    connections: Vec<tokio::sync::Mutex<Connection>>,
}

impl Raisers {
    async fn new(product: &Server, token: &str) -> Outcome<Self> {
        let mut connections = Vec::new();
        for _ in 0..RAISERS {
            connections.push(Connection::open(product.address).await?.into());
        }
        Ok(Self { token: token.to_owned(), connections })
    }

    /// Connects anew: the product ends connections that rest, and those that raise nothing for a while do.
    async fn wake(&self, product: &Server) -> Outcome<()> {
        for connection in &self.connections {
            *connection.lock().await = Connection::open(product.address).await?;
        }
        Ok(())
    }

    /// Raises one; gives its id back.
    async fn raise(&self, raiser: usize) -> Outcome<String> {
        let query = "mutation Raise($input: AlertRaiseInput!) { alertRaise(input: $input) { alert { id } userErrors { code } } }";
        let print = uuid::Uuid::new_v4().to_string();
        let input = json!({ "type": "BENCH", "severity": "HIGH", "message": "something goes wrong at the counter", "fingerprint": print });
        let request = graphql(&self.token, &json!({ "query": query, "variables": { "input": input } }));
        let mut connection = self.connections[raiser].lock().await;
        let answer: Value = serde_json::from_slice(connection.ask(&request).await?)?;
        let id = answer["data"]["alertRaise"]["alert"]["id"].as_str();
        Ok(id.ok_or_else(|| format!("an alert was not raised: {answer}"))?.to_owned())
    }

    /// The processor time of an alert to which nobody listens, in microseconds.
    async fn alone(&self, product: &Server) -> Outcome<f64> {
        for _ in 0..SINGLE {
            self.raise(0).await?;
        }
        let used = product.used()?;
        for _ in 0..BURST {
            self.raise(0).await?;
        }
        Ok((product.used()? - used).as_secs_f64() * 1e6 / BURST as f64)
    }

    async fn one_by_one(&self, product: &Server, listeners: &mut Listeners, times: usize) -> Outcome<Measured> {
        self.wake(product).await?;
        let mut measured = Measured::new()?;
        let used = product.used()?;
        for _ in 0..times {
            let begun = listeners.now();
            self.raise(0).await?;
            let answered = listeners.now();
            let heard = listeners.hear(1).await?;
            measured.add(begun, &[answered], &heard.arrivals)?;
        }
        measured.cpu = product.used()? - used;
        Ok(measured)
    }

    async fn in_bursts(&self, product: &Server, listeners: &mut Listeners) -> Outcome<Measured> {
        self.wake(product).await?;
        let mut measured = Measured::new()?;
        let used = product.used()?;
        for _ in 0..BURSTS {
            let (begun, start) = (listeners.now(), Instant::now());
            let raising = try_join_all((0..RAISERS).map(|raiser| async move {
                let mut answered = Vec::new();
                for _ in 0..BURST / RAISERS {
                    answered.push((self.raise(raiser).await?, begun + u64::try_from(start.elapsed().as_micros())?));
                }
                Outcome::Ok(answered)
            }));
            let (raised, heard) = try_join(raising, listeners.hear(BURST)).await?;
            let answered: HashMap<String, u64> = raised.into_iter().flatten().collect();
            let answered = in_order(&heard, &answered)?;
            measured.add(begun, &answered, &heard.arrivals)?;
        }
        measured.cpu = product.used()? - used;
        Ok(measured)
    }

    /// A frame as the product sends it.
    async fn frame(&self, listeners: &mut Listeners) -> Outcome<Vec<u8>> {
        self.raise(0).await?;
        listeners.hear(1).await?.frames.pop().ok_or_else(|| "no frame".into())
    }
}

/// When the mutation of each alert was answered, in the order in which they were told of.
fn in_order(heard: &Heard, answered: &HashMap<String, u64>) -> Outcome<Vec<u64>> {
    let answered_at = |frame: &Vec<u8>| {
        let text = String::from_utf8_lossy(frame);
        let id = text.split_once(r#""alertId":""#).and_then(|(_, rest)| rest.split('"').next());
        id.and_then(|id| answered.get(id)).copied().ok_or_else(|| format!("an alert that nobody raised: {text}").into())
    };
    heard.frames.iter().map(answered_at).collect()
}
