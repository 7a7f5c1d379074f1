//! [`Follower`]: decides what to read of a log and its rotated files, and when.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::mem;
use std::ops::Range;
use std::time::Duration;

use firehose_blocking::firehose_proto::time::Tick;

use super::checkpoint::Checkpoint;
use super::classify::{FileKind, Known, Other};
use super::log::{FileState, Log, MISSING};
use super::names::{is_rotated, uncompressed};
use super::notice::Notice;
use super::step::{Begin, Checked, Entry, Event, Identity, Listing, Step, Target};
use crate::encoding::Encoding;

/// How often to list the directory.
pub(super) const LIST_INTERVAL: Duration = Duration::from_millis(200);

/// Files that are open at most. Those that have to wait are lost if they are removed in the meantime.
const MAX_OPEN: usize = 64;

/// Ended logs that are remembered, so that their copies are recognised.
const MAX_ENDED: usize = 16;

/// Failed searches after which a log is lost. A single one may miss a file that is being renamed.
const MAX_SEARCHES: u32 = 2;

/// Listings after which a file that may be a copy is treated as a log of its own.
const MAX_UNDECIDED_LISTINGS: u32 = 25;

/// Follows a log. See the [module](super) for what it knows.
#[derive(Debug)]
pub(crate) struct Follower {
    name: OsString,
    rotate_wait: Duration,
    pub(super) known: Known,
    /// Files that are not classified yet.
    unknown: VecDeque<Entry>,
    /// Whether a file could not be classified since the last listing.
    is_undecided: bool,
    /// Whether `seen` is up to date with the last listing.
    is_seen_updated: bool,
    listings: u64,
    next_listing: Tick,
    /// The latest change in a listing of which every file was classified: of the one before the last, and of the last.
    seen: [u64; 2],
    events: VecDeque<Event>,
    closing: Vec<u64>,
    handles: u64,
    reads: u64,
    /// The last notice about the path.
    path_notice: Option<Notice>,
}

impl Follower {
    /// Follows the file of a name, from its beginning or from the checkpoint of another run. It reads a renamed file until
    /// `rotate_wait` has passed without a change.
    ///
    /// The logs of the checkpoint are numbered from 1, and have no event for their beginning.
    pub(crate) fn new(name: OsString, rotate_wait: Duration, checkpoint: Option<Checkpoint>) -> Self {
        let mut follower = Self {
            name,
            rotate_wait,
            known: Known::default(),
            unknown: VecDeque::new(),
            is_undecided: false,
            is_seen_updated: true,
            listings: 0,
            next_listing: Tick::default(),
            seen: [0; 2],
            events: VecDeque::new(),
            closing: Vec::new(),
            handles: 0,
            reads: 0,
            path_notice: None,
        };
        let Some(checkpoint) = checkpoint else { return follower };
        follower.seen = [checkpoint.seen; 2];
        for saved in checkpoint.logs {
            let has_birth = saved.identity.as_ref().is_some_and(|identity| identity.made.is_some());
            let mut log = Log::new(follower.number(), saved.name.into(), saved.identity, Tick::default());
            (log.fingerprint, log.reread, log.is_ended) = (saved.fingerprint, saved.unused, saved.is_ended);
            log.longest = log.fingerprint.offset();
            // The number may be another file's by now, and no comparison can show that for a compressed file.
            if log.identity.is_none() || log.encoding != Encoding::Plain && !has_birth {
                log.detach();
            }
            follower.known.logs.push(log);
        }
        follower
    }

    /// The next step. Reads bytes only while there is room for them.
    pub(crate) fn poll(&mut self, now: Tick, has_room: bool) -> Step {
        if let Some(event) = self.events.pop_front() {
            return Step::Emit(event);
        }
        if let Some(handle) = self.closing.pop() {
            return Step::Close { handle };
        }
        if now >= self.next_listing {
            let is_missing = |log: &Log| matches!(log.state, FileState::Missing { .. });
            return Step::List { all: self.listings < 2 || self.known.logs.iter().any(is_missing) };
        }
        if let Some(check) = self.find_missing().or_else(|| self.classify_unknown(now)) {
            return check;
        }
        if let Some(event) = self.events.pop_front() {
            return Step::Emit(event);
        }
        let step = self.open().or_else(|| if has_room { self.read() } else { self.verify(now) });
        if let Some(step) = step {
            return step;
        }
        self.end_finished(now);
        // A file was truncated, or a log has ended.
        if now >= self.next_listing || !self.events.is_empty() {
            return self.poll(now, has_room);
        }
        Step::Wait(self.next_listing)
    }

