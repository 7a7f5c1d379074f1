//! What the two shared files hold, whether they are there or not, and [`ProfilesError`] when they cannot be read.

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

/// The text of one file. One that is not there is as good as an empty one; `warn` is told what that may explain.
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
            warn(format!("cannot read {path}, doing without: {error}"));
            Ok(empty())
        }
        (Err(FileError::NotFound), source) => {
            warn(format!("{source} names {path}, which is not there"));
            Ok(empty())
        }
        (Err(error), _) => Err(ProfilesError { path: path.clone(), reason: Reason::Io(error.to_string()) }),
    }
}

/// Reads both files by means of a function, which is told how much of a file is wanted: one byte more shows that it is too
/// large. `warn` is told what the absence of a file may explain.
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

/// Reads the texts of both.
pub(crate) fn parse(locations: &Locations<'_>, config: &[u8], credentials: &[u8]) -> Result<Profiles, ProfilesError> {
    Profiles::parse_at(locations, config, credentials).map_err(|error| {
        let path = locations.profile_file(error.place.file).map(|location| location.value).unwrap_or_default();
        ProfilesError { path, reason: Reason::Syntax(error) }
    })
}

/// A shared configuration or credentials file that cannot be read. Says where, never what stands there.
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
            Reason::Io(error) => write!(f, "cannot read {}: {error}", self.path),
            Reason::Syntax(error) => write!(f, "cannot use {}: {error}", self.path),
        }
    }
}

impl core::error::Error for ProfilesError {}
