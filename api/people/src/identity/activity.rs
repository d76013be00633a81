//! When tokens and tenants were last used: gathered in memory and written once a minute, never once a request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use entities::{ApiTokenId, TenantId};
use platform::{Database, DbErr};
use uuid::Uuid;

use super::store;

/// How often the gathered instants are written.
const EVERY: Duration = Duration::from_secs(60);

type Seen = BTreeMap<Uuid, DateTime<Utc>>;

#[derive(Default)]
struct Pending {
    tokens: Seen,
    tenants: Seen,
}

#[derive(Clone)]
pub(super) struct LastUse {
    db: Database,
    pending: Arc<Mutex<Pending>>,
}

impl LastUse {
    pub(super) fn new(db: Database) -> Self {
        Self { db, pending: Arc::default() }
    }

    pub(super) fn token(&self, token: ApiTokenId, at: DateTime<Utc>) {
        note(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner).tokens, token.uuid(), at);
    }

    pub(super) fn tenant(&self, tenant: TenantId, at: DateTime<Utc>) {
        note(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner).tenants, tenant.uuid(), at);
    }

    pub(super) async fn flush(&self) -> Result<(), DbErr> {
        let Pending { tokens, tenants } = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        let written = store::touch(&self.db, &tokens, &tenants).await;
        if written.is_err() {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.into_iter().for_each(|(id, at)| note(&mut pending.tokens, id, at));
            tenants.into_iter().for_each(|(id, at)| note(&mut pending.tenants, id, at));
        }
        written
    }

    pub(super) async fn keep_flushing(&self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, "cannot write when tokens and tenants were last used; trying again in a minute");
            }
        }
    }
}

fn note(seen: &mut Seen, id: Uuid, at: DateTime<Utc>) {
    let last = seen.entry(id).or_insert(at);
    *last = at.max(*last);
}
