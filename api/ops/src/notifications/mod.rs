//! Who is told of alerts, by which way and when: channels, rules by severity, quiet hours, and the levels of escalation.
//!
//! The router hears of alerts in the relay's transaction and writes a notification and a job for each channel that is to be told,
//! once. The worker sends, at most so many a minute for each channel: the rest of a storm, and what falls into quiet hours, goes
//! into one digest. An attempt is written down before it is made, so that what may have arrived is never mistaken for what has not.

mod channels;
mod deliver;
mod digest;
mod error;
mod escalation;
mod list;
mod message;
mod quiet;
mod recipients;
mod route;
mod row;
mod rules;
mod settings;
mod store;
mod testing;

pub use channels::{NewNotificationChannel, NotificationChannelChanges, Notifications};
pub(crate) use deliver::follow_job;
pub use deliver::{DELIVER, Deliverer};
pub use error::NotificationError;
pub use escalation::{ESCALATE, Escalator};
pub use list::{NotificationChannelFilter, NotificationChannelSort, NotificationFilter, NotificationSort};
pub use route::Router;
pub use row::{NotificationChannelRow, NotificationRow};
pub use rules::{EscalationLevel, NotificationRule, NotificationSettings, QuietHours};
pub use settings::NotificationSettingsChanges;
