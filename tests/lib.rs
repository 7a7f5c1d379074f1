//! Tests that need both crates, big data or third-party peers.

pub mod documents;
pub mod facts;
pub mod interop;
pub mod operations;
pub mod peer;
pub mod processes;
pub mod types;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../firehose-proto/README.md")]
mod readme_of_the_core {}

#[cfg(doctest)]
#[doc = include_str!("../firehose-blocking/README.md")]
mod readme_of_the_client {}
