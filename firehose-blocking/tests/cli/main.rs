//! The program, from its command line to what it prints and what arrives.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do: at the line that did"
)]

mod call;
mod check;
mod compressed;
mod config;
mod failures;
#[cfg(unix)]
mod follow;
mod generate;
#[cfg(unix)]
mod health;
#[cfg(unix)]
mod interrupts;
mod local;
mod program;
mod put;
mod server;
mod service;
mod skeleton;
mod spool;
#[cfg(target_os = "linux")]
mod summary;
#[cfg(unix)]
mod supervised;
mod words;
