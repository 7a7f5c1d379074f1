//! [`Settings`]: where a client sends to and how, each value found where it is set: in code, in an environment variable, in
//! the profile, or nowhere.
//!
//! The names are those of the
//! [settings reference](https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html). A blank variable or
//! value counts as unset. [`Locations`] says where the shared files are, [`Proxies`] which proxy a request goes through, and
//! [`UserAgent`] as whom the client introduces itself.

mod client;
mod error;
pub(crate) mod location;
pub(crate) mod proxy;
pub(crate) mod resolver;
mod setting;
pub(crate) mod shared_files;
pub(crate) mod user_agent;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

pub use self::client::{Overrides, Settings};
pub use self::error::SettingsError;
pub use self::location::Locations;
pub use self::proxy::{Proxies, Proxy};
use self::setting::first_variable;
pub use self::setting::{Setting, SettingError, SettingSource};
pub use self::shared_files::ProfilesError;
pub use self::user_agent::UserAgent;

/// How long a connection may take to come about, unless the caller decides otherwise.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// How long one attempt may wait for its answer, unless the caller decides otherwise.
pub const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How failed attempts are made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RetryMode {
    /// Backoff and a quota, as in the AWS SDKs.
    #[default]
    Standard,
    /// The same, and a limit on the client's own rate that follows how often it is throttled.
    Adaptive,
}

impl RetryMode {
    /// The mode as AWS spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Adaptive => "adaptive",
        }
    }
}

/// The name of the profile to use: `AWS_PROFILE`, then `AWS_DEFAULT_PROFILE`, then `default`.
pub fn profile(code: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Setting<String> {
    if let Some(name) = code {
        return Setting::code(name.to_owned());
    }
    let found = first_variable(&variable, &["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]);
    found.unwrap_or_else(|| Setting::default("default".to_owned()))
}

/// The value of the `X-Amzn-Trace-Id` header with which a function on AWS Lambda passes its trace on.
pub fn trace_id(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    first_variable(&variable, &["AWS_LAMBDA_FUNCTION_NAME"])?;
    let value = first_variable(&variable, &["_X_AMZN_TRACE_ID"])?.value;
    let encoded = |c: char| if c.is_ascii_control() { format!("%{:02X}", u32::from(c)) } else { c.to_string() };
    Some(value.chars().map(encoded).collect())
}
