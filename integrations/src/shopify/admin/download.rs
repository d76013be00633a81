//! The file of a bulk operation, fetched as it comes: unpacked if it is packed, counted, and taken up again where a connection broke.

use std::io::Write;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use flate2::write::MultiGzDecoder;
use http::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::Url;

use crate::outgoing::{Broken, Outgoing, Request};
use crate::ports::shop::{Download, DownloadError};

/// How often in a row a connection may break without a byte more.
const TRIES: u32 = 4;
/// Between two tries, times the number of those that failed.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) struct FileDownload {
    dialler: Outgoing,
    url: Url,
    response: Option<reqwest::Response>,
    /// What the file was when it was opened: it must be the same one when it is taken up again.
    tag: Option<String>,
    packed: bool,
    decoder: Option<MultiGzDecoder<Vec<u8>>>,
    received: u64,
    fruitless: u32,
    /// Bytes that came before and come again.
    skip: u64,
    lines: LineCounter,
    ended: bool,
}

impl FileDownload {
    pub(super) async fn open(dialler: Outgoing, file: &SecretString) -> Result<Self, DownloadError> {
        let url = dialler.check_url(file.expose_secret()).map_err(|problem| DownloadError::Refused(problem.to_string()))?;
        let response = get(&dialler, &url, 0).await?;
        let packed = is_packed(response.headers())?;
        Ok(Self {
            tag: tag(response.headers()),
            packed,
            decoder: packed.then(|| MultiGzDecoder::new(Vec::new())),
            dialler,
            url,
            response: Some(response),
            received: 0,
            fruitless: 0,
            skip: 0,
            lines: LineCounter::default(),
            ended: false,
        })
    }

    /// The next bytes as they come over the wire.
    async fn wire(&mut self) -> Result<Option<Bytes>, DownloadError> {
        loop {
            let why = match &mut self.response {
                Some(response) => match timeout(self.dialler.patience(), response.chunk()).await {
                    Ok(Ok(None)) if self.skip == 0 => return Ok(None),
                    Ok(Ok(None)) => "the file ended before the place where it had broken off".to_owned(),
                    Ok(Ok(Some(mut chunk))) => {
                        let known = self.skip.min(chunk.len() as u64);
                        self.skip -= known;
                        chunk.advance(usize::try_from(known).unwrap_or(chunk.len()));
                        if chunk.is_empty() {
                            continue;
                        }
                        self.received += chunk.len() as u64;
                        self.fruitless = 0;
                        return Ok(Some(chunk));
                    }
                    Ok(Err(error)) => Broken::in_body(&error),
                    Err(_) => format!("nothing came for {} ms", self.dialler.patience().as_millis()),
                },
                None => "the connection was lost".to_owned(),
            };
            self.response = None;
            self.take_up_again(why).await?;
        }
    }

