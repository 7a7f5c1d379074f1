//! The user's files: read up to a limit, and replaced atomically.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use firehose_proto::credentials::FileError;

/// Reads a file, at most one byte more than allowed. The parser refuses a file that is too long.
pub(crate) fn read(path: impl AsRef<Path>, max_bytes: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    // Room for all of it, so that growing leaves no copies of secrets in memory.
    let room = file.metadata().map_or(0, |metadata| metadata.len()).min(limit);
    let mut content = Vec::with_capacity(usize::try_from(room).unwrap_or_default().saturating_add(1));
    file.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// Replaces a file atomically with one that only its owner can read.
pub(crate) fn replace(path: &Path, content: &[u8], random: u64) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{random:016x}.tmp"));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The file may not exist.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Reads a file for the core.
pub(crate) fn content(path: &str, max_bytes: usize) -> Result<Vec<u8>, FileError> {
    read(path, max_bytes).map_err(file_error)
}

/// The core's error for a file that could not be read or written.
pub(crate) fn file_error(error: io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound => FileError::NotFound,
        _ => FileError::Other(error.into()),
    }
}
