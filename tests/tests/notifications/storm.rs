//! A storm of alerts: a channel gets so many messages a minute, and the rest in a digest. Nothing is dropped.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use rstest::rstest;
use tests::harness::Backend;

use crate::world::{World, text_of};

const ALERTS: usize = 500;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_alerts_are_thirty_mails_and_digests_that_count_the_rest(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    world.mail_channel(&world.ours.admin, "mail").await;
    for some in (0..ALERTS).collect::<Vec<_>>().chunks(25) {
        let raises: String = some
            .iter()
            .map(|n| {
                format!(
                    "a{n}: alertRaise(input: {{ type: \"Storm{}\", fingerprint: \"storm-{n}\", severity: HIGH, message: \"no {n}\" }}) {{ alert {{ id }} }} ",
                    n % 5
                )
            })
            .collect();
        world.server.ask(&world.ours.admin, &format!("mutation {{ {raises} }}")).await.data();
    }
    let (sent, digested) = ("kinds: [RAISED], statuses: [SENT]", "kinds: [RAISED], statuses: [DIGESTED]");
    let mut counts = (0, 0);
    for _ in 0..600 {
        counts = (world.count(sent).await, world.count(digested).await);
        if counts.0 + counts.1 == ALERTS as u64 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(counts, (30, ALERTS as u64 - 30));
    assert_eq!(world.mail.received().len(), 30);
    let digests = world.notifications("kinds: [DIGEST]").await;
    assert!((1..=3).contains(&digests.len()), "{digests:#?}");
    world.pass(TimeDelta::seconds(61));
    world.notifications_when("kinds: [DIGEST]", |found| found.iter().all(|one| one["status"] == "SENT")).await;
    let mails = world.mail.receives(30 + digests.len()).await;
    assert_eq!(mails.len(), 30 + digests.len());
    // The digests count every one of the rest, by type, and name the newest with a link.
    let mut counted = 0;
    for mail in &mails[30..] {
        let text = text_of(&mail.data);
        let plain = text.split("<!doctype").next().unwrap();
        counted += plain
            .lines()
            .filter(|line| line.starts_with("HIGH Storm"))
            .map(|line| line.rsplit(": ").next().unwrap().trim().parse::<usize>().unwrap())
            .sum::<usize>();
        assert!(plain.contains("https://noren.example/graphiql?query="), "{plain}");
    }
    assert_eq!(30 + counted, ALERTS);
    // Every alert is told once: by a mail of its own, or in a digest that was sent.
    let ids: BTreeSet<String> = digests.iter().map(|digest| digest["id"].as_str().unwrap().to_owned()).collect();
    let mut after = String::new();
    let mut alerts = BTreeSet::new();
    loop {
        let query = format!(
            "{{ notifications(first: 250{after}, filter: {{ kinds: [RAISED] }}) {{ nodes {{ status digestId alert {{ id }} }} pageInfo {{ endCursor hasNextPage }} }} }}"
        );
        let page = world.server.ask(&world.ours.admin, &query).await.data()["notifications"].clone();
        for one in page["nodes"].as_array().unwrap() {
            assert!(one["status"] == "SENT" || ids.contains(one["digestId"].as_str().unwrap()), "{one}");
            assert!(alerts.insert(one["alert"]["id"].as_str().unwrap().to_owned()), "{one}");
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(alerts.len(), ALERTS);
    // A minute later there is room again.
    world.raise("HIGH", "After").await;
    world.mail.receives(30 + digests.len() + 1).await;
}
