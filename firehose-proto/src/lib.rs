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
//!                   │  credentials::finder    beside them all       │  where AWS's tools look, and when to look again
//!                   └───────────────────────────────────────────────┘
//! ```
//!
//! Each layer works without the one above it. Begin with [`call`], which walks through a whole call, or with
//! [`batch::Batcher`]; [`credentials::finder`] finds what to sign with, [`settings`] where to send it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod batch;
pub mod call;
pub mod client;
pub mod credentials;
pub mod crypto;
pub mod endpoint;
pub mod exception;
pub mod http;
pub mod json;
pub mod limits;
pub mod model;
pub mod op;
pub mod pattern;
mod random;
pub mod region;
pub mod retry;
pub mod schema;
pub mod sensitive;
pub mod server;
pub mod settings;
pub mod sigv4;
pub mod time;
pub mod transport;
pub mod uuid;
pub mod validate;
pub mod wait;
