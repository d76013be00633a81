//! What is handed to a browser on its way to the shop and back: signed, good for an hour, and bound to that browser by a cookie. Nothing is
//! kept here meanwhile.

use chrono::{DateTime, TimeDelta, Utc};
use entities::ConnectionId;
use platform::crypto::{MasterKey, NewSecret, Signer, hash_secret};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

/// How long a merchant may take to agree.
pub const GOOD_FOR: TimeDelta = TimeDelta::hours(1);

/// An invitation to install, or the state of one that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    connection: ConnectionId,
    shop: String,
    until: i64,
    /// The digest of the browser's cookie; none in an invitation.
    browser: Option<Vec<u8>>,
    /// So that no two are alike.
    nonce: u64,
}

/// Makes and reads them.
#[derive(Clone)]
pub(super) struct Tickets {
    invitations: Signer,
    states: Signer,
}

impl Tickets {
    pub fn new(master: &MasterKey) -> Self {
        Self { invitations: Signer::new(master, "install invitations"), states: Signer::new(master, "install states") }
    }

    /// An invitation for whoever opens it.
    pub fn invite(&self, connection: ConnectionId, shop: &str, now: DateTime<Utc>) -> String {
        self.invitations.sign(&note(connection, shop, None, now))
    }

    /// The shop that an invitation is for.
    pub fn invited(&self, text: &str, connection: ConnectionId, now: DateTime<Utc>) -> Option<String> {
        let note: Note = self.invitations.read(text)?;
        (note.connection == connection && now.timestamp() < note.until).then_some(note.shop)
    }

    /// The state of an installation that this browser begins.
    pub fn state(&self, connection: ConnectionId, shop: &str, cookie: &str, now: DateTime<Utc>) -> String {
        self.states.sign(&note(connection, shop, Some(hash_secret(cookie)), now))
    }

    /// The shop that a state is for, if this browser has begun it and still may end it.
    pub fn begun(&self, text: &str, connection: ConnectionId, cookie: Option<&str>, now: DateTime<Utc>) -> Option<String> {
        let note: Note = self.states.read(text)?;
        // Digests are compared: how long that takes tells nothing of the cookie.
        let ours = note.browser.is_some() && note.browser == cookie.map(hash_secret);
        (ours && note.connection == connection && now.timestamp() < note.until).then_some(note.shop)
    }
}

fn note(connection: ConnectionId, shop: &str, browser: Option<Vec<u8>>, now: DateTime<Utc>) -> Note {
    Note { connection, shop: shop.to_owned(), until: (now + GOOD_FOR).timestamp(), browser, nonce: nonce() }
}

fn nonce() -> u64 {
    let random = hash_secret(NewSecret::random("n").secret.expose_secret());
    random.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What a browser keeps: its own, when it has one that looks like ours, otherwise a new one.
pub(super) fn cookie(given: Option<&str>) -> String {
    let ours = |text: &&str| text.len() == 45 && text.starts_with("b_") && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    given.filter(ours).map_or_else(|| NewSecret::random("b").secret.expose_secret().to_owned(), str::to_owned)
}
