//! Whom a store has forgotten: of them nothing personal is written any more, whichever way it comes.

use std::collections::HashSet;
use std::sync::Arc;

use entities::StoreId;
use integrations::ports::commerce::{BulkRecord, CustomerRecord, Field, OrderRecord};
use sha2::{Digest, Sha256};

/// The kinds of things that are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    Customer,
    Order,
}

/// What stands for a customer or an order once it is forgotten. Within another store the same id has another digest.
pub(crate) fn digest(store: StoreId, thing: Thing, external_id: &str) -> String {
    let kind: &[u8] = match thing {
        Thing::Customer => b"customer",
        Thing::Order => b"order",
    };
    let hash = Sha256::new().chain_update(store.uuid().as_bytes()).chain_update(kind).chain_update([0]).chain_update(external_id).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The customers of a store that are forgotten, and the orders whose buyers are.
#[derive(Clone, Debug)]
pub(crate) struct Forgotten {
    store: StoreId,
    digests: Arc<HashSet<String>>,
}

impl Forgotten {
    /// Those with these digests.
    pub fn of(store: StoreId, digests: HashSet<String>) -> Self {
        Self { store, digests: Arc::new(digests) }
    }

    /// Nobody.
    pub fn nobody(store: StoreId) -> Self {
        Self::of(store, HashSet::new())
    }

    pub fn is_nobody(&self) -> bool {
        self.digests.is_empty()
    }

    fn holds(&self, thing: Thing, external_id: &str) -> bool {
        !self.is_nobody() && self.digests.contains(&digest(self.store, thing, external_id))
    }

    /// The record as it may be written: money, counts, dates and references stay, the person goes.
    pub fn strip(&self, record: BulkRecord) -> BulkRecord {
        match record {
            BulkRecord::Customer(customer) if self.holds(Thing::Customer, &customer.external_id) => BulkRecord::Customer(Box::new(nameless(*customer))),
            BulkRecord::Order(order) if self.is_of_somebody(&order) => {
                // The names in what it is found by are then those of the customer's row, which has none.
                BulkRecord::Order(Box::new(OrderRecord { email: Field::Null, embedded: None, ..*order }))
            }
            other => other,
        }
    }

    fn is_of_somebody(&self, order: &OrderRecord) -> bool {
        customer_of(order).is_some_and(|id| self.holds(Thing::Customer, id)) || self.holds(Thing::Order, &order.external_id)
    }
}

/// The provider's id of an order's customer.
pub(crate) fn customer_of(order: &OrderRecord) -> Option<&String> {
    order.embedded.as_ref().map(|customer| &customer.external_id).or(order.customer.value())
}

fn nameless(customer: CustomerRecord) -> CustomerRecord {
    CustomerRecord {
        first_name: Field::Null,
        last_name: Field::Null,
        email: Field::Null,
        accepts_email_marketing: Field::Value(false),
        email_marketing_updated_at: Field::Null,
        phone: Field::Null,
        accepts_sms_marketing: Field::Value(false),
        sms_marketing_updated_at: Field::Null,
        company: Field::Null,
        city: Field::Null,
        province_code: Field::Null,
        country_code: Field::Null,
        address_phone: Field::Null,
        tags: Field::Value(Vec::new()),
        ..customer
    }
}
