//! [`CredentialsError`]: why there are no credentials: what was tried, in order, and why each did not apply.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use crate::error::WithCauses;

/// Why there are no credentials.
///
/// A provider that is not configured returns [`absent`](Self::absent), so that the search goes on with the next
/// one; any other error ends the search. Neither may quote a secret, a token, or the command line of a process.
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
    /// Absent as far as anybody can tell, for nobody answers.
    OutOfReach,
    Failed,
    Transient,
}

impl CredentialsError {
    /// The provider has nothing to go by: the search goes on. The message says what is missing.
    pub fn absent(message: impl Into<String>) -> Self {
        Self::new(Kind::Absent, message)
    }

    /// The provider is configured, but wrongly, or was refused: the search ends.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The provider is configured and may succeed later: the search ends.
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

    /// All that a chain tried; the last one ended the search.
    pub(super) fn of_chain(tried: Vec<(String, Self)>) -> Self {
        let last = tried.last().map_or(Kind::Absent, |(_, error)| error.0.kind);
        Self::from(Inner { kind: last, message: "no credentials".into(), source: None, tried })
    }

    /// What was tried, in order: each provider's name, and why it had no credentials.
    pub fn tried(&self) -> impl ExactSizeIterator<Item = (&str, &Self)> {
        self.0.tried.iter().map(|(name, error)| (&**name, error))
    }

    /// Whether this is only the absence of a configuration.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.0.kind, Kind::Absent | Kind::OutOfReach)
    }

    /// Whether asking again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.kind == Kind::Transient
    }

    /// The same error where it shows that there may be nobody to ask.
    pub(super) fn into_absent(self) -> Self {
        let kind = if self.is_transient() { Kind::OutOfReach } else { Kind::Absent };
        Self::from(Inner { kind, ..Arc::unwrap_or_clone(self.0) })
    }

    /// The same error where it can no longer mean that another provider may help: whoever was out of reach must exist.
    pub(super) fn settled(self) -> Self {
        let kind = match self.0.kind {
            Kind::Absent => Kind::Failed,
            Kind::OutOfReach => Kind::Transient,
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
            // Nobody else can tell their sources: an error has one.
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
