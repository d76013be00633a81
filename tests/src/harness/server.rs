//! The program as it is served, on a port of its own and a database of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use api::background::Background;
use entities::{TenantId, TokenRole};
use platform::config::{Flags, Settings};
use platform::crypto::MasterKey;
use platform::{Clock, Database};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::clock::TestClock;
use super::people::People;
use super::{Backend, TestDatabase};

/// Who sends a request: the bearer, and the tenant that it chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// What comes after `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// The header Noren-Tenant.
    pub tenant: Option<String>,
}

impl Credentials {
    /// A bearer that chooses no tenant.
    pub fn bearer(bearer: impl Into<String>) -> Self {
        Self { bearer: Some(bearer.into()), tenant: None }
    }

    /// The same bearer in a tenant.
    pub fn choosing(&self, tenant: impl ToString) -> Self {
        Self { bearer: self.bearer.clone(), tenant: Some(tenant.to_string()) }
    }
}

/// What a request got.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// The data of an answer without errors.
    pub fn data(&self) -> &Value {
        assert!(self.status == 200 && self.body.get("errors").is_none(), "{self:?}");
        &self.body["data"]
    }

    /// The code of the first error.
    pub fn code(&self) -> Option<&str> {
        self.body["errors"][0]["extensions"]["code"].as_str()
    }
}

/// A running server.
pub struct Server {
    /// The program.
    pub app: Arc<App>,
    /// Its key.
    pub master: MasterKey,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// Where it listens.
    pub address: SocketAddr,
    pub(super) client: reqwest::Client,
    serving: JoinHandle<()>,
    /// What goes on beside requests, where it does.
    pub background: Option<Background>,
    /// Its database. Goes last: the server holds connections to it.
    pub database: TestDatabase,
}

impl Server {
    /// A server on a new database.
    pub async fn start(backend: Backend) -> Self {
        Self::with(backend, Flags::new()).await
    }

    /// A server on a new database, with settings of its own. Nobody is throttled unless they say so.
    pub async fn with(backend: Backend, flags: Flags) -> Self {
        Self::tuned(backend, flags, |_| {}).await
    }

    /// A server with its relay, sealer, jobs and schedules at work, which may send webhooks to this machine.
    pub async fn working(backend: Backend) -> Self {
        Self::working_with(backend, |_| {}).await
    }

    /// The same, with a program that is changed before it works.
    pub async fn working_with(backend: Backend, tune: impl FnOnce(&mut App)) -> Self {
        let flags = Flags::from([("outgoing_networks", "127.0.0.0/8".to_owned())]);
        let mut server = Self::tuned(backend, flags, tune).await;
        server.work().await;
        server
    }

    /// The same, with settings of its own.
    pub async fn working_on(backend: Backend, flags: Flags) -> Self {
        let mut server = Self::tuned(backend, flags, |_| {}).await;
        server.work().await;
        server
    }

    /// Sets what goes on beside requests to work.
    pub async fn work(&mut self) {
        let settings = settings(&self.database, Flags::new());
        self.background = Some(Background::start(&self.app, &settings).await.expect("background work"));
    }

    /// The same as [`Server::with`], with a program that is changed before it is served.
    pub async fn tuned(backend: Backend, flags: Flags, tune: impl FnOnce(&mut App)) -> Self {
        let database = TestDatabase::migrated(backend).await;
        let settings = settings(&database, flags);
        let master = MasterKey::random();
        let clock = Arc::new(TestClock::at("2026-11-21T09:00:00Z".parse().expect("an instant")));
        let db = Database::connect(database.settings()).await.expect("the test's database");
        let mut app = App::new(&settings, &master, db, clock.clone(), Some(Vec::new())).expect("an app");
        tune(&mut app);
        let app = Arc::new(app);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(api::http::serve(listener, app.clone(), std::future::pending(), Duration::ZERO));
        let client = reqwest::Client::builder().build().expect("a client");
        Self { app, master, clock, address, client, serving, background: None, database }
    }

    /// The address of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A token, as an operator makes it at the shell.
    pub async fn token(&self, role: TokenRole, tenant: Option<TenantId>) -> String {
        let (_, credentials) = People::of(self).token(role, tenant, &[]).await;
        credentials.bearer.unwrap_or_default()
    }

    /// The database, as the program reaches it.
    pub fn db(&self) -> &Database {
        &self.app.db
    }

    /// The program's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Sends a query without variables.
    pub async fn ask(&self, who: &Credentials, query: &str) -> Answer {
        self.post(who, query, json!({})).await
    }

    /// Sends a query.
    pub async fn post(&self, who: &Credentials, query: &str, variables: Value) -> Answer {
        let mut request = self.client.post(self.url("/graphql")).json(&json!({ "query": query, "variables": variables }));
        if let Some(bearer) = &who.bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(tenant) = &who.tenant {
            request = request.header("noren-tenant", tenant);
        }
        let response = request.send().await.expect("an answer");
        Answer { status: response.status().as_u16(), body: response.json().await.expect("JSON") }
    }
}

fn settings(database: &TestDatabase, mut flags: Flags) -> Settings {
    for name in ["cost_restore_rate", "operations_per_minute"] {
        flags.entry(name).or_insert_with(|| "0".to_owned());
    }
    flags.insert("database_url", database.settings().url.clone());
    platform::config::load(Path::new("/dev/null"), &flags).expect("settings")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
