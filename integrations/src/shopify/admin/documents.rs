//! The documents that are sent, each with the fragments that it spreads.

use crate::ports::shop::DataKind;

/// A document.
pub(super) struct Document {
    /// The name of its operation.
    pub(super) name: &'static str,
    parts: &'static [&'static str],
}

impl Document {
    /// As it is sent.
    pub(super) fn text(&self) -> String {
        self.parts.concat()
    }
}

macro_rules! part {
    ($file:literal) => {
        include_str!(concat!("../documents/", $file, ".graphql"))
    };
}

macro_rules! documents {
    ($($constant:ident $name:literal [$($file:literal)*];)*) => {
        $(pub(super) const $constant: Document = Document { name: $name, parts: &[$(part!($file)),*] };)*

        /// All of them.
        #[cfg(test)]
        pub(super) const ALL: &[&Document] = &[$(&$constant),*];
    };
}

documents! {
    SHOP "Shop" ["shop"];
    INSTALLATION "Installation" ["installation"];
    UNINSTALL "Uninstall" ["uninstall"];
    WEBHOOK_SUBSCRIPTIONS "WebhookSubscriptions" ["webhook_subscriptions"];
    WEBHOOK_SUBSCRIPTION_CREATE "WebhookSubscriptionCreate" ["webhook_subscription_create"];
    WEBHOOK_SUBSCRIPTION_DELETE "WebhookSubscriptionDelete" ["webhook_subscription_delete"];
    BULK_RUN "BulkRun" ["bulk_run" "fragments/bulk_operation"];
    BULK_OPERATION "BulkOperation" ["bulk_operation" "fragments/bulk_operation"];
    BULK_OPERATIONS "BulkOperations" ["bulk_operations" "fragments/bulk_operation"];
    BULK_CANCEL "BulkCancel" ["bulk_cancel" "fragments/bulk_operation"];
    ORDERS_PAGE "OrdersPage" ["orders_page" "fragments/order" "fragments/order_item" "fragments/money"];
    PRODUCTS_PAGE "ProductsPage" ["products_page" "fragments/product" "fragments/product_variant"];
    CUSTOMERS_PAGE "CustomersPage" ["customers_page" "fragments/customer"];
    ORDER "Order" ["order" "fragments/order" "fragments/order_item" "fragments/money"];
    PRODUCT "Product" ["product" "fragments/product" "fragments/product_variant"];
    CUSTOMER "Customer" ["customer" "fragments/customer"];
    ORDER_ITEMS "OrderItems" ["order_items" "fragments/order_item" "fragments/money"];
    PRODUCT_VARIANTS "ProductVariants" ["product_variants" "fragments/product_variant"];
    ORDERS_COUNT "OrdersCount" ["orders_count"];
    PRODUCTS_COUNT "ProductsCount" ["products_count"];
    CUSTOMERS_COUNT "CustomersCount" ["customers_count"];
    ORDERS_IDS "OrdersIds" ["orders_ids"];
    PRODUCTS_IDS "ProductsIds" ["products_ids"];
    CUSTOMERS_IDS "CustomersIds" ["customers_ids"];
    DELETIONS "Deletions" ["deletions"];
}

/// The documents of a kind of data.
pub(super) struct OfKind {
    /// The text of the bulk operation, in which `SEARCH` stands for the search.
    pub(super) bulk: &'static str,
    pub(super) page: Document,
    pub(super) one: Document,
    /// The rest of an object's children.
    pub(super) rest: Option<Document>,
    pub(super) count: Document,
    pub(super) ids: Document,
}

pub(super) const fn of(kind: DataKind) -> OfKind {
    match kind {
        DataKind::Customers => {
            OfKind { bulk: part!("bulk/customers"), page: CUSTOMERS_PAGE, one: CUSTOMER, rest: None, count: CUSTOMERS_COUNT, ids: CUSTOMERS_IDS }
        }
        DataKind::Products => {
            OfKind { bulk: part!("bulk/products"), page: PRODUCTS_PAGE, one: PRODUCT, rest: Some(PRODUCT_VARIANTS), count: PRODUCTS_COUNT, ids: PRODUCTS_IDS }
        }
        DataKind::Orders => OfKind { bulk: part!("bulk/orders"), page: ORDERS_PAGE, one: ORDER, rest: Some(ORDER_ITEMS), count: ORDERS_COUNT, ids: ORDERS_IDS },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn each_document_holds_its_operation_and_the_fragments_that_it_spreads() {
        let words = |text: &str, before: &str| -> BTreeSet<String> {
            text.split(before)
                .skip(1)
                .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next())
                .filter(|word| !matches!(*word, "" | "on"))
                .map(str::to_owned)
                .collect()
        };
        for document in ALL {
            let text = document.text();
            let starts = ["query", "mutation"].map(|word| ["(", " {"].map(|then| format!("{word} {}{then}", document.name)));
            assert!(starts.iter().flatten().any(|start| text.contains(start)), "{}", document.name);
            assert_eq!(words(&text, "..."), words(&text, "fragment "), "{}", document.name);
        }
    }

    #[test]
    fn every_file_of_the_folder_is_sent() {
        fn files(folder: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files(&path, found);
                } else if path.extension().is_some_and(|extension| extension == "graphql") {
                    found.push(std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        let mut found = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shopify/documents"), &mut found);
        let sent: BTreeSet<&str> = ALL.iter().flat_map(|document| document.parts).copied().chain(DataKind::ALL.map(|kind| of(kind).bulk)).collect();
        assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), sent);
    }
}
