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
#![forbid(unsafe_code)]

mod builder;
mod client;
mod clock;
pub mod credentials;
mod environment;
mod files;
mod local;
mod operations;
mod pages;
mod producer;
mod spool;
mod transport;
mod wait;

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
pub use self::credentials::{CredentialsError, ProvideCredentials};
pub use self::local::{
    FaultCounts, Faults, FaultsError, LocalEndpoint, LocalEndpointBuilder, LocalEndpointError, LocalEndpointStatistics,
};
pub use self::operations::Firehose;
pub use self::pages::Pages;
pub use self::producer::{
    Closed, FlushTimeout, Outcome, Producer, ProducerBuilder, ProducerError, ProducerStatistics, Receipt, SendError,
    TrySendError,
};
pub use self::spool::{SpoolError, SpoolOptions, SyncPolicy};
pub use self::transport::{InvalidCaBundle, Timeouts, Transport, TransportError, TransportErrorKind, Ureq};
pub use self::wait::WaitError;
