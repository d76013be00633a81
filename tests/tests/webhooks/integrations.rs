//! Integrations do not handle each other's endpoints, and hear only what they may read.

use entities::{ApiScope, TokenRole};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Credentials, People};

use crate::receiver::Receiver;
use crate::world::{Side, World};

use ApiScope::{OrdersRead, StoresRead, WebhooksRead, WebhooksWrite};

/// An integration of our tenant.
async fn integration(world: &World, scopes: &[ApiScope]) -> (Side, entities::ApiTokenId) {
    let (id, admin) = People::of(&world.server).token(TokenRole::Integration, Some(world.ours.tenant), scopes).await;
    (Side { tenant: world.ours.tenant, admin, store: world.ours.store }, id)
}

async fn create(world: &World, side: &Side, url: &str, kinds: &str) -> Value {
    let input = format!("url: \"{url}\", eventTypes: {kinds}");
    world.change_as(side, "webhookEndpointCreate", &input, "webhookEndpoint { id createdBy eventTypes }").await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_integration_sees_and_changes_its_own_endpoints_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let receiver = Receiver::start().await;
    let scopes = [StoresRead, WebhooksRead, WebhooksWrite];
    let ((one, one_id), (other, _)) = (integration(&world, &scopes).await, integration(&world, &scopes).await);
    let made = create(&world, &one, &receiver.url(), "[STORE_UPDATED]").await["webhookEndpoint"].clone();
    assert_eq!(made["createdBy"], one_id.to_string());
    let admins = world.endpoint(&receiver.url(), "[ORDER_CREATED]").await;
    let sent = world.change_as(&one, "webhookEndpointTest", &format!("id: {}", made["id"]), "webhookDelivery { id }").await["webhookDelivery"]["id"].clone();
    receiver.hears(1).await;

    let seen = async |who: &Credentials| {
        let query = format!(
            "{{ webhookEndpoint(id: {0}) {{ id }} node(id: {1}) {{ id }} webhookDelivery(id: {1}) {{ id endpoint {{ id }} }} \
             webhookEndpoints {{ totalCount nodes {{ id }} }} webhookDeliveries {{ totalCount nodes {{ id }} }} \
             filtered: webhookDeliveries(filter: {{ endpointIds: [{0}] }}) {{ totalCount }} }}",
            made["id"], sent
        );
        world.server.ask(who, &query).await.data().clone()
    };
    let (id, delivery) = (json!({ "id": made["id"] }), json!({ "id": sent }));
    let own = json!({ "webhookEndpoint": id, "node": delivery, "webhookDelivery": { "id": sent, "endpoint": id },
        "webhookEndpoints": { "totalCount": 1, "nodes": [id] }, "webhookDeliveries": { "totalCount": 1, "nodes": [delivery] }, "filtered": { "totalCount": 1 } });
    assert_eq!(seen(&one.admin).await, own);
    let nothing = json!({ "totalCount": 0, "nodes": [] });
    assert_eq!(
        seen(&other.admin).await,
        json!({ "webhookEndpoint": null, "node": null, "webhookDelivery": null, "webhookEndpoints": nothing, "webhookDeliveries": nothing, "filtered": { "totalCount": 0 } })
    );
    assert_eq!(seen(&world.ours.admin).await["webhookEndpoints"]["totalCount"], 2);

    let missing = entities::WebhookEndpointId::from(uuid::Uuid::from_u128(7));
    for (name, rest) in [
        ("webhookEndpointUpdate", ", description: \"taken\""),
        ("webhookEndpointDelete", ""),
        ("webhookEndpointSecretRotate", ""),
        ("webhookEndpointTest", ""),
        ("webhookEndpointRedeliver", ", since: \"2026-11-01T00:00:00Z\""),
    ] {
        let refused = world.change_as(&other, name, &format!("id: \"{missing}\"{rest}"), "").await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
        for foreign in [made["id"].as_str().unwrap(), &admins.id] {
            assert_eq!(world.change_as(&other, name, &format!("id: \"{foreign}\"{rest}"), "").await, refused, "{name}");
        }
        if name != "webhookEndpointDelete" {
            assert_eq!(world.change_as(&one, name, &format!("id: {}{rest}", made["id"]), "").await["userErrors"], json!([]), "{name}");
        }
    }
    let again = async |side: &Side| world.change_as(side, "webhookDeliveryRedeliver", &format!("id: {sent}"), "").await["userErrors"].clone();
    assert_eq!(again(&other).await[0]["code"], "NOT_FOUND");
    assert_eq!(again(&one).await, json!([]));
    // The limit is the tenant's, whoever made them.
    for _ in 2..20 {
        assert_eq!(create(&world, &other, &receiver.url(), "[]").await["userErrors"], json!([]));
    }
    assert_eq!(create(&world, &one, &receiver.url(), "[]").await["userErrors"][0]["code"], "LIMIT_REACHED");
    // Administrators clean up after them.
    world.done("webhookEndpointDelete", &format!("id: {}", made["id"]), "deletedWebhookEndpointId").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_integration_hears_what_its_scopes_let_it_read(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (orders, stores, all) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let (of_orders, _) = integration(&world, &[OrdersRead, WebhooksWrite]).await;
    let (of_stores, of_stores_id) = integration(&world, &[StoresRead, WebhooksRead, WebhooksWrite]).await;

    for (kind, says) in [
        ("STORE_UPDATED", "store.updated is told to integrations whose API token has the scope stores:read"),
        ("USER_INVITED", "user.invited is told to integrations whose API token has the scope users:read"),
        ("ALERT_RAISED", "alert.raised is told to integrations whose API token has the scope alerts:read"),
        ("API_TOKEN_CREATED", "api_token.created is told to the endpoints of administrators alone"),
    ] {
        let refused = create(&world, &of_orders, &orders.url(), &format!("[ORDER_CREATED, {kind}]")).await;
        let errors = json!([{ "code": "SCOPE_MISSING", "field": ["input", "eventTypes"], "message": says }]);
        assert_eq!((&refused["userErrors"], &refused["webhookEndpoint"]), (&errors, &Value::Null));
    }
    // Who names nothing hears what they may.
    assert_eq!(create(&world, &of_orders, &orders.url(), "[]").await["userErrors"], json!([]));
    let hearing = create(&world, &of_stores, &stores.url(), "[]").await["webhookEndpoint"]["id"].clone();
    world.endpoint(&all.url(), "[STORE_UPDATED, WEBHOOK_ENDPOINT_DISABLED, API_TOKEN_REVOKED]").await;
    // Nobody gives an integration's endpoint more than its token has.
    for side in [&of_stores, &world.ours] {
        let refused = world.change_as(side, "webhookEndpointUpdate", &format!("id: {hearing}, eventTypes: [ORDER_CREATED]"), "").await;
        assert_eq!(refused["userErrors"][0]["code"], "SCOPE_MISSING", "{refused}");
    }
    world.store_changes("seen by some").await;
    all.hears(1).await;
    assert_eq!(stores.hears(1).await[0].json()["type"], "store.updated");

    // An integration is told of its own endpoints that are disabled, not of others'.
    let gone = Receiver::start().await;
    gone.always(crate::receiver::Behaviour::Answer("410 Gone", ""));
    world.endpoint(&gone.url(), "[STORE_UPDATED]").await;
    world.store_changes("one is gone").await;
    assert_eq!(all.hears(3).await.iter().filter(|heard| heard.json()["type"] == "webhook_endpoint.disabled").count(), 1);
    stores.hears(2).await;
    let own = create(&world, &of_stores, &gone.url(), "[STORE_UPDATED]").await["webhookEndpoint"]["id"].clone();
    world.store_changes("another one is gone").await;
    let told: Vec<Value> = stores.hears(4).await.iter().map(|heard| heard.json()).filter(|told| told["type"] == "webhook_endpoint.disabled").collect();
    assert_eq!((told.len(), &told[0]["data"]["webhookEndpointId"]), (1, &own));
    // What it must not hear is not sent again either.
    let since = format!("id: {hearing}, since: \"2026-11-01T00:00:00Z\"");
    let again = world.change_as(&of_stores, "webhookEndpointRedeliver", &since, "deliveries").await;
    assert_eq!((&again["deliveries"], &again["userErrors"]), (&json!(0), &json!([])));
    assert!(orders.heard().is_empty(), "nothing happened to an order");

    // A token that is over ends what it has made; the administrators are told.
    let heard = all.hears(5).await.len();
    People::of(&world.server).revoke(of_stores_id).await;
    all.hears(heard + 1).await;
    world.store_changes("after the token was revoked").await;
    let last = all.hears(heard + 3).await;
    let disabled = last.iter().map(|heard| heard.json()).rfind(|told| told["type"] == "webhook_endpoint.disabled").unwrap();
    assert_eq!(disabled["data"], json!({ "webhookEndpointId": hearing, "reason": "the API token that made it was revoked or has expired" }));
    assert_eq!(stores.heard().len(), 4);
    let fields = world
        .ask(&format!("{{ webhookEndpoint(id: {hearing}) {{ status deliveries(filter: {{ statuses: [FAILED] }}) {{ nodes {{ attempts errorMessage }} }} }} }}"))
        .await;
    assert_eq!(fields["webhookEndpoint"]["status"], "DISABLED");
    let failed = &fields["webhookEndpoint"]["deliveries"]["nodes"];
    assert_eq!(failed, &json!([{ "attempts": 1, "errorMessage": "the API token that made it was revoked or has expired" }]));
}
