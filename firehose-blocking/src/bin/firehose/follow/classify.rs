//! Classifies new files: a log, the copy of one, or neither.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::ops::Range;

use super::fingerprint::{FINGERPRINT_BYTES, Fingerprint};
use super::log::{FileState, Log};
use super::names::uncompressed;
use super::step::{Checked, Entry, Identity, Listing, Step, Target};
use crate::encoding::Encoding;

/// Bytes of a log that have been read from which on a file that begins with them is taken for its copy, although there is more
/// in it. Two logs may well begin with the same line.
const MIN_COPY_BYTES: u64 = 256;

const SECOND: u64 = 1_000_000_000;

/// What a file is.
#[derive(Debug)]
pub(super) enum FileKind {
    /// A log that nobody knows.
    New(Encoding),
    /// A known log continues there.
    Continues(u64, Entry, Encoding),
    /// A copy of what is read elsewhere.
    Copy,
    /// To be classified again after the next listing.
    Undecided,
    /// Compressed in a way that is not read.
    PassOver(Encoding),
    /// Not to be remembered.
    Nothing,
}

/// What is known of all files, to compare new ones with.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// In the order in which they are read.
    pub(super) logs: Vec<Log>,
    /// Rotated files that hold no log.
    pub(super) others: HashMap<Identity, Other>,
    /// The last listing of the directory.
    pub(super) listing: Listing,
    /// Checksums of some bytes of files.
    pub(super) facts: HashMap<(Target, Range<u64>), Checked>,
}

/// A rotated file that holds no log.
#[derive(Debug, Clone)]
pub(super) struct Other {
    pub(super) name: OsString,
    pub(super) modified: u64,
    pub(super) bytes: u64,
    pub(super) listed: u64,
    /// The number of listings for which it has been undecided, if it is.
    pub(super) undecided: Option<u32>,
}

impl Known {
    /// Classifies a file, or returns the check that is needed first.
    pub(super) fn classify(&self, entry: &Entry) -> Result<FileKind, Step> {
        if self.is_unfinished(entry) {
            return Ok(FileKind::Nothing);
        }
        if entry.bytes == 0 {
            return Ok(FileKind::Copy);
        }
        let target = Target::Named(entry.name.clone(), entry.identity.clone());
        let encoding = self.check(&target, 0..0)?.encoding;
        if encoding != Encoding::Plain && self.is_made_of_other(entry) {
            return Ok(FileKind::Copy);
        }
        if matches!(encoding, Encoding::Other(_)) {
            return Ok(if self.is_made_of_log(entry) { FileKind::Copy } else { FileKind::PassOver(encoding) });
        }
        for log in self.logs.iter().rev() {
            if is_there(log) && self.is_prefix(entry, encoding, &target, log)? {
                return Ok(FileKind::Copy);
            }
            if self.is_copy(entry, &target, log)? {
                // It holds more than the log's own file, which may be truncated by now.
                return Ok(match is_there(log) {
                    true => FileKind::Undecided,
                    false => FileKind::Continues(log.log, entry.clone(), encoding),
                });
            }
        }
        Ok(FileKind::New(encoding))
    }