    /// Takes a listing of the directory, or why there is none.
    pub(crate) fn handle_listing(&mut self, now: Tick, listing: Result<Listing, String>) {
        self.next_listing = now + LIST_INTERVAL;
        self.listings += 1;
        let listing = match listing {
            Ok(listing) => listing,
            Err(why) => return self.notify_path(Some(Notice::Unreadable { name: "the directory".into(), why })),
        };
        let before = mem::replace(&mut self.known.listing, listing);
        // Facts about a file stay valid while the file stays the same.
        let is_same = |name: &OsString, identity: &Identity| {
            let [before, after] = [&before, &self.known.listing].map(|listing| listing.find(identity));
            before.is_some() && before == after && after.is_some_and(|entry| entry.name == *name)
        };
        self.known
            .facts
            .retain(|(target, _), _| matches!(target, Target::Named(name, identity) if is_same(name, identity)));
        for index in (0..self.known.logs.len()).rev() {
            if self.refresh(now, index) {
                self.cut(now, index);
            }
        }
        self.check_path();
        self.check_siblings();
        for log in &mut self.known.logs {
            let is_at_path =
                self.known.listing.at_path.as_ref().is_some_and(|entry| Some(&entry.identity) == log.identity.as_ref());
            let is_replaced = !is_at_path && self.known.listing.at_path.as_ref().is_some_and(|entry| entry.is_regular);
            log.replaced = if is_replaced { log.replaced.or(Some(now)) } else { None };
        }
    }

    /// Takes the encoding of a file that was opened; or why it was not, if it is still there.
    pub(crate) fn handle_open(&mut self, handle: u64, opened: Result<Encoding, Option<String>>) {
        let at_path = self.known.listing.at_path.as_ref().map(|entry| entry.identity.clone());
        let listings = self.listings;
        let Some(index) = self.by_handle(handle) else { return };
        let Some(log) = self.known.logs.get_mut(index) else { return };
        match opened {
            // Another file has got this file's number.
            Ok(encoding) if encoding != log.encoding && log.fingerprint.offset() > 0 => {
                self.closing.push(handle);
                log.detach();
                self.events.push_back(Event::Moved { log: log.log, name: log.name.clone(), identity: None });
            }
            Ok(encoding) => {
                (log.encoding, log.is_reported) = (encoding, false);
                // What is still being written is not read in another encoding.
                if matches!(encoding, Encoding::Other(_)) || encoding != Encoding::Plain && log.identity == at_path {
                    let name = log.name.to_string_lossy().into_owned();
                    self.events.push_back(Event::Notice(Notice::PassedOver { name, encoding }));
                    self.end(index);
                }
            }
            Err(why) => {
                (log.state, log.tried) = (FileState::Closed, listings);
                self.notify_unreadable(index, why);
            }
        }
    }

    /// Takes the checksum of some of a file's bytes.
    pub(crate) fn handle_check(&mut self, target: Target, span: Range<u64>, checked: Checked) {
        self.known.facts.insert((target, span), checked);
    }

    /// Takes what was read, and the checksum of the first bytes if they are there. Returns the log and which of the bytes
    /// are new.
    pub(crate) fn handle_read(
        &mut self,
        now: Tick,
        handle: u64,
        read: Result<(&[u8], Option<u32>), String>,
    ) -> Option<(u64, Range<usize>)> {
        let listings = self.listings;
        let index = self.by_handle(handle)?;
        let log = self.known.logs.get_mut(index)?;
        let (data, head) = match read {
            Ok(read) => read,
            Err(why) if log.encoding == Encoding::Plain => {
                log.tried = listings;
                self.notify_unreadable(index, Some(why));
                return None;
            }
            Err(why) => {
                let (name, bytes) = (log.name.to_string_lossy().into_owned(), log.fingerprint.offset());
                self.events.push_back(Event::Notice(Notice::CutOff { name, bytes, why }));
                self.end(index);
                return None;
            }
        };
        log.is_reported = false;
        if !log.is_as_it_was(data, head) {
            self.cut(now, index);
            return None;
        }
        let range = log.take(now, data);
        Some((log.log, range)).filter(|(_, range)| !range.is_empty())
    }

