//! A model of everything around a run that follows a log: a file system, programs that write, rotate, copy, cut, compress and
//! remove, a disk that is full, a service that throttles, refuses, fails and is not there, and a process that is stalled,
//! stopped, killed at any of its operations on files and started again, in an order that a seed decides, in virtual time. The
//! reader, the spool (on real files), the batcher and its policy are those of the program.
//!
//! What holds: each line that was written is stored by the service, or what was told covers it, or it was gone before anybody
//! could look; no record has parts of two lines; memory and spool stay within their bounds; and nothing stays undelivered
//! when all is well again.
//!
//! One seed alone: `FOLLOW_SEED=17 cargo test -p firehose-blocking --features cli --bin firehose follow::model`. As many
//! others: `FOLLOW_SEEDS=1000..2000`.

mod files;
mod kept;
mod pipeline;
#[path = "../../../../producer/positions.rs"]
mod positions;
mod process;
mod service;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the library's own, of which it shows nobody the inside; not all is needed here"
)]
#[path = "../../../../spool/mod.rs"]
mod spool;

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use self::files::{Files, Inode};
use self::kept::{Kept, LOG, ROTATE_WAIT, trace};
use self::process::Process;
use self::service::{Condition, Service, is_refused};
use self::spool::disk::faults;
use crate::encoding::Encoding;

/// Schedules in a test run.
const SCHEDULES: u64 = 600;

/// Rounds of 50 ms in which all is delivered once all is well: waits between attempts are 20 s at most.
const MAX_ROUNDS: u32 = 2_000;

/// When a schedule begins, by the clock of the file system, in nanoseconds.
const EPOCH: u64 = 1_800_000_000_000_000_000;

/// A line, and where it was written.
struct Line {
    run: u64,
    end: u64,
}

/// Somebody who writes lines.
#[derive(Debug, Clone, Default)]
struct Writer {
    /// The inode that it has open.
    inode: Option<u64>,
    /// The number of a line that was begun, when, and the rest of it.
    rest: Option<(u64, Duration, Vec<u8>)>,
}

/// All that is not the process.
struct World {
    files: Files,
    now: Duration,
    writers: Vec<Writer>,
    lines: BTreeMap<u64, Line>,
    /// Lines that were in part in a file when that was cut, or for so long that they were taken for whole.
    torn: Vec<u64>,
    job: Option<Job>,
    /// The highest number that a rotated file has.
    highest: u64,
    has_xz: bool,
    is_copying: bool,
}

/// What takes a program several steps.
enum Job {
    /// A copy of the log that was made so far, to be cut in the end.
    Copy(u64, u64),
    /// A file that is being compressed.
    Compress(String, u64, u64),
}

impl World {
    fn new(random: &mut fastrand::Rng) -> Self {
        let mut world = Self {
            files: Files { has_births: random.bool(), ..Files::default() },
            now: Duration::from_secs(1),
            writers: vec![Writer::default(); random.usize(1..4)],
            lines: BTreeMap::new(),
            torn: Vec::new(),
            job: None,
            highest: 0,
            has_xz: random.u8(0..10) == 0,
            is_copying: random.bool(),
        };
        // Logs of another time.
        for name in ["log.1", "log.2"] {
            if random.bool() {
                let inode = world.files.create(world.time() - 10_000_000_000, name);
                world.files.append(world.time() - 5_000_000_000, inode, b"old\nold\n");
            }
        }
        world.highest = 2;
        world
    }

    fn time(&self) -> u64 {
        EPOCH + u64::try_from(self.now.as_nanos()).unwrap()
    }

    /// Does one thing to the files.
    fn act(&mut self, random: &mut fastrand::Rng) {
        match random.u32(0..100) {
            0..60 => self.write(random),
            60..72 => {
                let writer = random.usize(0..self.writers.len());
                self.reopen(writer);
            }
            72..80 if self.job.is_none() => self.rotate(random),
            80..84 if self.job.is_none() && random.bool() => self.remove_oldest(),
            84..88 if self.job.is_none() => self.begin_compression(random),
            88..100 => self.go_on_with_job(random),
            _ => {}
        }
    }