    async fn take_up_again(&mut self, why: String) -> Result<(), DownloadError> {
        self.fruitless += 1;
        if self.fruitless > TRIES {
            return Err(DownloadError::Cut { bytes: self.received, why });
        }
        tokio::time::sleep(PAUSE * self.fruitless).await;
        let response = match get(&self.dialler, &self.url, self.received).await {
            Ok(response) => response,
            Err(DownloadError::Unreachable(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if tag(response.headers()) != self.tag || is_packed(response.headers())? != self.packed {
            return Err(DownloadError::Changed);
        }
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            if !range.starts_with(&format!("bytes {}-", self.received)) {
                return Err(DownloadError::Damaged(format!("another part came than was asked for: {range}")));
            }
            self.skip = 0;
        } else {
            // It comes from its beginning: what is known of it is passed over.
            self.skip = self.received;
        }
        self.response = Some(response);
        Ok(())
    }
}

#[async_trait]
impl Download for FileDownload {
    async fn chunk(&mut self) -> Result<Option<Bytes>, DownloadError> {
        while !self.ended {
            let bytes = match (self.wire().await?, &mut self.decoder) {
                (Some(chunk), None) => chunk,
                (Some(chunk), Some(decoder)) => {
                    decoder.write_all(&chunk).map_err(|error| DownloadError::Damaged(error.to_string()))?;
                    Bytes::from(std::mem::take(decoder.get_mut()))
                }
                (None, decoder) => {
                    self.ended = true;
                    match decoder.take() {
                        // What is packed says itself where it ends.
                        Some(mut decoder) => {
                            decoder.try_finish().map_err(|error| DownloadError::Damaged(error.to_string()))?;
                            Bytes::from(std::mem::take(decoder.get_mut()))
                        }
                        None => Bytes::new(),
                    }
                }
            };
            if !bytes.is_empty() {
                self.lines.count(&bytes);
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    fn objects(&self) -> u64 {
        self.lines.lines
    }

    fn roots(&self) -> u64 {
        self.lines.roots()
    }

    fn bytes(&self) -> u64 {
        self.received
    }

    fn is_packed(&self) -> bool {
        self.packed
    }
}

async fn get(dialler: &Outgoing, url: &Url, from: u64) -> Result<reqwest::Response, DownloadError> {
    let mut headers = vec![("accept-encoding", "gzip".to_owned())];
    if from > 0 {
        headers.push(("range", format!("bytes={from}-")));
    }
    let request = Request { method: http::Method::GET, url, headers: &headers, body: Bytes::new(), most_bytes: 0 };
    let response = dialler.open(request).await.map_err(|broken| match broken {
        Broken::Refused(problem) => DownloadError::Refused(problem.to_string()),
        Broken::Unreachable(why) | Broken::Lost(why) => DownloadError::Unreachable(why),
    })?;
    match response.status() {
        StatusCode::OK => Ok(response),
        StatusCode::PARTIAL_CONTENT if from > 0 => Ok(response),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(DownloadError::Unreachable(format!("the file's server answered {}", status.as_u16())))
        }
        status => Err(DownloadError::Gone(status.as_u16())),
    }
}

fn is_packed(headers: &HeaderMap) -> Result<bool, DownloadError> {
    match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip" | b"x-gzip") => Ok(true),
        Some(other) => Err(DownloadError::Damaged(format!("it is packed in an unknown way: {}", String::from_utf8_lossy(other)))),
    }
}

fn tag(headers: &HeaderMap) -> Option<String> {
    headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned)
}

/// Counts lines as they pass. What a line is about stands at its beginning, since every document asks for the id first.
#[derive(Debug, Default)]
struct LineCounter {
    lines: u64,
    roots: u64,
    /// The beginning of the line that is passing.
    head: Vec<u8>,
    told: bool,
}

/// As much of a line as tells what it is about.
const HEAD: usize = 48;
const BEFORE_KIND: &[u8] = b"{\"id\":\"gid://shopify/";
/// What hangs from something else.
const CHILDREN: [&[u8]; 2] = [b"LineItem/", b"ProductVariant/"];

impl LineCounter {
    fn count(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let newline = bytes.iter().position(|byte| *byte == b'\n');
            let line = &bytes[..newline.unwrap_or(bytes.len())];
            if !line.is_empty() {
                if self.head.is_empty() {
                    self.lines += 1;
                }
                self.head.extend_from_slice(&line[..line.len().min(HEAD - self.head.len().min(HEAD))]);
                if !self.told && self.head.len() >= HEAD {
                    self.tell();
                }
            }
            match newline {
                Some(at) => {
                    if !self.told && !self.head.is_empty() {
                        self.tell();
                    }
                    self.head.clear();
                    self.told = false;
                    bytes = &bytes[at + 1..];
                }
                None => bytes = &[],
            }
        }
    }

    fn tell(&mut self) {
        self.told = true;
        self.roots += u64::from(is_root(&self.head));
    }

    /// With the line that is passing, which may be the last and lack its end.
    fn roots(&self) -> u64 {
        self.roots + u64::from(!self.told && !self.head.is_empty() && is_root(&self.head))
    }
}

fn is_root(head: &[u8]) -> bool {
    !head.strip_prefix(BEFORE_KIND).is_some_and(|kind| CHILDREN.iter().any(|name| kind.starts_with(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_wherever_the_pieces_are_cut() {
        let file = "{\"id\":\"gid://shopify/Order/1\",\"name\":\"LineItem/\"}\n{\"id\":\"gid://shopify/LineItem/12345678901234567890\"}\n\n{\"id\":\"gid://shopify/Order/2\"}";
        for size in 1..file.len() {
            let mut counter = LineCounter::default();
            file.as_bytes().chunks(size).for_each(|piece| counter.count(piece));
            assert_eq!((counter.lines, counter.roots()), (3, 2), "pieces of {size}");
        }
    }
}
