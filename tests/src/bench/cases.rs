//! What is asked for: each case as a GraphQL request, and as a path of the floor.

use chrono::{DateTime, SecondsFormat, Utc};
use entities::{OrderId, StoreId};
use serde_json::json;
use uuid::Uuid;

/// The cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// One order.
    Order,
    /// 50 orders with items and customer.
    Page,
    /// A store, 20 orders, items, products.
    Store,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Order, Self::Page, Self::Store];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order by id",
            Self::Page => "50 orders with items and customer",
            Self::Store => "store → 20 orders → items → product",
        }
    }

    fn query(self) -> &'static str {
        match self {
            Self::Order => {
                "query Order($id: ID!) { order(id: $id) { id number email status financialStatus fulfillmentStatus processedAt totalPrice { amount currencyCode } } }"
            }
            Self::Page => {
                "query Page($before: DateTime!) { orders(first: 50, filter: { processedAt: { before: $before } }) { nodes { \
                 id number processedAt financialStatus totalPrice { amount currencyCode } customer { id firstName lastName email } \
                 items(first: 10) { nodes { id productTitle quantity totalPrice { amount currencyCode } } } } } }"
            }
            Self::Store => {
                "query Store($id: ID!) { store(id: $id) { id name orders(first: 20) { nodes { id number processedAt totalPrice { amount currencyCode } \
                 items(first: 10) { nodes { productTitle quantity product { id title vendor } } } } } } }"
            }
        }
    }
}

/// One request of a case.
#[derive(Clone, Debug)]
pub enum Ask {
    /// For an order.
    Order(Uuid),
    /// For orders before an instant.
    Page(DateTime<Utc>),
    /// For a store.
    Store(Uuid),
}

impl Ask {
    fn case(&self) -> Case {
        match self {
            Self::Order(_) => Case::Order,
            Self::Page(_) => Case::Page,
            Self::Store(_) => Case::Store,
        }
    }

    /// The request to the product.
    pub fn graphql(&self, token: &str) -> Vec<u8> {
        let variables = match self {
            Self::Order(id) => json!({ "id": OrderId::from(*id).to_string() }),
            Self::Page(before) => json!({ "before": before }),
            Self::Store(id) => json!({ "id": StoreId::from(*id).to_string() }),
        };
        let body = json!({ "query": self.case().query(), "variables": variables }).to_string();
        format!(
            "POST /graphql HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             accept: application/graphql-response+json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// The request to the floor. It sends the bearer as well: one that recognises callers reads it.
    pub fn floor(&self, token: &str) -> Vec<u8> {
        let path = match self {
            Self::Order(id) => format!("/order/{id}"),
            Self::Page(before) => format!("/page/{}", before.to_rfc3339_opts(SecondsFormat::Micros, true)),
            Self::Store(id) => format!("/store/{id}"),
        };
        format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
    }
}
