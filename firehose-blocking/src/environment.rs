//! [`Environment`]: the process's environment variables, or what a test puts in their place.

use std::env;
use std::fmt;
use std::sync::Arc;

use firehose_proto::settings::Locations;

/// Looks variables up. The only part of the library that reads those of the process.
#[derive(Clone)]
#[expect(clippy::type_complexity, reason = "this very type is the short name for it")]
pub(crate) struct Environment(Arc<dyn Fn(&str) -> Option<String> + Send + Sync>);

impl Environment {
    pub(crate) fn new(variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(variable))
    }

    /// The value of a variable, expanded if it is a path; one that is not Unicode is as good as none.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        Locations::new(&*self.0, cfg!(windows)).variable(name)
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::new(|name| env::var(name).ok().or_else(|| home().filter(|_| name == "HOME")))
    }
}

/// The user's home where no variable names it, as for a service of the system: the AWS CLI finds its files there, too.
fn home() -> Option<String> {
    env::home_dir()?.into_os_string().into_string().ok()
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
