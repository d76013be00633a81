//! Replicas: the program in processes of its own on one database, which can be killed at any moment and come back.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use entities::{TenantId, TokenRole};
use people::api_tokens::{ApiTokens, OperatorToken};
use platform::callers::Origin;
use platform::{Caller, Clock, Database, OpCtx, SystemClock};
use secrecy::ExposeSecret;

use super::{TestDatabase, program};

/// The master key of all replicas.
pub const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A replica of the program, that comes back at the same address. Nobody is throttled by it.
pub struct Replica {
    child: Child,
    port: u16,
}

impl Replica {
    /// Starts one.
    pub fn start(database: &TestDatabase, port: u16) -> Self {
        let child = program::command(database.folder())
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env("DATABASE_URL", &database.settings().url)
            .env("NOREN_MASTER_KEY", MASTER_KEY)
            .env("NOREN_OUTGOING_NETWORKS", "127.0.0.0/8")
            .env("NOREN_COST_RESTORE_RATE", "0")
            .env("NOREN_OPERATIONS_PER_MINUTE", "0")
            .env("NOREN_LOG_FILTER", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Self { child, port }
    }

    /// Kills it with -9, whatever it is at, and starts it again.
    pub fn crash(&mut self, database: &TestDatabase) {
        self.kill();
        *self = Self::start(database, self.port);
    }

    fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child ends");
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Waits until all replicas serve.
pub async fn ready(http: &reqwest::Client, ports: &[u16]) {
    for port in ports {
        for _ in 0..200 {
            let answer = http.get(format!("http://127.0.0.1:{port}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A token, as an operator makes it at the shell.
pub async fn token(db: &Database, role: TokenRole, tenant: Option<TenantId>) -> String {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ctx = OpCtx::new(db.clone(), clock, Caller::System, None, Origin::default()).expect("a standing");
    let input = OperatorToken { name: "a test's".to_owned(), role, tenant, scopes: Vec::new(), expires_at: None };
    ApiTokens.create_for_operator(&ctx, input).await.expect("a token").secret.expose_secret().to_owned()
}
