//! The search for credentials and their cache, driven on virtual time.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

mod cache;
mod faults;
mod sources;
mod world;
