//! The behaviour of the spool, case by case.

mod damage;
mod kills;
mod model;
mod processes;
mod targets;

use std::fs::{self, File};
#[cfg(unix)]
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use firehose_proto::time::Tick;
use tempfile::TempDir;

use crate::spool::files::{self, bytes_in};
use crate::spool::frame::{COMPLETION_BYTES, HEAD_BYTES, HEADER_BYTES};
use crate::spool::{Spool, SpoolError, SpoolOptions, SpoolTarget, SyncPolicy, lock};

const OPTIONS: SpoolOptions = SpoolOptions {
    max_bytes: 1 << 20,
    segment_bytes: 1 << 16,
    sync: SyncPolicy::Never,
    redirect: false,
    endpoint_name: None,
};

const START: Tick = Tick::from_duration(Duration::from_secs(100));

fn at(millis: u64) -> Tick {
    START + Duration::from_millis(millis)
}

impl Spool {
    /// Writes a record and commits it.
    fn append(&self, now: Tick, data: &[u8]) -> Result<u64, SpoolError> {
        let position = self.write(&[data])?.start;
        self.commit(now, position)?;
        Ok(position)
    }
}

/// A directory in memory if there is one, for many spools that lose no power.
fn fast_dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap()
}

type Record = (u64, Vec<u8>);

fn target(stream: &str) -> SpoolTarget {
    SpoolTarget::new(stream, "eu-west-1", "https://firehose.eu-west-1.amazonaws.com/")
}

fn open(dir: &Path, options: SpoolOptions) -> (Spool, Vec<SpoolError>, Vec<Record>) {
    let (spool, replay) = Spool::open(dir, target("s"), options).unwrap();
    let (mut faults, mut records) = (Vec::new(), Vec::new());
    for item in replay {
        match item {
            Ok(record) => records.push(record),
            Err(fault) => faults.push(fault),
        }
    }
    (spool, faults, records)
}

/// Files with an extension, sorted by name.
fn files_of(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    paths
}

fn bytes_on_disk(dir: &Path) -> u64 {
    let files = [files_of(dir, "log"), files_of(dir, "done")].concat();
    files.iter().map(|path| fs::metadata(path).unwrap().len()).sum()
}

/// A spool directory with the records `r0` to `r9` in one segment.
fn ten_records() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let (spool, ..) = open(dir.path(), OPTIONS);
    for number in 0..10 {
        assert_eq!(spool.append(START, format!("r{number}").as_bytes()).unwrap(), number);
    }
    let log = files_of(dir.path(), "log").remove(0);
    (dir, log)
}

const FRAME: usize = HEADER_BYTES + 2;

#[test]
fn replays_what_has_no_outcome_and_keeps_data_exactly() {
    let dir = TempDir::new().unwrap();
    let (spool, faults, records) = open(dir.path(), OPTIONS);
    assert!(faults.is_empty() && records.is_empty());
    assert_eq!(spool.write(&[&b"a"[..], b"", b"\0\n\xff"]).unwrap(), 0..3);
    assert_eq!(spool.append(START, b"d").unwrap(), 3);
    assert_eq!(spool.write::<&[u8]>(&[]).unwrap(), 4..4);
    spool.complete(1..2).unwrap();
    drop(spool);
    let left = [(0, b"a".to_vec()), (2, b"\0\n\xff".to_vec()), (3, b"d".to_vec())];
    for _ in 0..2 {
        let (spool, faults, records) = open(dir.path(), OPTIONS);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(records, left);
        assert_eq!(spool.write::<&[u8]>(&[]).unwrap(), 4..4);
    }
}

#[test]
fn removes_a_segment_once_every_record_in_it_is_complete() {
    let dir = TempDir::new().unwrap();
    let options = SpoolOptions { segment_bytes: 100, ..OPTIONS };
    let (spool, ..) = open(dir.path(), options.clone());
    for _ in 0..9 {
        spool.append(START, &[7; 20]).unwrap();
    }
    assert_eq!(files_of(dir.path(), "log").len(), 5);
    spool.complete(1..8).unwrap();
    assert_eq!(files_of(dir.path(), "log").len(), 2, "the first, which lacks one, and the last, which is written to");
    spool.complete(0..9).unwrap();
    spool.complete(0..900).unwrap();
    assert_eq!(files_of(dir.path(), "log").len(), 1);
    drop(spool);
    let (spool, _, records) = open(dir.path(), options);
    assert!(records.is_empty());
    assert_eq!(spool.append(START, b"").unwrap(), 9);
}

