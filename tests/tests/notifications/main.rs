//! Notifications, from an alert over GraphQL to a mail server, Slack and Twilio that speak their real wire formats on this machine.

mod channels;
mod escalation;
mod faults;
mod quiet;
mod routing;
mod storm;
mod world;

#[path = "../../../integrations/tests/support/http.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod web;

#[path = "../../../integrations/tests/support/smtp.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod smtp;
