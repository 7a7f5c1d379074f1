//! The user's files: read up to a limit, and replaced in one step.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use firehose_proto::credentials::profile::{ProfileFile, ProfileFileError, Profiles};
use firehose_proto::limits::MAX_PROFILE_FILE_BYTES;
use firehose_proto::sensitive::Sensitive;
use firehose_proto::settings::location::Locations;
use firehose_proto::settings::{Setting, Source};

use crate::environment::Environment;

/// Reads a file, at most one byte more than may be in it: whoever parses it refuses that one.
pub(crate) fn read(path: impl AsRef<Path>, max_bytes: usize) -> io::Result<Sensitive<Vec<u8>>> {
    let file = File::open(path)?;
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    // Room for all of it, so that growing leaves no copies of secrets behind in memory.
    let room = file.metadata().map_or(0, |metadata| metadata.len()).min(limit);
    let mut content = Vec::with_capacity(usize::try_from(room).unwrap_or_default().saturating_add(1));
    file.take(limit).read_to_end(&mut content)?;
    Ok(Sensitive::new(content))
}

/// Replaces a file in one step by one that its owner alone may read.
pub(crate) fn replace(path: &Path, content: &[u8], random: u64) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{random:016x}.tmp"));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may never have come into being.
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

/// Where one of the shared files is, unless that is not known.
pub(crate) fn location(environment: &Environment, file: ProfileFile) -> Option<Setting<String>> {
    let variable = |name: &str| environment.variable(name);
    Locations::new(&variable, cfg!(windows)).profile_file(file)
}

/// Reads the shared files. One that is not there is as good as an empty one; `warn` is told what that may explain.
pub(crate) fn profiles(environment: &Environment, mut warn: impl FnMut(String)) -> Result<Profiles, ProfilesError> {
    let mut text = |file| read_shared(location(environment, file).as_ref(), &mut warn);
    let (config, credentials) = (text(ProfileFile::Config)?, text(ProfileFile::Credentials)?);
    let variable = |name: &str| environment.variable(name);
    let locations = Locations::new(&variable, cfg!(windows));
    Profiles::parse_at(&locations, config.reveal(), credentials.reveal()).map_err(|error| {
        let path = location(environment, error.place.file).map(|location| location.value).unwrap_or_default();
        ProfilesError { path, reason: Reason::Syntax(error) }
    })
}

fn read_shared(
    location: Option<&Setting<String>>,
    warn: &mut impl FnMut(String),
) -> Result<Sensitive<Vec<u8>>, ProfilesError> {
    let empty = || Sensitive::new(Vec::new());
    let Some(Setting { value: path, source }) = location else { return Ok(empty()) };
    match (read(path, MAX_PROFILE_FILE_BYTES), source) {
        (Ok(text), _) => Ok(text),
        (Err(error), Source::Default) => {
            if error.kind() != io::ErrorKind::NotFound {
                warn(format!("cannot read {path}, doing without: {error}"));
            }
            Ok(empty())
        }
        (Err(error), source) if error.kind() == io::ErrorKind::NotFound => {
            warn(format!("{source} names {path}, which is not there"));
            Ok(empty())
        }
        (Err(error), _) => Err(ProfilesError { path: path.clone(), reason: Reason::Io(error.kind()) }),
    }
}

/// A shared configuration or credentials file that cannot be read. Says where, never what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfilesError {
    path: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Io(io::ErrorKind),
    Syntax(ProfileFileError),
}

impl ProfilesError {
    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The rule that the file breaks, unless it could not be read at all.
    #[must_use]
    pub const fn syntax(&self) -> Option<ProfileFileError> {
        match self.reason {
            Reason::Syntax(error) => Some(error),
            Reason::Io(_) => None,
        }
    }
}

impl fmt::Display for ProfilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Io(kind) => write!(f, "cannot read {}: {kind}", self.path),
            Reason::Syntax(error) => write!(f, "cannot use {}: {error}", self.path),
        }
    }
}

impl std::error::Error for ProfilesError {}