#[test]
fn holds_its_bound_and_takes_more_when_records_complete() {
    let dir = TempDir::new().unwrap();
    // One segment, so that only its end makes room.
    let options = SpoolOptions { max_bytes: 1000, segment_bytes: 1 << 20, sync: SyncPolicy::Never, ..OPTIONS };
    let (spool, ..) = open(dir.path(), options.clone());
    for _ in 0..7 {
        spool.append(START, &[1; 100]).unwrap();
    }
    let before = bytes_on_disk(dir.path());
    for _ in 0..2 {
        let error = spool.append(START, &[1; 100]).unwrap_err();
        assert!(matches!(error, SpoolError::Full { needed: 128, free: 72 }), "{error:?}");
    }
    let error = spool.write(&[[1; 40], [2; 40]]).unwrap_err();
    assert!(matches!(error, SpoolError::Full { .. }), "all or none: {error:?}");
    let error = spool.append(START, &[1; 941]).unwrap_err();
    assert!(matches!(error, SpoolError::TooLarge { needed: 969, max_bytes: 1000 }), "{error:?}");
    assert_eq!(bytes_on_disk(dir.path()), before);
    for position in 0..7 {
        spool.complete(position..position + 1).unwrap();
        assert!(bytes_on_disk(dir.path()) <= 1000);
    }
    assert_eq!(spool.append(START, &[1; 940]).unwrap(), 7, "the largest that is not too large");
}

#[test]
fn cuts_an_unfinished_write_off_the_end() {
    // How many bytes are missing, how many zeros follow, and how many records are left.
    let cases = [
        ("nothing", 0, 0, 10),
        ("a byte of data missing", 1, 0, 9),
        ("all data missing", 2, 0, 9),
        ("a part of a header", 10, 0, 9),
        ("a record and a half", FRAME + 9, 0, 8),
        ("a zero", 0, 1, 10),
        ("pages of zeros", 0, 9000, 10),
        ("a part of the file's head", 10 * FRAME + 3, 0, 0),
        ("an empty file", 10 * FRAME + HEAD_BYTES, 0, 0),
    ];
    for (name, cut, zeros, left) in cases {
        let (dir, log) = ten_records();
        let mut bytes = fs::read(&log).unwrap();
        bytes.truncate(bytes.len() - cut);
        bytes.resize(bytes.len() + zeros, 0);
        fs::write(&log, bytes).unwrap();
        for _ in 0..2 {
            let (spool, faults, records) = open(dir.path(), OPTIONS);
            assert!(faults.is_empty(), "{name}: {faults:?}");
            assert_eq!(records.len(), left, "{name}");
            assert_eq!(spool.write::<&[u8]>(&[]).unwrap().start, u64::try_from(left).unwrap(), "{name}");
        }
        assert!(files_of(dir.path(), "corrupt").is_empty(), "{name}");
    }
}