    /// Updates a log from the listing. Returns whether its file was truncated.
    fn refresh(&mut self, now: Tick, index: usize) -> bool {
        let Some(log) = self.known.logs.get_mut(index) else { return false };
        let entry = log.identity.as_ref().and_then(|identity| self.known.listing.find(identity));
        log.is_listed = entry.is_some();
        let was_compressed = uncompressed(&log.name).is_some();
        if let Some(entry) = entry {
            log.name.clone_from(&entry.name);
            if matches!(log.state, FileState::Missing { .. }) {
                log.state = FileState::Closed;
            }
        }
        let open = self.known.listing.open.iter().find(|(handle, ..)| log.state == FileState::Open(*handle));
        let Some((bytes, modified)) =
            open.map(|(_, bytes, modified)| (*bytes, *modified)).or(entry.map(|entry| (entry.bytes, entry.modified)))
        else {
            if log.state == FileState::Closed && !log.is_ended {
                log.state = MISSING;
            }
            return false;
        };
        let is_new = log.modified == 0;
        let is_changed = (bytes, modified) != (log.bytes, log.modified);
        // Without creation times, another file may have its number by now. An open file keeps its number.
        let is_compressed = entry.is_some_and(|entry| uncompressed(&entry.name).is_some());
        let is_other = is_compressed != was_compressed || is_compressed && is_changed && !is_new;
        if open.is_none() && is_other {
            log.detach();
            self.events.push_back(Event::Moved { log: log.log, name: log.name.clone(), identity: None });
            return false;
        }
        let was_longer = !is_new && bytes < log.bytes;
        (log.bytes, log.modified) = (bytes, modified);
        if log.encoding != Encoding::Plain {
            return false;
        }
        if is_changed && !is_new {
            log.changed = now;
        }
        if log.is_ended && (bytes > log.fingerprint.offset() || is_changed && !is_new) {
            (log.is_ended, log.changed) = (false, now);
        }
        was_longer || bytes < log.fingerprint.offset()
    }

    fn check_path(&mut self) {
        let at_path = self.known.listing.at_path.clone();
        self.notify_path(match &at_path {
            None if self.known.logs.is_empty() => Some(Notice::Waiting),
            Some(entry) if !entry.is_regular => Some(Notice::NotRegular),
            _ => None,
        });
        self.unknown.clear();
        self.unknown.extend(at_path.filter(|entry| entry.is_regular && !self.is_log(&entry.identity)));
    }

    fn check_siblings(&mut self) {
        let listings = self.listings;
        let mut unknown = Vec::new();
        for entry in &self.known.listing.siblings {
            let is_ours = entry.is_regular && is_rotated(&entry.name, &self.name);
            let is_at_path =
                self.known.listing.at_path.as_ref().is_some_and(|at_path| at_path.identity == entry.identity);
            if !is_ours || is_at_path || self.is_log(&entry.identity) {
                continue;
            }
            let is_known = match self.known.others.get_mut(&entry.identity) {
                Some(other) => {
                    other.listed = listings;
                    other.name.clone_from(&entry.name);
                    other.undecided.is_none() && other.bytes == entry.bytes
                }
                None => false,
            };
            // Files that are there before the first listing belong to an earlier time.
            if self.listings == 1 && self.seen == [0; 2] {
                self.known.others.insert(entry.identity.clone(), Other::new(entry, listings));
            } else if !is_known && self.is_recent(entry) {
                unknown.push(entry.clone());
            }
        }
        unknown.sort_by_key(|entry| std::cmp::Reverse(entry.modified));
        unknown.into_iter().for_each(|entry| self.unknown.push_front(entry));
        // The last is long gone when what it was compressed into is looked at.
        self.known.others.retain(|_, other| listings - other.listed < 100);
        (self.is_undecided, self.is_seen_updated) = (false, false);
    }