    fn write(&mut self, random: &mut fastrand::Rng) {
        let writer = random.usize(0..self.writers.len());
        if self.writers[writer].inode.is_none() {
            self.reopen(writer);
        }
        let inode = self.writers[writer].inode.unwrap();
        let time = self.time();
        if let Some((number, begun, rest)) = self.writers[writer].rest.take() {
            let (run, at) = self.files.append(time, inode, &rest);
            let is_late = self.now - begun >= ROTATE_WAIT;
            if is_late || self.lines.get(&number).is_none_or(|line| line.run != run) {
                self.torn.push(number);
            } else {
                self.lines.insert(number, Line { run, end: at + rest.len() as u64 });
            }
            return;
        }
        // Now and then so many that they take several reads.
        let count = if random.u8(0..20) == 0 { random.u64(50..400) } else { random.u64(1..6) };
        for _ in 0..count {
            let number = self.lines.len() as u64;
            let text = format!("{number}={};\n", "x".repeat(random.usize(0..60)));
            let (run, at) = self.files.append(time, inode, text.as_bytes());
            self.lines.insert(number, Line { run, end: at + text.len() as u64 });
        }
        // A part of a line; other writers must not write in between, which nobody could make sense of.
        if self.writers.len() == 1 && random.u8(0..5) == 0 {
            let number = self.lines.len() as u64;
            let text = format!("{number}=in two parts;\n");
            let (first, rest) = text.split_at(random.usize(1..text.len()));
            let (run, at) = self.files.append(time, inode, first.as_bytes());
            self.lines.insert(number, Line { run, end: at + text.len() as u64 });
            self.writers[writer].rest = Some((number, self.now, rest.as_bytes().to_vec()));
        }
    }

    /// Lets a writer turn to the file that is at the path.
    fn reopen(&mut self, writer: usize) {
        if self.writers[writer].rest.is_some() {
            return;
        }
        let time = self.time();
        let inode = self.files.names.get(LOG).copied().unwrap_or_else(|| self.files.create(time, LOG));
        self.files.hold(inode);
        if let Some(before) = self.writers[writer].inode.replace(inode) {
            self.files.release(before);
        }
    }

    fn rotate(&mut self, random: &mut fastrand::Rng) {
        let time = self.time();
        for number in (1..=self.highest).rev() {
            for extension in ["", ".gz", ".xz"] {
                self.files.rename(&format!("log.{number}{extension}"), &format!("log.{}{extension}", number + 1));
            }
        }
        self.highest += 1;
        if self.is_copying && self.files.names.contains_key(LOG) {
            let copy = self.files.create(time, "log.1");
            self.job = Some(Job::Copy(self.files.names[LOG], copy));
            return;
        }
        self.files.rename(LOG, "log.1");
        if random.bool() {
            self.files.create(time, LOG);
        }
    }

    fn remove_oldest(&mut self) {
        for number in (2..=self.highest).rev() {
            let names = ["", ".gz", ".xz"].map(|extension| format!("log.{number}{extension}"));
            if let Some(name) = names.iter().find(|name| self.files.names.contains_key(*name)) {
                self.files.remove(name);
                return;
            }
        }
    }

    fn begin_compression(&mut self, random: &mut fastrand::Rng) {
        let name = format!("log.{}", random.u64(1..=self.highest.max(1)));
        let Some(&source) = self.files.names.get(&name) else { return };
        let (extension, encoding) = if self.has_xz { ("xz", Encoding::Other("xz")) } else { ("gz", Encoding::Gzip) };
        let target = self.files.create(self.time(), &format!("{name}.{extension}"));
        let run = self.files.inodes[&source].run;
        let inode = self.files.inodes.get_mut(&target).unwrap();
        (inode.encoding, inode.run) = (encoding, run);
        self.job = Some(Job::Compress(name, source, target));
    }

