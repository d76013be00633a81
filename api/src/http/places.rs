//! The connections that are held at once, the sockets among them, and how many of them each address may hold: the fewer are free, the
//! fewer go to those who have many already, so that no few addresses hold all there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::limits::Payer;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Who holds this many connections gets another only while they hold less than a share of those that are free.
const FEW: usize = 16;
/// That share: one in so many.
const SHARE: usize = 8;

/// The connections of the program, and of each address; of IPv6 of the network, for a client has all of that.
#[derive(Clone, Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    held: Arc<Mutex<HashMap<Payer, usize>>>,
}

/// Room for one more connection, whoever comes, until it is dropped.
pub type Room = OwnedSemaphorePermit;

impl Places {
    /// So many places.
    pub fn new(all: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(all)), held: Arc::default() }
    }

    /// Waits for room.
    pub async fn room(&self) -> Result<Room, AcquireError> {
        self.free.clone().acquire_owned().await
    }

    /// A place for a connection that many clients share: that of a trusted proxy.
    pub fn share(&self, room: Room) -> Place {
        Place { _room: room, own: None }
    }

    /// A place for a connection from this address; none when the address holds its share.
    pub fn take(&self, room: Room, address: IpAddr) -> Option<Place> {
        let payer = Payer::address(address);
        let free = self.free.available_permits() + 1;
        let mut held = self.held();
        let count = held.get(&payer).copied().unwrap_or_default();
        if count >= FEW && count >= free / SHARE {
            return None;
        }
        held.insert(payer, count + 1);
        drop(held);
        Some(Place { _room: room, own: Some((self.clone(), payer)) })
    }

    /// A place for a client at this address, at once; none when there is none left or the address holds its share.
    pub fn take_at_once(&self, address: IpAddr) -> Option<Place> {
        self.take(self.free.clone().try_acquire_owned().ok()?, address)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Payer, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection, held until it is dropped.
#[derive(Debug)]
pub struct Place {
    _room: Room,
    own: Option<(Places, Payer)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((places, payer)) = &self.own else { return };
        let mut held = places.held();
        if let Some(count) = held.get_mut(payer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(payer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn take(places: &Places, address: &str) -> Option<Place> {
        places.take(places.room().now_or_never()?.unwrap(), address.parse().unwrap())
    }

    /// As many as the address gets.
    fn all(places: &Places, address: &str) -> Vec<Place> {
        std::iter::from_fn(|| take(places, address)).collect()
    }

    #[test]
    fn an_address_gets_its_share_and_leaves_the_others_theirs() {
        let places = Places::new(1_024);
        let of_one = all(&places, "2001:db8:1:2::1");
        assert_eq!(of_one.len(), 113, "an eighth of the 911 that are left");
        assert!(take(&places, "2001:db8:1:2::3").is_none(), "another address of the same network");
        assert!(take(&places, "2001:db8:1:3::1").is_some() && take(&places, "192.0.2.1").is_some());
        drop(of_one);
        assert!(take(&places, "2001:db8:1:2::3").is_some());
        assert!(places.held().is_empty(), "addresses that are gone are forgotten");
    }

    #[test]
    fn no_few_addresses_hold_all_places_and_who_holds_little_gets_one() {
        let places = Places::new(4_096);
        let mut held: Vec<Vec<Place>> = (0..30).map(|n| all(&places, &format!("192.0.2.{n}"))).collect();
        assert!(held.iter().is_sorted_by_key(|of_one| std::cmp::Reverse(of_one.len())), "the first ones hold most");
        assert!(held[0].len() < 512 && places.free.available_permits() > 100, "{}", places.free.available_permits());
        let late = all(&places, "198.51.100.1");
        assert_eq!(late.len(), 16, "whoever holds few of them gets one while there is one");
        // The largest get nothing more, though places come free.
        held[29].truncate(8);
        assert!(take(&places, "192.0.2.0").is_none() && take(&places, "192.0.2.29").is_some());
    }

    #[test]
    fn a_trusted_proxy_holds_as_many_as_there_are() {
        let places = Places::new(64);
        let shared: Vec<Place> = std::iter::from_fn(|| Some(places.share(places.room().now_or_never()?.unwrap()))).collect();
        assert_eq!(shared.len(), 64);
        assert!(places.room().now_or_never().is_none() && places.take_at_once("192.0.2.1".parse().unwrap()).is_none());
        drop(shared);
        assert!(take(&places, "192.0.2.1").is_some() && places.take_at_once("192.0.2.1".parse().unwrap()).is_some());
    }
}
