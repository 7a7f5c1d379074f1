//! [`Shutdown`]: whether the run was asked to end, and when.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A request to end the run.
#[derive(Debug, Default)]
pub(crate) struct Shutdown(OnceLock<Instant>);

impl Shutdown {
    /// Requests the end. Returns whether this was the first request.
    pub(crate) fn request(&self) -> bool {
        self.0.set(Instant::now()).is_ok()
    }

    /// Whether the end was requested.
    pub(crate) fn is_requested(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether the end was requested at least so long ago.
    pub(crate) fn is_requested_since(&self, time: Duration) -> bool {
        self.0.get().is_some_and(|requested| requested.elapsed() >= time)
    }
}
