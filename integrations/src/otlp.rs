//! How traces leave: the operator's own collector, dialled with a timeout.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// There is no client.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ClientError(String);

/// Speaks HTTP to a collector. Traces are sent from a thread of their own, and the dialling is done by the runtime.
#[derive(Clone, Debug)]
pub struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

impl Client {
    /// A client that waits for an answer so long.
    pub fn new(timeout: Duration) -> Result<Self, ClientError> {
        let client = reqwest::Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none()).no_proxy().user_agent("noren");
        let client = client.build().map_err(|error| ClientError(error.to_string()))?;
        let runtime = Handle::try_current().map_err(|error| ClientError(error.to_string()))?;
        Ok(Self { client, runtime })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let response = client.execute(request.try_into()?).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut answer = http::Response::new(response.bytes().await?);
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok::<_, reqwest::Error>(answer)
        });
        Ok(sent.await??)
    }
}