#[test]
fn sets_bad_bytes_aside_reports_them_and_goes_on_after_them() {
    let frame = |number: usize| HEAD_BYTES + number * FRAME;
    // What is overwritten where, which records are lost, and which bytes are corrupt.
    let cases = [
        ("data", frame(3) + HEADER_BYTES, "X", 3..4, frame(3)..frame(4)),
        ("length", frame(3), "X", 3..4, frame(3)..frame(4)),
        ("two records", frame(4) - 1, "XX", 3..5, frame(3)..frame(5)),
        ("the last", frame(9) + HEADER_BYTES, "X", 9..10, frame(9)..frame(10)),
        ("how a segment begins", 0, "X", 0..0, 0..HEAD_BYTES),
    ];
    for (name, offset, damage, lost, bad) in cases {
        let (dir, log) = ten_records();
        let mut bytes = fs::read(&log).unwrap();
        bytes[offset..offset + damage.len()].copy_from_slice(damage.as_bytes());
        fs::write(&log, &bytes).unwrap();
        let (spool, faults, records) = open(dir.path(), OPTIONS);
        let kept = log.with_extension("corrupt");
        let [SpoolError::Corrupt { path, offset, bytes: count, kept: Some(named) }] = &faults[..] else {
            panic!("{name}: {faults:?}");
        };
        let (begin, length) = (bytes_in(bad.start), bytes_in(bad.len()));
        assert_eq!((path, *offset, *count, named), (&log, begin, length, &kept), "{name}");
        let text = faults[0].to_string();
        assert!(text.contains(log.to_str().unwrap()) && text.contains(&format!("byte {begin} ")), "{text}");
        assert_eq!(fs::read(kept).unwrap(), bytes[bad], "{name}");
        let left: Vec<u64> = (0..10).filter(|position| !lost.contains(position)).collect();
        assert_eq!(records.iter().map(|(position, _)| *position).collect::<Vec<_>>(), left, "{name}");
        assert!(records.iter().all(|(position, data)| *data == format!("r{position}").into_bytes()), "{name}");
        // Completing the rest ends the segment, although some of it is lost.
        spool.complete(0..10).unwrap();
        assert_eq!(files_of(dir.path(), "log").len(), 1, "{name}");
    }
}

#[test]
fn says_what_is_missing_from_a_segment_that_was_not_the_last() {
    let (dir, log) = ten_records();
    let (spool, ..) = open(dir.path(), OPTIONS);
    spool.append(START, b"x").unwrap();
    drop(spool);
    File::options().write(true).open(&log).unwrap().set_len(bytes_in(HEAD_BYTES + 7 * FRAME)).unwrap();
    let (_spool, faults, records) = open(dir.path(), OPTIONS);
    assert!(matches!(&faults[..], [SpoolError::Missing { path, records: 3 }] if *path == log), "{faults:?}");
    assert_eq!(records.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 10]);
}

#[test]
fn reads_nothing_into_files_that_are_not_its_own() {
    let (dir, log) = ten_records();
    let (left_log, left_done, foreign) = (
        log.with_file_name("00000000000000000010.log"),
        log.with_file_name("00000000000000000077.done"),
        dir.path().join("7.log"),
    );
    // A segment with the name of another, completions without a segment, and a foreign file.
    fs::copy(&log, &left_log).unwrap();
    fs::write(&left_done, b"x").unwrap();
    fs::write(&foreign, b"mine").unwrap();
    let (_spool, faults, records) = open(dir.path(), OPTIONS);
    assert_eq!(records.len(), 10);
    assert!(matches!(&faults[..], [SpoolError::Corrupt { offset: 16, .. }]), "{faults:?}");
    assert!(!left_done.exists());
    assert_eq!(fs::read(foreign).unwrap(), b"mine");
}

#[test]
fn replays_records_whose_completion_is_damaged() {
    let (dir, log) = ten_records();
    let done = log.with_extension("done");
    let (spool, ..) = open(dir.path(), OPTIONS);
    for position in [1, 3, 5] {
        spool.complete(position..position + 1).unwrap();
    }
    drop(spool);
    let mut bytes = fs::read(&done).unwrap();
    bytes[COMPLETION_BYTES] ^= 1;
    bytes.truncate(bytes.len() - 1);
    fs::write(&done, bytes).unwrap();
    let (spool, faults, records) = open(dir.path(), OPTIONS);
    assert!(faults.is_empty());
    assert_eq!(records.len(), 9, "all but record 1");
    // Entries appended after half an entry are found again.
    spool.complete(7..8).unwrap();
    drop(spool);
    assert_eq!(open(dir.path(), OPTIONS).2.len(), 8);
}

#[test]
fn refuses_a_directory_in_use() {
    let dir = TempDir::new().unwrap();
    let (spool, ..) = open(dir.path(), OPTIONS);
    let error = Spool::open(dir.path(), target("s"), OPTIONS).unwrap_err();
    assert!(matches!(&error, SpoolError::Locked { dir: locked } if locked == dir.path()), "{error:?}");
    drop(spool);
    open(dir.path(), OPTIONS);
}

