//! Following a log: a file that grows, is renamed and created again, copied and truncated, compressed, removed.
//!
//! ```text
//!            ┌── List: what is at the path and beside it? ──┐
//! Follower ──┼── Open, Check, Read, Close: of these files ──┼─▶ Driver, which carries it out
//!   (says)   └── Wait: nothing to do until then ────────────┘      │
//!      ▲───────────── what it found, and when ──────────────────────┘
//!      └── Emit: a log begins, has moved, ended ─▶ Filler: lines ─▶ LogPositions: the checkpoint for the next run
//! ```
//!
//! [`Follower`] is a machine without I/O and clock. It follows **logs**: runs of bytes, each from a first byte to a last one.
//! A log is in one file at a time, whatever its name. A truncated file begins another log. So rotation comes down to a few
//! questions, and `follower` asks them all whenever it has a new listing:
//!
//! * *Is there another file at the path?* Then a new log begins. The old one is read until a while has passed without a
//!   change, because some writers switch late.
//! * *Is there a rotated file that nobody has seen before?* Then it was at the path in between, unless it is a copy of a log
//!   that is known, or that log compressed: `classify` compares their bytes.
//! * *Is a file no longer what was read of it?* Each read also takes the file's first bytes and the last ones that were read
//!   before. When they differ, the file was truncated and a new log has begun in it. The old one is read further in the
//!   copy beside it; without a copy, a notice says what is lost.
//!
//! **Drain rule**: carry out each step of [`Follower::poll`] and hand its result to the machine, until the step is to wait.
//!
//! A checkpoint joins two runs: the logs that were being read, how far, and the time of the latest change that was
//! seen. Rotated files that are older have been classified already.

mod checkpoint;
mod classify;
mod fingerprint;
mod follower;
mod log;
#[cfg(test)]
mod model;
mod names;
mod notice;
mod step;

pub(crate) use self::checkpoint::{Checkpoint, LogPositions};
pub(crate) use self::follower::Follower;
pub(crate) use self::names::is_rotated;
#[cfg(test)]
pub(crate) use self::notice::Notice;
pub(crate) use self::step::{Checked, Entry, Event, Identity, Listing, Step, Target};
