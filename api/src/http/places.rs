//! How many connections each address may hold, so that nobody alone holds all there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::limits::Payer;

/// The connections of each address; of IPv6 of the network, for a client has all of that.
#[derive(Clone, Debug)]
pub struct Places {
    most: usize,
    held: Arc<Mutex<HashMap<Payer, usize>>>,
}

impl Places {
    /// Places of which each address may hold so many.
    pub fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// A place for a connection from this address, held until it is dropped; none when the address holds its share.
    pub fn take(&self, address: IpAddr) -> Option<Place> {
        let payer = Payer::address(address);
        let mut held = self.held();
        let count = held.entry(payer).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Place { places: self.clone(), payer })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Payer, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection.
#[derive(Debug)]
pub struct Place {
    places: Places,
    payer: Payer,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held();
        if let Some(count) = held.get_mut(&self.payer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(&self.payer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_share_and_leaves_the_others_theirs() {
        let places = Places::new(2);
        let take = |address: &str| places.take(address.parse().unwrap());
        let held = [take("2001:db8:1:2::1"), take("2001:db8:1:2::2")];
        assert!(held.iter().all(Option::is_some));
        assert!(take("2001:db8:1:2::3").is_none());
        assert!(take("2001:db8:1:3::1").is_some() && take("192.0.2.1").is_some());
        drop(held);
        assert!(take("2001:db8:1:2::3").is_some());
        assert!(places.held().is_empty(), "addresses that are gone are forgotten");
    }
}
