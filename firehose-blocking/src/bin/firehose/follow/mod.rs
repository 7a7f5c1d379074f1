//! Following a log: a file that grows, is renamed and made anew, copied and cut, compressed, removed.
//!
//! ```text
//!            ┌── Look: what is at the path and beside it? ──┐
//! Follower ──┼── Open, Check, Read, Close: of these files ──┼─▶ Driver, which carries it out
//!   (says)   └── Wait: nothing to do until then ────────────┘      │
//!      ▲───────────── what it found, and when ──────────────────────┘
//!      └── Tell: a log begins, has moved, ended ─▶ Filler: lines ─▶ Tracks: the position for the next run
//! ```
//!
//! [`Follower`] is a machine without I/O and clock. What it follows are **logs**: runs of bytes, each from a first byte to a
//! last one. A log is in one file at a time, whatever its name; a file has one log after another, if it is cut. So rotation is
//! a few questions, and `follower` asks them all whenever it has looked:
//!
//! * *Is there another file at the path?* Then a new log begins. The old one is read on until a while has passed without a
//!   change: not every writer has noticed.
//! * *Is there a rotated file that nobody has seen before?* Then it was at the path in between, unless it is a copy of a log
//!   that is known, or that log compressed: `judge` compares their bytes.
//! * *Is a file no longer what was read of it?* Each read also takes the file's first bytes and the last ones that were read
//!   before. When they differ the file was cut, and a new log has begun in it. The old one is read on in the copy that is
//!   found beside it, else its loss is told.
//!
//! **Drain rule**: carry out what [`Follower::poll`] says and tell the machine what came of it, until it says to wait.
//!
//! Two runs are joined by a position: the logs that were being read, how far, and the time of the latest change that was
//! seen. A rotated file that is older has been accounted for.

mod driver;
mod follower;
mod judge;
mod log;
#[cfg(test)]
mod model;
mod names;
mod notice;
mod print;
mod tracks;

use std::ffi::OsString;
use std::ops::Range;

use firehose_blocking::firehose_proto::time::Tick;

use crate::encoding::Encoding;

pub(crate) use self::driver::{check, follow};
pub(crate) use self::follower::Follower;
pub(crate) use self::notice::Notice;
pub(crate) use self::print::Print;
pub(crate) use self::tracks::{Position, Tracks};

/// What stays the same when a file is renamed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// Different for files that exist at the same time.
    pub(crate) id: String,
    /// When it was made, in nanoseconds; nothing where no file system knows.
    pub(crate) made: Option<u64>,
}

/// A file in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: OsString,
    pub(crate) identity: Identity,
    /// Whether it is a file with bytes in it, and not a pipe, a directory or a device.
    pub(crate) is_regular: bool,
    pub(crate) bytes: u64,
    /// When it was changed last, in nanoseconds.
    pub(crate) modified: u64,
}

/// What the directory looks like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// What is at the path.
    pub(crate) at_path: Option<Entry>,
    /// What is beside it: the rotated files at least.
    pub(crate) beside: Vec<Entry>,
    /// The files that are open, by handle: their length and when they were changed last.
    pub(crate) open: Vec<(u64, u64, u64)>,
}

/// Which file is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// One that is open.
    Handle(u64),
    /// One of this name, if it is this one.
    Named(OsString, Identity),
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Look at the directory: [`Follower::handle_look`].
    Look {
        /// At all files in it, not only those that have rotated files' names.
        all: bool,
    },
    /// Open a file: [`Follower::handle_open`].
    Open { handle: u64, name: OsString, identity: Identity },
    /// Tell the encoding of a file and the CRC-32 of some of its bytes, decoded: [`Follower::handle_check`].
    Check { target: Target, span: Range<u64> },
    /// Read from there on, then the first so many bytes: [`Follower::handle_read`].
    Read { handle: u64, offset: u64, head_bytes: u64 },
    /// Close a file.
    Close { handle: u64 },
    /// Tell those who take the bytes.
    Tell(Event),
    /// Nothing to do until then.
    Wait(Tick),
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) encoding: Encoding,
    /// The checksum; or how many bytes there are, if some of those that were asked for are not.
    pub(crate) sum: Result<u32, u64>,
}

/// What those who take the bytes of logs have to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A log is followed from now on.
    Begin(Begin),
    /// A log is in another file by now, or in none that is known.
    Moved { log: u64, name: OsString, identity: Option<Identity> },
    /// No more is expected of a log.
    End { log: u64 },
    /// A log need not be known to the next run.
    Forget { log: u64 },
    /// All that was changed before this time is accounted for.
    Seen(u64),
    /// Something for people to know.
    Notice(Notice),
}

/// A log that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begin {
    /// Its number.
    pub(crate) log: u64,
    /// Its place among the others, in the order in which they are read.
    pub(crate) place: usize,
    pub(crate) name: OsString,
    pub(crate) identity: Option<Identity>,
}
