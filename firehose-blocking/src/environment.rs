//! [`Environment`]: the environment variables of the process, or a test's replacement.

use std::env;
use std::fmt;
use std::sync::Arc;

use firehose_proto::settings::Locations;

/// Looks up variables. No other part of the library reads those of the process.
#[derive(Clone)]
#[expect(clippy::type_complexity, reason = "this very type is the short name for it")]
pub(crate) struct Environment(Arc<dyn Fn(&str) -> Option<String> + Send + Sync>);

impl Environment {
    pub(crate) fn new(variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(variable))
    }

    /// The value of a variable; a path is expanded. A value that is not Unicode counts as missing.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        Locations::new(&*self.0, cfg!(windows)).variable(name)
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::new(|name| env::var(name).ok().or_else(|| home().filter(|_| name == "HOME")))
    }
}

/// The user's home directory if no variable names it, as in a system service. The AWS CLI also finds its files there.
fn home() -> Option<String> {
    env::home_dir()?.into_os_string().into_string().ok()
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
