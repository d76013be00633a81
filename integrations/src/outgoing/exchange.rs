//! Calls whose whole answer matters: one that is cut is no answer. And answers that are read as they come.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::{FailureKind, Outcome, Outgoing, UrlProblem, clean, failure, retry_after};

/// What is sent.
pub(crate) struct Request<'a> {
    pub(crate) method: http::Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a [(&'a str, String)],
    pub(crate) body: Bytes,
    /// A larger answer is none.
    pub(crate) most_bytes: usize,
}

/// An answer, whole.
pub(crate) struct Whole {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// No answer, or not all of it.
#[derive(Clone, Debug)]
pub(crate) enum Broken {
    /// Not dialled.
    Refused(UrlProblem),
    /// Nobody can be reached: nothing has arrived.
    Unreachable(String),
    /// It may have arrived.
    Lost(String),
}

impl Broken {
    fn of(error: &reqwest::Error) -> Self {
        match failure::outcome(error) {
            Outcome::Refused(problem) => Self::Refused(problem),
            Outcome::Failed { kind, message } if kind.may_have_arrived() => Self::Lost(message),
            Outcome::Failed { kind: FailureKind::Dns | FailureKind::Connect | FailureKind::Tls | FailureKind::Unsendable, message } => {
                Self::Unreachable(message)
            }
            Outcome::Failed { message, .. } => Self::Lost(message),
            Outcome::Answered { .. } => Self::Lost("an answer that is none".to_owned()),
        }
    }

    /// What broke the body of an answer.
    pub(crate) fn in_body(error: &reqwest::Error) -> String {
        let innermost = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source()).last();
        clean(&format!("the answer broke off: {}", innermost.map(ToString::to_string).unwrap_or_default()), 300)
    }
}

impl Outgoing {
    /// Sends a request and reads its answer to the end, within the timeout and never twice. How long that took comes with it.
    pub(crate) async fn exchange(&self, request: Request<'_>) -> (Result<Whole, Broken>, Duration) {
        let began = Instant::now();
        let outcome = self.try_exchange(request, began + self.timeout).await;
        (outcome, began.elapsed())
    }

    async fn try_exchange(&self, request: Request<'_>, deadline: Instant) -> Result<Whole, Broken> {
        let most = request.most_bytes;
        let late = || Broken::Lost(format!("no answer came within {} ms", self.timeout.as_millis()));
        let mut response = timeout_at(deadline, self.send(request)).await.map_err(|_| late())??;
        let mut body = Vec::new();
        while let Some(chunk) = timeout_at(deadline, response.chunk()).await.map_err(|_| late())?.map_err(|error| Broken::Lost(Broken::in_body(&error)))? {
            if body.len() + chunk.len() > most {
                return Err(Broken::Lost(format!("the answer is larger than {} MiB", most >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers()));
        Ok(Whole { status, retry_after, headers: std::mem::take(response.headers_mut()), body })
    }

    /// Sends a request; its answer is read by the caller, who gives up when nothing comes for the timeout.
    pub(crate) async fn open(&self, request: Request<'_>) -> Result<reqwest::Response, Broken> {
        timeout(self.timeout, self.send(request)).await.map_err(|_| Broken::Lost(format!("no answer came within {} ms", self.timeout.as_millis())))?
    }

    /// For how long an answer may say nothing.
    pub(crate) fn patience(&self) -> Duration {
        self.timeout
    }

    async fn send(&self, request: Request<'_>) -> Result<reqwest::Response, Broken> {
        self.guard.check_parsed(request.url).map_err(Broken::Refused)?;
        let client = if request.url.scheme() == "https" { &self.secure } else { &self.plain };
        let built = client.request(request.method, request.url.clone());
        let built = request.headers.iter().fold(built, |built, (name, value)| built.header(*name, value));
        built.body(request.body).send().await.map_err(|error| Broken::of(&error))
    }
}
