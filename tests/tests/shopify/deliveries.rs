//! Webhooks as the stand-in sends them: they are taken, and say what the shop's own data says.

use chrono::TimeDelta;
use integrations::ports::commerce::{BulkRecord, CommerceEvent, CommerceProvider, Field, PrivacyKind};
use integrations::ports::delivery::WebhookSource;
use integrations::ports::shop::{DataKind, ShopAdmin, ShopSource};
use integrations::shopify::Shopify;
use serde_json::json;
use tests::harness::shopify::{Delivery, Kind, Sequence};

use super::world::{SHOP, World, trade};

fn read(world: &World, delivery: &Delivery) -> CommerceEvent {
    let wire = integrations::ports::delivery::Delivery { headers: &delivery.headers, body: &delivery.body };
    let secrets = [world.shopify.app().secret.clone().into()];
    let verified = Shopify.verify(&wire, &secrets, world.shopify.now()).unwrap();
    assert_eq!((verified.parts().account.as_deref(), verified.parts().topic.as_str()), (Some(SHOP), delivery.topic.as_str()));
    Shopify.parse(&verified).unwrap()
}

#[tokio::test]
async fn what_is_delivered_agrees_with_what_can_be_fetched() {
    let world = World::start().await;
    world.app.register_webhooks(&world.access, &"https://noren.example/hooks".parse().unwrap()).await.unwrap();
    world.shop(|shop| trade(shop, 9));
    let deliveries = world.shopify.deliveries(SHOP, Sequence::AsHappened);
    assert_eq!(deliveries.len(), 9 + 4 + 5);
    let mut told = 0;
    for delivery in &deliveries {
        match read(&world, delivery) {
            CommerceEvent::OrderChanged(change) => {
                let page = world.app.one(&world.access, DataKind::Orders, &change.order.external_id).await.unwrap();
                let BulkRecord::Order(fetched) = page.records[0].clone().unwrap() else { panic!() };
                assert_eq!((change.order.total, change.order.updated_at, &change.order.customer), (fetched.total, fetched.updated_at, &fetched.customer));
                assert_eq!(
                    (change.order.status, change.order.financial_status, change.order.fulfillment_status),
                    (fetched.status, fetched.financial_status, fetched.fulfillment_status)
                );
                let items = page.records[1..].iter().map(|record| match record.clone().unwrap() {
                    BulkRecord::OrderItem(item) => (item.external_id, item.total, item.quantity),
                    other => panic!("{other:?}"),
                });
                let fetched: Vec<_> = items.collect();
                assert_eq!(change.items.iter().map(|item| (item.external_id.clone(), item.total, item.quantity)).collect::<Vec<_>>(), fetched);
            }
            CommerceEvent::CustomerChanged(customer) => {
                let page = world.app.one(&world.access, DataKind::Customers, &customer.external_id).await.unwrap();
                let BulkRecord::Customer(fetched) = page.records[0].clone().unwrap() else { panic!() };
                assert_eq!(
                    (&customer.email, &customer.city, &customer.tags, customer.updated_at),
                    (&fetched.email, &fetched.city, &fetched.tags, fetched.updated_at)
                );
                assert_eq!(customer.total_orders, Field::Absent, "what is not said erases nothing");
            }
            CommerceEvent::ProductChanged(change) => {
                let page = world.app.one(&world.access, DataKind::Products, &change.product.external_id).await.unwrap();
                let BulkRecord::Product(fetched) = page.records[0].clone().unwrap() else { panic!() };
                assert_eq!((change.product, change.complete, change.variants.len()), (*fetched, true, page.records.len() - 1));
            }
            other => panic!("{other:?}"),
        }
        told += 1;
    }
    assert_eq!(told, deliveries.len());
}

#[tokio::test]
async fn deliveries_come_in_whatever_order_and_number_is_wanted_each_telling_itself_apart() {
    let world = World::start().await;
    world.app.register_webhooks(&world.access, &"https://noren.example/hooks".parse().unwrap()).await.unwrap();
    let topics = |deliveries: &[Delivery]| deliveries.iter().map(|delivery| delivery.topic.clone()).collect::<Vec<_>>();
    world.shop(|shop| trade(shop, 3));
    world.shopify.deliveries(SHOP, Sequence::AsHappened);
    let id = 5_001;
    let again = |world: &World| {
        world.shop(|shop| {
            let thing = shop.things(Kind::Order)[&id].clone();
            shop.put(Kind::Order, &thing);
            shop.uninstall();
        });
    };
    again(&world);
    assert_eq!(topics(&world.shopify.deliveries(SHOP, Sequence::Backwards)), ["app/uninstalled", "orders/updated"]);
    again(&world);
    let twice = world.shopify.deliveries(SHOP, Sequence::Twice);
    assert_eq!(topics(&twice), ["orders/updated", "orders/updated", "app/uninstalled", "app/uninstalled"]);
    assert_eq!((&twice[0].headers, &twice[0].body), (&twice[1].headers, &twice[1].body), "a repeat is the same delivery");
    world.shop(|shop| shop.delete(Kind::Order, id, world.access_time()));
    let deliveries = world.shopify.deliveries(SHOP, Sequence::AsHappened);
    assert_eq!(read(&world, &deliveries[0]), CommerceEvent::OrderDeleted { external_id: id.to_string() });
    assert_eq!(read(&world, &twice[3]), CommerceEvent::AppUninstalled { shop: Some(SHOP.to_owned()) });
}

#[tokio::test]
async fn rights_over_data_come_by_the_app() {
    let world = World::start().await;
    let payload =
        json!({ "shop_id": 1, "shop_domain": SHOP, "customer": { "id": 7_001, "email": "hanako7001@example.com" }, "orders_to_redact": [5_001, 5_002] });
    let delivery = world.shopify.of_the_app(SHOP, "customers/redact", &payload, "https://noren.example/hooks");
    let CommerceEvent::Privacy(request) = read(&world, &delivery) else { panic!() };
    assert_eq!((request.kind, request.shop.as_str(), request.orders), (PrivacyKind::CustomerErasure, SHOP, vec!["5001".to_owned(), "5002".to_owned()]));
}

impl World {
    fn access_time(&self) -> chrono::DateTime<chrono::Utc> {
        self.shopify.now() - TimeDelta::seconds(1)
    }
}
