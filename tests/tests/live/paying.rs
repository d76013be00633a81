//! Catching up is paid for: whoever was away hears everything, as fast as their points come back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use api::graphql::Limits;
use api::http::{Guests, Live, LiveLimits, Throttle};
use chrono::TimeDelta;
use platform::config::{Flags, load};
use platform::limits::MemoryBuckets;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::socket::Socket;
use tests::harness::{Backend, Server, Town};

use super::world::{EVENTS, QUIET, event, following, messages, raise};

const ALERTS: usize = 40;

/// Callers have 400 points, and get 20 a second; an event of these costs about twelve.
fn throttled(app: &mut App) {
    let flags = [("cost_restore_rate", "20"), ("operations_per_minute", "0"), ("database_url", "sqlite:none.db")];
    let settings = load(Path::new("/dev/null"), &flags.map(|(name, value)| (name, value.to_owned())).into_iter().collect::<Flags>()).unwrap();
    let limits = Limits { complexity: 400, ..Limits::default() };
    app.throttle = Throttle::new(&settings, &limits, Arc::new(MemoryBuckets::default()), app.clock.clone());
}

/// A town, what was raised while its member was away, and where they were before.
async fn away(server: Server) -> (Town, Vec<String>, String) {
    let town = Town::on(server, 1).await;
    let mut socket = following(&town, &town.ours.spare.credentials, None).await;
    raise(&town, "seen", None).await;
    let cursor = event(&mut socket).await["cursor"].as_str().unwrap().to_owned();
    let mut raised = Vec::new();
    for number in 0..ALERTS {
        raised.push(format!("alert {number}"));
        raise(&town, &raised[number], None).await;
        if number % 10 == 9 {
            town.server.clock.advance(TimeDelta::seconds(20));
        }
    }
    assert_eq!(messages(&mut socket, ALERTS).await, raised, "what is live is not paid for again");
    (town, raised, cursor)
}

/// What is heard until nothing comes for a while: messages and cursors, and the error at the end if there is one.
async fn heard(socket: &mut Socket) -> (Vec<(String, String)>, Option<Value>) {
    let mut all = Vec::new();
    while let Ok(heard) = tokio::time::timeout(QUIET, socket.hear_sometime()).await {
        let mut message = heard.message();
        match message["type"].as_str().unwrap() {
            "pong" => {}
            "next" => {
                let event = &message["payload"]["data"]["alertEvents"];
                all.push((event["alert"]["message"].as_str().unwrap().to_owned(), event["cursor"].as_str().unwrap().to_owned()));
            }
            _ => return (all, Some(message["payload"][0].take())),
        }
    }
    (all, None)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_as_points_come_back(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (town, raised, cursor) = away(Server::working_with(backend, throttled).await).await;
    let who = &town.ours.member.credentials;
    let mut socket = following(&town, who, Some(&cursor)).await;
    let mut all = Vec::new();
    let mut pauses = 0;
    while all.len() < ALERTS {
        let (some, error) = heard(&mut socket).await;
        assert!(error.is_none() && some.len() < 25, "{} at once: {error:?}", some.len());
        all.extend(some.into_iter().map(|(message, _)| message));
        if all.len() < ALERTS {
            // The clock stands still. What they ask for besides is answered.
            pauses += 1;
            town.server.ask(who, "{ orders(first: 3) { nodes { id } } }").await.data();
            town.server.clock.advance(TimeDelta::seconds(10));
        }
        assert!(pauses < 30, "{} were heard", all.len());
    }
    assert_eq!(all, raised, "nothing is lost, nothing doubled");
    assert!(pauses >= 2, "{pauses}");
    raise(&town, "and live", None).await;
    assert_eq!(messages(&mut socket, 1).await, ["and live"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_whose_points_do_not_come_back_ends_with_its_cursor(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let tune = |app: &mut App| {
        throttled(app);
        let limits = LiveLimits { patience: Duration::from_millis(300), ..LiveLimits::default() };
        app.live = Live::new(app.schema.clone(), app.db.clone(), app.clock.clone(), app.feeds.clone(), Guests::new(app.callers.clone()), limits);
    };
    let (town, raised, mut cursor) = away(Server::working_with(backend, tune).await).await;
    let who = &town.ours.member.credentials;
    let mut all = Vec::new();
    let mut ends = 0;
    while all.len() < ALERTS {
        let mut socket = Socket::connect(town.server.address, who).await;
        socket.subscribe("alerts", EVENTS, json!({ "after": cursor })).await;
        let (some, end) = heard(&mut socket).await;
        if let Some((_, last)) = some.last() {
            cursor = last.clone();
        }
        all.extend(some.into_iter().map(|(message, _)| message));
        if let Some(end) = end {
            assert_eq!(end["extensions"]["code"], "THROTTLED", "{end}");
            assert_eq!(end["extensions"]["cursor"], cursor.as_str(), "{end}");
            let seconds = end["extensions"]["retryAfterSeconds"].as_i64().unwrap();
            assert!((1..=20).contains(&seconds), "{end}");
            town.server.clock.advance(TimeDelta::seconds(20));
            ends += 1;
        }
        assert!(ends < 30, "{} were heard", all.len());
    }
    assert_eq!(all, raised, "nothing is lost, nothing doubled");
    assert!(ends >= 1, "{ends}");
}
