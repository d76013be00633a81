//! A reader that is too slow is cut off with its cursor, and keeps nobody else waiting.

use api::http::{Guests, Live, LiveLimits};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::socket::Socket;
use tests::harness::{Backend, Server, Town};

use super::world::change;

const LARGE: &str = "subscription($after: String) { alertEvents(after: $after) { cursor alert { message data } } }";
const ALERTS: usize = 900;
const AT_ONCE: usize = 6;

async fn raise_all(town: &Town) {
    let filling = "x".repeat(15 * 1024);
    let raise = async |first: usize| {
        for number in (first..ALERTS).step_by(AT_ONCE) {
            let message = format!("alert {number}");
            let input = json!({ "type": "Flood", "severity": "LOW", "message": message, "fingerprint": message, "data": { "filling": filling } });
            change(town, &town.ours.admin.credentials, "alertRaise", input).await;
        }
    };
    futures::future::join_all((0..AT_ONCE).map(raise)).await;
}

fn cursor(event: &Value) -> String {
    event["cursor"].as_str().unwrap().to_owned()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_cut_off_with_its_cursor(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let server = Server::working_with(backend, |app| {
        let (guests, limits) = (Guests::new(app.callers.clone()), LiveLimits { behind: 8, ..LiveLimits::default() });
        app.times.sockets.write = std::time::Duration::from_secs(300);
        app.live = Live::new(app.schema.clone(), app.db.clone(), app.clock.clone(), app.feeds.clone(), guests, limits);
    })
    .await;
    let town = Town::on(server, 1).await;
    let who = &town.ours.admin.credentials;
    let follow = async |after: Option<String>| {
        let mut socket = Socket::connect(town.server.address, who).await;
        socket.subscribe("1", LARGE, json!({ "after": after })).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        socket
    };
    let mut slow = follow(None).await;
    let mut quick = follow(None).await;
    let hearing = async {
        let mut cursors = Vec::new();
        while cursors.len() < ALERTS {
            cursors.push(cursor(&quick.next("1").await["data"]["alertEvents"]));
        }
        cursors
    };
    // The slow one reads nothing meanwhile.
    let (all, ()) = tokio::join!(hearing, raise_all(&town));

    let mut heard = Vec::new();
    let end = loop {
        let mut message = slow.hear().await.message();
        if message["type"] == "error" {
            break message["payload"][0].take();
        }
        heard.push(cursor(&message["payload"]["data"]["alertEvents"]));
    };
    assert!(heard.len() < ALERTS, "it was cut off");
    assert_eq!(end["extensions"]["code"], "THROTTLED");
    assert_eq!(end["extensions"]["cursor"].as_str(), heard.last().map(String::as_str), "with where it was");
    let mut back = follow(heard.last().cloned()).await;
    while heard.len() < ALERTS {
        heard.push(cursor(&back.next("1").await["data"]["alertEvents"]));
    }
    assert_eq!(heard, all, "nothing was lost, nothing doubled, and the quick one was not kept waiting");
}
