//! Room for the bodies of requests: all that are held at once are bounded, however many connections send them.

use axum::body::{Body, Bytes};
use futures::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes of bodies that are held at once.
const BYTES: usize = 256 * 1024 * 1024;
/// In how many seconds to come back when there is no room.
pub const RETRY_AFTER: u64 = 1;
/// What is said then.
pub const NO_ROOM: &str = "the bodies of other requests take up all the room there is for them: send it again in a moment";

static ROOM: Semaphore = Semaphore::const_new(BYTES);

/// A body, and its room for as long as anything is kept of it.
#[derive(Debug)]
pub struct Arrived {
    /// The body.
    pub bytes: Bytes,
    /// Its room.
    pub place: Place,
}

/// The room that a body takes up.
pub type Place = Option<SemaphorePermit<'static>>;

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is larger than the limit.
    TooLarge,
    /// It did not arrive whole.
    Broken,
    /// Others take up all the room.
    NoRoom,
}

/// A body of `limit` bytes at most. It takes up room as it arrives: what a sender merely announces keeps nobody else out.
pub async fn arrive(body: Body, limit: usize) -> Result<Arrived, Unfit> {
    arrive_in(&ROOM, body, limit).await
}

async fn arrive_in(room: &'static Semaphore, body: Body, limit: usize) -> Result<Arrived, Unfit> {
    let (mut bytes, mut place) = (Vec::new(), Place::None);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Unfit::Broken)?;
        if bytes.len() + chunk.len() > limit {
            return Err(Unfit::TooLarge);
        }
        let more = u32::try_from(chunk.len()).ok().and_then(|length| room.try_acquire_many(length).ok()).ok_or(Unfit::NoRoom)?;
        match &mut place {
            Some(place) => place.merge(more),
            None => place = Some(more),
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Arrived { bytes: bytes.into(), place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_take_up_room_until_they_are_done_with() {
        static SMALL: Semaphore = Semaphore::const_new(10);
        let chunks = |sizes: &[usize]| {
            let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; *size]))).collect();
            Body::from_stream(futures::stream::iter(chunks))
        };
        let first = arrive_in(&SMALL, chunks(&[3, 3]), 8).await.unwrap();
        assert_eq!((first.bytes.len(), SMALL.available_permits()), (6, 4));
        assert_eq!(arrive_in(&SMALL, chunks(&[4, 1]), 8).await.unwrap_err(), Unfit::NoRoom);
        assert_eq!(arrive_in(&SMALL, chunks(&[4, 5]), 8).await.unwrap_err(), Unfit::TooLarge);
        let broken = Body::from_stream(futures::stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("gone"))]));
        assert_eq!(arrive_in(&SMALL, broken, 8).await.unwrap_err(), Unfit::Broken);
        assert_eq!(SMALL.available_permits(), 4, "what was refused takes up nothing");
        drop(first);
        assert_eq!(arrive_in(&SMALL, chunks(&[8]), 8).await.unwrap().bytes.len(), 8);
        assert_eq!(SMALL.available_permits(), 10);
    }
}
