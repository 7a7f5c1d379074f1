//! [`Step`]: what to do next, and what that works on: files, listings of the directory, events.

use std::ffi::OsString;
use std::ops::Range;

use firehose_blocking::firehose_proto::time::Tick;

use super::notice::Notice;
use crate::encoding::Encoding;

/// What stays the same when a file is renamed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// Different for files that exist at the same time.
    pub(crate) id: String,
    /// When it was created, in nanoseconds; nothing if the file system does not know.
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

/// What is in the directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// What is at the path.
    pub(crate) at_path: Option<Entry>,
    /// The other files of the directory: the rotated files at least.
    pub(crate) siblings: Vec<Entry>,
    /// The files that are open, by handle: their length and when they were changed last.
    pub(crate) open: Vec<(u64, u64, u64)>,
}

impl Listing {
    /// The file, if it is there.
    pub(super) fn find(&self, identity: &Identity) -> Option<&Entry> {
        self.at_path.iter().chain(&self.siblings).find(|entry| entry.identity == *identity)
    }
}

/// Which file is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// One that is open.
    Handle(u64),
    /// One of this name, if it is this one.
    Named(OsString, Identity),
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// List the directory: [`handle_listing`](super::Follower::handle_listing).
    List {
        /// All files in it, not only those that have rotated files' names.
        all: bool,
    },
    /// Open a file: [`handle_open`](super::Follower::handle_open).
    Open { handle: u64, name: OsString, identity: Identity },
    /// Find the encoding of a file and the CRC-32 of some of its decoded bytes: [`handle_check`](super::Follower::handle_check).
    Check { target: Target, span: Range<u64> },
    /// Read from there on, then the first so many bytes: [`handle_read`](super::Follower::handle_read).
    Read { handle: u64, offset: u64, head_bytes: u64 },
    /// Close a file.
    Close { handle: u64 },
    /// Hand this to the users of the bytes.
    Emit(Event),
    /// Nothing to do until then.
    Wait(Tick),
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) encoding: Encoding,
    /// The checksum; or how many bytes there are, if some of those that were asked for are not.
    pub(crate) sum: Result<u32, u64>,
}

/// What the users of the bytes have to know.
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
    /// Every file that was changed before this time has been classified.
    Seen(u64),
    /// A message for the user.
    Notice(Notice),
}

/// A log that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begin {
    /// Its number.
    pub(crate) log: u64,
    /// Its index among the others, in the order in which they are read.
    pub(crate) index: usize,
    pub(crate) name: OsString,
    pub(crate) identity: Option<Identity>,
}
