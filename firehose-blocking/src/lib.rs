//! Blocking Amazon Data Firehose client: no async runtime, few dependencies, and no record lost in silence.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use firehose_blocking::{Client, Producer};
//!
//! let client = Client::builder().region("eu-west-1").build()?;
//! let producer = Producer::builder(client, "my-stream").start()?;
//! producer.send(b"from any thread\n")?;
//!
//! let closed = producer.close(Duration::from_secs(30));
//! for record in &closed.undelivered {
//!     eprintln!("not delivered: {} bytes, {}", record.data.len(), record.failure);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```text
//!  your threads ─▶ Producer ─▶ Client ─▶ Transport (ureq, or yours) ─▶ Firehose
//!                     │           └── credentials, settings, clock: as the AWS CLI finds them
//!                     └── batches, resends, one outcome for each record; on disk with a spool
//! ```
//!
//! The protocol itself is in [`firehose_proto`], which does no I/O. This crate adds sockets, files, clock and environment.
//!
//! | you want to | look at |
//! |---|---|
//! | ship records | [`guide::ship_records`], [`Client`], [`Batch`] |
//! | produce from many threads | [`guide::produce_from_many_threads`], [`Producer`], [`Policy`] |
//! | run as a service | [`guide::run_as_a_service`] |
//! | test without AWS | [`guide::test_without_aws`], [`LocalEndpoint`], [`Firehose`] |
//! | bring a transport | [`guide::bring_a_transport`], [`Transport`] |
//! | know where credentials and settings come from | [`guide::credentials_and_settings`], [`credentials`] |
//! | use the program `firehose` | [`guide::the_program`] |
//! | tell errors apart | [`Error`], [`firehose_proto::guide::handle_errors`] |
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
#[cfg(all(feature = "local", feature = "spool", feature = "ureq"))]
pub mod guide;
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
#[cfg(test)]
#[cfg(feature = "spool")]
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
