//! Connections: an app's or account's registration with a provider, which belongs to a tenant, and the secrets that the
//! provider signs its deliveries with.

mod app;
mod error;
mod installed;
mod list;
mod receivers;
mod receiving;
mod row;
mod service;
mod store;
mod versions;

pub use app::RegisteredApp;
pub use error::ConnectionError;
pub use installed::{AppInShop, InstalledApp};
pub use list::{ConnectionFilter, ConnectionSort};
pub use receivers::{LookError, Receivers};
pub use receiving::{ReceiveError, Receiver};
pub use row::ConnectionRow;
pub use service::{ConnectionChanges, Connections, NewConnection};
pub use versions::{SpokenVersion, spoken_versions};

use platform::reading::Reading;

/// The reading face of connections.
pub type ConnectionReading = Reading<ConnectionRow>;