    fn go_on_with_job(&mut self, random: &mut fastrand::Rng) {
        let time = self.time();
        match self.job.take() {
            None => {}
            Some(Job::Copy(source, copy)) => {
                let (run, bytes) = (self.files.inodes[&source].run, self.files.inodes[&source].bytes.clone());
                let done = self.files.inodes[&copy].bytes.len();
                self.files.inodes.get_mut(&copy).unwrap().run = run;
                let length = if random.bool() { bytes.len() - done } else { random.usize(0..=bytes.len() - done) };
                self.files.append(time, copy, &bytes[done..done + length]);
                if done + length < bytes.len() {
                    self.job = Some(Job::Copy(source, copy));
                } else {
                    self.files.cut(time, source);
                }
            }
            Some(Job::Compress(name, source, target)) => {
                let bytes = self.files.inodes[&source].bytes.clone();
                let done = self.files.inodes[&target].bytes.len();
                let length = if random.bool() { bytes.len() - done } else { random.usize(0..=bytes.len() - done) };
                self.files.append(time, target, &bytes[done..done + length]);
                if done + length < bytes.len() {
                    self.job = Some(Job::Compress(name, source, target));
                } else {
                    let modified = self.files.inodes[&source].modified;
                    // As gzip does it; others leave out the fractions.
                    let modified = if random.bool() { modified } else { modified / 1_000_000_000 * 1_000_000_000 };
                    self.files.inodes.get_mut(&target).unwrap().modified = modified;
                    self.files.remove(&name);
                }
            }
        }
    }
}

