//! A town whose relay and monitor run when the test says so.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use entities::{AlertSeverity, TenantId, TokenRole};
use ops::alerts::{NewAlert, Watch};
use ops::monitoring::{Measure, Monitor, Readings};
use platform::db::Access;
use platform::outbox::{Event, FeedId, Relay};
use platform::{Clock, Trace};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::{Backend, Credentials, Town};

/// Every field of an alert.
pub const FIELDS: &str = "id type severity source message data fingerprint status count escalationLevel silencedUntil firstSeenAt lastSeenAt \
    acknowledgedAt acknowledgedBy acknowledgementNote resolvedAt resolvedBy resolutionNotes createdAt updatedAt previousAlert { id } store { id } tenant { id }";

/// The town.
pub struct World {
    pub town: Town,
    /// The administrator's token, which outlives sessions.
    pub admin_id: String,
    admin: Credentials,
}

/// A machine that is as the test says.
struct Still(String, Readings);

impl Measure for Still {
    fn host(&self) -> String {
        self.0.clone()
    }

    fn measure(&mut self) -> Readings {
        self.1
    }
}

impl World {
    pub async fn new(backend: Backend) -> Self {
        let town = Town::new(backend, 1).await;
        let (id, admin) = town.people.token(TokenRole::TenantAdmin, Some(town.ours.tenant), &[]).await;
        Self { town, admin_id: id.to_string(), admin }
    }

    pub fn admin(&self) -> &Credentials {
        &self.admin
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.town.server.clock.now()
    }

    pub fn pass(&self, time: TimeDelta) {
        self.town.server.clock.advance(time);
    }

    pub fn trace(&self) -> Trace {
        Trace::system("a test", self.town.server.clock())
    }

    /// Data of our administrator's query.
    pub async fn ask(&self, query: &str) -> Value {
        self.ask_as(self.admin(), query).await
    }

    /// Data of somebody's query.
    pub async fn ask_as(&self, who: &Credentials, query: &str) -> Value {
        self.town.server.ask(who, query).await.data().clone()
    }

    /// The payload of somebody's mutation.
    pub async fn change(&self, who: &Credentials, name: &str, input: &str, selected: &str) -> Value {
        let query = format!("mutation {{ {name}(input: {{ {input} }}) {{ {selected} userErrors {{ code field message }} }} }}");
        self.ask_as(who, &query).await[name].clone()
    }

    /// The alert that came of somebody's mutation.
    pub async fn done(&self, who: &Credentials, name: &str, input: &str) -> Value {
        let payload = self.change(who, name, input, &format!("alert {{ {FIELDS} }}")).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}({input})");
        payload["alert"].clone()
    }

    /// The code and the field of a mutation that is refused.
    pub async fn refused(&self, who: &Credentials, name: &str, input: &str) -> (String, String) {
        let payload = self.change(who, name, input, "__typename").await;
        let error = &payload["userErrors"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&error["code"]), text(&error["field"][1]))
    }

    /// Our administrator raises an alert.
    pub async fn raise(&self, input: &str) -> Value {
        self.done(self.admin(), "alertRaise", input).await
    }

    /// An alert as our administrator sees it.
    pub async fn alert(&self, id: &Value) -> Value {
        self.ask(&format!("{{ alert(id: {id}) {{ {FIELDS} }} }}")).await["alert"].clone()
    }

    /// The alerts of a type as somebody sees them, the oldest first.
    pub async fn of_type(&self, who: &Credentials, kind: &str) -> Vec<Value> {
        let query = format!("{{ alerts(filter: {{ types: [\"{kind}\"] }}, orderBy: {{ field: CREATED_AT }}) {{ nodes {{ {FIELDS} }} }} }}");
        self.ask_as(who, &query).await["alerts"]["nodes"].as_array().expect("alerts").clone()
    }

    /// Hands on what has happened, until nothing waits.
    pub async fn relay(&self) {
        let server = &self.town.server;
        let watch = Arc::new(Watch::new(server.clock()));
        Relay::new(server.db().clone(), server.app.feeds.clone(), vec![watch]).relay().await.expect("relayed");
    }

    /// Looks once at the program and at a machine.
    pub async fn look(&self, host: &str, readings: Readings) {
        let server = &self.town.server;
        let machine = Box::new(Still(host.to_owned(), readings));
        Monitor::new(server.db().clone(), server.clock(), server.app.health.checks(), machine).look().await.expect("a look");
    }

    /// Looks once at the program.
    pub async fn settle(&self) {
        self.look("quiet", Readings::default()).await;
    }

    /// What a feed tells, relayed.
    pub async fn told(&self, tenant: Option<TenantId>) -> Vec<Event> {
        self.relay().await;
        let tx = self.town.server.db().read(Access::Worker).await.expect("a transaction");
        FeedId::of(tenant).read(&tx, 0, 10_000).await.expect("events")
    }

    /// How many events of a name there are, relayed or not.
    pub async fn events(&self, name: &str) -> i64 {
        let db = self.town.server.db();
        let tx = db.read(Access::Worker).await.expect("a transaction");
        let row = tx.query_one_raw(db.statement("select count(*) from events where name = $1", [name.into()])).await.expect("a count").expect("a count");
        row.try_get_by_index(0).expect("a count")
    }

    /// An alert of ours that the program raises.
    pub fn alert_of(&self, kind: &str, severity: AlertSeverity) -> NewAlert {
        NewAlert {
            tenant: Some(self.town.ours.tenant),
            store: None,
            kind: kind.to_owned(),
            severity,
            source: "noren/test".to_owned(),
            message: format!("{kind} goes wrong"),
            data: json!({}),
            fingerprint: None,
        }
    }

    /// The program raises an alert, and the transaction is committed.
    pub async fn raise_own(&self, alert: NewAlert) -> ops::alerts::AlertRow {
        let tx = self.town.server.db().write(Access::Worker).await.expect("a transaction");
        let row = ops::alerts::raise(&tx, &self.trace(), alert).await.expect("an alert");
        tx.commit().await.expect("an alert");
        row
    }
}
