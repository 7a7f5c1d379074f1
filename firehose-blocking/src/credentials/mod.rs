//! [`ProvideCredentials`]: where credentials come from, and the [`Chain`] of places that AWS's tools look in.
//!
//! Where to look, what to ask and when to ask again is decided by [`firehose_proto::credentials`]. Here is what that takes:
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

/// A place that credentials come from.
///
/// Open for implementation. The client asks rarely: it keeps what it gets until shortly before it expires, lets one
/// thread at a time ask, and goes on with what it has when that fails. A provider therefore keeps nothing itself.
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
    /// Finds credentials. May take its time, but must come to an end.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`]; an [absence](CredentialsError::absent) lets a chain go on to its next provider.
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError>;

    /// What messages call this provider.
    fn name(&self) -> Cow<'static, str> {
        "credentials provider".into()
    }

    /// The same as [`provide`](Self::provide), with the name of the provider that had them.
    ///
    /// # Errors
    ///
    /// As for [`provide`](Self::provide).
    fn find(&self, context: &Context) -> Result<Found, CredentialsError> {
        Ok(Found { credentials: self.provide(context)?, provider: self.name() })
    }

    /// The same as a value for the core's search: what the standard providers say of themselves, and no others need to.
    fn standard(&self) -> Option<Provider> {
        None
    }
}

/// Credentials that the program has already.
impl ProvideCredentials for Credentials {
    fn provide(&self, _: &Context) -> Result<Credentials, CredentialsError> {
        Ok(self.clone())
    }

    fn name(&self) -> Cow<'static, str> {
        "code".into()
    }
}

/// Locks what no thread leaves half-changed, so that one that panicked elsewhere does no harm.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
