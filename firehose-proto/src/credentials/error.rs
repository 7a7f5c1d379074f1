//! [`CredentialsError`]: why there are no credentials: each provider that was tried, in order, and its reason.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use crate::error::WithCauses;

/// Why there are no credentials.
///
/// A provider that is not configured returns [`absent`](Self::absent), and the search continues with the next one. Any
/// other error ends the search. Messages must not quote a secret, a token, or the command line of a process.
#[derive(Debug, Clone)]
pub struct CredentialsError(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
    tried: Vec<(String, CredentialsError)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Absent,
    /// Probably absent: nobody answers.
    Unreachable,
    Failed,
    Transient,
}

impl CredentialsError {
    /// The provider is not configured: the search continues. The message says what is missing.
    pub fn absent(message: impl Into<String>) -> Self {
        Self::new(Kind::Absent, message)
    }

    /// The provider is configured, but wrongly, or it was refused: the search ends.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The provider is configured, and may succeed later: the search ends.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Kind::Transient, message)
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), source: None, tried: Vec::new() }))
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::from(Inner { source: Some(Arc::from(source.into())), ..Arc::unwrap_or_clone(self.0) })
    }

    /// All providers that a chain tried. The last one ended the search.
    pub(super) fn of_chain(tried: Vec<(String, Self)>) -> Self {
        let last = tried.last().map_or(Kind::Absent, |(_, error)| error.0.kind);
        Self::from(Inner { kind: last, message: "no credentials".into(), source: None, tried })
    }

    /// The providers that were tried, in order: each one's name, and why it had no credentials.
    pub fn tried(&self) -> impl ExactSizeIterator<Item = (&str, &Self)> {
        self.0.tried.iter().map(|(name, error)| (&**name, error))
    }

    /// Whether the provider is merely not configured.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.0.kind, Kind::Absent | Kind::Unreachable)
    }

    /// Whether asking again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.kind == Kind::Transient
    }

    /// The same error, if it shows that the service may not exist here.
    pub(super) fn into_absent(self) -> Self {
        let kind = if self.is_transient() { Kind::Unreachable } else { Kind::Absent };
        Self::from(Inner { kind, ..Arc::unwrap_or_clone(self.0) })
    }

    /// The same error where no other provider may be tried: an unreachable service counts as a failure.
    pub(super) fn settled(self) -> Self {
        let kind = match self.0.kind {
            Kind::Absent => Kind::Failed,
            Kind::Unreachable => Kind::Transient,
            kind => kind,
        };
        Self::from(Inner { kind, ..Arc::unwrap_or_clone(self.0) })
    }
}

impl From<Inner> for CredentialsError {
    fn from(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (index, (name, error)) in self.tried().enumerate() {
            // An error has one source, so each tried error must show its own sources here.
            let error = WithCauses(error);
            write!(f, "{} {name}: {error}", if index == 0 { ", tried" } else { ";" })?;
        }
        Ok(())
    }
}

impl Error for CredentialsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
