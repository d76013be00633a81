//! One socket, from its first message to its close.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, SinkExt, StreamExt};
use platform::callers::Origin as CallerOrigin;
use platform::{Caller, OpCtx};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error as Broken, Message};

use super::Socket;
use super::end::{Counted, End};
use super::line::{Ended, Line};
use super::operations::{Outcome, begin};
use super::protocol::{Close, Said, ack, complete, error, pong};
use super::wire::Outlet;
use crate::app::App;
use crate::graphql::Code;
use crate::http::client::Credentials;
use crate::http::live::Guest;
use crate::http::operation::caller;
use crate::http::refusal::Refusal;

/// Operations of one socket at once.
const OPERATIONS: usize = 100;

/// Where a socket comes from.
#[derive(Clone)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// Its User-Agent.
    pub user_agent: Option<String>,
    /// The request that began it.
    pub request_id: String,
}

/// What came of an operation that has begun.
struct Begun {
    id: Arc<str>,
    serial: u64,
    outcome: Outcome,
    blamed: bool,
}

/// An operation that runs.
struct Running {
    serial: u64,
    /// Where it goes on by itself.
    _line: Option<Line>,
}

/// A socket whose client is known.
struct Known {
    credentials: Credentials,
    guest: Option<Arc<Guest>>,
}

/// One socket.
pub struct Session {
    app: Arc<App>,
    origin: Origin,
    /// What the request that began it came with.
    credentials: Credentials,
    known: Option<Known>,
    running: HashMap<Arc<str>, Running>,
    beginning: FuturesUnordered<BoxFuture<'static, Begun>>,
    outlet: Arc<Outlet>,
    /// Where subscriptions tell of their ends.
    ends: (mpsc::Sender<Box<Ended>>, mpsc::Receiver<Box<Ended>>),
    serial: u64,
    /// Since when nothing has run.
    resting: Instant,
}

impl Session {
    /// A socket that has just been opened.
    pub fn new(app: Arc<App>, origin: Origin, credentials: Credentials, outlet: Arc<Outlet>) -> Self {
        let (running, beginning, ends) = (HashMap::new(), FuturesUnordered::new(), mpsc::channel(OPERATIONS));
        Self { app, origin, credentials, known: None, running, beginning, outlet, ends, serial: 0, resting: Instant::now() }
    }

    /// Serves it until it ends. `spoken`: whether the client speaks the protocol.
    pub async fn serve(mut self, mut socket: Socket, spoken: bool) {
        let _counted = Counted::new("noren_sockets");
        let end = if spoken { self.listen(&mut socket).await } else { End::Close(Close::SUBPROTOCOL) };
        // What it followed goes before the goodbye, which may take a while.
        self.outlet.close();
        self.running.clear();
        self.beginning.clear();
        if let Some(close) = end.close() {
            tracing::debug!(code = close.code, reason = %close.reason, "a socket is closed");
            metrics::counter!("noren_sockets_closed_total", "code" => close.code.to_string()).increment(1);
            if close.blames_the_sender() {
                self.app.throttle.refused(self.sender()).await;
            }
        }
        end.say(&mut socket, self.app.times.sockets.write).await;
    }

    fn sender(&self) -> platform::limits::Payer {
        let credentials = self.known.as_ref().map_or(&self.credentials, |known| &known.credentials);
        self.app.throttle.sender(self.origin.address, credentials.bearer.as_deref())
    }

