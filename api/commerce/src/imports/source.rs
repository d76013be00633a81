//! Reading a file line by line on a thread of its own, gzipped or not, in constant memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use integrations::ports::commerce::{BulkRecord, CommerceProvider, LineError};
use tokio::sync::mpsc::Sender;

use crate::records::{Batch, Stager};

/// A longer line is rejected, not held in memory.
const LONGEST_LINE: usize = 16 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What an import reads.
pub struct Source {
    name: String,
    size: Option<u64>,
    reader: Box<dyn Read + Send>,
}

impl Source {
    /// Anything that can be read.
    pub fn new(name: impl Into<String>, size: Option<u64>, reader: impl Read + Send + 'static) -> Self {
        Self { name: name.into(), size, reader: Box::new(reader) }
    }

    /// A file.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, format!("{} is a folder", path.display())));
        }
        let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        Ok(Self::new(name, metadata.is_file().then_some(metadata.len()), file))
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes it has, as far as is known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }
}

/// Staged rows of some lines.
pub(super) struct Chunk {
    pub batches: Vec<Batch>,
    /// Lines read so far.
    pub lines: u64,
    /// Of them those that say nothing: cut, garbled, or about nothing that is known.
    pub unreadable: u64,
    /// Bytes of the file read so far.
    pub bytes: u64,
}

/// How much a chunk holds at most.
#[derive(Clone, Copy)]
pub(super) struct ChunkSize {
    pub lines: u64,
    pub bytes: usize,
}

struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads the source to its end; blocks. Ends early when nobody takes the chunks.
pub(super) fn read(source: Source, provider: &'static dyn CommerceProvider, mut stager: Stager, size: ChunkSize, out: &Sender<Chunk>) -> io::Result<()> {
    let bytes = Arc::new(AtomicU64::new(0));
    let mut raw = BufReader::with_capacity(256 << 10, Counted { inner: source.reader, bytes: bytes.clone() });
    if starts_as_gzip(&mut raw)? {
        let gunzipped = BufReader::with_capacity(256 << 10, MultiGzDecoder::new(raw));
        Lines { reader: gunzipped, provider, gzip: true, number: 0, unreadable: 0 }.stage(&mut stager, size, &bytes, out)
    } else {
        Lines { reader: raw, provider, gzip: false, number: 0, unreadable: 0 }.stage(&mut stager, size, &bytes, out)
    }
}

/// Stages records that were read already; blocks. Ends early when nobody takes the chunks.
pub(super) fn stage(records: Vec<Result<BulkRecord, LineError>>, mut stager: Stager, size: ChunkSize, out: &Sender<Chunk>) {
    let (all, mut lines, mut unreadable) = (records.len() as u64, 0, 0);
    for record in records {
        lines += 1;
        unreadable += u64::from(record.as_ref().is_err_and(|error| error.kind.is_none()));
        stager.line(lines, record);
        if lines == all || lines.is_multiple_of(size.lines) {
            let chunk = Chunk { batches: stager.take(), lines, unreadable, bytes: 0 };
            if out.blocking_send(chunk).is_err() {
                return;
            }
        }
    }
}

fn starts_as_gzip<R: BufRead>(reader: &mut R) -> io::Result<bool> {
    Ok(reader.fill_buf()?.starts_with(&GZIP))
}

struct Lines<R> {
    reader: R,
    provider: &'static dyn CommerceProvider,
    gzip: bool,
    number: u64,
    unreadable: u64,
}

/// How a line ended.
enum End {
    Newline,
    /// The file ended without one.
    File,
    /// The gzip stream broke off or is damaged.
    Cut(String),
}

impl<R: BufRead> Lines<R> {
    fn stage(mut self, stager: &mut Stager, size: ChunkSize, bytes: &AtomicU64, out: &Sender<Chunk>) -> io::Result<()> {
        let (mut line, mut held, mut first) = (Vec::new(), 0, 1);
        loop {
            line.clear();
            let (end, too_long) = self.next_line(&mut line)?;
            let over = !matches!(end, End::Newline);
            if !over || !line.is_empty() || too_long {
                self.number += 1;
            }
            held += line.len();
            match end {
                End::Cut(reason) => self.reject(stager, self.number.max(1), reason),
                End::Newline | End::File if too_long => self.reject(stager, self.number, format!("the line is longer than {} MiB", LONGEST_LINE >> 20)),
                End::Newline => self.stage_line(stager, &line),
                End::File => self.stage_last(stager, &line),
            }
            if over || self.number - first + 1 >= size.lines || held >= size.bytes {
                let chunk = Chunk { batches: stager.take(), lines: self.number, unreadable: self.unreadable, bytes: bytes.load(Ordering::Relaxed) };
                if out.blocking_send(chunk).is_err() || over {
                    return Ok(());
                }
                (held, first) = (0, self.number + 1);
            }
        }
    }

    fn reject(&mut self, stager: &mut Stager, number: u64, reason: String) {
        self.unreadable += 1;
        stager.reject(number, &LineError { kind: None, external_id: None, reason });
    }

    fn stage_line(&mut self, stager: &mut Stager, line: &[u8]) {
        let line = if self.number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        if !line.trim_ascii().is_empty() {
            let read = self.provider.read_line(line);
            self.unreadable += u64::from(read.as_ref().is_err_and(|error| error.kind.is_none() || !is_whole(line)));
            stager.line(self.number, read);
        }
    }

    /// A line without its newline may be whole, or the place where the file was cut.
    fn stage_last(&mut self, stager: &mut Stager, line: &[u8]) {
        if line.trim_ascii().is_empty() || is_whole(line) {
            self.stage_line(stager, line);
        } else {
            self.reject(stager, self.number, "the file was cut off in the middle of this line; fetch it again".to_owned());
        }
    }

    /// Reads up to the next newline; what is too long is skipped.
    fn next_line(&mut self, line: &mut Vec<u8>) -> io::Result<(End, bool)> {
        let mut too_long = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if self.gzip && error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok((End::Cut("the file was cut off: its gzip stream ends early; fetch it again".to_owned()), too_long));
                }
                Err(error) if self.gzip && matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                    return Ok((End::Cut(format!("the gzip stream is damaged here ({error}); fetch the file again")), too_long));
                }
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok((End::File, too_long));
            }
            let newline = buffer.iter().position(|byte| *byte == b'\n');
            let length = newline.unwrap_or(buffer.len());
            if line.len() + length > LONGEST_LINE {
                too_long = true;
                line.clear();
            }
            if !too_long {
                line.extend_from_slice(&buffer[..length]);
            }
            self.reader.consume(newline.map_or(length, |index| index + 1));
            if newline.is_some() {
                return Ok((End::Newline, too_long));
            }
        }
    }
}

fn is_whole(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}
