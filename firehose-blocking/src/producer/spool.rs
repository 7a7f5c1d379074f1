//! A producer with a spool.

use std::path::PathBuf;

use super::builder::ProducerBuilder;
use crate::spool::{Spool, SpoolOptions, SpoolTarget};

impl ProducerBuilder {
    /// Keeps records in this directory until their outcome is known, so that what [`send`](super::Producer::send) has taken
    /// survives the process, killed or not; of a loss of power, see [`SyncPolicy`](crate::SyncPolicy). What an earlier
    /// process left there is sent first, and until then nothing else is taken. One that has records for another stream, or
    /// for one of this name in another region or at another endpoint, is not opened unless [`SpoolOptions::redirect`] says so.
    ///
    /// Outcomes that came just before a crash may be lost with it; those records are sent again. A drop leaves in the
    /// spool what it could not deliver in time; [`close`](super::Producer::close) gives it back and clears it. What comes back
    /// because nothing can be delivered any more ([`stopped`](super::Producer::stopped)) also stays in the spool: once the cause
    /// is mended, the next process delivers it, or this one when it is told to [`resume`](super::Producer::resume).
    pub fn spool(mut self, dir: impl Into<PathBuf>, options: SpoolOptions) -> Self {
        let dir = dir.into();
        self.spool = Some(Box::new(move |stream, endpoint| {
            let target = SpoolTarget::at(stream, endpoint, options.endpoint_name.as_deref());
            Spool::open(&dir, target, options)
        }));
        self
    }
}
