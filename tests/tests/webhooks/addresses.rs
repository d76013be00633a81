//! Where endpoints may lead: never inside, neither when they are made nor when their name has come to mean another place.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use integrations::outgoing::{Outgoing, OutgoingSettings, Resolver};
use rstest::rstest;
use serde_json::json;
use tests::harness::{Backend, Credentials, Server, Town};

use crate::receiver::Receiver;
use crate::world::World;

struct Names(Mutex<IpAddr>);

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        assert_eq!(host, "hooks.example.com");
        Ok(vec![*self.0.lock().unwrap()])
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_comes_to_lead_inside_is_not_dialled(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let names = Arc::new(Names(Mutex::new([127, 0, 0, 1].into())));
    let settings = OutgoingSettings { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], resolver: names.clone(), ..OutgoingSettings::default() };
    let outgoing = Outgoing::new(settings).unwrap();
    let world = World::tuned(backend, |app| app.outgoing = outgoing).await;
    let receiver = Receiver::start().await;
    let endpoint = world.endpoint(&format!("http://hooks.example.com:{}/hooks", receiver.address.port()), "[STORE_UPDATED]").await;
    world.store_changes("here").await;
    receiver.hears(1).await;
    for inside in [[10, 0, 0, 5], [169, 254, 169, 254]] {
        *names.0.lock().unwrap() = inside.into();
        world.store_changes("elsewhere").await;
        let found = world.deliveries_when(&endpoint, |found| found.iter().any(|one| one["status"] == "PENDING" && one["attempts"] == 1)).await;
        let refused = found.iter().find(|one| one["status"] == "PENDING").unwrap();
        let why = refused["errorMessage"].as_str().unwrap();
        assert!(why.contains("leads nowhere that may be dialled") && !why.contains("10.0"), "{why}");
        *names.0.lock().unwrap() = [127, 0, 0, 1].into();
        world.done("webhookDeliveryRedeliver", &format!("id: {}", refused["id"]), "webhookDelivery { id }").await;
        world.deliveries_when(&endpoint, |found| found.iter().all(|one| one["status"] == "DELIVERED")).await;
    }
    assert_eq!(receiver.heard().len(), 3);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_leads_nowhere_good_is_refused_when_it_is_set(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let admin = &town.ours.admin.credentials;
    for (url, why) in [
        ("http://hooks.example.com/", "must begin with https://"),
        ("ftp://hooks.example.com/", "must begin with https://"),
        ("https://127.0.0.1/", "private or reserved network"),
        ("https://[::1]/", "private or reserved network"),
        ("https://2130706433/", "private or reserved network"),
        ("https://169.254.169.254/latest/meta-data", "private or reserved network"),
        ("https://localhost/", "private or reserved network"),
        ("https://user:word@hooks.example.com/", "user name or password"),
        ("hooks.example.com", "not a valid URL"),
        ("", "not a valid URL"),
    ] {
        let create = format!("mutation {{ webhookEndpointCreate(input: {{ url: \"{url}\" }}) {{ secret userErrors {{ code field message }} }} }}");
        let update = format!(
            "mutation {{ webhookEndpointUpdate(input: {{ id: \"{}\", url: \"{url}\" }}) {{ webhookEndpoint {{ url }} userErrors {{ code field message }} }} }}",
            town.ours.webhook.0
        );
        for mutation in [create, update] {
            let answer = town.server.ask(admin, &mutation).await;
            let payload = answer.data().as_object().unwrap().values().next().unwrap();
            let error = &payload["userErrors"][0];
            assert_eq!((&error["code"], &error["field"]), (&json!("INVALID_URL"), &json!(["input", "url"])), "{url}: {answer:?}");
            assert!(error["message"].as_str().unwrap().contains(why), "{url}: {error}");
        }
    }
    let unchanged = town.server.ask(admin, "{ webhookEndpoints { totalCount nodes { url } } }").await;
    assert_eq!(unchanged.data()["webhookEndpoints"]["nodes"], json!([{ "url": "https://hooks.oursmark.example/noren" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_has_the_whole_catalogue_of_events() {
    let server = Server::start(Backend::Sqlite).await;
    let answer = server.ask(&Credentials::default(), "{ __type(name: \"EventType\") { kind enumValues { name description } } }").await;
    let values = answer.data()["__type"]["enumValues"].as_array().unwrap();
    assert_eq!(values.len(), entities::EventType::ALL.len());
    for kind in entities::EventType::ALL {
        let name = kind.as_str().replace('.', "_").to_uppercase();
        let value = values.iter().find(|value| value["name"] == name.as_str()).unwrap_or_else(|| panic!("{name} is not in the schema"));
        let text = value["description"].as_str().unwrap();
        assert!(text.starts_with(&format!("`{kind}`, version {}. ", kind.version())) && text.contains("Data: `"), "{text}");
    }
}