    /// Searches for the copy of a log whose file was removed or truncated.
    pub(super) fn search(&self, index: usize) -> Result<FileKind, Step> {
        let Some(log) = self.logs.get(index) else { return Ok(FileKind::Nothing) };
        let mut found = FileKind::Nothing;
        let mut entries: Vec<&Entry> = self.listing.at_path.iter().chain(&self.listing.siblings).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.modified));
        for entry in entries.into_iter().filter(|entry| entry.is_regular && entry.bytes > 0) {
            let is_taken = self.logs.iter().any(|log| log.identity.as_ref() == Some(&entry.identity));
            if is_taken || uncompressed(&entry.name).is_none() && entry.bytes < log.fingerprint.offset() {
                continue;
            }
            if self.is_unfinished(entry) {
                found = FileKind::Undecided;
                continue;
            }
            let target = Target::Named(entry.name.clone(), entry.identity.clone());
            if self.is_copy(entry, &target, log)? {
                let encoding = self.check(&target, 0..0)?.encoding;
                return Ok(FileKind::Continues(log.log, entry.clone(), encoding));
            }
        }
        Ok(found)
    }

    /// The number of listings for which a file has been undecided.
    pub(super) fn times_undecided(&self, identity: &Identity) -> u32 {
        self.others.get(identity).and_then(|other| other.undecided).unwrap_or_default()
    }

    /// Whether a file has the bytes of a fingerprint, and in which encoding.
    pub(super) fn matches(&self, target: &Target, fingerprint: &Fingerprint) -> Result<Option<Encoding>, Step> {
        let head = self.check(target, fingerprint.head_span())?;
        if fingerprint.offset() == 0 || head.sum != Ok(fingerprint.head().crc32) {
            return Ok(None);
        }
        let tail = self.check(target, fingerprint.tail_span())?;
        Ok((tail.sum == Ok(fingerprint.tail().crc32)).then_some(head.encoding))
    }

    /// Whether a file holds all that was read of a log.
    fn is_copy(&self, entry: &Entry, target: &Target, log: &Log) -> Result<bool, Step> {
        let (fingerprint, offset) = (&log.fingerprint, log.fingerprint.offset());
        Ok(match self.matches(target, fingerprint)? {
            Some(Encoding::Other(_)) | None => false,
            Some(_) if offset >= MIN_COPY_BYTES => true,
            Some(Encoding::Plain) => entry.bytes == offset,
            Some(Encoding::Gzip) => self.check(target, offset..offset + 1)?.sum.is_err(),
        })
    }

    /// Whether all of a file is the beginning of a log whose file is there.
    fn is_prefix(&self, entry: &Entry, encoding: Encoding, target: &Target, log: &Log) -> Result<bool, Step> {
        let of_log = match (log.state, &log.identity) {
            _ if log.encoding != Encoding::Plain => return Ok(false),
            (FileState::Open(handle), _) => Target::Handle(handle),
            (_, Some(identity)) => Target::Named(log.name.clone(), identity.clone()),
            (_, None) => return Ok(false),
        };
        let first = log.bytes.min(FINGERPRINT_BYTES as u64);
        // It takes long to find the length of compressed data, so compare the beginning first.
        let bytes = match self.check(target, 0..first)?.sum {
            Ok(sum) if Ok(sum) != self.check(&of_log, 0..first)?.sum => return Ok(false),
            Ok(_) if encoding == Encoding::Plain => entry.bytes,
            Ok(_) => self.check(target, 0..u64::MAX)?.sum.err().unwrap_or(u64::MAX),
            Err(bytes) => bytes,
        };
        if bytes > log.bytes || bytes == 0 {
            return Ok(false);
        }
        let first = 0..bytes.min(FINGERPRINT_BYTES as u64);
        let last = bytes - first.end..bytes;
        for span in [first, last] {
            let there = self.check(target, span.clone())?.sum;
            if there.is_err() || there != self.check(&of_log, span)?.sum {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a file is still being compressed: the one that it is made of is removed in the end.
    fn is_unfinished(&self, entry: &Entry) -> bool {
        let Some(before) = uncompressed(&entry.name) else { return false };
        self.listing.siblings.iter().any(|entry| entry.name == before)
    }

    /// Whether a file is a compressed one that was no log.
    fn is_made_of_other(&self, entry: &Entry) -> bool {
        // Rather take one file too many for such a copy than one too few: these are old or known. But nothing is made of a
        // file that is compressed already: two files that were rotated in the same second are two logs.
        let is_source =
            |other: &&Other| entry.modified == other.modified || is_made_of(entry, &other.name, other.modified);
        self.others.values().filter(|other| uncompressed(&other.name).is_none()).any(|other| is_source(&other))
    }

    /// Whether a file is a compressed log that is known.
    fn is_made_of_log(&self, entry: &Entry) -> bool {
        let is_known = |log: &&Log| log.is_ended || is_there(log);
        self.logs.iter().filter(is_known).any(|log| is_made_of(entry, &log.name, log.modified))
    }

    /// The checksum of some bytes, or the step that finds it.
    fn check(&self, target: &Target, span: Range<u64>) -> Result<Checked, Step> {
        let key = (target.clone(), span);
        self.facts.get(&key).copied().ok_or(Step::Check { target: key.0, span: key.1 })
    }
}

impl Other {
    pub(super) fn new(entry: &Entry, listings: u64) -> Self {
        let (name, modified, bytes) = (entry.name.clone(), entry.modified, entry.bytes);
        Self { name, modified, bytes, listed: listings, undecided: None }
    }
}

/// Whether the file of a log is there and can be read.
fn is_there(log: &Log) -> bool {
    log.identity.is_some() && (log.is_listed || matches!(log.state, FileState::Open(_)))
}

/// Whether a compressed file seems to be made of another one. Tools copy the time of the last change, some without
/// fractions of a second.
fn is_made_of(entry: &Entry, name: &OsStr, modified: u64) -> bool {
    let is_same_time = [modified, modified - modified % SECOND].contains(&entry.modified);
    is_same_time && name.to_str().is_some_and(|name| uncompressed(&entry.name) == Some(name))
}