#[test]
fn syncs_when_the_policy_says() {
    let dir = TempDir::new().unwrap();
    let interval = Duration::from_millis(10);
    let with = |name: &str, sync| open(&dir.path().join(name), SpoolOptions { sync, ..OPTIONS }).0;
    let synced = |spool: &Spool| lock(&spool.synced).end;

    let spool = with("each", SyncPolicy::EachRecord);
    spool.append(at(0), b"a").unwrap();
    assert_eq!(synced(&spool), 1);
    let positions = spool.write(&[b"b", b"c"]).unwrap();
    assert_eq!(synced(&spool), 1, "writing does not wait");
    spool.commit(at(0), positions.start).unwrap();
    assert_eq!(synced(&spool), 3, "a sync is for all who wait");

    let spool = with("interval", SyncPolicy::Interval(interval));
    assert_eq!(spool.poll_sync(at(0)).unwrap(), None, "nothing to sync");
    for (now, end) in [(0, 0), (9, 0), (10, 3), (15, 3), (24, 3), (25, 6)] {
        spool.append(at(now), b"a").unwrap();
        assert_eq!(synced(&spool), end, "at {now} ms");
    }
    spool.append(at(26), b"a").unwrap();
    assert_eq!(spool.poll_sync(at(30)).unwrap(), Some(at(36)));
    assert_eq!(spool.poll_sync(at(36)).unwrap(), None);
    assert_eq!(synced(&spool), 7);

    let spool = with("never", SyncPolicy::Never);
    spool.append(at(0), b"a").unwrap();
    spool.append(at(1 << 40), b"a").unwrap();
    assert_eq!((spool.poll_sync(at(1 << 40)).unwrap(), synced(&spool)), (None, 0));
    spool.sync().unwrap();
    assert_eq!(synced(&spool), 2);
}

#[test]
fn keeps_the_last_checkpoint_whole() {
    let dir = TempDir::new().unwrap();
    for sync in [SyncPolicy::Never, SyncPolicy::EachRecord, SyncPolicy::Interval(Duration::MAX)] {
        let dir = dir.path().join(format!("{sync:?}"));
        let (spool, ..) = open(&dir, SpoolOptions { sync, ..OPTIONS });
        assert_eq!(spool.load_checkpoint("log").unwrap(), None);
        for checkpoint in [&b"offset 1"[..], b"", b"offset 22"] {
            spool.append(START, b"x").unwrap();
            spool.save_checkpoint(START, "log", checkpoint).unwrap();
            assert_eq!(spool.load_checkpoint("log").unwrap().unwrap(), checkpoint);
            // Never ahead of the records, unless nothing is synced.
            let synced = lock(&spool.synced).end;
            assert_eq!(synced, if sync == SyncPolicy::Never { 0 } else { lock(&spool.state).next() });
        }
        drop(spool);
        let path = checkpoint_path(&dir);
        // A crash before the new checkpoint replaced the old one.
        fs::write(path.with_extension("tmp"), b"off").unwrap();
        let (spool, ..) = open(&dir, OPTIONS);
        assert_eq!(spool.load_checkpoint("log").unwrap().unwrap(), b"offset 22");
        // As a loss of power may leave it, among others: it is set aside, and the spool continues.
        // If the policy does not sync checkpoints, there is a synced copy.
        let copy = (sync == SyncPolicy::Never).then(|| b"offset 22".to_vec());
        for damaged in [&b""[..], b"abc", b"\0\0\0\0\0\0\0\0", &[0; 100]] {
            fs::write(&path, damaged).unwrap();
            for _ in 0..2 {
                assert_eq!(spool.load_checkpoint("log").unwrap(), copy);
            }
            assert_eq!(fs::read(path.with_extension("corrupt")).unwrap(), damaged);
            assert!(!path.exists());
        }
        spool.save_checkpoint(START, "log", b"again").unwrap();
        assert_eq!(spool.load_checkpoint("log").unwrap().unwrap(), b"again");
    }
}

/// The only checkpoint in a directory.
fn checkpoint_path(dir: &Path) -> PathBuf {
    let mut paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "note")).unwrap()
}

