//! A working server with two tenants, a mail server, and a server that is Slack and Twilio.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entities::{TenantId, TokenRole};
use platform::config::Flags;
use platform::db::{Access, Wake};
use platform::{Clock, Trace};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::harness::{Backend, Credentials, People, Server};

use crate::smtp::MailServer;
use crate::web::{Request, WebServer};

/// A tenant and its administrator's token.
pub struct Side {
    pub tenant: TenantId,
    pub admin: Credentials,
}

/// The server, its tenants, and who is told.
pub struct World {
    pub server: Server,
    pub ours: Side,
    pub theirs: Side,
    pub platform: Credentials,
    pub mail: MailServer,
    /// Slack below `/slack/…`, Twilio below `/2010-04-01/…`.
    pub web: WebServer,
}

const FIELDS: &str =
    "id kind severity level recipient status attempts errorMessage providerMessageId digestId dueAt sentAt channel { id name } alert { id type }";

impl World {
    pub async fn new(backend: Backend) -> Self {
        let (mail, address) = MailServer::start().await;
        let web = WebServer::start().await;
        let flags = Flags::from([
            ("outgoing_networks", "127.0.0.0/8".to_owned()),
            ("public_url", "https://noren.example".to_owned()),
            ("smtp_url", format!("smtp://{address}")),
            ("mail_from", "Noren <alerts@noren.example>".to_owned()),
            ("twilio_account_sid", "AC1".to_owned()),
            ("twilio_auth_token", "hush".to_owned()),
            ("twilio_from", "+15005550006".to_owned()),
            ("twilio_base_url", web.url("/")),
        ]);
        let server = Server::working_on(backend, flags).await;
        let (ours, theirs) = (side(&server, "ours").await, side(&server, "theirs").await);
        let (_, platform) = People::of(&server).token(TokenRole::PlatformAdmin, None, &[]).await;
        let world = Self { server, ours, theirs, platform, mail, web };
        world.done("tenantUpdate", &format!("id: \"{}\", locale: \"en\"", world.ours.tenant), "tenant { id }").await;
        world
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.server.clock.now()
    }

    /// Lets time pass; what is due by then is looked at.
    pub fn pass(&self, time: TimeDelta) {
        self.server.clock.advance(time);
        self.server.db().signals().wake(Wake::Jobs);
    }

    /// Does what time does to alerts, as the monitor does now and then.
    pub async fn look(&self) {
        ops::alerts::settle(self.server.db(), &Trace::system("test", self.server.clock())).await.unwrap();
    }

    /// The payload of somebody's mutation.
    pub async fn change_as(&self, who: &Credentials, name: &str, input: &str, selected: &str) -> Value {
        let query = format!("mutation {{ {name}(input: {{ {input} }}) {{ {selected} userErrors {{ code field message }} }} }}");
        self.server.ask(who, &query).await.data()[name].clone()
    }

    /// The payload of our administrator's mutation.
    pub async fn change(&self, name: &str, input: &str, selected: &str) -> Value {
        self.change_as(&self.ours.admin, name, input, selected).await
    }

