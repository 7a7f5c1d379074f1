//! Sans-IO core of an Amazon Data Firehose client: the whole protocol, for any transport.
//!
//! This crate builds and parses the bytes of requests and responses, signs and verifies them, checks inputs against the API's
//! limits, and decides about retries, clocks, credentials and batches. It does no I/O, reads no clock and has no randomness of
//! its own: a driver does what it asks for and reports back. It needs `alloc`, and no `std`.
//!
//! It is **not** a client that you can call right away: that is [`firehose-blocking`], a driver of this crate over blocking
//! sockets. Use this crate to bring your own transport (async, embedded, a proxy), to serve the protocol, or to fuzz it.
//!
//! # A call
//!
//! ```text
//!   your driver                            Call
//!   ───────────                            ────
//!   poll(now) ───────────────────────────▶
//!             ◀─────────────────────────── NeedCredentials
//!   handle_credentials(keys) ────────────▶
//!             ◀─────────────────────────── Transmit(signed request)
//!   your transport ⇄ the service
//!   handle_response(response or error) ──▶
//!             ◀─────────────────────────── Wait(until): backoff, then another attempt
//!             ◀─────────────────────────── Done(response or error)
//! ```
//!
//! The same exchange step by step, without a network:
//!
//! ```
//! use firehose_proto::call::{self, Action, Call, ClientState, Config};
//! use firehose_proto::op::{PutRecord, PutRecordInput};
//! use firehose_proto::time::{AmzDate, Now, Tick};
//! use firehose_proto::{Credentials, Endpoint, Record, Region, Response};
//!
//! // What the calls of one client share: where to send, signing keys, the retry quota.
//! let endpoint = Endpoint::resolve(Region::parse("eu-west-1")?, false, false);
//! let mut state = ClientState::new(Config::new(endpoint), 7); // 7: a seed from your source of entropy
//! let now = Now::new(Tick::default(), AmzDate::parse("20261122T120000Z").unwrap()); // your clocks
//!
//! // 1. The input is checked and becomes a call.
//! let input = PutRecordInput::new("my-stream", Record::new(b"one line\n"));
//! let mut call = Call::new::<PutRecord>(state.config(), &input)?;
//!
//! // 2. It asks for credentials.
//! let Action::NeedCredentials { refused: None } = call.poll(now, &mut state) else { panic!() };
//! call.handle_credentials(Ok(Credentials::new("AKIDEXAMPLE", "secret").into()));
//!
//! // 3. It returns a signed request. Send it over any transport.
//! let Action::Transmit { request, .. } = call.poll(now, &mut state) else { panic!() };
//! assert_eq!(request.uri, "https://firehose.eu-west-1.amazonaws.com/");
//! assert_eq!(request.body(), br#"{"DeliveryStreamName":"my-stream","Record":{"Data":"b25lIGxpbmUK"}}"#);
//! assert!(request.headers.value("authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 ")));
//!
//! // 4. Pass in the response, and the call is done.
//! call.handle_response(now, Ok(Response::new(200, br#"{"RecordId":"id-1"}"#.to_vec())));
//! let Action::Done(response) = call.poll(now, &mut state) else { panic!() };
//! assert_eq!(call::decode::<PutRecord>(&input, &response?)?.record_id, "id-1");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # A producer
//!
//! ```text
//!  push(record) ─▶ Batcher ─▶ Send { id, batch } ─▶ your own Call  ─▶ handle_outcome(id, …) ─▶ Batcher
//!                     │                                                                          │
//!                     └──▶ Event: accepted, or undelivered and why ◀──── records that failed ────┘ are sent again
//! ```
//!
//! [`Batcher`] takes many records and gives each exactly one outcome. It handles batches, quotas, order, backoff and
//! bounded memory.
//!
//! # Where to find what
//!
//! | you want to | look at |
//! |---|---|
//! | make a call | [`guide::drive_a_call`], [`call`] |
//! | send many records | [`guide::drive_a_batcher`], [`batch`] |
//! | build the input of an operation | [`op`] for the twelve operations, [`model`] for their structures |
//! | find credentials as the AWS CLI does | [`guide::find_credentials`], [`credentials`], [`settings`] |
//! | tell errors apart | [`guide::handle_errors`], [`error`] |
//! | know the guarantees | [`guide::delivery_guarantees`], [`limits`] |
//! | only sign or verify a request | [`sigv4`], [`http`], [`time`] |
//! | write a server | [`guide::write_a_server`], [`server`] |
//! | fuzz it | [`guide::fuzz_it`] |
//!
//! Structures and operations have AWS's names. Signatures contain types of the crate `time`, which the module [`time`]
//! re-exports, traits of `serde`, and [`credentials::Zeroize`]; nothing of any other crate.
//!
//! # Features
//!
//! | feature | by default | |
//! |---|---|---|
//! | `control` | on | the ten operations on streams, with their structures in [`model`]; without it, only the puts |
//! | `simd` | on | base64 with the vector instructions of the processor, which needs `std`; without it, the same bytes, more slowly |
//! | `std` | off | conversions between [`time::OffsetDateTime`] and `std::time::SystemTime` |
//!
//! [`firehose-blocking`]: https://docs.rs/firehose-blocking
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
pub mod guide;
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
#[cfg(feature = "control")]
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