/// Runs one schedule, and says what went wrong.
fn run(seed: u64) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new(&mut random);
    let mut kept = Kept::new(false);
    let mut service = Service::new();
    let mut process = Some(Process::start(&mut kept, &mut random).unwrap());
    let (mut is_stalled, mut is_frozen) = (false, false);
    // As long as it has noted nothing, it begins as for the first time.
    advance(process.as_mut().unwrap(), &mut world, &mut service, &mut kept, &mut random, false, false);
    let steps = random.u32(50..500);
    for _ in 0..steps {
        let longest = if random.u8(0..10) == 0 { 3_000_000 } else { 100_000 };
        world.now += Duration::from_micros(random.u64(0..longest));
        let killed_after = random.u64(1..40);
        match random.u32(0..300) {
            // At once, or at one of its next operations.
            0..3 => faults::kill_after(Some(if random.bool() { 0 } else { killed_after })),
            3..12 if process.is_none() => process = Process::start(&mut kept, &mut random).ok(),
            12..14 => {
                if let Some(process) = process.as_mut().filter(|_| !is_frozen) {
                    process.stop(&mut world.now, &mut service, &mut kept, &mut random);
                }
            }
            14..15 => is_stalled = !is_stalled,
            15..18 => is_frozen = !is_frozen,
            18..24 => service.condition = Condition::any(&mut random),
            24..27 => faults::fill(random.bool()),
            27..28 if process.is_none() => kept.lose_power(&mut random),
            _ => world.act(&mut random),
        }
        trace(|| {
            let state = (process.is_some(), is_stalled, is_frozen, service.condition);
            let files = world.files.names.iter().map(|(name, inode)| {
                let Inode { run, bytes, modified, .. } = &world.files.inodes[inode];
                format!("{name}={inode}:{run}:{}@{}", bytes.len(), modified % 1_000_000_000_000 / 1_000_000)
            });
            format!("{:?} {state:?} {}", world.now, files.collect::<Vec<_>>().join(" "))
        });
        if let Some(process) = process.as_mut().filter(|_| !is_frozen) {
            advance(process, &mut world, &mut service, &mut kept, &mut random, is_stalled, true);
        }
        if faults::is_killed() || process.as_ref().is_some_and(|process| process.ended.is_some()) {
            faults::kill_after(None);
            if let Some(process) = process.take() {
                trace(|| format!("{:?} ended: {:?}", world.now, process.ended));
                process.kill(&mut world.files);
            }
        }
    }
    // All is well again.
    service.condition = Condition::Normal;
    faults::kill_after(None);
    faults::fill(false);
    for writer in 0..world.writers.len() {
        while world.writers[writer].rest.is_some() {
            world.write(&mut random);
        }
    }
    while world.job.is_some() {
        world.go_on_with_job(&mut random);
    }
    // A supervisor starts it again, should it have ended.
    let mut process =
        process.map_or_else(|| Process::start(&mut kept, &mut random).map_err(|error| error.to_string()), Ok)?;
    for round in 0.. {
        world.now += Duration::from_millis(50);
        advance(&mut process, &mut world, &mut service, &mut kept, &mut random, false, false);
        if let Some(why) = &process.ended {
            // What it had sent before all was well may still be refused.
            trace(|| format!("{:?} ended: {why}", world.now));
            process.kill(&mut world.files);
            process = Process::start(&mut kept, &mut random).map_err(|error| error.to_string())?;
        }
        if round >= 400 && process.is_delivered() {
            break;
        }
        if round >= MAX_ROUNDS {
            return Err("something stays undelivered although all is well".into());
        }
    }
    let there = world.files.lines();
    let mut looked = BTreeMap::new();
    let inodes = world.files.inodes.values().map(|inode| (inode.run, inode.looked));
    for (run, bytes) in inodes.chain(world.files.destroyed.iter().copied()) {
        let most = looked.entry(run).or_insert(0);
        *most = bytes.max(*most);
    }
    let is_covered = |number: &u64, line: &Line| {
        service.stored.contains(number)
            || kept.told.contains(number)
            || world.torn.contains(number)
            || kept.passed_over.contains(number)
            || kept.lost.iter().any(|(run, from)| *run == line.run && line.end > *from)
            || !there.contains(number) && looked.get(&line.run).is_none_or(|bytes| *bytes < line.end)
    };
    // Nothing is told of that the service would take.
    if let Some(number) = kept.told.iter().find(|number| !is_refused(**number)) {
        return Err(format!("line {number} is told to be rejected, and nobody has refused it"));
    }
    let missing: Vec<_> = world.lines.iter().filter(|(number, line)| !is_covered(number, line)).collect();
    let Some((number, line)) = missing.first() else { return Ok(()) };
    let names: Vec<_> =
        world.files.names.iter().map(|(name, inode)| (name, inode, world.files.inodes[inode].run)).collect();
    Err(format!(
        "{} of {} lines are missing, the first {number} of run {} to byte {}, {}; said: {:?}; files: {names:?}",
        missing.len(),
        world.lines.len(),
        line.run,
        line.end,
        if there.contains(number) { "which is there" } else { "which is gone" },
        kept.said,
    ))
}

/// Lets the process do what it can at this moment.
fn advance(
    process: &mut Process,
    world: &mut World,
    service: &mut Service,
    kept: &mut Kept,
    random: &mut fastrand::Rng,
    is_stalled: bool,
    is_disturbed: bool,
) {
    for round in 0.. {
        assert!(round < 10_000, "it does not come to an end");
        let mut files = std::mem::take(&mut world.files);
        let now = world.now;
        let has_stepped = process.step(now, &mut files, kept, random, |files, random| {
            // Others go on in the middle of it.
            if is_disturbed && random.u8(0..40) == 0 {
                std::mem::swap(&mut world.files, files);
                world.act(random);
                std::mem::swap(&mut world.files, files);
            }
        });
        world.files = files;
        let has_taken = !is_stalled && (random.bool() || !has_stepped) && process.take(now, kept, random);
        if process.ended.is_some() || faults::is_killed() {
            return;
        }
        let has_delivered =
            (random.bool() || !has_stepped && !has_taken) && process.deliver(now, service, kept, random);
        if process.ended.is_some() || faults::is_killed() {
            return;
        }
        // It may be interrupted in the middle of it, too.
        let is_over = !has_stepped && !has_taken && !has_delivered;
        if is_over || is_disturbed && random.u8(0..100) == 0 {
            return;
        }
    }
}