    /// The same, of one that is not refused.
    pub async fn done(&self, name: &str, input: &str, selected: &str) -> Value {
        let payload = self.change(name, input, selected).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}");
        payload
    }

    async fn channel(&self, who: &Credentials, input: &str) -> String {
        let made = self.change_as(who, "notificationChannelCreate", input, "notificationChannel { id }").await;
        assert_eq!(made["userErrors"], json!([]), "{input}");
        made["notificationChannel"]["id"].as_str().unwrap().to_owned()
    }

    /// A new channel for mail.
    pub async fn mail_channel(&self, who: &Credentials, name: &str) -> String {
        self.channel(who, &format!("kind: EMAIL, name: \"{name}\", emailAddresses: [\"{name}@example.jp\"]")).await
    }

    /// A new channel for Slack.
    pub async fn slack_channel(&self, who: &Credentials, name: &str) -> String {
        self.channel(who, &format!("kind: SLACK, name: \"{name}\", slackWebhookUrl: \"{}\"", self.web.url(&format!("/slack/{name}/secret-of-the-hook")))).await
    }

    /// A new channel for text messages.
    pub async fn sms_channel(&self, who: &Credentials, name: &str, numbers: &[&str]) -> String {
        let numbers = serde_json::to_string(numbers).unwrap();
        self.channel(who, &format!("kind: SMS, name: \"{name}\", phoneNumbers: {numbers}")).await
    }

    /// An alert of somebody's; its type makes it another one.
    pub async fn raise_as(&self, who: &Credentials, severity: &str, kind: &str) -> String {
        let input = format!("type: \"{kind}\", severity: {severity}, message: \"{kind} went <wrong>\"");
        let raised = self.change_as(who, "alertRaise", &input, "alert { id }").await;
        assert_eq!(raised["userErrors"], json!([]));
        raised["alert"]["id"].as_str().unwrap().to_owned()
    }

    /// An alert of ours.
    pub async fn raise(&self, severity: &str, kind: &str) -> String {
        self.raise_as(&self.ours.admin, severity, kind).await
    }

    /// Our notifications, the oldest first.
    pub async fn notifications(&self, filter: &str) -> Vec<Value> {
        self.notifications_of(&self.ours.admin, filter).await
    }

    /// Somebody's notifications, the oldest first.
    pub async fn notifications_of(&self, who: &Credentials, filter: &str) -> Vec<Value> {
        let query = format!("{{ notifications(first: 250, filter: {{ {filter} }}, orderBy: {{ field: CREATED_AT }}) {{ nodes {{ {FIELDS} }} }} }}");
        self.server.ask(who, &query).await.data()["notifications"]["nodes"].as_array().unwrap().clone()
    }

    /// How many of our notifications there are.
    pub async fn count(&self, filter: &str) -> u64 {
        let query = format!("{{ notifications(filter: {{ {filter} }}) {{ totalCount }} }}");
        self.server.ask(&self.ours.admin, &query).await.data()["notifications"]["totalCount"].as_u64().unwrap()
    }

    /// Waits until our notifications are as they should be. Slack's pace goes on by the second.
    pub async fn notifications_when(&self, filter: &str, as_it_should_be: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..600 {
            let found = self.notifications(filter).await;
            if as_it_should_be(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{:#?}", self.notifications(filter).await);
    }

    /// Waits until so many of our notifications are sent, while seconds pass.
    pub async fn sent(&self, filter: &str, count: usize) -> Vec<Value> {
        for _ in 0..300 {
            let found = self.notifications(filter).await;
            if found.len() == count && found.iter().all(|one| one["status"] == "SENT") {
                return found;
            }
            self.pass(TimeDelta::seconds(1));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{count} were expected: {:#?}", self.notifications(filter).await);
    }

    /// What Slack was told.
    pub fn slack(&self) -> Vec<Request> {
        self.web.requests().into_iter().filter(|request| request.head.starts_with("POST /slack/")).collect()
    }

    /// What Twilio was told.
    pub fn twilio(&self) -> Vec<Request> {
        self.web.requests().into_iter().filter(|request| request.head.starts_with("POST /2010-04-01/")).collect()
    }

    /// How many jobs about notifications somebody is at.
    async fn running(&self) -> i64 {
        let db = self.server.db();
        let tx = db.read(Access::Worker).await.unwrap();
        let sql = "select count(*) from jobs where status = 'RUNNING' and kind like 'notification.%'";
        tx.query_one_raw(db.statement(sql, [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Waits until the relay has handed on everything, and nothing is being sent or looked at.
    pub async fn quiesce(&self) {
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let lag = platform::outbox::lag(self.server.db()).await.unwrap();
            let jobs = platform::jobs::lag(self.server.db(), &*self.server.clock).await.unwrap();
            if lag.waiting == 0 && jobs.due == 0 && self.running().await == 0 && self.count("statuses: [SENDING]").await == 0 {
                return;
            }
        }
        panic!("something goes on for ever");
    }
}

async fn side(server: &Server, name: &str) -> Side {
    let people = People::of(server);
    let tenant = people.tenant(name).await;
    let (_, admin) = people.token(TokenRole::TenantAdmin, Some(tenant), &[]).await;
    Side { tenant, admin }
}

/// An instant in an answer.
pub fn at(value: &Value) -> DateTime<Utc> {
    value.as_str().expect("an instant").parse().expect("an instant")
}

/// The text of a mail, decoded.
pub fn text_of(data: &str) -> String {
    use base64::Engine;
    let mut found = String::new();
    for part in data.split("\r\n--").skip(1) {
        let Some((head, body)) = part.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        if head.contains("base64") {
            let bytes = base64::engine::general_purpose::STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap();
            found.push_str(&String::from_utf8(bytes).unwrap());
        } else if head.contains("quoted-printable") {
            found.push_str(&quoted_printable(body));
        } else {
            found.push_str(body);
        }
    }
    found
}

fn quoted_printable(body: &str) -> String {
    let body = body.replace("=\r\n", "");
    let (mut bytes, mut rest) = (Vec::new(), body.as_str());
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap()
}
