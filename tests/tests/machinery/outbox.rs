//! Events are announced when they are true: each committed one once, in one gapless order a feed, none that was rolled back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use entities::{EventType, TenantId};
use platform::db::{Access, Tx};
use platform::outbox::{Event, FeedId, Feeds, Listener, Relay, emit, lag};
use platform::record::Happened;
use platform::{Database, DbErr};
use rstest::rstest;
use serde_json::json;
use tests::harness::{Backend, People, Server};

use crate::workshop::Workshop;

#[derive(Default)]
struct Heard {
    events: Mutex<Vec<Event>>,
    fails: AtomicBool,
}

#[async_trait]
impl Listener for Heard {
    async fn take(&self, _: &Tx, events: &[Event]) -> Result<(), DbErr> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(DbErr::Custom("a test's failure".to_owned()));
        }
        self.events.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

fn event(tenant: Option<TenantId>, writer: usize, number: usize) -> Happened {
    Happened { kind: EventType::StoreUpdated, tenant, store: None, subject: Some(format!("{writer}")), data: json!({ "number": number }) }
}

async fn feed(server: &Server, tenant: Option<TenantId>) -> Vec<Event> {
    let tx = server.db().read(Access::Worker).await.unwrap();
    FeedId::of(tenant).read(&tx, 0, 100_000).await.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn feeds_have_neither_gaps_nor_doubles(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let other = People::of(&shop.server).tenant("Other K.K.").await;
    let feeds = [Some(shop.tenant), Some(other), None];
    // The tenants' first event tells of their creation.
    let before = feeds.map(|tenant| usize::from(tenant.is_some()));
    let heard: Arc<Heard> = Arc::default();
    let mut relays = Vec::new();
    for _ in 0..2 {
        let db = Database::connect(shop.server.database.settings()).await.unwrap();
        let relay = Arc::new(Relay::new(db, Feeds::default(), vec![heard.clone()]));
        relays.push(tokio::spawn(async move { relay.run().await }));
    }
    let writers = (0..8).map(|writer| {
        let (db, trace) = (shop.db().clone(), shop.trace());
        async move {
            for number in 0..30 {
                let tenant = feeds[(writer + number) % 3];
                let access = tenant.map_or(Access::Platform, Access::Tenant);
                let tx = db.write(access).await.unwrap();
                emit(&tx, &trace, event(tenant, writer, number)).await.unwrap();
                // Every fifth change comes to nothing.
                if number % 5 == 4 { drop(tx) } else { tx.commit().await.unwrap() }
            }
        }
    });
    futures::future::join_all(writers).await;
    for _ in 0..400 {
        if lag(shop.db()).await.unwrap().waiting == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let mut all = 0;
    for (tenant, created) in feeds.into_iter().zip(before) {
        let events = feed(&shop.server, tenant).await;
        let places: Vec<i64> = events.iter().map(|event| event.position).collect();
        assert_eq!(places, (1..=places.len() as i64).collect::<Vec<_>>(), "gapless from 1");
        assert!(events.iter().all(|event| event.tenant == tenant));
        let mut last: HashMap<String, i64> = HashMap::new();
        for event in events.iter().skip(created) {
            let number = event.data["number"].as_i64().unwrap();
            assert!(number % 5 != 4, "it was rolled back");
            let before = last.insert(event.subject.clone().unwrap(), number);
            assert!(before.is_none_or(|before| before < number), "what one writer did comes in its order");
        }
        all += events.len();
    }
    assert_eq!(all, 8 * 24 + 2, "two tenants were created as well");
    let mut ids: Vec<_> = heard.events.lock().unwrap().iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), all, "each was handed on once");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
    relays.iter().for_each(tokio::task::JoinHandle::abort);
}

#[rstest]
#[tokio::test]
async fn what_a_listener_cannot_take_is_not_forgotten(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    let heard: Arc<Heard> = Arc::default();
    let relay = Relay::new(shop.db().clone(), Feeds::default(), vec![heard.clone()]);
    heard.fails.store(true, Ordering::SeqCst);
    assert!(relay.relay().await.is_err());
    assert_eq!(feed(&shop.server, Some(shop.tenant)).await, []);
    assert_eq!(lag(shop.db()).await.unwrap().waiting, 1);
    heard.fails.store(false, Ordering::SeqCst);
    relay.relay().await.unwrap();
    let events = feed(&shop.server, Some(shop.tenant)).await;
    assert_eq!(events.iter().map(|event| (event.name.as_str(), event.position)).collect::<Vec<_>>(), [("tenant.created", 1)]);
    assert_eq!(*heard.events.lock().unwrap(), events);
}

#[tokio::test]
async fn replicas_hear_how_far_a_feed_has_come() {
    let shop = Workshop::new(Backend::Postgres).await;
    let far = Feeds::default();
    let hearing = tokio::spawn({
        let (far, db) = (far.clone(), Database::connect(shop.server.database.settings()).await.unwrap());
        async move { far.hear_replicas(&db).await }
    });
    let mut positions = far.subscribe();
    let relay = Relay::new(shop.db().clone(), Feeds::default(), Vec::new());
    let heard = async {
        loop {
            let position = positions.recv().await.unwrap();
            if position.feed == FeedId::of(Some(shop.tenant)) {
                return position.position;
            }
        }
    };
    let told = async {
        for number in 0.. {
            // The other replica may not listen yet.
            let tx = shop.db().write(Access::Tenant(shop.tenant)).await.unwrap();
            emit(&tx, &shop.trace(), event(Some(shop.tenant), 0, number)).await.unwrap();
            tx.commit().await.unwrap();
            relay.relay().await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let position = tokio::select! {
        position = heard => position,
        () = told => unreachable!(),
        () = tokio::time::sleep(Duration::from_secs(10)) => panic!("nothing was heard"),
    };
    assert!(position >= 2, "{position}");
    hearing.abort();
}
