//! [`Settings`]: where and how a client sends. Each value comes from code, an environment variable, the profile, or
//! the default.
//!
//! The names are those of the
//! [settings reference](https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html). A blank variable or
//! value counts as unset. [`Locations`] finds the shared files, [`Proxies`] the proxy of a request, and [`UserAgent`]
//! is how the client introduces itself.

mod client;
mod error;
pub(crate) mod location;
pub(crate) mod proxy;
pub(crate) mod resolver;
mod setting;
pub(crate) mod shared_files;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

pub use self::client::{Overrides, Settings};
pub use self::error::SettingsError;
pub use self::location::Locations;
pub use self::proxy::{Proxies, Proxy};
use self::setting::first_variable;
pub use self::setting::{Setting, SettingError, SettingSource};
pub use self::shared_files::ProfilesError;
use crate::percent;
pub use crate::retry::RetryMode;
pub use crate::user_agent::UserAgent;

/// The name of the profile to use: `AWS_PROFILE`, then `AWS_DEFAULT_PROFILE`, then `default`.
pub fn profile(code: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Setting<String> {
    if let Some(name) = code {
        return Setting::code(name.to_owned());
    }
    let found = first_variable(&variable, &["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]);
    found.unwrap_or_else(|| Setting::default("default".to_owned()))
}

/// The value of the `X-Amzn-Trace-Id` header by which a function on AWS Lambda continues its trace.
pub fn trace_id(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    first_variable(&variable, &["AWS_LAMBDA_FUNCTION_NAME"])?;
    let value = first_variable(&variable, &["_X_AMZN_TRACE_ID"])?.value;
    let mut encoded = Vec::with_capacity(value.len());
    percent::encode(
        value.bytes(),
        |byte| !byte.is_ascii_control(),
        |piece| encoded.extend_from_slice(piece.as_bytes()),
    );
    String::from_utf8(encoded).ok()
}
