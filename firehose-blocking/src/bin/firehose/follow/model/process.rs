//! The process: the follower and what carries it out, and what takes the lines and keeps the position.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use firehose_blocking::firehose_proto::time::Tick;

use super::super::{Checked, Event, Follower, Look, Notice, Position, Step, Target, Tracks};
use super::files::{Files, number};
use super::{LOG, ROTATE_WAIT, trace};
use crate::encoding::Encoding;
use crate::follow::names::is_rotated;
use crate::records::{Framing, Piece, Splitter};

/// Chunks between the reader and what takes them.
const CHUNKS: usize = 4;

/// What survives the process.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) position: Option<Vec<u8>>,
    /// Whether a position is noted whenever there is a new one, and not at random.
    pub(crate) notes_all: bool,
    /// The run of bytes in each log of the position.
    pub(crate) runs: Vec<u64>,
    pub(crate) delivered: BTreeSet<u64>,
    /// How many records there were, those that came twice included.
    pub(crate) records: usize,
    /// Runs of which it was told that what stood after a byte is lost.
    pub(crate) lost: Vec<(u64, u64)>,
    /// Lines in files that were passed over.
    pub(crate) passed_over: BTreeSet<u64>,
    pub(crate) said: Vec<String>,
}

/// A process that runs.
pub(crate) struct Process {
    follower: Follower,
    /// Inodes by handle.
    handles: BTreeMap<u64, u64>,
    queue: VecDeque<Queued>,
    chunks: usize,
    tracks: Tracks,
    order: Vec<u64>,
    /// The run of bytes in each log.
    runs: BTreeMap<u64, u64>,
    splitters: BTreeMap<u64, Splitter>,
}

enum Queued {
    Event(Event),
    Chunk(u64, Vec<u8>),
}

impl Process {
    pub(crate) fn start(kept: &Kept) -> Self {
        let position = kept.position.as_ref().map(|position| Position::read(position).expect("it can be read"));
        let tracks = Tracks::new(position.as_ref());
        Self {
            follower: Follower::new(LOG.into(), ROTATE_WAIT, position),
            handles: BTreeMap::new(),
            queue: VecDeque::new(),
            chunks: 0,
            order: (1..).zip(&kept.runs).map(|(log, _)| log).collect(),
            runs: (1..).zip(kept.runs.iter().copied()).collect(),
            tracks,
            splitters: BTreeMap::new(),
        }
    }

    pub(crate) fn kill(self, files: &mut Files) {
        self.handles.values().for_each(|inode| files.release(*inode));
        // What it knew and had not noted, nobody knows any more.
        files.inodes.values_mut().for_each(|inode| inode.looked = 0);
        files.destroyed.clear();
    }

