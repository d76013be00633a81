//! Things to put into a shop, made up: complete, and each told from the others by its number.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

fn at(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn money(cents: u64) -> Value {
    json!({ "shopMoney": { "amount": format!("{}.{:02}", cents / 100, cents % 100), "currencyCode": "USD" } })
}

/// A customer.
pub fn customer(number: u64, created: DateTime<Utc>, updated: DateTime<Utc>) -> Value {
    json!({
        "id": format!("gid://shopify/Customer/{number}"), "firstName": "花子", "lastName": format!("佐藤{number}"),
        "defaultEmailAddress": { "emailAddress": format!("hanako{number}@example.com"), "marketingState": "SUBSCRIBED", "marketingUpdatedAt": at(created) },
        "defaultPhoneNumber": null,
        "defaultAddress": { "company": "暖簾", "city": "京都市", "provinceCode": "JP-26", "countryCodeV2": "JP", "phone": null },
        "numberOfOrders": "3", "amountSpent": { "amount": "87.00", "currencyCode": "USD" }, "taxExempt": false, "tags": ["tea"],
        "createdAt": at(created), "updatedAt": at(updated),
    })
}

/// A product with so many variants.
pub fn product(number: u64, variants: u64, created: DateTime<Utc>, updated: DateTime<Utc>) -> Value {
    let variant = |index: u64| {
        json!({
            "id": format!("gid://shopify/ProductVariant/{}", number * 1_000 + index), "title": format!("{index}00 g"), "sku": format!("TEA-{number}-{index}"), "barcode": null,
            "price": "12.00", "compareAtPrice": null, "inventoryQuantity": 6, "selectedOptions": [{ "name": "Weight", "value": format!("{index}00 g") }],
            "inventoryItem": { "requiresShipping": true, "measurement": { "weight": { "value": 0.1, "unit": "KILOGRAMS" } } }, "taxable": true,
            "createdAt": at(created), "updatedAt": at(updated),
        })
    };
    json!({
        "id": format!("gid://shopify/Product/{number}"), "title": format!("Tea {number}"), "handle": format!("tea-{number}"), "descriptionHtml": "<p>Green</p>", "vendor": "Noren",
        "productType": "Tea", "category": { "name": "Tea & Infusions" }, "status": "ACTIVE", "totalInventory": variants * 6, "createdAt": at(created), "updatedAt": at(updated),
        "variants": (1..=variants).map(variant).collect::<Vec<_>>(),
    })
}

/// An order with so many lines, of a customer.
pub fn order(number: u64, lines: u64, customer: u64, created: DateTime<Utc>, updated: DateTime<Utc>) -> Value {
    let line = |index: u64| {
        json!({
            "id": format!("gid://shopify/LineItem/{}", number * 1_000 + index), "title": format!("Tea {index}"), "quantity": 2, "sku": format!("TEA-{index}"), "vendor": "Noren",
            "variantTitle": null, "requiresShipping": true, "taxable": true, "originalUnitPriceSet": money(1_450), "discountedTotalSet": money(2_900),
            "product": { "id": "gid://shopify/Product/81", "handle": "tea-81", "productType": "Tea" },
            "variant": { "id": "gid://shopify/ProductVariant/81001", "compareAtPrice": null, "selectedOptions": [{ "name": "Weight", "value": "100 g" }] },
        })
    };
    json!({
        "id": format!("gid://shopify/Order/{number}"), "name": format!("#{number}"), "createdAt": at(created), "updatedAt": at(updated), "processedAt": at(created),
        "cancelledAt": null, "closed": false, "closedAt": null, "currencyCode": "USD", "displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED", "test": false,
        "email": format!("hanako{customer}@example.com"), "totalPriceSet": money(2_900 * lines), "subtotalPriceSet": money(2_900 * lines), "totalTaxSet": money(0),
        "customer": { "id": format!("gid://shopify/Customer/{customer}"), "firstName": "花子", "lastName": format!("佐藤{customer}"), "defaultEmailAddress": { "emailAddress": format!("hanako{customer}@example.com") } },
        "lineItems": (1..=lines).map(line).collect::<Vec<_>>(),
    })
}
