//! Those who listen: whether they still may is looked up again before every event, and twice a second. Whoever may not any more, or
//! not as before, is told so and loses their streams.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use people::identity::Callers;
use platform::callers::Standing;
use platform::outbox::FeedId;
use platform::{Caller, DbErr};
use tokio_util::sync::CancellationToken;

use crate::http::client::Credentials;

/// How often it is looked whether guests still may listen, when nothing happens.
const LOOK: Duration = Duration::from_millis(500);

/// Somebody who listens, on as many sockets as they opened with the same credentials.
pub struct Guest {
    credentials: Credentials,
    standing: Standing,
    why: OnceLock<String>,
    gone: CancellationToken,
}

impl Guest {
    /// Where they stand.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What they came with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Why they may not listen any more; none while they may.
    pub fn ended(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }

    /// Waits until they may not listen any more.
    pub async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// They may not listen any more.
    pub fn end(&self, why: impl Into<String>) {
        let _ = self.why.set(why.into());
        self.gone.cancel();
    }

    fn check(&self, caller: &Result<Caller, String>) {
        match caller {
            Err(why) => self.end(why.clone()),
            Ok(caller) => match Standing::of(caller, self.credentials.tenant) {
                Ok(standing) if standing == self.standing => {}
                Ok(_) | Err(_) => self.end("your rights have changed: connect again"),
            },
        }
    }
}

/// The guests of one feed, by what they came with and where they stand.
type Party = HashMap<(Credentials, Standing), Weak<Guest>>;

/// All guests of this process.
#[derive(Clone)]
pub struct Guests(Arc<Inner>);

struct Inner {
    callers: Callers,
    by_feed: Mutex<HashMap<FeedId, Party>>,
    looking: AtomicBool,
}

impl Guests {
    /// Guests whom `callers` recognises.
    pub fn new(callers: Callers) -> Self {
        Self(Arc::new(Inner { callers, by_feed: Mutex::default(), looking: AtomicBool::default() }))
    }

    fn by_feed(&self) -> MutexGuard<'_, HashMap<FeedId, Party>> {
        self.0.by_feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes somebody in who stands there with these credentials.
    pub fn welcome(&self, credentials: Credentials, standing: Standing) -> Arc<Guest> {
        let feed = FeedId::of(standing.tenant());
        let guest = {
            let mut by_feed = self.by_feed();
            let place = by_feed.entry(feed).or_default().entry((credentials.clone(), standing.clone())).or_default();
            match place.upgrade().filter(|guest| guest.ended().is_none()) {
                Some(known) => known,
                None => {
                    let guest = Arc::new(Guest { credentials, standing, why: OnceLock::new(), gone: CancellationToken::new() });
                    *place = Arc::downgrade(&guest);
                    guest
                }
            }
        };
        if !self.0.looking.swap(true, Ordering::AcqRel) {
            tokio::spawn(self.clone().keep_looking());
        }
        guest
    }

    /// Looks for as long as there is anybody.
    async fn keep_looking(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let all = self.all();
            if all.is_empty() {
                self.0.looking.store(false, Ordering::Release);
                // Somebody may have come in just now.
                if self.by_feed().is_empty() || self.0.looking.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
            if let Err(error) = self.check_all(&all).await {
                tracing::warn!(%error, "whether listeners still may listen could not be looked up; trying again");
            }
        }
    }

    /// All who are there; who has left is forgotten.
    fn all(&self) -> Vec<Arc<Guest>> {
        let mut all = Vec::new();
        self.by_feed().retain(|_, party| {
            party.retain(|_, guest| guest.upgrade().map(|guest| all.push(guest)).is_some());
            !party.is_empty()
        });
        all
    }

    /// Looks again whether those who follow a feed still may.
    pub async fn check_feed(&self, feed: FeedId) -> Result<(), DbErr> {
        let party: Vec<Arc<Guest>> = self.by_feed().get(&feed).into_iter().flat_map(HashMap::values).filter_map(Weak::upgrade).collect();
        self.check_all(&party).await
    }

    /// Looks again whether one of them still may.
    pub async fn check(&self, guest: &Arc<Guest>) -> Result<(), DbErr> {
        self.check_all(std::slice::from_ref(guest)).await
    }

    async fn check_all(&self, guests: &[Arc<Guest>]) -> Result<(), DbErr> {
        let mut by_bearer = HashMap::<&str, Vec<&Arc<Guest>>>::new();
        for guest in guests.iter().filter(|guest| guest.ended().is_none()) {
            if let Some(bearer) = &guest.credentials.bearer {
                by_bearer.entry(bearer).or_default().push(guest);
            }
        }
        if by_bearer.is_empty() {
            return Ok(());
        }
        let bearers: Vec<&str> = by_bearer.keys().copied().collect();
        let callers = self.0.callers.authenticate_all(&bearers).await?;
        for (bearer, caller) in bearers.into_iter().zip(callers) {
            let caller = caller.map_err(|error| error.to_string());
            by_bearer.get(bearer).into_iter().flatten().for_each(|guest| guest.check(&caller));
        }
        Ok(())
    }
}
