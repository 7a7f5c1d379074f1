//! A producer with a spool.

use std::path::PathBuf;

use super::builder::ProducerBuilder;
use crate::spool::{Spool, SpoolOptions, SpoolTarget};

impl ProducerBuilder {
    /// Keeps records in this directory until their outcome is known. A record that [`send`](super::Producer::send) took
    /// then survives the end of the process, even a kill; for loss of power see [`SyncPolicy`](crate::SyncPolicy).
    /// Records that an earlier process left there are sent first; until then no others are taken. A spool with records
    /// for another stream, region or endpoint is not opened unless
    /// [`SpoolOptions::redirect`](crate::SpoolOptions::redirect) says so.
    ///
    /// A crash may lose the outcomes that came just before it; those records are sent again. A drop leaves in the spool
    /// what it could not deliver in time; [`close`](super::Producer::close) returns it and clears the spool. Records
    /// that come back because the producer [stopped](super::Producer::stopped) also stay in the spool. Once the cause
    /// is fixed, the next process delivers them, or this one after [`resume`](super::Producer::resume).
    pub fn spool(mut self, dir: impl Into<PathBuf>, options: SpoolOptions) -> Self {
        let dir = dir.into();
        self.spool = Some(Box::new(move |stream, endpoint| {
            let target = SpoolTarget::at(stream, endpoint, options.endpoint_name.as_deref());
            Spool::open(&dir, target, options)
        }));
        self
    }
}
