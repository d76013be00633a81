//! A stand-in for Shopify, on a port of its own: shops with what is in them, OAuth, the Admin API, bulk operations with their files, and
//! signed webhooks. It keeps what it is told, refuses what it does not know, and misbehaves on command.

mod admin;
mod bulk;
mod cost;
mod faults;
mod files;
mod graph;
mod made;
mod oauth;
mod search;
mod session;
mod shop;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::{get, post};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use bulk::{BulkFault, Operation};
pub use faults::{Does, On};
pub use graph::objection;
pub use made::{customer, order, product};
pub use session::SessionToken;
pub use shop::{Kind, Shop};
pub use webhooks::{Delivery, Sequence};

/// An app, as its owner registered it with Shopify.
#[derive(Clone, Debug)]
pub struct RegisteredApp {
    /// Its public name.
    pub client_id: String,
    /// Its secret.
    pub secret: String,
}

/// A call to the Admin API that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The shop.
    pub shop: String,
    /// The operation's name.
    pub operation: String,
    /// The HTTP status that was answered.
    pub status: u16,
    /// Whether it was let in by the throttle.
    pub throttled: bool,
}

struct Inner {
    base: String,
    shops: Mutex<BTreeMap<String, Shop>>,
    app: RegisteredApp,
    faults: Mutex<faults::Faults>,
    heard: Mutex<Vec<Heard>>,
    ahead: Mutex<TimeDelta>,
    numbers: Mutex<u64>,
}

/// The stand-in.
pub struct ShopifyStandIn {
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl Drop for ShopifyStandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Inner {
    fn shops(&self) -> MutexGuard<'_, BTreeMap<String, Shop>> {
        self.shops.lock().expect("no test panics inside of the stand-in")
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::<Utc>::from(SystemTime::now()) + *self.ahead.lock().expect("a clock")
    }

    /// A number that was not given out before.
    fn number(&self) -> u64 {
        let mut last = self.numbers.lock().expect("a number");
        *last += 1;
        *last
    }
}

impl ShopifyStandIn {
    /// Starts it, with one app that merchants may install.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let inner = Arc::new(Inner {
            base,
            shops: Mutex::default(),
            app: RegisteredApp { client_id: "noren-app".to_owned(), secret: "hush-of-the-app".to_owned() },
            faults: Mutex::default(),
            heard: Mutex::default(),
            ahead: Mutex::new(TimeDelta::zero()),
            numbers: Mutex::new(1_000_000),
        });
        let router = Router::new()
            .route("/{shop}/admin/api/{version}/graphql.json", post(admin::serve))
            .route("/{shop}/admin/oauth/access_token", post(oauth::token))
            .route("/files/{id}", get(files::serve))
            .with_state(inner.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("the stand-in serves") });
        Self { inner, serving }
    }

    /// The address of a shop, in which `{shop}` stands for its domain.
    pub fn shop_url(&self) -> String {
        format!("{}/{{shop}}", self.inner.base)
    }

    /// The app that merchants may install.
    pub fn app(&self) -> &RegisteredApp {
        &self.inner.app
    }

    /// Opens a shop with nothing in it.
    pub fn open_shop(&self, domain: &str) {
        self.inner.shops().insert(domain.to_owned(), Shop::new(domain));
    }

    /// Looks into a shop, or changes it.
    pub fn shop<R>(&self, domain: &str, f: impl FnOnce(&mut Shop) -> R) -> R {
        f(self.inner.shops().get_mut(domain).expect("an open shop"))
    }

    /// What it does with the next requests of a kind, one after the other.
    pub fn then(&self, on: On, does: impl IntoIterator<Item = Does>) {
        self.inner.faults.lock().expect("faults").then(on, does);
    }

    /// The calls to the Admin API that came so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.inner.heard.lock().expect("what was heard").clone()
    }

    /// How often an operation was called.
    pub fn times(&self, operation: &str) -> usize {
        self.heard().iter().filter(|heard| heard.operation == operation).count()
    }

    /// Its time.
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.now()
    }

    /// Lets time pass, for tokens and files.
    pub fn pass(&self, time: Duration) {
        *self.inner.ahead.lock().expect("a clock") += TimeDelta::from_std(time).expect("a time");
    }
}
