//! [`Rejects`]: the file of records that were not accepted, one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::console::{self, Exit, Failure};

/// Where rejected records go; nowhere, when no file was asked for.
pub(crate) struct Rejects {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: Option<Lines>,
    /// Records in a file that has been given up.
    kept: u64,
    has_failed: bool,
    /// The bytes of an open record that do not fill a group of base64 yet; nothing when no record is open.
    open: Option<Vec<u8>>,
}

impl Rejects {
    /// Makes the file, which must not hold anything yet, unless it is to be added to.
    pub(crate) fn create(path: Option<&Path>, is_added_to: bool) -> Result<Self, Failure> {
        let file = path.map(|path| open(path, is_added_to)).transpose()?;
        let state = State { file, kept: 0, has_failed: false, open: None };
        Ok(Self { path: path.unwrap_or(Path::new("")).into(), state: Mutex::new(state) })
    }

    /// Writes a record that was, or was to be, in a request. Not while one that comes in parts is open.
    pub(crate) fn write(&self, data: &[u8], reason: &str, attempts: u32) {
        self.write_record(&mut self.lock(), data, reason, attempts);
    }

    fn write_record(&self, state: &mut State, data: &[u8], reason: &str, attempts: u32) {
        self.attempt(state, |file| {
            write!(file, r#"{{"data":"{}","#, STANDARD.encode(data))?;
            finish(file, reason, attempts)
        });
    }

    /// Writes a record that never was in a request, the next part of it. One thread alone does this.
    pub(crate) fn write_part(&self, part: &[u8]) {
        let mut state = self.lock();
        let mut data = match state.open.take() {
            Some(pending) => pending,
            None => {
                self.attempt(&mut state, |file| file.write_all(br#"{"data":""#));
                Vec::new()
            }
        };
        // Base64 turns three bytes into four characters: what is left over waits for its group.
        let (head, rest) = part.split_at(part.len().min((3 - data.len() % 3) % 3));
        data.extend_from_slice(head);
        let (groups, tail) = rest.split_at(if data.len().is_multiple_of(3) { rest.len() / 3 * 3 } else { 0 });
        if data.len().is_multiple_of(3) {
            self.attempt(&mut state, |file| {
                file.write_all(STANDARD.encode(&data).as_bytes())?;
                file.write_all(STANDARD.encode(groups).as_bytes())
            });
            data.clear();
        }
        data.extend_from_slice(tail);
        state.open = Some(data);
    }

    /// Ends the record that came in parts, for which so many requests were made by earlier runs.
    pub(crate) fn end(&self, reason: &str, attempts: u32) {
        self.end_open(&mut self.lock(), reason, attempts);
    }

    fn end_open(&self, state: &mut State, reason: &str, attempts: u32) {
        if let Some(pending) = state.open.take() {
            self.attempt(state, |file| {
                file.write_all(STANDARD.encode(&pending).as_bytes())?;
                file.write_all(br#"","#)?;
                finish(file, reason, attempts)
            });
        }
    }

    /// Writes out what is buffered; whether all of the file could be written.
    pub(crate) fn flush(&self) -> bool {
        let mut state = self.lock();
        self.attempt(&mut state, Write::flush);
        !state.has_failed
    }

    /// Ends the file with an open record, if there is one, and the last ones: data, reason and attempts.
    pub(crate) fn close(&self, reason: &str, last: impl IntoIterator<Item = (Vec<u8>, String, u32)>) {
        let mut state = self.lock();
        self.end_open(&mut state, reason, 0);
        for (data, reason, attempts) in last {
            self.write_record(&mut state, &data, &reason, attempts);
        }
        self.attempt(&mut state, Write::flush);
        state.file = None;
    }

    /// Records that are in the file.
    pub(crate) fn kept(&self) -> u64 {
        let state = self.lock();
        state.file.as_ref().map_or(state.kept, |file| file.kept)
    }

    /// Writes to the file, if there is one. Reports the first failure at once, and writes nothing after it.
    fn attempt(&self, state: &mut State, write: impl FnOnce(&mut Lines) -> io::Result<()>) {
        if let Some(Err(error)) = state.file.as_mut().map(write) {
            console::eprint(&format!(
                "cannot write rejected records to {}: {error}; later ones are not kept",
                self.path.display()
            ));
            state.kept = state.file.take().map_or(0, |file| file.kept);
            state.has_failed = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file of lines that knows how many are in it for good, and that ends with a whole line even when writing fails.
struct Lines {
    file: File,
    buffer: Vec<u8>,
    /// Bytes in the file, and those of them up to the end of its last line.
    bytes: u64,
    whole_bytes: u64,
    /// Lines in the file.
    kept: u64,
}

impl Lines {
    /// Bytes that are written at once.
    const BUFFER_BYTES: usize = 16 * 1024;

    /// Adds to a file that has so many bytes.
    fn new(file: File, bytes: u64) -> Self {
        Self { file, buffer: Vec::new(), bytes, whole_bytes: bytes, kept: 0 }
    }

    /// Writes what it can, and returns why that was not all.
    fn drain(&mut self) -> io::Result<()> {
        let mut written = 0;
        let outcome = loop {
            match self.buffer.get(written..) {
                None | Some([]) => break Ok(()),
                Some(rest) => match self.file.write(rest) {
                    Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                    Ok(length) => written += length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => break Err(error),
                },
            }
        };
        for byte in self.buffer.drain(..written) {
            self.bytes += 1;
            if byte == b'\n' {
                self.kept += 1;
                self.whole_bytes = self.bytes;
            }
        }
        if outcome.is_err() {
            // Not every kind of file can be cut; then a part of a line stays in it.
            let _ = self.file.set_len(self.whole_bytes);
        }
        outcome
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= Self::BUFFER_BYTES {
            self.drain()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()
    }
}

fn open(path: &Path, is_added_to: bool) -> Result<Lines, Failure> {
    let usage = |detail: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("cannot write rejected records to {}: {detail}", path.display()))
    };
    let mut options = OpenOptions::new();
    // Nobody else is to read the records, as in the spool.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.create(true).append(true).open(path).map_err(|error| usage(&error))?;
    let bytes = file.metadata().map_err(|error| usage(&error))?.len();
    if bytes > 0 && !is_added_to {
        return Err(usage(&"it is not empty; move it away or name another file"));
    }
    let mut lines = Lines::new(file, bytes);
    if bytes > 0 && !ends_in_newline(path).map_err(|error| usage(&error))? {
        // A run that was killed has left a part of a line.
        lines.buffer.push(b'\n');
    }
    Ok(lines)
}

fn ends_in_newline(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// A record as it stands in the file.
pub(crate) struct Rejected {
    pub(crate) data: Vec<u8>,
    pub(crate) attempts: u32,
}

impl Rejected {
    /// Reads a line of the file; or says why that is not possible.
    pub(crate) fn read(line: &[u8]) -> Result<Self, String> {
        let line: Value = serde_json::from_slice(line).map_err(|error| format!("not a JSON object: {error}"))?;
        let data = line.get("data").and_then(Value::as_str).ok_or("it has no string `data`")?;
        let data = STANDARD.decode(data).map_err(|error| format!("its `data` is not base64: {error}"))?;
        let attempts = line.get("attempts").and_then(Value::as_u64).unwrap_or_default();
        Ok(Self { data, attempts: attempts.try_into().unwrap_or(u32::MAX) })
    }
}

/// Writes what follows the data.
fn finish(file: &mut impl Write, reason: &str, attempts: u32) -> io::Result<()> {
    let reason = Value::from(reason);
    writeln!(file, r#""reason":{reason},"attempts":{attempts}}}"#)
}
