//! Looking connections up for deliveries: those that come by one connection at the same time share a look, which begins after they came.

use std::sync::Arc;

use batch_aint_one::{BatchError, Batcher, BatchingPolicy, Limits, Processor};
use entities::ConnectionId;
use platform::{Clock, Database};

use super::receiving::{ReceiveError, Receiver};
use super::service::Connections;

/// Deliveries that share a look.
const TOGETHER: usize = 256;

/// What takes deliveries. Cheap to clone.
#[derive(Clone)]
pub struct Receivers(Batcher<Looking>);

/// Why a connection could not be looked up.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookError {
    /// That of the look.
    #[error(transparent)]
    Receive(Arc<ReceiveError>),
    /// Too many wait for it, or it broke off.
    #[error("{0}")]
    Broken(String),
}

impl Receivers {
    /// Looks in `db`. To be called where tasks can be spawned.
    pub fn new(connections: Connections, db: Database, clock: Arc<dyn Clock>) -> Self {
        let limits = Limits::builder().max_batch_size(TOGETHER).max_key_concurrency(1).max_key_queued_items(4 * TOGETHER).build();
        let looking = Looking { connections, db, clock };
        Self(Batcher::builder().name("connections").processor(looking).limits(limits).batching_policy(BatchingPolicy::Immediate).build())
    }

    /// The connection with this id, as [`Connections::receiver`] finds it.
    pub async fn find(&self, provider: &'static str, id: ConnectionId) -> Result<Option<Arc<Receiver>>, LookError> {
        self.0.add((provider, id), ()).await.map_err(|error| match error {
            BatchError::BatchFailed(error) | BatchError::ResourceAcquisitionFailed(error) => LookError::Receive(error),
            error => LookError::Broken(error.to_string()),
        })
    }
}

#[derive(Clone)]
struct Looking {
    connections: Connections,
    db: Database,
    clock: Arc<dyn Clock>,
}

impl Processor for Looking {
    type Key = (&'static str, ConnectionId);
    type Input = ();
    type Output = Option<Arc<Receiver>>;
    type Error = Arc<ReceiveError>;
    type Resources = ();

    async fn acquire_resources(&self, _key: Self::Key) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn process(&self, (provider, id): Self::Key, inputs: impl Iterator<Item = ()> + Send, (): ()) -> Result<Vec<Self::Output>, Self::Error> {
        let asked = inputs.count();
        let found = self.connections.receiver(&self.db, provider, id, self.clock.now()).await?.map(Arc::new);
        Ok(vec![found; asked])
    }
}
