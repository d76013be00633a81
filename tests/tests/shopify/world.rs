//! A shop, the app in it, and a program that speaks to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use integrations::ports::commerce::{BulkRecord, CommerceProvider, LineError};
use integrations::ports::shop::{App, CallLog, CallRecord, DataKind, Download, DownloadError, Pace, Range, ShopAccess};
use integrations::shopify::{API_VERSION, Shopify, ShopifyApp, ShopifySettings};
use tests::harness::shopify::{Kind, Shop, ShopifyStandIn, customer, order, product};

pub const SHOP: &str = "noren-tea.myshopify.com";
pub const SCOPES: [&str; 4] = ["read_orders", "read_all_orders", "read_products", "read_customers"];
/// How long a call may take here.
pub const TIMEOUT: Duration = Duration::from_millis(900);

/// What was told of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub operation: String,
    pub status: Option<u16>,
    pub requested: Option<u64>,
    pub api_version: Option<String>,
    pub problem: Option<&'static str>,
}

#[derive(Default)]
pub struct Log(Mutex<Vec<Said>>);

impl CallLog for Log {
    fn called(&self, call: &CallRecord<'_>) {
        self.0.lock().unwrap().push(Said {
            operation: call.operation.to_owned(),
            status: call.status,
            requested: call.cost.map(|cost| cost.requested),
            api_version: call.api_version.map(str::to_owned),
            problem: call.problem.map(|problem| problem.as_str()),
        });
    }
}

impl Log {
    pub fn said(&self) -> Vec<Said> {
        self.0.lock().unwrap().clone()
    }
}

pub struct World {
    pub shopify: ShopifyStandIn,
    pub app: ShopifyApp,
    pub access: ShopAccess,
    pub log: Arc<Log>,
}

impl World {
    /// A shop with the app installed, and nothing else in it.
    pub async fn start() -> Self {
        let shopify = ShopifyStandIn::start().await;
        shopify.open_shop(SHOP);
        let app = ShopifyApp::new(ShopifySettings { shop_url: shopify.shop_url(), timeout: TIMEOUT }).unwrap();
        let (log, token) = (Arc::new(Log::default()), shopify.installed(SHOP, &SCOPES));
        let access =
            ShopAccess { shop: SHOP.to_owned(), token: token.into(), api_version: API_VERSION.to_owned(), pace: Arc::new(Pace::default()), log: log.clone() };
        Self { shopify, app, access, log }
    }

    /// The same with a year of trade in it.
    pub async fn trading() -> Self {
        let world = Self::start().await;
        world.shopify.shop(SHOP, |shop| trade(shop, 60));
        world
    }

    pub fn shop<R>(&self, f: impl FnOnce(&mut Shop) -> R) -> R {
        self.shopify.shop(SHOP, f)
    }

    /// The app as its owner registered it.
    pub fn registered(&self) -> App {
        let registered = self.shopify.app();
        App { client_id: registered.client_id.clone(), secrets: vec![registered.secret.clone().into()], scopes: SCOPES.map(str::to_owned).into() }
    }
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// So many orders, one every six days from the beginning of 2026, of a third as many customers, and some products.
pub fn trade(shop: &mut Shop, orders: u64) {
    let began = at("2026-01-01T03:00:00Z");
    for number in 1..=orders / 3 + 1 {
        shop.put(Kind::Customer, &customer(7_000 + number, began, began + TimeDelta::hours(number as i64)));
    }
    for number in 1..=5 {
        shop.put(Kind::Product, &product(80 + number, number * 9, began, began + TimeDelta::days(number as i64)));
    }
    for number in 1..=orders {
        let created = began + TimeDelta::days(6 * number as i64 % 320);
        shop.put(Kind::Order, &order(5_000 + number, number % 4 + 1, 7_000 + number % (orders / 3) + 1, created, created + TimeDelta::minutes(number as i64)));
    }
}

/// The kind of thing that data is of.
pub fn kind(data: DataKind) -> Kind {
    match data {
        DataKind::Customers => Kind::Customer,
        DataKind::Products => Kind::Product,
        DataKind::Orders => Kind::Order,
    }
}

/// Every line of a file.
pub async fn lines(download: &mut dyn Download) -> Result<Vec<Result<BulkRecord, LineError>>, DownloadError> {
    let mut file = Vec::new();
    while let Some(chunk) = download.chunk().await? {
        file.extend_from_slice(&chunk);
    }
    Ok(file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| Shopify.read_line(line)).collect())
}

/// What records say, in an order of their own.
pub fn sorted(records: impl IntoIterator<Item = Result<BulkRecord, LineError>>) -> Vec<String> {
    let mut said: Vec<String> = records.into_iter().map(|record| format!("{:?}", record.unwrap())).collect();
    said.sort();
    said
}

pub const EVERYTHING: Range = Range::ALL;