    async fn listen(&mut self, socket: &mut Socket) -> End {
        let times = self.app.times.sockets;
        let closing = self.app.closing.clone();
        let (init, mut heard) = (Instant::now() + times.init, Instant::now());
        let mut ping = interval_at(Instant::now() + times.ping, times.ping);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let guest = self.known.as_ref().and_then(|known| known.guest.clone());
            let gone = async {
                match &guest {
                    Some(guest) => guest.gone().await,
                    None => std::future::pending().await,
                }
            };
            let messages = tokio::select! {
                biased;
                () = closing.cancelled() => return Close::RESTART.into(),
                () = gone => return Close::forbidden(guest.as_ref().and_then(|guest| guest.ended()).unwrap_or_default()).into(),
                () = sleep_until(init), if self.known.is_none() => return Close::INIT_TIMEOUT.into(),
                () = sleep_until(self.resting + times.idle), if self.only_sits() => return Close::IDLE.into(),
                received = socket.next() => {
                    heard = Instant::now();
                    // Rare and large: sockets that only listen are kept small.
                    match Box::pin(self.received(received)).await {
                        Ok(messages) => messages,
                        Err(end) => return end,
                    }
                }
                Some(begun) = self.beginning.next(), if !self.beginning.is_empty() => Box::pin(self.begun(begun)).await,
                Some(ended) = self.ends.1.recv() => self.ended(*ended),
                // What a subscription could not write at once.
                () = self.outlet.stuck() => Vec::new(),
                _ = ping.tick() => {
                    if heard.elapsed() > times.silence {
                        return Close::SILENT.into();
                    }
                    vec![Message::Ping(Vec::new().into())]
                }
            };
            if let Some(why) = guest.as_ref().and_then(|guest| guest.ended()) {
                return Close::forbidden(why).into();
            }
            let write = async {
                for message in messages {
                    socket.feed(message).await?;
                }
                socket.flush().await
            };
            match timeout(times.write, write).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Gone,
                Err(_) => {
                    metrics::counter!("noren_live_cut_off_total").increment(1);
                    return Close::UNREAD.into();
                }
            }
        }
    }

    /// Whether its client is not known and runs nothing: it takes up a place.
    fn only_sits(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.guest.is_none()) && self.running.is_empty() && self.beginning.is_empty()
    }

    /// Something came from the client.
    async fn received(&mut self, received: Option<Result<Message, Broken>>) -> Result<Vec<Message>, End> {
        match received {
            Some(Ok(Message::Text(text))) => self.said(Said::read(&text)?).await,
            Some(Ok(Message::Binary(_))) => Err(Close::bad("messages are text").into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Vec::new()),
            Some(Ok(Message::Close(_))) => Err(End::Left),
            None => Err(End::Gone),
            Some(Err(error)) => {
                tracing::debug!(%error, "a socket broke");
                Err(End::broken(&error))
            }
        }
    }

    async fn said(&mut self, said: Said) -> Result<Vec<Message>, End> {
        match said {
            Said::ConnectionInit { payload } => {
                if self.known.is_some() {
                    return Err(Close::TOO_MANY_INITS.into());
                }
                let credentials = introduced(payload, &self.credentials).map_err(|why| Close::forbidden(&why))?;
                let ctx = known_caller(&self.app, &self.origin, &credentials).await?;
                let guest = match ctx.caller() {
                    Caller::Anonymous => None,
                    Caller::User(_) | Caller::Token(_) | Caller::Merchant(_) | Caller::System => {
                        Some(self.app.live.guests().welcome(credentials.clone(), ctx.standing().clone()))
                    }
                };
                self.known = Some(Known { credentials, guest });
                self.resting = Instant::now();
                Ok(vec![ack()])
            }
            Said::Ping { payload } => Ok(vec![pong(payload)]),
            Said::Pong { .. } => Ok(Vec::new()),
            Said::Subscribe { id, payload } => self.subscribe(id, payload).await,
            Said::Complete { id } => {
                self.running.remove(id.as_str());
                Ok(Vec::new())
            }
        }
    }

    async fn subscribe(&mut self, id: String, payload: Value) -> Result<Vec<Message>, End> {
        let Some(known) = &self.known else { return Err(Close::UNAUTHORIZED.into()) };
        if self.running.contains_key(id.as_str()) {
            return Err(Close::subscriber_exists(&id).into());
        }
        if self.running.len().max(self.beginning.len()) >= OPERATIONS {
            let message = format!("a socket runs at most {OPERATIONS} operations at once; complete one, or open another socket");
            return Ok(vec![error(&id, &[Refusal::malformed(message).error()])]);
        }
        let (credentials, sender) = (known.credentials.clone(), self.sender());
        let guest = known.guest.clone();
        if let Err(refusal) = self.app.throttle.admit(sender).await {
            return Ok(vec![error(&id, &[refusal.error()])]);
        }
        let ctx = known_caller(&self.app, &self.origin, &credentials).await?;
        if guest.as_ref().is_some_and(|guest| guest.standing() != ctx.standing()) {
            return Err(Close::forbidden("your rights have changed: connect again").into());
        }
        let id: Arc<str> = id.into();
        self.serial += 1;
        let serial = self.serial;
        self.running.insert(id.clone(), Running { serial, _line: None });
        let begin = begin(self.app.clone(), Arc::new(ctx), guest, id.clone(), payload);
        self.beginning.push(begin.map(move |(outcome, blamed)| Begun { id, serial, outcome, blamed }).boxed());
        Ok(Vec::new())
    }

    fn runs(&self, id: &str, serial: u64) -> bool {
        self.running.get(id).is_some_and(|running| running.serial == serial)
    }

    /// An operation has begun: it is over, or it goes on.
    async fn begun(&mut self, begun: Begun) -> Vec<Message> {
        let Begun { id, serial, outcome, blamed } = begun;
        self.resting = Instant::now();
        if blamed {
            let sender = self.sender();
            self.app.throttle.refused(sender).await;
        }
        // It may have been called off meanwhile.
        if !self.runs(&id, serial) {
            return Vec::new();
        }
        match outcome {
            Outcome::Said(messages) => {
                self.running.remove(&id);
                messages
            }
            Outcome::Follows(following) => {
                let Some(guest) = self.known.as_ref().and_then(|known| known.guest.clone()) else { return Vec::new() };
                let (outlet, ends) = (self.outlet.clone(), self.ends.0.clone());
                let line = Line::open(*following, outlet, guest, id.clone(), serial, self.origin.request_id.clone(), ends);
                self.running.insert(id, Running { serial, _line: Some(line) });
                Vec::new()
            }
        }
    }

    /// A subscription has ended by itself, unless it was called off before.
    fn ended(&mut self, ended: Ended) -> Vec<Message> {
        let Ended { id, serial, message } = ended;
        if !self.runs(&id, serial) {
            return Vec::new();
        }
        self.running.remove(&id);
        vec![message.unwrap_or_else(|| complete(&id))]
    }
}

