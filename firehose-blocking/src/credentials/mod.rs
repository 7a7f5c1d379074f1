//! [`ProvideCredentials`]: sources of credentials, and the [`Chain`] of sources that AWS's tools use.
//!
//! [`firehose_proto::credentials`] decides where to look, what to ask and when to ask again. This module does the I/O:
//!
//! ```text
//! Client ─▶ Cache ───────────────────▶ Chain ───────────▶ Context ─▶ core's Search ─┐
//!    ▲        │ until shortly before     or one provider     ▲                      │
//!    └────────┘ they expire                                  └── sockets, files, ◀──┘
//!                                                                processes, sleep
//! ```

mod cache;
mod chain;
mod context;
mod process;
mod providers;

use std::borrow::Cow;

use firehose_proto::credentials::{Credentials, Provider};
pub use firehose_proto::credentials::{CredentialsError, Found};

pub(crate) use self::cache::Cache;
pub use self::chain::Chain;
pub use self::context::Context;
pub(crate) use self::context::Mfa;
pub use self::providers::{Container, EnvironmentVariables, InstanceMetadata, Profile, WebIdentity};

/// A source of credentials.
///
/// Implement it for a source of your own. The client caches what a provider returns until shortly before it expires.
/// Only one thread at a time asks; if that fails, the client continues with the credentials it has. A provider
/// therefore needs no cache.
///
/// ```
/// use firehose_blocking::credentials::{Context, CredentialsError, ProvideCredentials};
/// use firehose_blocking::{Client, Credentials};
///
/// struct Vault;
///
/// impl ProvideCredentials for Vault {
///     fn provide(&self, _: &Context) -> Result<Credentials, CredentialsError> {
///         Ok(Credentials::new("AKIDEXAMPLE", "secret"))
///     }
/// }
///
/// let client = Client::builder().region("eu-west-1").credentials_provider(Vault).build()?;
/// assert_eq!(client.credentials()?.access_key_id, "AKIDEXAMPLE");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ProvideCredentials: Send + Sync {
    /// Finds credentials. May take long, but must return.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`]. After an [absence](CredentialsError::absent), a chain asks its next provider.
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError>;

    /// The name of this provider in messages.
    fn name(&self) -> Cow<'static, str> {
        "credentials provider".into()
    }

    /// Like [`provide`](Self::provide), with the name of the provider that had the credentials.
    ///
    /// # Errors
    ///
    /// As for [`provide`](Self::provide).
    fn find(&self, context: &Context) -> Result<Found, CredentialsError> {
        Ok(Found { credentials: self.provide(context)?, provider: self.name() })
    }

    /// The provider as a value for the core's search. Only the standard providers need it.
    fn standard(&self) -> Option<Provider> {
        None
    }
}

/// Credentials that the program already has.
impl ProvideCredentials for Credentials {
    fn provide(&self, _: &Context) -> Result<Credentials, CredentialsError> {
        Ok(self.clone())
    }

    fn name(&self) -> Cow<'static, str> {
        "code".into()
    }
}

/// Locks data that no thread leaves half-changed, so a panic of another thread does no harm.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