    /// Takes the next step; whether there was one before a time.
    pub(crate) fn step(
        &mut self,
        now: Duration,
        files: &mut Files,
        kept: &mut Kept,
        random: &mut fastrand::Rng,
        mut meanwhile: impl FnMut(&mut Files, &mut fastrand::Rng),
    ) -> bool {
        let tick = Tick::from_duration(now);
        let step = self.follower.poll(tick, self.chunks < CHUNKS);
        if !matches!(step, Step::Wait(_)) {
            trace(|| format!("{now:?} {step:?}"));
        }
        match step {
            Step::Wait(_) => return false,
            Step::Look { all } => {
                let at_path = files.entry(LOG);
                meanwhile(files, random);
                let names: Vec<String> = files.names.keys().cloned().collect();
                meanwhile(files, random);
                let is_meant = |name: &&String| *name != LOG && (all || is_rotated(name.as_ref(), LOG.as_ref()));
                let beside: Vec<_> = names.iter().filter(is_meant).filter_map(|name| files.entry(name)).collect();
                let of = |(handle, inode): (&u64, &u64)| {
                    let inode = &files.inodes[inode];
                    (*handle, inode.stored_bytes(), inode.modified)
                };
                let open = self.handles.iter().map(of).collect();
                let listed: Vec<u64> =
                    at_path.iter().chain(&beside).map(|entry| entry.identity.id.parse().unwrap()).collect();
                for inode in listed.iter().chain(self.handles.values()) {
                    if let Some(inode) = files.inodes.get_mut(inode) {
                        inode.looked = inode.bytes.len() as u64;
                    }
                }
                self.follower.handle_look(tick, Ok(Look { at_path, beside, open }));
            }
            Step::Open { handle, name, identity } => {
                let inode = files.names.get(name.to_str().unwrap()).copied();
                let opened = match inode.filter(|inode| files.identity(*inode) == identity) {
                    None => Err(None),
                    Some(inode) => {
                        files.hold(inode);
                        self.handles.insert(handle, inode);
                        Ok(files.inodes[&inode].encoding)
                    }
                };
                self.follower.handle_open(handle, opened);
            }
            Step::Check { target, span } => {
                let inode = match &target {
                    Target::Handle(handle) => self.handles.get(handle).copied(),
                    Target::Named(name, identity) => files
                        .names
                        .get(name.to_str().unwrap())
                        .copied()
                        .filter(|inode| files.identity(*inode) == *identity),
                };
                let inode = inode.map(|inode| &files.inodes[&inode]);
                let encoding = inode.map_or(Encoding::Plain, |inode| inode.encoding);
                let readable = inode.filter(|inode| !matches!(inode.encoding, Encoding::Other(_)));
                let bytes = readable.map_or(&[][..], |inode| &inode.bytes);
                let sum = bytes.get(at(&span)).map(crc32fast::hash).ok_or(bytes.len() as u64);
                self.follower.handle_check(target, span, Checked { encoding, sum });
            }
            Step::Read { handle, offset, head_bytes } => {
                let inode = &files.inodes[&self.handles[&handle]];
                let (run, is_plain) = (inode.run, inode.encoding == Encoding::Plain);
                let length = random.usize(1100..6000);
                let rest = inode.bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
                let data = rest[..length.min(rest.len())].to_vec();
                meanwhile(files, random);
                let head = files.inodes[&self.handles[&handle]].bytes.get(..usize::try_from(head_bytes).unwrap());
                let head = head.map(crc32fast::hash).filter(|_| is_plain);
                if let Some((log, range)) = self.follower.handle_read(tick, handle, Ok((&data, head))) {
                    self.runs.insert(log, run);
                    self.queue.push_back(Queued::Chunk(log, data[range].to_vec()));
                    self.chunks += 1;
                }
            }
            Step::Close { handle } => {
                if let Some(inode) = self.handles.remove(&handle) {
                    files.release(inode);
                }
            }
            Step::Tell(event) => {
                match &event {
                    Event::Begin(begin) => {
                        let inode =
                            begin.identity.as_ref().and_then(|identity| files.inodes.get(&identity.id.parse().ok()?));
                        self.runs.insert(begin.log, inode.map_or(0, |inode| inode.run));
                    }
                    // It is said at once.
                    Event::Notice(notice) => self.hear(notice, files, kept),
                    _ => {}
                }
                self.queue.push_back(Queued::Event(event));
            }
        }
        true
    }

    fn hear(&self, notice: &Notice, files: &Files, kept: &mut Kept) {
        kept.said.push(notice.to_string());
        match notice {
            Notice::Lost { log, from, .. } => kept.lost.push((self.runs[log], *from)),
            Notice::PassedOver { name, .. } => {
                if let Some(inode) = files.names.get(name) {
                    let lines = files.inodes[inode].bytes.split_inclusive(|byte| *byte == b'\n');
                    kept.passed_over.extend(lines.filter_map(number));
                }
            }
            _ => {}
        }
    }

    /// Takes what was read next, and maybe notes that; whether there was something.
    pub(crate) fn take(&mut self, files: &Files, kept: &mut Kept, random: &mut fastrand::Rng) -> bool {
        let Some(queued) = self.queue.pop_front() else { return false };
        let is_event = matches!(queued, Queued::Event(_));
        let deliver = |piece: Piece<'_>| {
            let Piece::Record(line) = piece else { panic!("a long line") };
            assert!(line.iter().filter(|byte| **byte == b'=').count() <= 1, "two lines in one: {line:?}");
            kept.delivered.extend(number(line));
            kept.records += 1;
        };
        match queued {
            Queued::Chunk(log, bytes) => {
                self.chunks -= 1;
                let splitter = self.splitters.entry(log).or_insert_with(|| Splitter::new(&Framing::LINES, 1_000_000));
                splitter.feed(&bytes, deliver);
                self.tracks.advance(log, &bytes);
            }
            Queued::Event(event) => {
                match &event {
                    Event::Begin(begin) => self.order.insert(begin.place, begin.log),
                    Event::Forget { log } => self.order.retain(|known| known != log),
                    Event::End { log } => {
                        if let Some(splitter) = self.splitters.get_mut(log) {
                            splitter.finish(true, deliver);
                        }
                    }
                    _ => {}
                }
                self.tracks.handle(&event);
            }
        }
        if is_event || kept.notes_all || random.bool() {
            let unused = |log| self.splitters.get(&log).map_or(0, |splitter| splitter.pending_bytes() as u64);
            kept.position = Some(self.tracks.position(unused));
            let is_left = |log: &&u64| files.has_births || self.tracks.has_print(**log);
            kept.runs = self.order.iter().filter(is_left).map(|log| self.runs[log]).collect();
        }
        true
    }
}

fn at(span: &Range<u64>) -> Range<usize> {
    usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap_or(usize::MAX)
}
