//! One operation: who does it, where they stand, and the snapshot that it reads.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use entities::TenantId;
use futures::lock::Mutex;
use sea_orm::DbErr;
use uuid::Uuid;

use super::caller::Caller;
use super::permit::{Denied, Permit};
use super::rights::Action;
use super::standing::{Standing, StandingError};
use crate::clock::{Clock, Ids};
use crate::db::{Access, Budget, Database, Tx};
use crate::record::{Change, Trace};

/// Where a request came from, for records.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The request's id.
    pub request_id: String,
    /// The client's address, as far as trusted proxies tell.
    pub address: Option<IpAddr>,
    /// The client's User-Agent.
    pub user_agent: Option<String>,
}

/// One operation of one caller. Every service call takes it.
pub struct OpCtx {
    db: Database,
    clock: Arc<dyn Clock>,
    caller: Caller,
    standing: Standing,
    origin: Origin,
    snapshot: Mutex<Option<Arc<Tx>>>,
    budget: Arc<Budget>,
}

impl OpCtx {
    /// An operation of `caller`, who may have chosen one of several tenants.
    pub fn new(db: Database, clock: Arc<dyn Clock>, caller: Caller, chosen: Option<TenantId>, origin: Origin) -> Result<Self, StandingError> {
        let standing = Standing::of(&caller, chosen)?;
        Ok(Self { db, clock, caller, standing, origin, snapshot: Mutex::default(), budget: Arc::default() })
    }

    /// An operation of everybody who stands there, and of nobody in particular: what it shows must be the same for all of them.
    pub fn of_standing(db: Database, clock: Arc<dyn Clock>, standing: Standing) -> Self {
        Self { db, clock, caller: Caller::Anonymous, standing, origin: Origin::default(), snapshot: Mutex::default(), budget: Arc::default() }
    }

    /// Proves that the caller may do `A`, and how far.
    pub fn authorize<A: Action>(&self) -> Result<Permit<A>, Denied> {
        Permit::for_standing(&self.standing, &self.caller)
    }

    /// Who is calling.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where they stand.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The database.
    pub fn db(&self) -> &Database {
        &self.db
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new id.
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        Ids::new(self.clock.clone()).next()
    }

    /// What the caller's transactions see.
    pub fn access(&self) -> Access {
        match &self.standing {
            Standing::Nobody | Standing::SignedIn { .. } => Access::Nobody,
            Standing::Platform => Access::Platform,
            Standing::Tenant { tenant, .. } => Access::Tenant(*tenant),
        }
    }

    /// The snapshot that the whole operation reads, opened when it is first needed.
    pub async fn reader(&self) -> Result<Arc<Tx>, DbErr> {
        let mut snapshot = self.snapshot.lock().await;
        if let Some(tx) = &*snapshot {
            return Ok(tx.clone());
        }
        let tx = match self.caller {
            // An operator's import reads as long as it has to.
            Caller::System => self.db.read(self.access()).await?,
            Caller::Anonymous | Caller::User(_) | Caller::Token(_) | Caller::Merchant(_) => self.db.read_within(self.access(), self.budget.clone()).await?,
        };
        let tx = Arc::new(tx);
        *snapshot = Some(tx.clone());
        Ok(tx)
    }

    /// A transaction that writes what the caller may see.
    pub async fn writer(&self) -> Result<Tx, DbErr> {
        self.release().await;
        self.db.write(self.access()).await
    }

    /// A transaction that writes users, sessions, links and memberships: for the identity rooms alone.
    pub async fn identity_writer(&self) -> Result<Tx, DbErr> {
        self.release().await;
        self.db.write(Access::Identity).await
    }

    /// Who does it, for records.
    pub fn trace(&self) -> Trace {
        Trace::of(&self.caller, &self.origin, self.clock.clone())
    }

    /// Commits a change with its audit entry and its events; what is read from now on is of a new moment.
    pub async fn commit(&self, tx: Tx, change: Change) -> Result<(), DbErr> {
        change.write(&tx, &self.trace()).await?;
        self.commit_unrecorded(tx).await
    }

    /// Commits what is nobody's change: counting attempts, cleaning up.
    pub async fn commit_unrecorded(&self, tx: Tx) -> Result<(), DbErr> {
        tx.commit().await?;
        self.release().await;
        Ok(())
    }

    /// Lets go of the snapshot and its connection.
    pub async fn release(&self) {
        self.snapshot.lock().await.take();
    }
}
