//! Who did something, and on whose request.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use entities::ActorKind;
use uuid::Uuid;

use crate::callers::{Caller, Origin};
use crate::clock::{Clock, Ids};

/// The author of changes, as records name it.
#[derive(Clone)]
pub struct Trace {
    /// What kind of caller it is.
    pub actor_kind: ActorKind,
    /// Its id; for the program itself, what it was doing.
    pub actor: String,
    /// The request.
    pub request_id: Option<String>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The client's User-Agent.
    pub user_agent: Option<String>,
    clock: Arc<dyn Clock>,
}

impl Trace {
    /// A caller's.
    pub fn of(caller: &Caller, origin: &Origin, clock: Arc<dyn Clock>) -> Self {
        let actor_kind = match caller {
            Caller::Anonymous => ActorKind::Anonymous,
            Caller::User(_) => ActorKind::User,
            Caller::Token(_) => ActorKind::ApiToken,
            Caller::Merchant(_) => ActorKind::Merchant,
            Caller::System => ActorKind::System,
        };
        let request_id = Some(origin.request_id.clone()).filter(|id| !id.is_empty());
        Self { actor_kind, actor: caller.key(), request_id, address: origin.address, user_agent: origin.user_agent.clone(), clock }
    }

    /// The program's own, doing what `actor` says.
    pub fn system(actor: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { actor_kind: ActorKind::System, actor: actor.into(), request_id: None, address: None, user_agent: None, clock }
    }

    /// The same, on behalf of a request or a job.
    pub fn of_request(self, id: String) -> Self {
        Self { request_id: Some(id), ..self }
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new id.
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        Ids::new(self.clock.clone()).next()
    }
}
