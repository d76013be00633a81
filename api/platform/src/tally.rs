//! Counting in memory: what happens too often for a row of its own is counted here and added to the database a few times a minute, so that
//! no request waits for a row. Replicas add up; a process that is killed loses the last seconds of its statistics and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sea_orm::DbErr;

/// How often what was counted is written.
const EVERY: Duration = Duration::from_secs(5);
/// Those who count at once wait for each other only within one of these.
const SHARDS: usize = 16;

/// Something that is counted.
#[async_trait]
pub trait Tallied: Send + Sync + 'static {
    /// What is counted together.
    type Key: Clone + Eq + Hash + Ord + Send + Sync + 'static;
    /// How much; nothing by default.
    type Amount: Clone + Default + Send + Sync + 'static;
    /// What it is called in the log.
    const WHAT: &'static str;

    /// Adds more to what was counted.
    fn add(count: &mut Self::Amount, more: &Self::Amount);

    /// Adds what was counted to the database, all of it or nothing.
    async fn write(&self, counted: &BTreeMap<Self::Key, Self::Amount>) -> Result<(), DbErr>;
}

type Counts<T> = HashMap<<T as Tallied>::Key, <T as Tallied>::Amount>;

/// Counts. Cheap to clone.
pub struct Tally<T: Tallied>(Arc<Inner<T>>);

impl<T: Tallied> Clone for Tally<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<T: Tallied> {
    of: T,
    hasher: RandomState,
    shards: [Mutex<Counts<T>>; SHARDS],
    writing: futures::lock::Mutex<()>,
}

impl<T: Tallied> Tally<T> {
    /// Nothing has been counted yet.
    pub fn new(of: T) -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(HashMap::new()));
        Self(Arc::new(Inner { of, hasher: RandomState::new(), shards, writing: futures::lock::Mutex::default() }))
    }

    /// What is counted.
    pub fn of(&self) -> &T {
        &self.0.of
    }

    /// Counts.
    pub fn count(&self, key: T::Key, more: &T::Amount) {
        T::add(self.shard(&key).entry(key).or_default(), more);
    }

    fn shard(&self, key: &T::Key) -> MutexGuard<'_, Counts<T>> {
        let index = self.0.hasher.hash_one(key) as usize % SHARDS;
        self.0.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was counted since the last time. What cannot be written is kept for the next time.
    pub async fn flush(&self) -> Result<(), DbErr> {
        let tally = self.clone();
        // Whoever waits may be cancelled. The writing may not: nobody would know whether it was done.
        tokio::spawn(async move { tally.flush_whole().await }).await.map_err(|error| DbErr::Custom(error.to_string()))?
    }

    async fn flush_whole(&self) -> Result<(), DbErr> {
        let _alone = self.0.writing.lock().await;
        let mut counted = BTreeMap::new();
        for shard in &self.0.shards {
            counted.extend(std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        if counted.is_empty() {
            return Ok(());
        }
        let written = self.0.of.write(&counted).await;
        if written.is_err() {
            for (key, amount) in counted {
                self.count(key, &amount);
            }
        }
        written
    }

    /// Writes every few seconds, for as long as the program runs.
    pub async fn keep_flushing(&self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, what = T::WHAT, "what was counted could not be written; it is kept and written later");
            }
        }
    }
}
