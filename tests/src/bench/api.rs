//! The API beside its floor, and what each law costs.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Outcome;
use super::cases::{Ask, Case};
use super::child::Server;
use super::data::Data;
use super::floor::{Kind, LISTEN};
use super::load::{Connection, Measured, Sent, measure};
use super::report;

const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// The number of connections at which the laws are told apart.
const LADDER_AT: usize = 16;
const TIME: Duration = Duration::from_secs(3);

/// The measurements, as Markdown on standard output.
pub async fn run() -> Outcome<()> {
    let data = Data::new().await?;
    let floor = floor(&data, Kind::Bare).await?;
    let product = product(&data, "info").await?;
    let mut asked = Vec::new();
    for case in Case::ALL {
        let asks = data.asks(case).await?;
        asked.push((case, compared(&data, &floor, &product, &asks).await?));
    }

    println!("{}", report::machine()?);
    let mut rows = Vec::new();
    for (case, (to_floor, to_product)) in &asked {
        for connections in CONNECTIONS {
            let floor = measure(&floor, to_floor, connections, TIME).await?;
            let product = measure(&product, to_product, connections, TIME).await?;
            rows.push((*case, connections, floor, product));
        }
    }
    println!("{}", report::beside(&rows));
    drop((floor, product));

    let mut ladder: Vec<(&str, Vec<Measured>)> = Vec::new();
    for kind in Kind::ALL {
        let server = self::floor(&data, kind).await?;
        ladder.push((kind.adds(), step(&server, asked.iter().map(|(_, (to_floor, _))| to_floor)).await?));
    }
    for (log, adds) in [("warn", "+ GraphQL and HTTP: the product, its log of requests off"), ("info", "+ a line of log a request: the product")] {
        let server = self::product(&data, log).await?;
        ladder.push((adds, step(&server, asked.iter().map(|(_, (_, to_product))| to_product)).await?));
    }
    println!("{}", report::ladder(LADDER_AT, &ladder));
    data.close().await;
    Ok(())
}

async fn step(server: &Server, cases: impl Iterator<Item = &Arc<[Sent]>>) -> Outcome<Vec<Measured>> {
    let mut measured = Vec::new();
    for requests in cases {
        measured.push(measure(server, requests, LADDER_AT, TIME).await?);
    }
    Ok(measured)
}

async fn floor(data: &Data, kind: Kind) -> Outcome<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["floor", kind.name(), data.url(), &data.tenant.to_string()]);
    Server::start(command, &data.folder().join("floor.log"), |command, address| {
        command.env(LISTEN, address.to_string());
    })
    .await
}

async fn product(data: &Data, log: &str) -> Outcome<Server> {
    let mut command = data.noren()?;
    // One caller asks for everything here.
    command.arg("serve").env("NOREN_LOG_FILTER", log).env("NOREN_COST_RESTORE_RATE", "0").env("NOREN_OPERATIONS_PER_MINUTE", "0");
    Server::start(command, &data.folder().join("noren.log"), |command, address| {
        command.args(["--listen", &address.to_string()]);
    })
    .await
}

/// The requests of a case to both, once both have given the same answers.
async fn compared(data: &Data, floor: &Server, product: &Server, asks: &[Ask]) -> Outcome<(Arc<[Sent]>, Arc<[Sent]>)> {
    let (mut to_floor, mut to_product) = (Vec::new(), Vec::new());
    let (mut floor, mut product) = (Connection::open(floor.address).await?, Connection::open(product.address).await?);
    for ask in asks {
        let (from_floor, from_product) = (ask.floor(&data.token), ask.graphql(&data.token));
        let (expected, got) = (floor.ask(&from_floor).await?, product.ask(&from_product).await?);
        if serde_json::from_slice::<Value>(expected)? != serde_json::from_slice::<Value>(got)? {
            return Err(format!("{ask:?}: the floor says {}\nand the product {}", String::from_utf8_lossy(expected), String::from_utf8_lossy(got)).into());
        }
        to_floor.push((from_floor, expected.len()));
        to_product.push((from_product, got.len()));
    }
    Ok((to_floor.into(), to_product.into()))
}
