//! Those who were away miss nothing, and hear of nothing twice.

use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::harness::socket::Socket;
use tests::harness::{Backend, Town};

use super::world::{EVENTS, event, following, is_quiet, messages, raise, town};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_goes_on_where_they_were(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let who = &town.ours.member.credentials;
    let mut socket = following(&town, who, None).await;
    raise(&town, "first", None).await;
    let cursor = event(&mut socket).await["cursor"].as_str().unwrap().to_owned();
    drop(socket);
    for message in ["second", "third", "fourth"] {
        raise(&town, message, None).await;
    }
    let mut socket = following(&town, who, Some(&cursor)).await;
    raise(&town, "fifth", None).await;
    assert_eq!(messages(&mut socket, 4).await, ["second", "third", "fourth", "fifth"]);
    assert!(is_quiet(&mut socket).await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn replay_and_live_meet_without_a_gap(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    const ALERTS: usize = 120;
    let town = town(backend).await;
    let who = &town.ours.member.credentials;
    let mut first = following(&town, who, None).await;
    raise(&town, "the beginning", None).await;
    let cursor = event(&mut first).await["cursor"].as_str().unwrap().to_owned();
    let raising = async {
        for number in 0..ALERTS {
            raise(&town, &format!("alert {number}"), None).await;
        }
    };
    // They come back again and again while alerts are raised, each from where the last one was.
    let coming_back = async {
        let (mut cursor, mut heard, mut stay) = (cursor, Vec::new(), 1);
        while heard.len() < ALERTS {
            let mut socket = Socket::connect(town.server.address, who).await;
            socket.subscribe("alerts", EVENTS, json!({ "after": cursor })).await;
            for _ in 0..stay.min(ALERTS - heard.len()) {
                let event = event(&mut socket).await;
                cursor = event["cursor"].as_str().unwrap().to_owned();
                heard.push(event["alert"]["message"].as_str().unwrap().to_owned());
            }
            stay = stay % 17 + 4;
        }
        heard
    };
    let ((), heard) = tokio::join!(raising, coming_back);
    let expected: Vec<String> = (0..ALERTS).map(|number| format!("alert {number}")).collect();
    assert_eq!(heard, expected);
    assert_eq!(messages(&mut first, ALERTS).await, expected, "whoever stayed heard the same");
}

/// Deletes what was said of these alerts alone.
async fn lose(town: &Town, alerts: &[&String]) {
    let db = town.server.db();
    let tx = db.write(Access::Worker).await.unwrap();
    for alert in alerts {
        let sql = "delete from events where feed_id = $1 and name = 'alert.raised' and subject = $2";
        let lost = tx.execute_raw(db.statement(sql, [town.ours.tenant.uuid().into(), alert.as_str().into()])).await.unwrap();
        assert_eq!(lost.rows_affected(), 1);
    }
    tx.commit().await.unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_within_a_feed_is_told(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let who = &town.ours.member.credentials;
    let mut socket = following(&town, who, None).await;
    let (mut alerts, mut cursors) = (Vec::new(), Vec::new());
    for number in 0..8 {
        alerts.push(raise(&town, &format!("alert {number}"), None).await);
        cursors.push(event(&mut socket).await["cursor"].as_str().unwrap().to_owned());
    }
    lose(&town, &[&alerts[2], &alerts[4]]).await;
    let expired = async |socket: &mut Socket| {
        let message = loop {
            let message = socket.hear().await.message();
            if message["type"] != "pong" {
                break message;
            }
        };
        let extensions = &message["payload"][0]["extensions"];
        assert!(message["type"] == "error" && extensions["code"] == "CURSOR_EXPIRED", "{message}");
        extensions["oldestCursor"].as_str().unwrap().to_owned()
    };

    let mut late = following(&town, who, Some(&cursors[0])).await;
    assert_eq!(messages(&mut late, 1).await, ["alert 1"]);
    assert_eq!(expired(&mut late).await, cursors[4], "behind the last that is missing");
    for fallen in [&cursors[1], &cursors[2], &cursors[3]] {
        let mut late = Socket::connect(town.server.address, who).await;
        late.subscribe("alerts", EVENTS, json!({ "after": fallen })).await;
        if fallen == &cursors[2] {
            assert_eq!(messages(&mut late, 1).await, ["alert 3"], "until there is something missing again");
        }
        assert_eq!(expired(&mut late).await, cursors[4]);
    }
    let mut late = following(&town, who, Some(&cursors[4])).await;
    assert_eq!(messages(&mut late, 3).await, ["alert 5", "alert 6", "alert 7"]);

    // The last ones are missing: what is there begins with what comes.
    lose(&town, &[&alerts[7]]).await;
    let mut late = following(&town, who, Some(&cursors[5])).await;
    assert_eq!(messages(&mut late, 1).await, ["alert 6"]);
    assert_eq!(expired(&mut late).await, cursors[7]);
    let mut late = following(&town, who, Some(&cursors[7])).await;
    raise(&town, "alert 8", None).await;
    assert_eq!(messages(&mut late, 1).await, ["alert 8"]);
}

async fn forget_up_to(town: &Town, message: &str) {
    let db = town.server.db();
    let sql = "delete from events where feed_id = $1 and position <= (select e.position from events e where e.feed_id = $1 and e.name = 'alert.raised'
      and e.subject = $2)";
    let alert = raise(town, message, None).await;
    let tx = db.write(Access::Worker).await.unwrap();
    tx.execute_raw(db.statement(sql, [town.ours.tenant.uuid().into(), alert.into()])).await.unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_is_too_old_says_from_where_there_is_something(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = town(backend).await;
    let who = &town.ours.member.credentials;
    let mut socket = following(&town, who, None).await;
    raise(&town, "forgotten", None).await;
    let cursor = event(&mut socket).await["cursor"].as_str().unwrap().to_owned();
    raise(&town, "the last that is forgotten", None).await;
    event(&mut socket).await;
    forget_up_to(&town, "the last that is forgotten").await;
    raise(&town, "kept", None).await;

    let mut late = Socket::connect(town.server.address, who).await;
    late.subscribe("late", EVENTS, json!({ "after": cursor })).await;
    let message = late.hear().await.message();
    let extensions = &message["payload"][0]["extensions"];
    assert!(message["type"] == "error" && extensions["code"] == "CURSOR_EXPIRED", "{message}");
    let mut late = following(&town, who, extensions["oldestCursor"].as_str()).await;
    let heard = messages(&mut late, 2).await;
    assert_eq!(heard.last().map(String::as_str), Some("kept"), "{heard:?}");

    // Other tenants' cursors, and those that nobody made.
    for after in [
        cursor.replace(&town.ours.tenant.uuid().simple().to_string(), &town.theirs.tenant.uuid().simple().to_string()),
        "1".to_owned(),
        format!("{}:-1", town.ours.tenant.uuid().simple()),
    ] {
        late.subscribe("wrong", EVENTS, json!({ "after": after })).await;
        let message = loop {
            let message = late.hear().await.message();
            if message["type"] != "pong" && message["id"] == "wrong" {
                break message;
            }
        };
        assert!(message["type"] == "error" && message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT", "{message}");
    }
}
