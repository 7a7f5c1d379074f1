//! Reads the two shared files, present or not; [`ProfilesError`] when they cannot be read.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::location::Locations;
use super::{Setting, SettingSource};
use crate::credentials::profile::{ProfileFile, ProfileFileError, Profiles};
use crate::credentials::search::FileError;
use crate::limits::MAX_PROFILE_FILE_BYTES;
use crate::sensitive::Sensitive;

/// The text of one file. A missing file counts as empty; `warn` gets what its absence may explain.
pub(crate) fn text(
    location: &Setting<String>,
    read: Result<Sensitive<Vec<u8>>, FileError>,
    warn: &mut impl FnMut(String),
) -> Result<Sensitive<Vec<u8>>, ProfilesError> {
    let empty = || Sensitive::new(Vec::new());
    let Setting { value: path, source } = location;
    match (read, source) {
        (Ok(text), _) => Ok(text),
        (Err(FileError::NotFound), SettingSource::Default) => Ok(empty()),
        (Err(error), SettingSource::Default) => {
            warn(format!("cannot read {path}, going on without it: {error}"));
            Ok(empty())
        }
        (Err(FileError::NotFound), source) => {
            warn(format!("{source} names {path}, which does not exist"));
            Ok(empty())
        }
        (Err(error), _) => Err(ProfilesError { path: path.clone(), reason: Reason::Io(error.to_string()) }),
    }
}

/// Reads both files through a function. It gets the largest size accepted, and should return one byte more to show that
/// a file is too large. `warn` gets what the absence of a file may explain.
///
/// # Errors
///
/// [`ProfilesError`].
pub(crate) fn read(
    locations: &Locations<'_>,
    mut read: impl FnMut(&str, usize) -> Result<Vec<u8>, FileError>,
    mut warn: impl FnMut(String),
) -> Result<Profiles, ProfilesError> {
    let mut content = |file| match locations.profile_file(file) {
        Some(location) => {
            let content = read(&location.value, MAX_PROFILE_FILE_BYTES).map(Sensitive::new);
            text(&location, content, &mut warn)
        }
        None => Ok(Sensitive::new(Vec::new())),
    };
    let (config, credentials) = (content(ProfileFile::Config)?, content(ProfileFile::Credentials)?);
    parse(locations, config.expose(), credentials.expose())
}

/// Parses the texts of both.
pub(crate) fn parse(locations: &Locations<'_>, config: &[u8], credentials: &[u8]) -> Result<Profiles, ProfilesError> {
    Profiles::parse_at(locations, config, credentials).map_err(|error| {
        let path = locations.profile_file(error.place.file).map(|location| location.value).unwrap_or_default();
        ProfilesError { path, reason: Reason::Syntax(error) }
    })
}

/// Why a shared configuration or credentials file cannot be read. Says where, never the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfilesError {
    path: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Io(String),
    Syntax(ProfileFileError),
}

impl ProfilesError {
    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The rule that the file breaks; `None` if the file could not be read.
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
            Reason::Io(error) => write!(f, "cannot read {}: {error}", self.path),
            Reason::Syntax(error) => write!(f, "cannot use {}: {error}", self.path),
        }
    }
}

impl core::error::Error for ProfilesError {}
