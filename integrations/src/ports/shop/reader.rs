//! A download for those who read on a thread of their own.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use tokio::runtime::Handle;

use super::{Download, DownloadError};

/// How far a download has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// How many lines.
    pub objects: u64,
    /// How many of them hang from no other.
    pub roots: u64,
    /// How many bytes have come over the wire.
    pub bytes: u64,
    /// Whether it comes packed.
    pub packed: bool,
    /// Whether the file has come to its end.
    pub whole: bool,
    /// Why it will not.
    pub error: Option<DownloadError>,
}

/// Reads a download; blocks, so that it belongs on a thread where that harms nobody.
pub struct DownloadReader {
    download: Box<dyn Download>,
    runtime: Handle,
    rest: Bytes,
    fetched: Arc<Mutex<Fetched>>,
}

impl DownloadReader {
    /// A reader, and where to look how far it has come.
    pub fn new(download: Box<dyn Download>, runtime: Handle) -> (Self, Arc<Mutex<Fetched>>) {
        let fetched = Arc::new(Mutex::new(Fetched { packed: download.is_packed(), ..Fetched::default() }));
        (Self { download, runtime, rest: Bytes::new(), fetched: fetched.clone() }, fetched)
    }
}

impl Read for DownloadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let chunk = self.runtime.block_on(self.download.chunk());
            let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            (fetched.objects, fetched.roots, fetched.bytes) = (self.download.objects(), self.download.roots(), self.download.bytes());
            match chunk {
                Ok(Some(chunk)) => self.rest = chunk,
                Ok(None) => fetched.whole = true,
                Err(error) => {
                    fetched.error = Some(error.clone());
                    return Err(io::Error::other(error));
                }
            }
        }
        let length = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
