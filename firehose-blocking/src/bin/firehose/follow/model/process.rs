//! The process: the follower and what carries it out, what cuts records and keeps the position, and the pipeline that delivers them.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::ops::Range;
use std::time::Duration;

use firehose_blocking::firehose_proto::time::Tick;

use super::super::{Checked, Checkpoint, Event, Follower, Identity, Listing, LogPositions, Notice, Step, Target};
use super::files::{Files, number};
use super::kept::{Kept, LOG, ROTATE_WAIT, trace};
use super::pipeline::{Pipeline, Sent};
use super::service::Service;
use super::spool::SpoolError;
use super::spool::disk::faults;
use crate::encoding::Encoding;
use crate::follow::names::is_rotated;
use crate::records::{Framing, Piece, Splitter};

/// Chunks between the reader and what takes them.
const CHUNKS: usize = 4;

/// A process that runs.
pub(crate) struct Process {
    follower: Follower,
    /// Inodes by handle.
    handles: BTreeMap<u64, u64>,
    queue: VecDeque<Queued>,
    chunks: usize,
    positions: LogPositions,
    order: Vec<u64>,
    /// The run of bytes in each log.
    runs: BTreeMap<u64, u64>,
    splitters: BTreeMap<u64, Splitter>,
    pipeline: Pipeline,
    /// What is being taken, and the records of it that are not sent yet.
    current: Option<(Queued, VecDeque<Vec<u8>>)>,
    /// Why it ends by itself.
    pub(crate) ended: Option<String>,
}

enum Queued {
    Event(Event),
    Chunk(u64, Vec<u8>),
}