#[test]
fn syncs_the_first_checkpoints_and_then_one_in_a_while() {
    let dir = TempDir::new().unwrap();
    let (spool, ..) = open(dir.path(), OPTIONS);
    let copied = |now: u64| {
        spool.save_checkpoint(at(now), "log", &now.to_le_bytes()).unwrap();
        let bytes = fs::read(&files_of(dir.path(), "synced")[0]).unwrap();
        u64::from_le_bytes(*bytes.last_chunk().unwrap())
    };
    for (now, expected) in (0..16).map(|now| (now, now)).chain([(16, 15), (5_014, 15), (5_015, 5_015), (5_016, 5_015)])
    {
        assert_eq!(copied(now), expected);
    }
}

#[test]
fn keeps_a_checkpoint_for_each_stream_and_source() {
    let dir = TempDir::new().unwrap();
    let keys = [("a", "log"), ("a", "other"), ("b", "log"), ("b", "")];
    for round in 0..2 {
        for (stream, source) in keys {
            let (spool, _) = Spool::open(dir.path(), target(stream), OPTIONS).unwrap();
            let checkpoint = |round| format!("{round} {stream} {source}").into_bytes();
            assert_eq!(spool.load_checkpoint(source).unwrap(), (round > 0).then(|| checkpoint(0)), "{stream} {source}");
            spool.save_checkpoint(START, source, &checkpoint(round)).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn lets_nobody_else_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let dir = dir.path().join("spool");
    let (spool, ..) = open(&dir, OPTIONS);
    spool.write(&[b"a", b"b"]).unwrap();
    spool.complete(0..1).unwrap();
    spool.save_checkpoint(START, "log", b"n").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let paths: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 6, "{paths:?}");
    assert!(paths.iter().all(|path| mode(path) == 0o600), "{paths:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn goes_on_in_a_new_segment_when_a_failed_write_cannot_be_taken_back() {
    let dir = TempDir::new().unwrap();
    let (spool, ..) = open(dir.path(), OPTIONS);
    for position in [0, 1] {
        assert_eq!(spool.append(START, b"a").unwrap(), position);
        // A disk that takes neither bytes nor a new length.
        lock(&spool.state).file = File::options().write(true).open("/dev/full").unwrap();
        let error = spool.append(START, b"lost").unwrap_err();
        let SpoolError::Io { error, path, .. } = &error else { panic!("{error:?}") };
        assert_eq!((error.kind(), path.extension().unwrap().to_str()), (io::ErrorKind::StorageFull, Some("log")));
    }
    assert_eq!(spool.append(START, b"b").unwrap(), 2);
    drop(spool);
    let (_spool, faults, records) = open(dir.path(), OPTIONS);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(records.iter().map(|(_, data)| &data[..]).collect::<Vec<_>>(), [b"a", b"a", b"b"]);
}

#[cfg(target_os = "linux")]
#[test]
fn promises_no_sync_after_one_has_failed() {
    let dir = TempDir::new().unwrap();
    let (spool, ..) = open(dir.path(), SpoolOptions { sync: SyncPolicy::EachRecord, ..OPTIONS });
    let file = std::mem::replace(
        &mut lock(&spool.state).file,
        // A disk that takes bytes, but no sync.
        File::options().write(true).open("/dev/null").unwrap(),
    );
    assert!(matches!(spool.append(START, b"a"), Err(SpoolError::Io { action: "sync", .. })));
    lock(&spool.state).file = file;
    assert!(matches!(spool.append(START, b"a"), Err(SpoolError::Unsynced { .. })));
    assert!(matches!(spool.sync(), Err(SpoolError::Unsynced { .. })));
}

#[test]
fn threads_write_sync_and_complete_at_the_same_time() {
    let dir = TempDir::new().unwrap();
    let options = SpoolOptions { segment_bytes: 1000, sync: SyncPolicy::EachRecord, ..OPTIONS };
    let (spool, ..) = open(dir.path(), options.clone());
    let mut kept: Vec<Record> = thread::scope(|scope| {
        let work = |thread: u8| {
            let spool = &spool;
            move || {
                let mut kept = Vec::new();
                for number in 0..100 {
                    let data = vec![thread, number];
                    let position = spool.append(START, &data).unwrap();
                    assert!(lock(&spool.synced).end > position);
                    if number % 3 == 0 {
                        kept.push((position, data));
                    } else {
                        spool.complete(position..position + 1).unwrap();
                    }
                }
                kept
            }
        };
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    drop(spool);
    kept.sort();
    assert_eq!(open(dir.path(), options).2, kept);
}
