//! A small world: one database, a clock that the test holds, and the services on top.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use entities::{MembershipRole, TenantId, UserId};
use integrations::registry::{ShopSystemSettings, ShopSystems};
use people::api_tokens::ApiTokens;
use people::identity::{AccessTokens, AuthError, Callers, Merchants, OutsideProviders, Passwords, Proof, ProviderSettings, SignIn, SignedIn};
use people::tenants::{NewTenant, TenantKeys, Tenants};
use people::users::{Invitation, Users};
use platform::callers::Origin;
use platform::crypto::MasterKey;
use platform::{Caller, Clock, Database, OpCtx};
use secrecy::{ExposeSecret, SecretString};
use tests::harness::{Backend, TestDatabase};

/// Everybody's password.
pub const PASSWORD: &str = "a curtain over the door";

pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

pub struct World {
    pub database: TestDatabase,
    pub db: Database,
    pub clock: Arc<TestClock>,
    pub master: MasterKey,
    pub access_tokens: AccessTokens,
    pub callers: Callers,
    pub sign_in: SignIn,
    pub users: Users,
    pub tokens: ApiTokens,
    pub tenants: Tenants,
}

/// Somebody who has signed in.
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub signed_in: SignedIn,
}

fn merchants(master: &MasterKey) -> Merchants {
    Merchants::new(ShopSystems::new(ShopSystemSettings::default()).unwrap(), TenantKeys::new(master.clone()))
}

impl World {
    pub async fn new(backend: Backend) -> Self {
        Self::with_providers(backend, &[]).await
    }

    pub async fn with_providers(backend: Backend, providers: &[ProviderSettings]) -> Self {
        let database = TestDatabase::migrated(backend).await;
        let db = Database::connect(database.settings()).await.unwrap();
        let clock = Arc::new(TestClock(Mutex::new("2026-11-21T09:00:00Z".parse().unwrap())));
        let master = MasterKey::random();
        let access_tokens = AccessTokens::new(&master);
        let outside = OutsideProviders::new(providers, clock.clone()).unwrap();
        Self {
            callers: Callers::new(db.clone(), clock.clone(), access_tokens.clone(), outside.clone(), merchants(&master)),
            sign_in: SignIn::new(access_tokens.clone(), outside, Passwords::new(2)),
            users: Users,
            tokens: ApiTokens,
            tenants: Tenants::new(TenantKeys::new(master.clone())),
            access_tokens,
            database,
            db,
            clock,
            master,
        }
    }

    /// Another process on the same database.
    pub async fn replica(&self) -> Callers {
        let db = Database::connect(self.database.settings()).await.unwrap();
        let none = OutsideProviders::new(&[], self.clock.clone()).unwrap();
        Callers::new(db, self.clock.clone(), self.access_tokens.clone(), none, merchants(&self.master))
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn ctx(&self, caller: Caller) -> OpCtx {
        self.ctx_in(caller, None)
    }

    pub fn ctx_in(&self, caller: Caller, tenant: Option<TenantId>) -> OpCtx {
        OpCtx::new(self.db.clone(), self.clock.clone(), caller, tenant, Origin::default()).unwrap()
    }

    pub fn system(&self) -> OpCtx {
        self.ctx(Caller::System)
    }

    pub fn nobody(&self) -> OpCtx {
        self.ctx(Caller::Anonymous)
    }

    pub fn nobody_at(&self, address: &str) -> OpCtx {
        let origin = Origin { address: Some(address.parse::<IpAddr>().unwrap()), ..Origin::default() };
        OpCtx::new(self.db.clone(), self.clock.clone(), Caller::Anonymous, None, origin).unwrap()
    }

    pub async fn ctx_of(&self, person: &Person) -> OpCtx {
        self.ctx(self.caller(&person.signed_in.access_token).await.unwrap())
    }

    pub async fn ctx_of_in(&self, person: &Person, tenant: TenantId) -> OpCtx {
        self.ctx_in(self.caller(&person.signed_in.access_token).await.unwrap(), Some(tenant))
    }

    pub async fn caller(&self, bearer: &SecretString) -> Result<Caller, AuthError> {
        self.callers.authenticate(bearer.expose_secret()).await
    }

    pub async fn tenant(&self, name: &str) -> TenantId {
        let input = NewTenant { company_name: name.to_owned(), contact_email: "info@example.jp".to_owned(), ..NewTenant::default() };
        self.tenants.create(&self.system(), input, None).await.unwrap().id
    }

    /// A new user who was invited and has accepted.
    pub async fn person(&self, tenant: TenantId, email: &str, role: MembershipRole) -> Person {
        let link = self.invited(tenant, email, role).await;
        let accepted = self.sign_in.invitation_accept(&self.nobody(), &link, password(PASSWORD), None).await.unwrap();
        Person { id: accepted.user.id, email: email.to_owned(), signed_in: accepted.signed_in.unwrap() }
    }

    /// The link of an invitation.
    pub async fn invited(&self, tenant: TenantId, email: &str, role: MembershipRole) -> SecretString {
        self.users.invite(&self.system(), invitation(Some(tenant), email, role)).await.unwrap().link
    }

    /// Gives a shop to a tenant, past the services.
    pub async fn store(&self, tenant: TenantId, name: &str, status: &str) -> entities::StoreId {
        use sea_orm::ConnectionTrait;
        let id: entities::StoreId = self.system().new_id();
        let sql = "insert into stores (id, tenant_id, provider, name, name_key, domain, data_kind, status, settings, scopes, time_zone, currency_code,
                     initial_setup_completed, search_text, created_at, updated_at)
                   values ($1, $2, 'shopify', $3, $3, $3, 'PRODUCTION', $4, $5, $5, 'Asia/Tokyo', 'JPY', false, $3, $6, $6)";
        let json = sea_orm::Value::from(serde_json::json!([]));
        let values = [id.into(), tenant.into(), name.into(), status.into(), json, self.now().into()];
        let tx = self.db.write(platform::db::Access::Platform).await.unwrap();
        tx.execute_raw(self.db.statement(sql, values)).await.unwrap();
        tx.commit().await.unwrap();
        id
    }
}

pub fn password(text: &str) -> Proof {
    Proof::Password(text.into())
}

pub fn invitation(tenant: Option<TenantId>, email: &str, role: MembershipRole) -> Invitation {
    Invitation { email: email.to_owned(), role, stores: None, name: None, tenant }
}