    /// Whether a file was changed since the last complete listing. Tools that compress a file may drop fractions of a second.
    fn is_recent(&self, entry: &Entry) -> bool {
        let unit = if uncompressed(&entry.name).is_some() { 1_000_000_000 } else { 1 };
        entry.modified / unit >= self.seen[0] / unit
    }

    /// Looks for copies of the logs whose files are gone.
    fn find_missing(&mut self) -> Option<Step> {
        let listings = self.listings;
        let is_due = |log: &Log| {
            matches!(log.state, FileState::Missing { searched, .. } if searched < listings) && !log.is_ended
        };
        while let Some(index) = self.known.logs.iter().position(is_due) {
            let found = match self.known.search(index) {
                Err(check) => return Some(check),
                Ok(found) => found,
            };
            let log = self.known.logs.get_mut(index)?;
            let FileState::Missing { listings: in_vain, searched } = &mut log.state else { continue };
            *searched = listings;
            match found {
                FileKind::Continues(_, entry, encoding) => self.continue_in(index, &entry, encoding),
                FileKind::Undecided => {}
                _ => {
                    *in_vain += 1;
                    if *in_vain >= MAX_SEARCHES {
                        self.end(index);
                    }
                }
            }
        }
        None
    }

    /// Classifies the new files.
    fn classify_unknown(&mut self, now: Tick) -> Option<Step> {
        while let Some(entry) = self.unknown.front().cloned() {
            let is_at_path = self.known.listing.at_path.as_ref() == Some(&entry);
            let kind = match self.is_log(&entry.identity) {
                // By now it is known as the copy of a missing log.
                true => FileKind::Nothing,
                false if is_at_path => FileKind::New(Encoding::Plain),
                false => match self.known.classify(&entry) {
                    Err(check) => return Some(check),
                    Ok(kind) => kind,
                },
            };
            self.unknown.pop_front();
            let times = match kind {
                FileKind::Undecided => 1 + self.known.times_undecided(&entry.identity),
                _ => 0,
            };
            match kind {
                FileKind::New(encoding) => self.begin(now, &entry, encoding, is_at_path),
                // If in doubt, send the lines twice rather than never.
                FileKind::Undecided if times > MAX_UNDECIDED_LISTINGS => {
                    let encoding = Log::new(0, entry.name.clone(), None, now).encoding;
                    self.begin(now, &entry, encoding, false);
                }
                FileKind::Continues(log, entry, encoding) => {
                    let index = self.known.logs.iter().position(|known| known.log == log)?;
                    self.continue_in(index, &entry, encoding);
                }
                FileKind::Nothing => {}
                FileKind::PassOver(encoding) => self.pass_over(&entry, encoding),
                FileKind::Copy => self.know_other(&entry, None),
                FileKind::Undecided => {
                    self.is_undecided = true;
                    self.know_other(&entry, Some(times));
                }
            }
        }
        self.update_seen();
        None
    }

    /// Reports that a file is not read, and why.
    fn pass_over(&mut self, entry: &Entry, encoding: Encoding) {
        let name = entry.name.to_string_lossy().into_owned();
        self.events.push_back(Event::Notice(Notice::PassedOver { name, encoding }));
        self.know_other(entry, None);
    }

    /// Remembers a file that holds no log, or may hold one.
    fn know_other(&mut self, entry: &Entry, undecided: Option<u32>) {
        let other = Other { undecided, ..Other::new(entry, self.listings) };
        self.known.others.insert(entry.identity.clone(), other);
    }

    /// Advances `seen` after every file of the last listing was classified.
    fn update_seen(&mut self) {
        // Only its number identifies such a log, and the next run cannot rely on that: it has to classify the file again.
        let is_unread = |log: &Log| {
            let has_birth = log.identity.as_ref().is_none_or(|identity| identity.made.is_some());
            log.fingerprint.offset() == 0 && log.bytes > 0 && !has_birth
        };
        let is_open = self.is_undecided || self.known.logs.iter().any(is_unread);
        if mem::replace(&mut self.is_seen_updated, true) || is_open {
            return;
        }
        let files = self.known.listing.at_path.iter().chain(&self.known.listing.siblings);
        // At least 1, even without a file: files that appear later do not belong to an earlier time.
        let latest = files.map(|entry| entry.modified).chain([self.seen[1], 1]).max().unwrap_or_default();
        let before = self.seen[0];
        // One listing late: the next listing may find what this one missed.
        self.seen = if before == 0 { [latest; 2] } else { [self.seen[1], latest] };
        if self.seen[0] != before {
            self.events.push_back(Event::Seen(self.seen[0]));
        }
    }

