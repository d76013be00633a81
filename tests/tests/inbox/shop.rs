//! A tenant whose Shopify app is connected, and what its shop sends.

use std::time::Duration;

use entities::{ConnectionId, TenantId, TokenRole};
use platform::db::Access;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::inbox::{self, ShopifyDelivery};
use tests::harness::{Backend, Credentials, People, Server};

pub const CREATE: &str = include_str!("../../../integrations/src/shopify/fixtures/orders_create.json");
pub const DOMAIN: &str = "noren-tea.myshopify.com";

/// A server with one tenant and its connection to Shopify.
pub struct Shop {
    pub server: Server,
    pub people: People,
    pub tenant: TenantId,
    pub connection: ConnectionId,
    pub admin: Credentials,
}

impl Shop {
    /// Nothing works on what comes in.
    pub async fn idle(backend: Backend) -> Self {
        Self::on(Server::start(backend).await).await
    }

    async fn on(server: Server) -> Self {
        let people = People::of(&server);
        let tenant = people.tenant("Noren Tea").await;
        let connection = inbox::connection(&server, tenant, "tea").await;
        let (_, admin) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
        Self { server, people, tenant, connection, admin }
    }

    /// The same, where callers are throttled.
    pub async fn throttled(backend: Backend) -> Self {
        let server = Server::with(backend, [("cost_restore_rate", "10".to_owned())].into()).await;
        Self::on(server).await
    }

    /// The shop is connected, and what comes in is worked on.
    pub async fn open(backend: Backend) -> Self {
        let mut shop = Self::idle(backend).await;
        shop.connect_store("USD").await;
        shop.server.work().await;
        shop
    }

    pub async fn connect_store(&self, currency: &str) {
        let input = format!("domain: \"{DOMAIN}\", accessToken: \"shpat\", currencyCode: \"{currency}\"");
        let answer = self.ask(&format!("mutation {{ storeConnect(input: {{ {input} }}) {{ store {{ id }} userErrors {{ message }} }} }}")).await;
        assert_eq!(answer["storeConnect"]["userErrors"], json!([]));
    }

    pub async fn ask(&self, query: &str) -> Value {
        self.server.ask(&self.admin, query).await.data().clone()
    }

    pub fn delivery(&self, topic: &str, body: &Value) -> ShopifyDelivery {
        ShopifyDelivery::new(self.connection, DOMAIN, topic, body.to_string())
    }

    /// Has a delivery taken.
    pub async fn deliver(&self, topic: &str, body: &Value) {
        assert_eq!(self.delivery(topic, body).send(&self.server).await, (200, String::new()));
    }

    /// The deliveries, the oldest first.
    pub async fn events(&self) -> Vec<Value> {
        let fields = "id topic account eventId providerEventId apiVersion payloadBytes status attempts errorMessage triggeredAt receivedAt processedAt
                      payloadDeletionAt payloadDeletedAt store { domain } connection { id name webhookUrl } content { headers payload }";
        let found = self.ask(&format!("{{ webhookEvents(orderBy: {{ field: RECEIVED_AT }}) {{ totalCount nodes {{ {fields} }} }} }}")).await;
        let nodes = found["webhookEvents"]["nodes"].as_array().unwrap().clone();
        assert_eq!(found["webhookEvents"]["totalCount"], nodes.len());
        nodes
    }

    /// The deliveries, once none of them waits.
    pub async fn settled(&self) -> Vec<Value> {
        for _ in 0..300 {
            let events = self.events().await;
            if events.iter().all(|event| event["status"] != "PENDING") {
                return events;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("deliveries wait: {:?}", self.events().await);
    }

    /// Everything of the orders, but for when Noren wrote them.
    pub async fn orders(&self) -> Value {
        let item = "externalId productTitle quantity price { amount } totalPrice { amount }";
        let fields = format!(
            "id externalId number email status financialStatus totalPrice {{ amount currencyCode }} updatedAt store {{ domain }}
             customer {{ id externalId email lastName }} items {{ nodes {{ {item} }} }}"
        );
        self.ask(&format!("{{ orders {{ nodes {{ {fields} }} }} }}")).await["orders"]["nodes"].clone()
    }

    /// How many events of a kind were announced in the tenant's feed.
    pub async fn announced(&self, kind: &str) -> i64 {
        let sql = "select count(*) from events where tenant_id = $1 and name = $2";
        self.number(sql, [self.tenant.into(), kind.into()]).await
    }

    pub async fn number(&self, sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) -> i64 {
        let db = self.server.db();
        let tx = db.read(Access::Platform).await.unwrap();
        tx.query_one_raw(db.statement(sql, values)).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    pub async fn execute(&self, sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) {
        let db = self.server.db();
        let tx = db.write(Access::Platform).await.unwrap();
        assert_eq!(tx.execute_raw(db.statement(sql, values)).await.unwrap().rows_affected(), 1);
        tx.commit().await.unwrap();
    }

    /// Has a delivery worked on again.
    pub async fn replay(&self, event: &Value) -> Value {
        let id = event["id"].as_str().unwrap();
        let answer = self
            .ask(&format!("mutation {{ webhookEventReplay(input: {{ id: \"{id}\" }}) {{ webhookEvent {{ status }} userErrors {{ code field }} }} }}"))
            .await;
        answer["webhookEventReplay"].clone()
    }
}

/// The order of the fixture.
pub fn order() -> Value {
    serde_json::from_str(CREATE).unwrap()
}

/// The same with some of its fields changed.
pub fn order_with(changes: Value) -> Value {
    let mut order = order();
    for (name, value) in changes.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}
