//! [`FileError`] and [`ProcessError`]: how a driver reports that it could not do what was asked.

use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;
use core::fmt;

/// Why a file could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// No file has that name.
    NotFound,
    /// Any other reason, as the system's error.
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

/// Why a process printed no credentials. Must not quote its command line or its output.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProcessError {
    /// It could not be started; the system's error.
    Other(Box<dyn Error + Send + Sync>),
    /// It did not end in time. The driver must have ended everything that it started.
    Timeout,
    /// It ended with a failure.
    Failed {
        /// The system's description of the status, such as `exit status: 1`.
        status: String,
        /// The exit code, unless a signal ended it.
        code: Option<i32>,
    },
}