    /// Opens the next file that is to be read.
    fn open(&mut self) -> Option<Step> {
        let is_open = |log: &&Log| matches!(log.state, FileState::Open(_));
        if self.known.logs.iter().filter(is_open).count() >= MAX_OPEN {
            return None;
        }
        let listings = self.listings;
        let is_due =
            |log: &&mut Log| log.state == FileState::Closed && !log.is_ended && log.is_listed && log.tried < listings;
        let log = self.known.logs.iter_mut().find(is_due)?;
        let identity = log.identity.clone()?;
        self.handles += 1;
        log.state = FileState::Open(self.handles);
        Some(Step::Open { handle: self.handles, name: log.name.clone(), identity })
    }

    /// Reads the first log that was not read to its end yet; or one that was and has grown, if that was read less recently.
    fn read(&mut self) -> Option<Step> {
        let listings = self.listings;
        let first = self.known.logs.iter().position(|log| log.is_readable(listings) && !log.is_drained);
        let due = self.known.logs.iter_mut().enumerate();
        let due = due.filter(|(index, log)| log.is_readable(listings) && (log.is_drained || Some(*index) == first));
        let (_, log) = due.min_by_key(|(_, log)| log.read)?;
        let FileState::Open(handle) = log.state else { return None };
        self.reads += 1;
        log.read = self.reads;
        let head_bytes = if log.encoding == Encoding::Plain { log.fingerprint.head().bytes } else { 0 };
        Some(Step::Read { handle, offset: log.read_from(), head_bytes })
    }

    /// Checks that a changed file still has what was read of it, while there is no room to read.
    fn verify(&mut self, now: Tick) -> Option<Step> {
        let is_due = |log: &Log| {
            log.encoding == Encoding::Plain
                && log.verified != Some(log.modified)
                && log.fingerprint.offset() > 0
                && !log.is_ended
        };
        while let Some(index) =
            self.known.logs.iter().position(|log| matches!(log.state, FileState::Open(_)) && is_due(log))
        {
            let log = self.known.logs.get(index)?;
            let FileState::Open(handle) = log.state else { return None };
            let is_same = match self.known.matches(&Target::Handle(handle), &log.fingerprint) {
                Err(check) => return Some(check),
                Ok(matched) => matched.is_some(),
            };
            let log = self.known.logs.get_mut(index)?;
            match is_same {
                true => {
                    log.verified = Some(log.modified);
                    log.longest = log.longest.max(log.bytes);
                }
                false => self.cut(now, index),
            }
        }
        None
    }

    /// Ends the logs that another one has replaced for long enough.
    fn end_finished(&mut self, now: Tick) {
        let (listings, wait) = (self.listings, self.rotate_wait);
        let is_over = |log: &Log| {
            let is_read = matches!(log.state, FileState::Open(_)) && log.is_drained && !log.is_ended;
            let is_quiet = log.replaced.is_some_and(|replaced| now.since(replaced.max(log.changed)) >= wait);
            is_read && (log.encoding != Encoding::Plain || is_quiet && !log.is_readable(listings))
        };
        while let Some(index) = self.known.logs.iter().position(is_over) {
            self.end(index);
        }
    }

    /// A new log begins in a file.
    fn begin(&mut self, now: Tick, entry: &Entry, encoding: Encoding, is_at_path: bool) {
        self.known.others.remove(&entry.identity);
        let mut log = Log::new(self.number(), entry.name.clone(), Some(entry.identity.clone()), now);
        (log.encoding, log.is_listed) = (encoding, true);
        (log.bytes, log.modified) = (entry.bytes, entry.modified);
        log.replaced = (!is_at_path).then_some(now);
        let current = self.known.listing.at_path.as_ref().map(|entry| &entry.identity);
        let last = self.known.logs.last().and_then(|log| log.identity.as_ref());
        let is_before_last = !is_at_path && last.is_some() && last == current;
        self.insert(self.known.logs.len() - usize::from(is_before_last), log);
    }

