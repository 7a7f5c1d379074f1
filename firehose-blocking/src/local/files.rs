//! Helpers for the local endpoint's files: directory names of streams, and durable file names.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use firehose_proto::internal::check_stream_name;

/// A file that cannot be read or written.
#[derive(Debug)]
pub(super) struct FileError {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

/// Makes the names of new files and directories durable, from `dir` up to `top`.
pub(super) fn sync_names(dir: &Path, top: &Path) -> io::Result<()> {
    if cfg!(unix) {
        for ancestor in dir.ancestors().take_while(|ancestor| ancestor.starts_with(top)) {
            File::open(ancestor)?.sync_all()?;
        }
    }
    Ok(())
}

/// The directory name of a stream. The two valid names that would leave the directory are escaped.
pub(super) fn dir_name(stream: &str) -> String {
    match stream {
        "." | ".." => stream.replace('.', "%2E"),
        _ => stream.into(),
    }
}

/// The stream of a directory, if it belongs to one.
pub(super) fn stream_name(dir: &str) -> Option<String> {
    let name = match dir {
        "%2E" | "%2E%2E" => dir.replace("%2E", "."),
        _ => dir.into(),
    };
    (check_stream_name(&name).is_ok() && dir_name(&name) == dir).then_some(name)
}
