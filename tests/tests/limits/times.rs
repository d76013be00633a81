//! What takes too long: slow bodies, slow requests, and who hears of them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::harness::{Backend, Server, Town};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let server = Server::tuned(Backend::Sqlite, Default::default(), |app| app.times.patience = Duration::from_millis(300)).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"POST /graphql HTTP/1.1\r\nhost: noren\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"query\":").await.unwrap();
    let drip = tokio::spawn(async move {
        let mut answer = vec![0; 4_096];
        let mut read = 0;
        while read == 0 {
            let _ = slow.write_all(b" ").await;
            read = tokio::time::timeout(Duration::from_millis(20), slow.read(&mut answer)).await.map_or(0, |read| read.unwrap());
        }
        String::from_utf8_lossy(&answer[..read]).into_owned()
    });
    let answer = tokio::time::timeout(Duration::from_secs(20), drip).await.expect("an answer").unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("the body did not arrive within"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_takes_too_long_is_told_so_and_finishes_all_the_same() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let server = Server::tuned(Backend::Sqlite, Default::default(), |app| {
        app.times.patience = Duration::from_millis(300);
        app.times.slow = Duration::from_millis(300);
        app.on_slow = Arc::new(move |slow| hears.lock().unwrap().push(slow));
    })
    .await;
    let town = Town::on(server, 3).await;
    let server = &town.server;
    // Somebody else writes, and takes their time.
    let writing = server.db().write(platform::db::Access::Platform).await.unwrap();
    let query = "mutation Rename($id: ID!) { storeUpdate(input: {id: $id, description: \"slowly\"}) { store { description } userErrors { message } } }";
    let body = json!({ "query": query, "variables": { "id": town.ours.store(0).to_string() } });
    let post = reqwest::Client::builder().build().unwrap().post(server.url("/graphql")).bearer_auth(town.ours.admin.credentials.bearer.as_ref().unwrap());
    let response = post.json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let answer: Value = response.json().await.unwrap();
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("takes longer than"), "{answer}");
    drop(writing);
    let begun = Instant::now();
    while heard.lock().unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody heard of a slow request");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let slow = heard.lock().unwrap()[0].clone();
    assert_eq!((slow.request_id, slow.operation.as_deref(), slow.tenant), (request_id, Some("Rename"), Some(town.ours.tenant)));
    assert!(slow.took >= Duration::from_millis(300) && slow.actor.starts_with("user_"), "{}", slow.actor);
    let told = server.ask(&town.ours.admin.credentials, &format!("{{ store(id: \"{}\") {{ description }} }}", town.ours.store(0))).await;
    assert_eq!(told.data()["store"]["description"], "slowly", "what was begun is finished");
}