    /// A file was truncated: its log is missing, and a new log has begun in it.
    fn cut(&mut self, now: Tick, index: usize) {
        let number = self.number();
        let Some(log) = self.known.logs.get_mut(index) else { return };
        let mut next = Log::new(number, log.name.clone(), log.identity.take(), now);
        (next.state, next.is_listed) = (log.state, log.is_listed);
        log.detach();
        self.events.push_back(Event::Moved { log: log.log, name: log.name.clone(), identity: None });
        self.insert(index + 1, next);
        // Its copy is there by now.
        self.next_listing = now;
    }

    /// A log continues in another file.
    fn continue_in(&mut self, index: usize, entry: &Entry, encoding: Encoding) {
        self.known.others.remove(&entry.identity);
        let Some(log) = self.known.logs.get_mut(index) else { return };
        if let FileState::Open(handle) = log.state {
            self.closing.push(handle);
        }
        (log.identity, log.name) = (Some(entry.identity.clone()), entry.name.clone());
        (log.encoding, log.bytes, log.modified) = (encoding, entry.bytes, entry.modified);
        (log.state, log.is_listed, log.verified, log.tried) = (FileState::Closed, true, None, 0);
        if encoding != Encoding::Plain || entry.bytes > log.fingerprint.offset() {
            log.is_ended = false;
        }
        log.is_drained &= log.is_ended;
        let (log, name, identity) = (log.log, entry.name.clone(), Some(entry.identity.clone()));
        self.events.push_back(Event::Moved { log, name, identity });
    }

    /// Ends a log: no more is expected of it.
    fn end(&mut self, index: usize) {
        let Some(log) = self.known.logs.get_mut(index) else { return };
        if let FileState::Open(handle) = log.state {
            self.closing.push(handle);
        }
        let is_missing = matches!(log.state, FileState::Missing { .. });
        (log.state, log.is_ended) = (FileState::Closed, true);
        let (from, to) = (log.fingerprint.offset() - log.reread, log.longest);
        if is_missing || log.is_drained && from < to {
            let name = log.name.to_string_lossy().into_owned();
            self.events.push_back(Event::Notice(Notice::Lost { log: log.log, name, from, to }));
        }
        log.longest = from;
        let log = log.log;
        self.events.push_back(Event::End { log });
        if self.known.logs.iter().filter(|log| log.is_ended).count() <= MAX_ENDED {
            return;
        }
        let Some(oldest) = self.known.logs.iter().position(|log| log.is_ended) else { return };
        let log = self.known.logs.remove(oldest);
        self.events.push_back(Event::Forget { log: log.log });
        if let Some(identity) = log.identity {
            let entry = Entry { name: log.name, identity, is_regular: true, bytes: log.bytes, modified: log.modified };
            self.known.others.insert(entry.identity.clone(), Other::new(&entry, self.listings));
        }
    }

    fn insert(&mut self, index: usize, log: Log) {
        self.events.push_back(Event::Begin(Begin {
            log: log.log,
            index,
            name: log.name.clone(),
            identity: log.identity.clone(),
        }));
        self.known.logs.insert(index, log);
    }

    fn notify_path(&mut self, path_notice: Option<Notice>) {
        if path_notice.is_some() && path_notice != self.path_notice {
            self.events.extend(path_notice.clone().map(Event::Notice));
        }
        self.path_notice = path_notice;
    }

    fn notify_unreadable(&mut self, index: usize, why: Option<String>) {
        let Some((log, why)) = self.known.logs.get_mut(index).zip(why) else { return };
        if !mem::replace(&mut log.is_reported, true) {
            let name = log.name.to_string_lossy().into_owned();
            self.events.push_back(Event::Notice(Notice::Unreadable { name, why }));
        }
    }

    fn is_log(&self, identity: &Identity) -> bool {
        self.known.logs.iter().any(|log| log.identity.as_ref() == Some(identity))
    }

    fn by_handle(&self, handle: u64) -> Option<usize> {
        self.known.logs.iter().position(|log| log.state == FileState::Open(handle))
    }

    /// A log's number: files' and logs' are counted together.
    fn number(&mut self) -> u64 {
        self.handles += 1;
        self.handles
    }
}
