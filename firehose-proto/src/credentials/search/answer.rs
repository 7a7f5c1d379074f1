//! [`FileError`] and [`ProcessError`]: in what words a driver tells that it could not do what it was asked for.

use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;
use core::fmt;

/// Why a file could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// There is none of that name.
    NotFound,
    /// Any other reason, in the system's words.
    Other(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such file"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl Error for FileError {}

/// Why a process printed no credentials. Must not quote its command line or what it printed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProcessError {
    /// It could not be run, in the system's words.
    Other(Box<dyn Error + Send + Sync>),
    /// It did not end in time. Whatever it started must have been ended.
    Timeout,
    /// It ended, but not with success.
    Failed {
        /// How the system tells that, such as `exit status: 1`.
        status: String,
        /// The status that it returned, unless a signal ended it.
        code: Option<i32>,
    },
}
