//! Blocking Amazon Data Firehose client: no async runtime, few dependencies, and no record lost in silence.
//!
//! The protocol is in [`firehose_proto`], which does no I/O; this crate adds sockets, clock and environment.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use firehose_blocking::{Batch, Client};
//!
//! let client = Client::builder().region("eu-west-1").build()?;
//! let mut batch = Batch::new("my-stream")?;
//! batch.push(b"first line\n")?;
//! batch.push(b"second line\n")?;
//! // What the service does not accept is sent again, and only that; what is left after a minute is in the batch.
//! client.put_all(&mut batch, Duration::from_secs(60))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! All but the last are on by default. A program that only puts records wants `default-features = false` and
//! `features = ["tls"]`.
//!
//! | feature | with it | without it |
//! |---|---|---|
//! | `control` | the ten operations on streams themselves, [`Pages`], waiting for streams | the puts |
//! | `local` | [`LocalEndpoint`]; turns on `control` | |
//! | `spool` | [`ProducerBuilder::spool`] | a [`Producer`]'s records are in memory alone |
//! | `ureq` | [`Ureq`], the transport of a client that is given none | [`ClientBuilder::transport`] is needed |
//! | `tls` | `https://` by rustls and *ring*; turns on `ureq` | [`Ureq`] speaks to endpoints without TLS alone |
//! | `cli` | the program `firehose` needs it; turns on all others | |
#![forbid(unsafe_code)]

mod builder;
mod client;
mod clock;
#[cfg(feature = "control")]
mod control;
pub mod credentials;
mod environment;
mod files;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "local")]
mod local;
mod mock;
mod operations;
mod producer;
#[cfg(feature = "spool")]
mod spool;
#[cfg(not(feature = "spool"))]
#[path = "spool/none.rs"]
mod spool;
// Not below it: the program's model of a service has the spool's source, and not its tests.
#[cfg(all(test, feature = "spool"))]
#[path = "spool/tests/mod.rs"]
mod spool_tests;
mod transport;

pub use firehose_proto;
pub use firehose_proto::batch::{
    Batch, Event, Failure, Packing, Policy, PushError, PutBatchOutput, Quotas, Reason, Undelivered,
};
pub use firehose_proto::call::Error;
pub use firehose_proto::credentials::Credentials;
pub use firehose_proto::model::Record;
pub use firehose_proto::op::{
    PutRecordBatchInput, PutRecordBatchOutput, PutRecordBatchResponseEntry, PutRecordInput, PutRecordOutput,
};
pub use firehose_proto::settings::{ProfilesError, RetryMode, Settings, SettingsError};

pub use self::builder::{BuildError, ClientBuilder};
pub use self::client::Client;
pub use self::clock::{Clock, SystemClock};
#[cfg(feature = "control")]
pub use self::control::{Pages, WaitError};
pub use self::credentials::{CredentialsError, ProvideCredentials};
#[cfg(feature = "local")]
pub use self::local::{
    FaultCounts, Faults, FaultsError, LocalEndpoint, LocalEndpointBuilder, LocalEndpointError, LocalEndpointStatistics,
};
pub use self::operations::Firehose;
pub use self::producer::{
    Closed, FlushTimeout, Outcome, Producer, ProducerBuilder, ProducerError, ProducerStatistics, Receipt, RecordWriter,
    SendError, SendManyError, TrySendError,
};
pub use self::spool::SpoolError;
#[cfg(feature = "spool")]
pub use self::spool::{SpoolOptions, SpoolTarget, SyncPolicy};
#[cfg(feature = "ureq")]
pub use self::transport::Ureq;
pub use self::transport::{InvalidCaBundle, Timeouts, Transport, TransportError, TransportErrorKind};
