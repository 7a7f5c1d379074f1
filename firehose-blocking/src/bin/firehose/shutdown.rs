//! [`Shutdown`]: whether a run is to end, and since when.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Whether somebody wants the run to end.
#[derive(Debug, Default)]
pub(crate) struct Shutdown(OnceLock<Instant>);

impl Shutdown {
    /// Asks for the end; whether nobody has before.
    pub(crate) fn request(&self) -> bool {
        self.0.set(Instant::now()).is_ok()
    }

    /// Whether somebody has asked for the end.
    pub(crate) fn is_requested(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether somebody has asked for the end, so long ago at least.
    pub(crate) fn is_requested_since(&self, time: Duration) -> bool {
        self.0.get().is_some_and(|asked| asked.elapsed() >= time)
    }
}
