//! Result files of bulk operations, made up: single lines to bend, and shops of any size.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

/// A line with an order of 29.00 USD, complete and good.
pub fn order(number: u64) -> Value {
    let money = |amount: &str| json!({"shopMoney": {"amount": amount, "currencyCode": "USD"}});
    json!({
        "id": format!("gid://shopify/Order/{number}"),
        "name": format!("#{number}"),
        "createdAt": "2026-03-01T00:00:00Z",
        "updatedAt": "2026-03-02T00:00:00Z",
        "processedAt": "2026-03-01T00:00:00Z",
        "currencyCode": "USD",
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "cancelledAt": null,
        "closed": false,
        "closedAt": null,
        "test": false,
        "email": format!("buyer{number}@example.com"),
        "totalPriceSet": money("29.00"),
        "subtotalPriceSet": money("29.00"),
        "totalTaxSet": money("0.00"),
        "customer": {
            "id": format!("gid://shopify/Customer/{}", 7_000 + number),
            "firstName": "太郎",
            "lastName": "山田",
            "defaultEmailAddress": {"emailAddress": format!("Taro{number}@Example.com")},
            "numberOfOrders": "1",
            "amountSpent": {"amount": "29.0", "currencyCode": "USD"},
        },
    })
}

/// A line with one item of an order.
pub fn item(number: u64, order: u64) -> Value {
    let money = |amount: &str| json!({"shopMoney": {"amount": amount, "currencyCode": "USD"}});
    json!({
        "id": format!("gid://shopify/LineItem/{number}"),
        "title": "Compact disc",
        "quantity": 2,
        "sku": "CD-001",
        "vendor": "CDNOW",
        "variantTitle": null,
        "requiresShipping": true,
        "taxable": true,
        "originalUnitPriceSet": money("14.50"),
        "discountedTotalSet": money("29.00"),
        "product": {"id": "gid://shopify/Product/8000000001"},
        "variant": {"id": "gid://shopify/ProductVariant/8100000001"},
        "__parentId": format!("gid://shopify/Order/{order}"),
    })
}

/// A line with a product.
pub fn product(number: u64) -> Value {
    json!({
        "id": format!("gid://shopify/Product/{number}"),
        "title": format!("Tea {number}"),
        "handle": format!("tea-{number}"),
        "descriptionHtml": "<p>Green</p>",
        "vendor": "Noren",
        "productType": "Tea",
        "category": {"name": "Tea & Infusions"},
        "totalInventory": 12,
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-02-01T00:00:00Z",
    })
}

/// A line with a variant of a product.
pub fn variant(number: u64, product: u64) -> Value {
    json!({
        "id": format!("gid://shopify/ProductVariant/{number}"),
        "title": "100 g",
        "sku": format!("TEA-{number}"),
        "barcode": "4901234567894",
        "price": "12.00",
        "compareAtPrice": null,
        "inventoryQuantity": 6,
        "selectedOptions": [{"name": "Weight", "value": "100 g"}],
        "inventoryItem": {"measurement": {"weight": {"value": 0.1, "unit": "KILOGRAMS"}}, "requiresShipping": true},
        "taxable": true,
        "__parentId": format!("gid://shopify/Product/{product}"),
    })
}

/// A line with a customer.
pub fn customer(number: u64) -> Value {
    json!({
        "id": format!("gid://shopify/Customer/{number}"),
        "firstName": "花子",
        "lastName": "佐藤",
        "defaultEmailAddress": {"emailAddress": "Hanako@Example.com", "marketingState": "SUBSCRIBED", "marketingUpdatedAt": "2026-01-05T00:00:00Z"},
        "defaultPhoneNumber": {"phoneNumber": "+819012345678", "smsMarketingConsent": {"state": "UNSUBSCRIBED", "updatedAt": null}},
        "defaultAddress": {"company": "暖簾", "city": "京都市", "provinceCode": "JP-26", "countryCodeV2": "JP", "phone": null},
        "numberOfOrders": "3",
        "amountSpent": {"amount": "87.00", "currencyCode": "USD"},
        "taxExempt": false,
        "tags": ["vip", "tea"],
        "state": "ENABLED",
        "createdAt": "2025-06-01T00:00:00Z",
        "updatedAt": "2026-04-01T00:00:00Z",
    })
}

/// A file of lines.
pub fn file(lines: &[Value]) -> String {
    lines.iter().fold(String::new(), |mut file, line| {
        let _ = writeln!(file, "{line}");
        file
    })
}

/// Writes a shop's whole file: orders in the order of time, each with 1 to 5 items (3 on average), customers who come again,
/// as Shopify writes it. How many lines that were.
pub fn write_shop(out: &mut impl Write, orders: u64) -> io::Result<u64> {
    let mut items = 0;
    for order in 1..=orders {
        let at = format!("2025-{:02}-{:02}T{:02}:{:02}:00Z", order * 11 / (orders + 1) + 1, order % 28 + 1, order % 24, order % 60);
        let count = order * 7 % 5 + 1;
        // Customers come about three times; their names are as many-sided as names are.
        let customer = order * 2_654_435_761 % (orders / 3 + 1);
        let total = count * 1_450;
        writeln!(
            out,
            r##"{{"id":"gid://shopify/Order/{}","name":"#{}","createdAt":"{at}","updatedAt":"{at}","processedAt":"{at}","currencyCode":"USD","displayFinancialStatus":"PAID","displayFulfillmentStatus":"FULFILLED","cancelledAt":null,"test":false,"email":"buyer{customer}@example.com","totalPriceSet":{{"shopMoney":{{"amount":"{}.{:02}","currencyCode":"USD"}}}},"subtotalPriceSet":{{"shopMoney":{{"amount":"{}.{:02}","currencyCode":"USD"}}}},"totalTaxSet":{{"shopMoney":{{"amount":"0.00","currencyCode":"USD"}}}},"customer":{{"id":"gid://shopify/Customer/{}","firstName":"太郎{customer}","lastName":"山田","defaultEmailAddress":{{"emailAddress":"buyer{customer}@example.com"}},"numberOfOrders":"3","amountSpent":{{"amount":"100.50","currencyCode":"USD"}}}}}}"##,
            5_000_000_000 + order,
            1_000 + order,
            total / 100,
            total % 100,
            total / 100,
            total % 100,
            7_000_000_000 + customer,
        )?;
        for _ in 0..count {
            items += 1;
            let product = items * 31 % 997;
            writeln!(
                out,
                r##"{{"id":"gid://shopify/LineItem/{}","title":"Compact disc {product}","quantity":1,"sku":"CD-{product}","vendor":"CDNOW","variantTitle":null,"requiresShipping":true,"taxable":true,"originalUnitPriceSet":{{"shopMoney":{{"amount":"14.50","currencyCode":"USD"}}}},"discountedTotalSet":{{"shopMoney":{{"amount":"14.50","currencyCode":"USD"}}}},"product":{{"id":"gid://shopify/Product/{}"}},"variant":{{"id":"gid://shopify/ProductVariant/{}"}},"__parentId":"gid://shopify/Order/{}"}}"##,
                9_000_000_000 + items,
                8_000_000_000 + product,
                8_100_000_000 + product,
                5_000_000_000 + order,
            )?;
        }
    }
    Ok(orders + items)
}