/// The caller as they stand now.
async fn known_caller(app: &App, origin: &Origin, credentials: &Credentials) -> Result<OpCtx, End> {
    let Origin { address, user_agent, request_id } = origin.clone();
    let origin = CallerOrigin { address: Some(address), user_agent, request_id };
    caller(app, credentials, origin).await.map_err(|refusal| match refusal.code {
        Code::Internal => Close::TRY_AGAIN.into(),
        _ => Close::forbidden(&refusal.message).into(),
    })
}

/// The credentials of `connection_init`; what it does not say, the request that began the socket does.
fn introduced(payload: Option<Value>, request: &Credentials) -> Result<Credentials, String> {
    let mut credentials = request.clone();
    let Some(Value::Object(payload)) = payload else { return Ok(credentials) };
    for (name, value) in payload {
        let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
        let is_text = value.is_string() || value.is_null();
        if name.eq_ignore_ascii_case("authorization") {
            if !is_text {
                return Err("`authorization` must be a text, `Bearer …`".to_owned());
            }
            let Some(text) = text else { continue };
            let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            credentials.bearer = Some(token.filter(|token| !token.is_empty()).ok_or("`authorization` must be `Bearer …`")?.to_owned());
        } else if name.eq_ignore_ascii_case("noren-tenant") {
            if !is_text {
                return Err("`Noren-Tenant` must be a text, `tenant_…`".to_owned());
            }
            let Some(text) = text else { continue };
            credentials.tenant = Some(text.parse().map_err(|_| "`Noren-Tenant` must be a tenant's id, `tenant_…`")?);
        }
    }
    Ok(credentials)
}
