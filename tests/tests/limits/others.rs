//! While hostile requests arrive, other callers are answered nearly as fast as before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::harness::{Backend, Server, Town};

const QUERY: &str = "{ orders(first: 10) { nodes { id number customer { id } items { nodes { id } } } } }";
const ASKED: usize = 200;
/// Between two requests of an attacker: what is measured is the server, and not who gets the processor in this process.
const PAUSE: Duration = Duration::from_millis(5);
/// How much longer the slowest answers may take.
const MULTIPLE: f64 = 10.0;

/// Bodies that are meant to hurt.
fn hostile() -> Vec<String> {
    let document = |query: String| json!({ "query": query }).to_string();
    let multiplying: String = (0..18).map(|n| format!("fragment f{n} on Query {{ {} }} ", format!("...f{} ", n + 1).repeat(10))).collect();
    let unknown: String = (0..3_000).map(|n| format!("ordrs{n} ")).collect();
    vec![
        document(format!("{{ order(id: \"x\") {{ {} }} }}", (0..10_000).map(|n| format!("a{n}: id ")).collect::<String>())),
        document(format!("{{ {} }}", "a".repeat(900_000))),
        document(format!("{{ orders(filter: {}{}) {{ totalCount }} }}", "[".repeat(20_000), "]".repeat(20_000))),
        document(format!("{{ orders(filter: {}{}) {{ totalCount }} }}", "{a:".repeat(20_000), "}".repeat(20_000))),
        document(format!("{{ ...f0 }} {multiplying} fragment f18 on Query {{ __typename }}")),
        document("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".to_owned()),
        document(format!("{{ viewer {{ {unknown} }} }}")),
        format!("{{\"query\": \"{{ __typename }}\", \"variables\": {{\"a\": {}{}}}}}", "[".repeat(20_000), "]".repeat(20_000)),
        format!("{{\"query\": \"{{ __typename }}\", \"variables\": {{\"a\": [{}1]}}}}", "1,".repeat(400_000)),
        format!("[{}]", vec![document("{ __typename }".to_owned()); 5_000].join(",")),
        "#".repeat(2 * 1024 * 1024),
    ]
}

async fn p99(town: &Town) -> Duration {
    let mut took = Vec::new();
    for _ in 0..ASKED {
        let begun = Instant::now();
        town.server.ask(&town.ours.admin.credentials, QUERY).await.data();
        took.push(begun.elapsed());
    }
    took.sort();
    took[ASKED * 99 / 100 - 1]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hostile_requests_do_not_slow_others_down() {
    let flags = [("cost_restore_rate", "10000".to_owned())].into();
    let town = Arc::new(Town::on(Server::with(Backend::Sqlite, flags).await, 10).await);
    p99(&town).await;
    // Other work on the machine may disturb one round.
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let quiet = p99(&town).await;
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let attackers: Vec<_> = (0..4)
            .map(|attacker| {
                let (town, stop, sent) = (town.clone(), stop.clone(), sent.clone());
                tokio::spawn(async move {
                    let client = reqwest::Client::builder().build().unwrap();
                    for body in hostile().iter().cycle().skip(attacker * 3) {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let post = client.post(town.server.url("/graphql")).header("content-type", "application/json").body(body.clone());
                        if let Ok(response) = post.send().await {
                            assert!(response.status().as_u16() != 500, "{}", response.status());
                            let text = response.text().await.unwrap_or_default();
                            assert!(text.len() < 20_000, "a refusal of {} bytes", text.len());
                            sent.fetch_add(1, Ordering::Relaxed);
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                })
            })
            .collect();
        let disturbed = p99(&town).await;
        stop.store(true, Ordering::Relaxed);
        for attacker in attackers {
            attacker.await.unwrap();
        }
        assert!(sent.load(Ordering::Relaxed) > 20, "{sent:?} hostile requests are no flood");
        ratios.push(disturbed.as_secs_f64() / quiet.as_secs_f64());
    }
    assert!(ratios.iter().any(|ratio| *ratio < MULTIPLE), "the slowest answers took {ratios:?} times as long");
}