impl Process {
    /// Starts it, unless the spool cannot be opened.
    pub(crate) fn start(kept: &mut Kept, random: &mut fastrand::Rng) -> Result<Self, SpoolError> {
        let pipeline = Pipeline::start(kept.dir.path(), random)?;
        let note = pipeline.load_checkpoint()?;
        trace(|| format!("starts from {}", note.as_deref().map_or("nothing".into(), String::from_utf8_lossy)));
        let position = note.as_ref().map(|note| Checkpoint::read(note).expect("it can be read"));
        let runs = note.map(|note| kept.runs[&note].clone()).unwrap_or_default();
        let positions = LogPositions::new(position.as_ref());
        Ok(Self {
            follower: Follower::new(LOG.into(), ROTATE_WAIT, position),
            handles: BTreeMap::new(),
            queue: VecDeque::new(),
            chunks: 0,
            order: (1..).zip(&runs).map(|(log, _)| log).collect(),
            runs: (1..).zip(runs).collect(),
            positions,
            splitters: BTreeMap::new(),
            pipeline,
            current: None,
            ended: None,
        })
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
        meanwhile: impl FnMut(&mut Files, &mut fastrand::Rng),
    ) -> bool {
        let tick = Tick::from_duration(now);
        let step = self.follower.poll(tick, self.chunks < CHUNKS);
        if !matches!(step, Step::Wait(_)) {
            trace(|| format!("{now:?} {step:?}"));
        }
        match step {
            Step::Wait(_) => return false,
            Step::List { all } => self.list(tick, all, files, random, meanwhile),
            Step::Open { handle, name, identity } => self.open(handle, &name, &identity, files),
            Step::Check { target, span } => self.check(target, span, files),
            Step::Read { handle, offset, head_bytes } => {
                self.read(tick, (handle, offset, head_bytes), files, random, meanwhile);
            }
            Step::Close { handle } => {
                if let Some(inode) = self.handles.remove(&handle) {
                    files.release(inode);
                }
            }
            Step::Emit(event) => {
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

    fn list(
        &mut self,
        tick: Tick,
        all: bool,
        files: &mut Files,
        random: &mut fastrand::Rng,
        mut meanwhile: impl FnMut(&mut Files, &mut fastrand::Rng),
    ) {
        let at_path = files.entry(LOG);
        meanwhile(files, random);
        let names: Vec<String> = files.names.keys().cloned().collect();
        meanwhile(files, random);
        let is_meant = |name: &&String| *name != LOG && (all || is_rotated(name.as_ref(), LOG.as_ref()));
        let siblings: Vec<_> = names.iter().filter(is_meant).filter_map(|name| files.entry(name)).collect();
        let of = |(handle, inode): (&u64, &u64)| {
            let inode = &files.inodes[inode];
            (*handle, inode.stored_bytes(), inode.modified)
        };
        let open = self.handles.iter().map(of).collect();
        let listed: Vec<u64> =
            at_path.iter().chain(&siblings).map(|entry| entry.identity.id.parse().unwrap()).collect();
        for inode in listed.iter().chain(self.handles.values()) {
            if let Some(inode) = files.inodes.get_mut(inode) {
                inode.looked = inode.bytes.len() as u64;
            }
        }
        self.follower.handle_listing(tick, Ok(Listing { at_path, siblings, open }));
    }

    fn open(&mut self, handle: u64, name: &OsStr, identity: &Identity, files: &mut Files) {
        let inode = files.names.get(name.to_str().unwrap()).copied();
        let opened = match inode.filter(|inode| files.identity(*inode) == *identity) {
            None => Err(None),
            Some(inode) => {
                files.hold(inode);
                self.handles.insert(handle, inode);
                Ok(files.inodes[&inode].encoding)
            }
        };
        self.follower.handle_open(handle, opened);
    }

    fn check(&mut self, target: Target, span: Range<u64>, files: &Files) {
        let inode = match &target {
            Target::Handle(handle) => self.handles.get(handle).copied(),
            Target::Named(name, identity) => {
                files.names.get(name.to_str().unwrap()).copied().filter(|inode| files.identity(*inode) == *identity)
            }
        };
        let inode = inode.map(|inode| &files.inodes[&inode]);
        let encoding = inode.map_or(Encoding::Plain, |inode| inode.encoding);
        let readable = inode.filter(|inode| !matches!(inode.encoding, Encoding::Other(_)));
        let bytes = readable.map_or(&[][..], |inode| &inode.bytes);
        let sum = bytes.get(at(&span)).map(crc32fast::hash).ok_or(bytes.len() as u64);
        self.follower.handle_check(target, span, Checked { encoding, sum });
    }

    fn read(
        &mut self,
        tick: Tick,
        (handle, offset, head_bytes): (u64, u64, u64),
        files: &mut Files,
        random: &mut fastrand::Rng,
        mut meanwhile: impl FnMut(&mut Files, &mut fastrand::Rng),
    ) {
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

    /// Lets the pipeline do the next thing; whether there was one.
    pub(crate) fn deliver(
        &mut self,
        now: Duration,
        service: &mut Service,
        kept: &mut Kept,
        random: &mut fastrand::Rng,
    ) -> bool {
        let has_stepped = self.pipeline.step(now, service, kept, random);
        if self.pipeline.is_stopped() {
            // What comes back because of that is seen to before it ends.
            while !faults::is_killed() && self.pipeline.step(now, service, kept, random) {}
            self.ended.get_or_insert("stopped".into());
        }
        has_stepped
    }

    /// Is told to end: it reads no further, and delivers what it can in a second.
    pub(crate) fn stop(
        &mut self,
        now: &mut Duration,
        service: &mut Service,
        kept: &mut Kept,
        random: &mut fastrand::Rng,
    ) {
        for _ in 0..20 {
            *now += Duration::from_millis(50);
            while self.ended.is_none()
                && !faults::is_killed()
                && (self.take(*now, kept, random) || self.deliver(*now, service, kept, random))
            {}
        }
        self.ended.get_or_insert("told to".into());
    }

    /// Whether nothing waits for the service.
    pub(crate) fn is_delivered(&self) -> bool {
        self.pipeline.pending() == 0 && self.current.is_none() && self.queue.is_empty()
    }

    /// Takes what was read next as far as there is room for it, and maybe notes that; whether there was something.
    pub(crate) fn take(&mut self, now: Duration, kept: &mut Kept, random: &mut fastrand::Rng) -> bool {
        let Some((queued, mut records)) = self.current.take().or_else(|| self.next_queued()) else { return false };
        let mut has_taken = false;
        while let Some(record) = records.front() {
            match self.pipeline.send(Tick::from_duration(now), record) {
                Sent::Taken => _ = records.pop_front(),
                Sent::Full => {
                    self.current = Some((queued, records));
                    return has_taken;
                }
                Sent::Ended(why) => {
                    self.ended = Some(why);
                    return true;
                }
            }
            has_taken = true;
        }
        let is_event = matches!(queued, Queued::Event(_));
        match queued {
            Queued::Chunk(log, bytes) => self.positions.advance(log, &bytes),
            Queued::Event(event) => {
                match &event {
                    Event::Begin(begin) => self.order.insert(begin.index, begin.log),
                    Event::Forget { log } => self.order.retain(|known| known != log),
                    _ => {}
                }
                self.positions.handle(&event);
            }
        }
        if is_event || kept.notes_all || random.bool() {
            self.note(now, kept);
        }
        true
    }

    /// The next of what was read, and the records that it completes.
    fn next_queued(&mut self) -> Option<(Queued, VecDeque<Vec<u8>>)> {
        let queued = self.queue.pop_front()?;
        let mut records = VecDeque::new();
        let mut collect = |piece: Piece<'_>| {
            let Piece::Records(lines) = piece else { panic!("a long line") };
            for line in lines {
                assert!(line.iter().filter(|byte| **byte == b'=').count() <= 1, "two lines in one: {line:?}");
                records.push_back(line.to_vec());
            }
        };
        match &queued {
            Queued::Chunk(log, bytes) => {
                self.chunks -= 1;
                let splitter = self.splitters.entry(*log).or_insert_with(|| Splitter::new(&Framing::LINES, 1_000_000));
                splitter.feed(bytes, &mut collect);
            }
            Queued::Event(Event::End { log }) => {
                if let Some(splitter) = self.splitters.get_mut(log) {
                    splitter.finish(true, &mut collect);
                }
            }
            Queued::Event(_) => {}
        }
        Some((queued, records))
    }

    fn note(&mut self, now: Duration, kept: &mut Kept) {
        let unused = |log| self.splitters.get(&log).map_or(0, |splitter| splitter.pending_bytes() as u64);
        let position = self.positions.checkpoint(unused);
        let runs = self.order.iter().filter(|log| self.positions.is_known(**log)).map(|log| self.runs[log]).collect();
        kept.runs.insert(position.clone(), runs);
        if let Err(error) = self.pipeline.save_checkpoint(Tick::from_duration(now), &position) {
            self.ended = Some(error.to_string());
        }
    }
}

fn at(span: &Range<u64>) -> Range<usize> {
    usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap_or(usize::MAX)
}
