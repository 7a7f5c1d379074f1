//! [`RecordWriter`]: a producer as an [`io::Write`] that makes a record of each line; and values as lines of JSON.

use std::fmt;
use std::io::{self, Write};

use firehose_proto::batch::EnqueueError;
use firehose_proto::error::WithCauses;
use firehose_proto::limits::{MAX_RECORD_BYTES, MAX_REQUEST_BYTES};
use serde::Serialize;

use super::{Producer, SendError};

/// The longest line that is buffered. Below it, the policy decides about a line above a record's limit.
const MAX_LINE_BYTES: usize = MAX_REQUEST_BYTES;

impl Producer {
    /// Begins a stream of lines. Each line becomes a record, including its newline. Use it with anything that writes to
    /// an [`io::Write`], such as `tracing`, `csv`, loggers, and [`io::copy`]. There may be any number of writers.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use firehose_blocking::{Client, Credentials, LocalEndpoint, Producer};
    /// # let dir = std::env::temp_dir().join("firehose-writer-example");
    /// # let endpoint = LocalEndpoint::builder(&dir).start()?;
    /// # let client = Client::builder()
    /// #     .region("us-east-1")
    /// #     .endpoint_url(endpoint.url())
    /// #     .credentials(Credentials::new("test", "test"))
    /// #     .build()?;
    /// let producer = Producer::builder(client, "demo").start()?;
    /// // All lines of a file, a pipe, or a connection.
    /// let mut reader = "one\ntwo\nthree".as_bytes();
    /// std::io::copy(&mut reader, &mut producer.writer())?;
    ///
    /// let closed = producer.close(Duration::from_secs(10));
    /// assert_eq!(closed.statistics.records.accepted, 3);
    /// # drop(endpoint);
    /// # std::fs::remove_dir_all(dir)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn writer(&self) -> RecordWriter {
        RecordWriter { producer: self.clone(), line: Vec::new(), is_skipping: false }
    }

    /// Takes a value as a record: one line of JSON, including its newline. Waits like [`send`](Self::send).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use firehose_blocking::{Client, Credentials, LocalEndpoint, Producer};
    /// # let dir = std::env::temp_dir().join("firehose-json-example");
    /// # let endpoint = LocalEndpoint::builder(&dir).start()?;
    /// # let client = Client::builder()
    /// #     .region("us-east-1")
    /// #     .endpoint_url(endpoint.url())
    /// #     .credentials(Credentials::new("test", "test"))
    /// #     .build()?;
    /// #[derive(serde::Serialize)]
    /// struct Order {
    ///     id: u64,
    ///     items: Vec<&'static str>,
    /// }
    ///
    /// let producer = Producer::builder(client, "orders").start()?;
    /// producer.send_json(&Order { id: 7, items: vec!["tea", "milk"] })?; // {"id":7,"items":["tea","milk"]}
    /// # assert_eq!(producer.close(Duration::from_secs(10)).statistics.records.accepted, 1);
    /// # drop(endpoint);
    /// # std::fs::remove_dir_all(dir)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SendError::Serialize`].
    pub fn send_json(&self, value: &(impl Serialize + ?Sized)) -> Result<(), SendError> {
        let mut line = serde_json::to_vec(value).map_err(|error| SendError::Serialize(error.into()))?;
        line.push(b'\n');
        self.send(&line)
    }
}

/// Makes a record of each line that is written to it. [`Producer::writer`] creates one.
///
/// * **A line** is sent when its newline is written, which is part of the record. Like [`Producer::send`], a write
///   waits while the producer's buffer is full.
/// * **A partial line** is kept until its newline comes. [`flush`](io::Write::flush) and the drop of the writer make a
///   record of it without one. A flush does not wait for delivery; [`Producer::flush`] does.
/// * **A line above the limit of a record** is treated according to
///   [`Policy::oversize`](firehose_proto::batch::Policy::oversize). A line above 4 MiB always fails: the writer drops
///   it up to its newline and takes the lines after it.
/// * **A closed or stopped producer** takes nothing: each further line fails. A writer is one more handle of its
///   producer, so a producer is dropped only once its writers are, too.
///
/// Errors are [`SendError`] within an [`io::Error`]: `error.downcast::<SendError>()` returns it. The bytes of a failed
/// write are not taken, but a partial line before them is kept, so the same write may be repeated. A line that is too
/// large is dropped.
///
/// A logger that ships through this writer must exclude the log target `firehose_blocking`: otherwise each failed call
/// makes the next record.
pub struct RecordWriter {
    producer: Producer,
    /// The line without its end so far.
    line: Vec<u8>,
    /// Whether that line has failed: the writer skips the rest of it.
    is_skipping: bool,
}

impl RecordWriter {
    fn send(&mut self, rest: &[u8]) -> io::Result<()> {
        let sent = if self.line.is_empty() {
            self.producer.send(rest)
        } else {
            let begun = self.line.len();
            self.line.extend_from_slice(rest);
            let sent = self.producer.send(&self.line);
            self.line.truncate(if is_kept(&sent) { begun } else { 0 });
            sent
        };
        sent.map_err(io::Error::other)
    }
}

/// Whether to keep a line for another try.
fn is_kept(sent: &Result<(), SendError>) -> bool {
    !matches!(sent, Ok(()) | Err(SendError::NotDurable(_) | SendError::NotTaken(EnqueueError::TooLarge { .. })))
}

impl Write for RecordWriter {
    /// Takes the bytes up to the end of a line, or all if there is none.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let part = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
        if self.is_skipping {
            self.is_skipping = end.is_none();
        } else if self.line.len().saturating_add(part.len()) > MAX_LINE_BYTES {
            let bytes = self.line.len().saturating_add(part.len());
            self.line = Vec::new();
            self.is_skipping = end.is_none();
            let reason = EnqueueError::TooLarge { bytes, max_bytes: MAX_RECORD_BYTES };
            return Err(io::Error::other(SendError::NotTaken(reason)));
        } else if end.is_some() {
            self.send(part)?;
        } else {
            self.line.extend_from_slice(part);
        }
        Ok(part.len())
    }

    /// Makes a record of a partial line.
    fn flush(&mut self) -> io::Result<()> {
        if self.line.is_empty() { Ok(()) } else { self.send(b"") }
    }
}

impl Drop for RecordWriter {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            log::error!("the last line written to a producer was not taken: {}", WithCauses(&error));
        }
    }
}

impl fmt::Debug for RecordWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordWriter").field("partial_line_bytes", &self.line.len()).finish_non_exhaustive()
    }
}
