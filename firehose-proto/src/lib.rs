//! Sans-IO core of an Amazon Data Firehose client.
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
