//! A server of one test's own, on a port of its own: what a client meets is met.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use api::app::App;
use entities::{TenantId, TokenRole};
use people::api_tokens::{ApiTokens, OperatorToken};
use platform::callers::Origin;
use platform::config::{Flags, load};
use platform::crypto::MasterKey;
use platform::{Caller, Database, OpCtx, SystemClock};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::{Backend, TestDatabase};

/// A running server.
pub struct Server {
    address: SocketAddr,
    db: Database,
    serving: tokio::task::JoinHandle<()>,
    // Goes last: the server holds connections to it.
    _database: TestDatabase,
}

impl Server {
    /// A server on a new database.
    pub async fn start(backend: Backend) -> Self {
        Self::with(backend, Flags::new()).await
    }

    /// A server on a new database, with settings of its own.
    pub async fn with(backend: Backend, mut flags: Flags) -> Self {
        let database = TestDatabase::migrated(backend).await;
        let db = Database::connect(database.settings()).await.expect("the test's database");
        flags.insert("database_url", database.settings().url.clone());
        let settings = load(Path::new("/dev/null"), &flags).expect("settings");
        let app = App::new(&settings, &MasterKey::random(), db.clone(), Arc::new(SystemClock), Some(Vec::new())).expect("an app");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let service = api::http::router(Arc::new(app)).into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await.expect("serving") });
        Self { address, db, serving, _database: database }
    }

    /// The address of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A token, as an operator makes it at the shell.
    pub async fn token(&self, role: TokenRole, tenant: Option<TenantId>) -> String {
        let ctx = OpCtx::new(self.db.clone(), Arc::new(SystemClock), Caller::System, None, Origin::default()).expect("the operator");
        let token = OperatorToken { role, tenant, scopes: Vec::new(), expires_at: None, name: "test".to_owned() };
        ApiTokens.create_for_operator(&ctx, token).await.expect("a token").secret.expose_secret().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
