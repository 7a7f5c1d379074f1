//! [`Credentials`]: the keys that sign a request, and the machine that finds them.
//!
//! Files, documents, responses and variables go in; credentials, a [`CredentialPlan`](plan::CredentialPlan) and
//! requests come out.
//!
//! ```text
//! Profiles::parse ─▶ CredentialPlan::resolve ─┬─▶ source: static, environment, imds, container, web identity, sso, process, login
//!                                             └─▶ roles:   sts::assume_role ─▶ sts::read, one after the other
//! ```

pub(crate) mod cache;
pub(crate) mod container;
pub(crate) mod environment;
pub(crate) mod expiry;
pub(crate) mod finder;
pub(crate) mod imds;
pub(crate) mod login;
pub(crate) mod plan;
pub(crate) mod process;
pub(crate) mod profile;
pub(crate) mod search;
pub(crate) mod sso;
pub(crate) mod sts;

mod document;
pub(crate) mod error;
mod service;
mod xml;

use alloc::string::String;

use time::OffsetDateTime;

pub use self::cache::{CacheAnswer, CredentialsCache, CredentialsRequest};
pub use self::document::DocumentError;
pub use self::error::CredentialsError;
pub use self::finder::Finder;
pub use self::search::{FileError, Found, Need, ProcessError, Provider, Search, SearchState};
pub use crate::sensitive::Sensitive;
/// The trait of the crate `zeroize` that what is [`Sensitive`] has: it is wiped when it is dropped.
pub use zeroize::Zeroize;

/// An AWS access key, with a session token and an expiry when it is temporary.
///
/// ```
/// use firehose_proto::credentials::Credentials;
///
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// assert!(!format!("{credentials:?}").contains("wJalr"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The access key id, which is not a secret.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Sensitive<String>,
    /// The session token of temporary credentials.
    pub session_token: Option<Sensitive<String>>,
    /// When temporary credentials expire.
    pub expires_at: Option<OffsetDateTime>,
    /// The account that the access key belongs to, if known. Firehose does not need it.
    pub account_id: Option<String>,
}

impl Credentials {
    /// Long-term credentials: no session token, no expiry.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: Sensitive::new(secret_access_key.into()),
            session_token: None,
            expires_at: None,
            account_id: None,
        }
    }

    /// The same credentials with a session token.
    #[must_use]
    pub fn with_session_token(mut self, session_token: impl Into<String>) -> Self {
        self.session_token = Some(Sensitive::new(session_token.into()));
        self
    }

    /// The same credentials, which stop working at this time. A client asks their provider for new ones before that.
    ///
    /// With the feature `std`, a [`SystemTime`](https://doc.rust-lang.org/std/time/struct.SystemTime.html) will do.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: impl Into<OffsetDateTime>) -> Self {
        self.expires_at = Some(expires_at.into());
        self
    }

    /// Whether both have the same keys: a service that refuses one refuses the other. The expiry does not count,
    /// because extending it does not change the keys.
    #[must_use]
    pub fn has_same_keys(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id
            && self.secret_access_key == other.secret_access_key
            && self.session_token == other.session_token
    }
}
