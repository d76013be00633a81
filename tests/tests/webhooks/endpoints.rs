//! Endpoints as their owners see them.

use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Town};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_twenty_and_changes_them_as_it_likes(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let admin = &town.ours.admin.credentials;
    let create = "mutation { webhookEndpointCreate(input: { url: \"https://hooks.example.com/a#part\", eventTypes: [ORDER_UPDATED, ORDER_CREATED, ORDER_UPDATED], \
                  description: \" ours \" }) { webhookEndpoint { id url eventTypes description status deliveries { totalCount } } secret userErrors { code message } } }";
    // At once: the limit holds whoever comes first.
    let answers = futures::future::join_all((0..24).map(|_| town.server.ask(admin, create))).await;
    let payloads: Vec<&Value> = answers.iter().map(|answer| &answer.data()["webhookEndpointCreate"]).collect();
    let (made, refused): (Vec<&Value>, Vec<&Value>) = payloads.into_iter().partition(|payload| payload["userErrors"] == json!([]));
    assert_eq!((made.len(), refused.len()), (19, 5));
    assert!(refused.iter().all(|payload| payload["userErrors"][0]["code"] == "LIMIT_REACHED" && payload["secret"].is_null()), "{refused:?}");
    let mut endpoint = made[0]["webhookEndpoint"].clone();
    let id = endpoint["id"].take();
    assert_eq!(
        endpoint,
        json!({ "id": null, "url": "https://hooks.example.com/a", "eventTypes": ["ORDER_CREATED", "ORDER_UPDATED"], "description": "ours", "status": "ENABLED", "deliveries": { "totalCount": 0 } })
    );
    // Theirs is another count; a platform administrator says whose.
    let theirs = town.server.ask(&town.theirs.admin.credentials, create).await;
    assert_eq!(theirs.data()["webhookEndpointCreate"]["userErrors"], json!([]));
    let nobodys = town.server.ask(&town.platform, create).await;
    assert_eq!(nobodys.data()["webhookEndpointCreate"]["userErrors"][0]["code"], "TENANT_REQUIRED");

    let update = async |input: &str| {
        let text = format!(
            "mutation {{ webhookEndpointUpdate(input: {{ id: {id}, {input} }}) {{ webhookEndpoint {{ eventTypes description status }} userErrors {{ code }} }} }}"
        );
        town.server.ask(admin, &text).await.data()["webhookEndpointUpdate"]["webhookEndpoint"].clone()
    };
    assert_eq!(update("eventTypes: []").await, json!({ "eventTypes": [], "description": "ours", "status": "ENABLED" }));
    assert_eq!(update("description: null, status: DISABLED").await, json!({ "eventTypes": [], "description": null, "status": "DISABLED" }));
    let found = town.server.ask(admin, "{ webhookEndpoints(filter: { statuses: [DISABLED] }) { totalCount nodes { id disabledReason } } }").await;
    assert_eq!(found.data()["webhookEndpoints"], json!({ "totalCount": 1, "nodes": [{ "id": id, "disabledReason": null }] }));
}
