//! [`Definitions`]: what a restart must know of streams, one file each in `DIR/@streams`.
//!
//! A file is written under another name and renamed when complete, so none is ever read half-written. No stream's name
//! contains `@`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use firehose_proto::internal::json;
use serde::{Deserialize, Serialize};

use super::files::{FileError, dir_name, sync_names};
use super::stream::Stream;

/// What is known of a stream's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Known {
    /// A stream that a call created or changed.
    Stream(Box<Stream>),
    /// A stream that was deleted: its directory, if there is one, no longer counts as a stream.
    Deleted {
        /// Its name.
        name: String,
    },
}

/// The definition files below one directory.
#[derive(Debug)]
pub(super) struct Definitions {
    dir: PathBuf,
    syncs: bool,
}

impl Known {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Stream(stream) => stream.name(),
            Self::Deleted { name } => name,
        }
    }
}

impl Definitions {
    pub(super) fn new(dir: &Path, syncs: bool) -> Self {
        Self { dir: dir.join("@streams"), syncs }
    }

    pub(super) fn load(&self) -> Result<Vec<Known>, FileError> {
        let failed = |path: &Path, error| FileError { path: path.into(), error };
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.dir, error)),
        };
        let mut known = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| failed(&self.dir, error))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let document = fs::read(&path).map_err(|error| failed(&path, error))?;
                let malformed = |error| failed(&path, io::Error::new(io::ErrorKind::InvalidData, error));
                known.push(json::parse(&document).map_err(malformed)?);
            }
        }
        Ok(known)
    }

    /// Writes the definition of a stream, replacing the previous one.
    pub(super) fn save(&self, known: &Known) -> Result<(), FileError> {
        let path = self.path(known.name());
        let draft = path.with_extension("draft");
        let write = || {
            fs::create_dir_all(&self.dir)?;
            let mut options = File::options();
            options.write(true).create(true).truncate(true);
            // Descriptions contain tokens and user names.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&draft)?;
            file.write_all(&serde_json::to_vec(known).map_err(io::Error::other)?)?;
            if self.syncs {
                file.sync_all()?;
            }
            fs::rename(&draft, &path)?;
            self.sync_names()
        };
        write().map_err(|error| FileError { path: path.clone(), error })
    }

    /// Removes a definition, so that the directory counts as a stream again.
    pub(super) fn remove(&self, name: &str) -> Result<(), FileError> {
        let path = self.path(name);
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|()| self.sync_names()),
        };
        removed.map_err(|error| FileError { path, error })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{}.json", dir_name(name)))
    }

    fn sync_names(&self) -> io::Result<()> {
        if self.syncs { sync_names(&self.dir, self.dir.parent().unwrap_or(&self.dir)) } else { Ok(()) }
    }
}
