//! What a search is answered with: [`FileError`] and [`ProcessError`] from its driver, [`Found`] from a provider.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::error::Error;
use core::fmt;

use crate::credentials::{Credentials, CredentialsError};
use crate::time::{IsoDate, Now};

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

/// Credentials, and the provider that had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The credentials.
    pub credentials: Credentials,
    /// The name of the provider.
    pub provider: Cow<'static, str>,
}

impl Found {
    /// The same, unless the credentials have already expired.
    ///
    /// # Errors
    ///
    /// A transient error that names the provider.
    pub fn unless_expired(self, now: Now) -> Result<Self, CredentialsError> {
        match self.credentials.expires_at.filter(|&expires_at| expires_at <= now.utc) {
            None => Ok(self),
            Some(expires_at) => {
                let (provider, expired) = (&self.provider, IsoDate::new(expires_at));
                let message = format!("the credentials from {provider} have expired, at {}", expired.as_str());
                Err(CredentialsError::transient(message))
            }
        }
    }
}
