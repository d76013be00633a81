//! A working server with two tenants, each with a store and an administrator.

use std::time::Duration;

use api::app::App;
use chrono::{DateTime, TimeDelta, Utc};
use entities::{EventType, StoreId, TenantId, TokenRole};
use integrations::outgoing::{Outgoing, OutgoingSettings};
use platform::db::{Access, Wake};
use platform::outbox::emit;
use platform::record::Happened;
use platform::{Clock, Trace};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::{Backend, Credentials, People, Server, seed};

/// A tenant, its administrator's token and its store.
pub struct Side {
    pub tenant: TenantId,
    pub admin: Credentials,
    pub store: StoreId,
}

/// The server and its tenants.
pub struct World {
    pub server: Server,
    pub ours: Side,
    pub theirs: Side,
}

/// An endpoint and what it is signed with.
pub struct Endpoint {
    pub id: String,
    pub secret: String,
}

impl World {
    /// A world that waits for an answer as long as the program does.
    pub async fn new(backend: Backend) -> Self {
        Self::tuned(backend, |_| {}).await
    }

    /// A world that waits so long for an answer.
    pub async fn patient_for(backend: Backend, timeout: Duration) -> Self {
        let allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
        let outgoing = Outgoing::new(OutgoingSettings { allowed_networks, timeout, ..OutgoingSettings::default() }).unwrap();
        Self::tuned(backend, |app| app.outgoing = outgoing).await
    }

    /// A world with a program that is changed before it works.
    pub async fn tuned(backend: Backend, tune: impl FnOnce(&mut App)) -> Self {
        let server = Server::working_with(backend, tune).await;
        let (ours, theirs) = (side(&server, "ours").await, side(&server, "theirs").await);
        Self { server, ours, theirs }
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.server.clock.now()
    }

    /// Lets time pass; what is due by then is looked at.
    pub fn pass(&self, time: TimeDelta) {
        self.server.clock.advance(time);
        self.server.db().signals().wake(Wake::Jobs);
    }

    /// Data of our administrator's query.
    pub async fn ask(&self, query: &str) -> Value {
        self.server.ask(&self.ours.admin, query).await.data().clone()
    }

    /// The payload of our administrator's mutation.
    pub async fn change(&self, name: &str, input: &str, selected: &str) -> Value {
        self.change_as(&self.ours, name, input, selected).await
    }

    /// The payload of somebody's mutation.
    pub async fn change_as(&self, side: &Side, name: &str, input: &str, selected: &str) -> Value {
        let query = format!("mutation {{ {name}(input: {{ {input} }}) {{ {selected} userErrors {{ code field message }} }} }}");
        self.server.ask(&side.admin, &query).await.data()[name].clone()
    }

    /// The payload of a mutation that is not refused.
    pub async fn done(&self, name: &str, input: &str, selected: &str) -> Value {
        let payload = self.change(name, input, selected).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}");
        payload
    }

    /// A new endpoint of ours; `kinds` as in the schema, such as `[ORDER_CREATED]`.
    pub async fn endpoint(&self, url: &str, kinds: &str) -> Endpoint {
        self.endpoint_of(&self.ours, url, kinds).await
    }

    /// A new endpoint of somebody's.
    pub async fn endpoint_of(&self, side: &Side, url: &str, kinds: &str) -> Endpoint {
        let input = format!("url: \"{url}\", eventTypes: {kinds}");
        let made = self.change_as(side, "webhookEndpointCreate", &input, "webhookEndpoint { id url } secret").await;
        assert_eq!(made["userErrors"], json!([]));
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Endpoint { id: text(&made["webhookEndpoint"]["id"]), secret: text(&made["secret"]) }
    }

    /// Something happens to our store.
    pub async fn store_changes(&self, to: &str) {
        self.done("storeUpdate", &format!("id: \"{}\", description: \"{to}\"", self.ours.store), "store { id }").await;
    }

    /// Something happens to our store that often, all at once.
    pub async fn store_changes_often(&self, times: usize) {
        let tx = self.server.db().write(Access::Tenant(self.ours.tenant)).await.unwrap();
        let trace = Trace::system("a test", self.server.clock());
        for _ in 0..times {
            let (kind, store) = (EventType::StoreUpdated, self.ours.store);
            let data = json!({ "storeId": store.to_string() });
            emit(&tx, &trace, Happened { kind, tenant: Some(self.ours.tenant), store: Some(store), subject: Some(store.to_string()), data }).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// The number that a statement gives.
    pub async fn number(&self, sql: &str) -> i64 {
        let tx = self.server.db().read(Access::Worker).await.unwrap();
        tx.query_one_raw(self.server.db().statement(sql, [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Waits until a statement gives a number.
    pub async fn comes_to(&self, sql: &str, expected: i64) {
        for _ in 0..3_000 {
            if self.number(sql).await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.number(sql).await, expected, "{sql}");
    }

    /// What was sent to an endpoint, the oldest first.
    pub async fn deliveries(&self, endpoint: &Endpoint) -> Vec<Value> {
        let query = format!(
            "{{ webhookEndpoint(id: \"{}\") {{ deliveries(orderBy: {{ field: CREATED_AT }}) {{ nodes {{ id eventId eventType body status attempts responseStatus \
             responseBody errorMessage durationMs lastAttemptAt nextAttemptAt deliveredAt endpoint {{ id }} }} }} }} }}",
            endpoint.id
        );
        self.ask(&query).await["webhookEndpoint"]["deliveries"]["nodes"].as_array().expect("deliveries").clone()
    }

    /// Waits until what was sent to an endpoint is as it should be.
    pub async fn deliveries_when(&self, endpoint: &Endpoint, as_it_should_be: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..500 {
            let found = self.deliveries(endpoint).await;
            if as_it_should_be(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:#?}", self.deliveries(endpoint).await);
    }

    /// An endpoint's fields.
    pub async fn fields(&self, endpoint: &Endpoint) -> Value {
        let query = format!(
            "{{ webhookEndpoint(id: \"{}\") {{ url status disabledReason failingSinceAt lastSuccessAt eventTypes previousSecretUntil }} }}",
            endpoint.id
        );
        self.ask(&query).await["webhookEndpoint"].clone()
    }
}

async fn side(server: &Server, name: &str) -> Side {
    let people = People::of(server);
    let tenant = people.tenant(name).await;
    let (_, admin) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
    Side { tenant, admin, store: seed::store(server.db(), tenant, name, 1).await.store }
}

/// An instant in an answer.
pub fn at(value: &Value) -> DateTime<Utc> {
    value.as_str().expect("an instant").parse().expect("an instant")
}
