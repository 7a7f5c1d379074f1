//! Tests that need both crates, big data or third-party peers.

pub mod processes;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
