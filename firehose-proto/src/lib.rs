//! Sans-IO core of an Amazon Data Firehose client: the whole protocol, for any transport.
//!
//! It builds and parses the bytes of requests and responses, signs and verifies them, holds inputs to the API's limits, and
//! decides about retries, clocks, credentials and batches. It does no I/O, reads no clock and has no randomness of its own: a
//! driver carries out what it asks for. `firehose-blocking` is one driver; the examples are others.
//!
//! ```text
//!  your driver      ┌───────────────── this crate ──────────────────┐
//!                   │  batch::Batcher   many records, many calls    │  a producer: what is sent when, what became of each
//!  clocks, sockets, │        ▼                                      │
//!  files, processes │  call::Call       one call, all its attempts  │  headers, signatures, retries, clock, refused keys
//!                   │        ▼                                      │
//!                   │  client, server   one exchange, plain values  │  bytes of requests and responses, both roles
//!                   │                                               │
//!                   │  credentials::Finder    beside them all       │  where AWS's tools look, and when to look again
//!                   └───────────────────────────────────────────────┘
//! ```
//!
//! Each layer works without the one above it. Begin with [`call`], which walks through a whole call, or with
//! [`batch::Batcher`]; [`credentials::Finder`] finds what to sign with, [`settings`] where to send it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod batch;
pub mod call;
mod client;
pub mod credentials;
mod crypto;
mod endpoint;
pub mod error;
mod exception;
pub mod http;
#[doc(hidden)]
pub mod internal;
mod json;
pub mod limits;
pub mod model;
pub mod op;
mod pattern;
mod percent;
mod random;
mod region;
mod retry;
mod schema;
mod sensitive;
pub mod server;
pub mod settings;
pub mod sigv4;
pub mod time;
mod transport;
mod user_agent;
mod uuid;
mod validate;
mod wait;

pub use self::batch::{Batch, Batcher, Policy};
pub use self::call::{Action, Call, Error};
pub use self::credentials::Credentials;
pub use self::endpoint::Endpoint;
pub use self::http::{Request, Response};
pub use self::model::Record;
pub use self::op::Operation;
pub use self::region::Region;
pub use self::settings::Settings;
pub use self::time::{Now, Tick};