#[test]
fn loses_no_line_in_silence() {
    let range = |text: String| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    };
    if let Some(seed) = env::var("FOLLOW_SEED").ok().and_then(|seed| seed.parse().ok()) {
        run(seed).unwrap();
        return;
    }
    for seed in env::var("FOLLOW_SEEDS").ok().and_then(range).unwrap_or(0..SCHEDULES) {
        // The last one is the one that failed, however it did.
        println!("FOLLOW_SEED={seed}");
        run(seed).unwrap();
    }
}

#[test]
fn takes_no_log_for_the_copy_of_another_that_begins_with_the_same_lines() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut world = World::new(&mut random);
    world.files = Files { has_births: true, ..Files::default() };
    let mut kept = Kept::new(true);
    let mut service = Service::new();
    let begin = |world: &mut World, name: &str, lines: &str| {
        let inode = world.files.create(world.time(), name);
        world.files.append(world.time(), inode, lines.as_bytes());
    };
    let go_on = |process: &mut Process,
                 world: &mut World,
                 service: &mut Service,
                 kept: &mut Kept,
                 random: &mut fastrand::Rng| {
        for _ in 0..50 {
            world.now += Duration::from_millis(50);
            advance(process, world, service, kept, random, false, false);
        }
    };
    begin(&mut world, LOG, "0=begun;\n");
    let mut process = Process::start(&mut kept, &mut random).unwrap();
    go_on(&mut process, &mut world, &mut service, &mut kept, &mut random);
    process.kill(&mut world.files);
    // It is gone; another one has come and gone, and a third one is there.
    world.files.remove(LOG);
    begin(&mut world, "log.1", "0=begun;\n1=a;\n");
    world.now += Duration::from_secs(1);
    begin(&mut world, LOG, "0=begun;\n2=b;\n");
    let mut process = Process::start(&mut kept, &mut random).unwrap();
    go_on(&mut process, &mut world, &mut service, &mut kept, &mut random);
    assert_eq!((service.stored.len(), service.records), (3, 5));
    // A copy that is no longer than what was read is one, though.
    process.kill(&mut world.files);
    world.files.remove("log.1");
    world.files.remove(LOG);
    world.now += Duration::from_secs(1);
    begin(&mut world, "log.1", "0=begun;\n2=b;\n");
    let mut process = Process::start(&mut kept, &mut random).unwrap();
    go_on(&mut process, &mut world, &mut service, &mut kept, &mut random);
    assert_eq!(service.records, 5);
}

#[test]
fn tells_of_each_file_that_is_passed_over() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut world = World::new(&mut random);
    world.files = Files { has_births: true, ..Files::default() };
    let (mut kept, mut service) = (Kept::new(true), Service::new());
    let inode = world.files.create(world.time(), LOG);
    world.files.append(world.time(), inode, b"0=begun;\n");
    let mut process = Process::start(&mut kept, &mut random).unwrap();
    let mut go_on = |process: &mut Process, world: &mut World, kept: &mut Kept| {
        for _ in 0..50 {
            world.now += Duration::from_millis(50);
            advance(process, world, &mut service, kept, &mut random, false, false);
        }
    };
    go_on(&mut process, &mut world, &mut kept);
    // Rotated in the same second, and compressed by a tool that leaves out the fractions.
    for (name, line) in [("log.2.xz", &b"1=a;\n"[..]), ("log.1.xz", b"2=b;\n")] {
        let inode = world.files.create(world.time(), name);
        world.files.append(world.time(), inode, line);
        world.files.inodes.get_mut(&inode).unwrap().encoding = Encoding::Other("xz");
    }
    go_on(&mut process, &mut world, &mut kept);
    assert_eq!(kept.passed_over.into_iter().collect::<Vec<_>>(), [1, 2]);
}
