use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const OPTIONS: SpoolOptions = SpoolOptions { max_bytes: 1 << 20, segment_bytes: 1 << 16, sync: SyncPolicy::Never };

const START: Tick = Tick::from_duration(Duration::from_secs(100));

fn at(millis: u64) -> Tick {
    START + Duration::from_millis(millis)
}

type Record = (u64, Vec<u8>);

fn open(dir: &Path, options: SpoolOptions) -> (Spool, Vec<SpoolError>, Vec<Record>) {
    let (spool, replay) = Spool::open(dir, options).unwrap();
    let (mut faults, mut records) = (Vec::new(), Vec::new());
    for item in replay {
        match item {
            Ok(record) => records.push(record),
            Err(fault) => faults.push(fault),
        }
    }
    (spool, faults, records)
}

/// Files with an extension in the order of their names.
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
    let (spool, ..) = open(dir.path(), options);
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
    // One segment, so that room comes only from ending it.
    let options = SpoolOptions { max_bytes: 1000, segment_bytes: 1 << 20, sync: SyncPolicy::Never };
    let (spool, ..) = open(dir.path(), options);
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
    let error = spool.append(START, &[1; 1000]).unwrap_err();
    assert!(matches!(error, SpoolError::TooLarge { needed: 1028, max_bytes: 1000 }), "{error:?}");
    assert_eq!(bytes_on_disk(dir.path()), before);
    for position in 0..7 {
        spool.complete(position..position + 1).unwrap();
        assert!(bytes_on_disk(dir.path()) <= 1000);
    }
    assert_eq!(spool.append(START, &[1; 900]).unwrap(), 7);
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
    // What is overwritten where, which records are lost, and which bytes are bad.
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
    // A segment under another's name, completions without a segment, and somebody else's.
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
    // What is added after half an entry is found again.
    spool.complete(7..8).unwrap();
    drop(spool);
    assert_eq!(open(dir.path(), OPTIONS).2.len(), 8);
}

#[test]
fn refuses_a_directory_in_use() {
    let dir = TempDir::new().unwrap();
    let (spool, ..) = open(dir.path(), OPTIONS);
    let error = Spool::open(dir.path(), OPTIONS).unwrap_err();
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
fn keeps_the_last_note_whole() {
    let dir = TempDir::new().unwrap();
    for sync in [SyncPolicy::Never, SyncPolicy::EachRecord, SyncPolicy::Interval(Duration::MAX)] {
        let dir = dir.path().join(format!("{sync:?}"));
        let (spool, ..) = open(&dir, SpoolOptions { sync, ..OPTIONS });
        assert_eq!(spool.last_note().unwrap(), None);
        for note in [&b"offset 1"[..], b"", b"offset 22"] {
            spool.append(START, b"x").unwrap();
            spool.note(note).unwrap();
            assert_eq!(spool.last_note().unwrap().unwrap(), note);
            // Never ahead of the records, unless nothing is synced.
            let synced = lock(&spool.synced).end;
            assert_eq!(synced, if sync == SyncPolicy::Never { 0 } else { lock(&spool.state).next() });
        }
        drop(spool);
        let path = dir.join("note");
        // A crash before the new note took the old one's place.
        fs::write(path.with_extension("tmp"), b"off").unwrap();
        let (spool, ..) = open(&dir, OPTIONS);
        assert_eq!(spool.last_note().unwrap().unwrap(), b"offset 22");
        for damaged in [&b"abc"[..], b"\0\0\0\0\0\0\0"] {
            fs::write(&path, damaged).unwrap();
            let error = spool.last_note().unwrap_err();
            assert!(matches!(&error, SpoolError::Corrupt { path: named, .. } if *named == path), "{error:?}");
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
    spool.note(b"n").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let paths: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 4, "{paths:?}");
    assert!(paths.iter().all(|path| mode(path) == 0o600), "{paths:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn goes_on_in_a_new_segment_when_a_failed_write_cannot_be_taken_back() {
    let dir = TempDir::new().unwrap();
    let (spool, ..) = open(dir.path(), OPTIONS);
    for position in [0, 1] {
        assert_eq!(spool.append(START, b"a").unwrap(), position);
        // Takes no byte, and no length.
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
        // Takes bytes, but no sync.
        File::options().write(true).open("/dev/null").unwrap(),
    );
    assert!(matches!(spool.append(START, b"a"), Err(SpoolError::Io { action: "sync", .. })));
    lock(&spool.state).file = file;
    assert!(matches!(spool.append(START, b"a"), Err(SpoolError::Unsynced { .. })));
    assert!(matches!(spool.sync(), Err(SpoolError::Unsynced { .. })));
}

/// What happens to a spool.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Vec<u8>>),
    Complete(usize, usize),
    Reopen,
    /// Bytes cut off the last segment.
    Cut(usize),
    /// Bytes behind the last segment's.
    Garbage(Vec<u8>),
    Zeros(usize),
    /// A bit of the last segment.
    Flip(usize, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let data = prop::collection::vec(any::<u8>(), 0..60);
    let step = prop_oneof![
        8 => prop::collection::vec(data, 0..5).prop_map(Step::Write),
        6 => (0usize..30, 1usize..12).prop_map(|(skip, count)| Step::Complete(skip, count)),
        1 => Just(Step::Reopen),
        1 => (0usize..300).prop_map(Step::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..100).prop_map(Step::Garbage),
        1 => (1usize..100).prop_map(Step::Zeros),
        1 => (any::<prop::sample::Index>(), 0u8..8).prop_map(|(at, bit)| Step::Flip(at.index(1 << 16), bit)),
    ];
    prop::collection::vec(step, 1..60)
}

/// The records of the last segment that lose a byte when so many are cut off.
fn lost_by_cut(bytes: &[u8], first: u64, cut: usize) -> Vec<u64> {
    let (mut walk, mut lost) = (frame::Walk::default(), Vec::new());
    while let Some(piece) = walk.next(first, bytes) {
        let frame::Piece::Record { index, frame } = piece else { panic!("{piece:?}") };
        if frame.end > bytes.len() - cut {
            lost.push(first + u64::from(index));
        }
    }
    lost
}

proptest! {
    #[test]
    fn keeps_exactly_what_has_no_outcome_whatever_crashes(steps in steps()) {
        let dir = TempDir::new().unwrap();
        let options = SpoolOptions { max_bytes: 1500, segment_bytes: 300, sync: SyncPolicy::Never };
        let (mut spool, ..) = open(dir.path(), options);
        // Records without outcome.
        let mut model: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for step in steps {
            let (mut lost, mut may_lose) = (Vec::new(), 0);
            match &step {
                Step::Write(records) => {
                    match spool.write(records) {
                        Ok(positions) => {
                            prop_assert_eq!(positions.end - positions.start, bytes_in(records.len()));
                            prop_assert!(model.keys().all(|&position| position < positions.start));
                            model.extend(positions.zip(records.iter().cloned()));
                        }
                        Err(error) => {
                            prop_assert!(matches!(error, SpoolError::Full { .. }), "{:?}", error);
                            prop_assert!(!model.is_empty(), "an empty spool has room");
                        }
                    }
                    prop_assert!(bytes_on_disk(dir.path()) <= options.max_bytes);
                    continue;
                }
                Step::Complete(skip, count) => {
                    let begin = model.keys().nth(*skip).copied().unwrap_or_default();
                    let positions = begin..begin + bytes_in(*count);
                    spool.complete(positions.clone()).unwrap();
                    model.retain(|position, _| !positions.contains(position));
                    prop_assert!(bytes_on_disk(dir.path()) <= options.max_bytes);
                    continue;
                }
                Step::Reopen | Step::Cut(_) | Step::Garbage(_) | Step::Zeros(_) | Step::Flip(..) => drop(spool),
            }
            let last = files_of(dir.path(), "log").pop().unwrap();
            let first: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let mut bytes = fs::read(&last).unwrap();
            match step {
                Step::Cut(cut) => {
                    let cut = cut.min(bytes.len());
                    lost = lost_by_cut(&bytes, first, cut);
                    bytes.truncate(bytes.len() - cut);
                }
                Step::Garbage(garbage) => bytes.extend(garbage),
                Step::Zeros(count) => bytes.resize(bytes.len() + count, 0),
                Step::Flip(at, bit) => {
                    let at = at % bytes.len();
                    bytes[at] ^= 1 << bit;
                    may_lose = 1;
                }
                _ => {}
            }
            fs::write(&last, bytes).unwrap();
            let (opened, faults, records) = open(dir.path(), options);
            spool = opened;
            model.retain(|position, _| !lost.contains(position));
            let records: BTreeMap<_, _> = records.into_iter().collect();
            let missing: Vec<u64> = model.keys().filter(|position| !records.contains_key(position)).copied().collect();
            prop_assert!(missing.len() <= may_lose, "{:?} lost", missing);
            let is_reported = faults.iter().any(|fault| matches!(fault, SpoolError::Corrupt { .. }));
            prop_assert!(missing.is_empty() || is_reported, "lost in silence");
            model.retain(|position, _| !missing.contains(position));
            prop_assert_eq!(&records, &model);
            drop(spool);
            let (opened, again, records) = open(dir.path(), options);
            spool = opened;
            prop_assert!(again.iter().all(|fault| matches!(fault, SpoolError::Missing { .. })), "{:?}", again);
            prop_assert_eq!(&records.into_iter().collect::<BTreeMap<_, _>>(), &model);
        }
    }
}

const CHILD: &str = "FIREHOSE_SPOOL_CHILD";

/// This test program, running [`child`] alone in a mode and a directory, below a shell that prepares it.
fn start_child(prepare: &str, mode: &str, dir: &Path) -> Child {
    let script = format!("{prepare} exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "spool::tests::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{mode}:{}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "run by other tests as a process of its own"]
fn child() {
    let Ok(job) = env::var(CHILD) else { return };
    let (mode, dir) = job.split_once(':').unwrap();
    let dir = Path::new(dir);
    match mode {
        "endless" => endless(dir),
        "until-failure" => until_failure(dir),
        _ => panic!("{mode}"),
    }
}

/// Writes and completes records, saying so after each, until it is killed.
fn endless(dir: &Path) {
    let (spool, faults, records) = open(dir, SpoolOptions { segment_bytes: 4000, ..OPTIONS });
    assert!(faults.is_empty(), "{faults:?}");
    let mut pending: VecDeque<(u64, String)> =
        records.into_iter().map(|(position, data)| (position, String::from_utf8(data).unwrap())).collect();
    let mut stdout = io::stdout();
    for number in 0_u64.. {
        let record = format!("{}-{number}-{}", std::process::id(), "x".repeat(usize::try_from(number % 300).unwrap()));
        let position = spool.append(START, record.as_bytes()).unwrap();
        stdout.write_all(format!("\nwritten {record}\n").as_bytes()).unwrap();
        pending.push_back((position, record));
        if pending.len() > 20 {
            let (position, record) = pending.remove(usize::try_from(number % 7).unwrap()).unwrap();
            spool.complete(position..position + 1).unwrap();
            stdout.write_all(format!("\ncomplete {record}\n").as_bytes()).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_killed_process_leaves_all_it_confirmed() {
    let dir = TempDir::new().unwrap();
    let mut seed = fastrand::Rng::with_seed(4);
    let mut confirmed: Vec<String> = Vec::new();
    for round in 0..20 {
        let mut child = start_child("", "endless", dir.path());
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (mut text, mut line) = (String::new(), String::new());
        for _ in 0..seed.usize(1..2000) {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "ended by itself: {text}");
            text += &line;
        }
        child.kill().unwrap();
        // What it said before it died.
        output.read_to_string(&mut text).unwrap();
        child.wait().unwrap();
        let said = text.lines().filter_map(|line| line.split_once(' '));
        let (mut written, mut complete) = (0, 0);
        // The last line may be a part of one.
        let whole = text.ends_with('\n');
        let count = text.lines().count();
        for (number, (verb, record)) in said.enumerate() {
            if !whole && number + 1 == count {
                break;
            }
            match verb {
                "written" => {
                    written += 1;
                    confirmed.push(record.into());
                }
                "complete" => {
                    complete += 1;
                    confirmed.retain(|found| found != record);
                }
                _ => {}
            }
        }
        let (_spool, faults, records) = open(dir.path(), OPTIONS);
        assert!(faults.is_empty(), "round {round}: {faults:?}");
        let found: Vec<String> = records.into_iter().map(|(_, data)| String::from_utf8(data).unwrap()).collect();
        // Of one call it did not come to speak.
        let missing = confirmed.iter().filter(|record| !found.contains(record)).count();
        let unsaid = found.iter().filter(|record| !confirmed.contains(record)).count();
        assert!(missing + unsaid <= 1, "round {round}, {written} written, {complete} complete: {missing}, {unsaid}");
        confirmed = found;
    }
}

/// Writes until the file may not grow, and a little after.
fn until_failure(dir: &Path) {
    let (spool, ..) = open(dir, OPTIONS);
    let mut position = 0;
    let error = loop {
        match spool.append(START, &[7; 1000]) {
            Ok(next) => position = next,
            Err(error) => break error,
        }
    };
    assert!(position > 0);
    let SpoolError::Io { action: "write", error, .. } = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    // There is room for a small one, now that the part of the large one is taken back.
    assert_eq!(spool.append(START, b"small").unwrap(), position + 1);
    println!("\nwritten {}", position + 2);
}

#[cfg(unix)]
#[test]
fn a_failed_write_leaves_no_part_of_its_record() {
    let dir = TempDir::new().unwrap();
    let child = start_child("trap '' XFSZ; ulimit -f 40;", "until-failure", dir.path());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let written = text.lines().find_map(|line| line.strip_prefix("written ")).unwrap_or_else(|| panic!("{text}"));
    let (_spool, faults, records) = open(dir.path(), OPTIONS);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(records.len(), written.parse::<usize>().unwrap());
    assert_eq!(records.last().unwrap().1, b"small");
}

#[test]
#[ignore = "a measurement: cargo test --release -p firehose-blocking --lib spool::tests::throughput -- --ignored --nocapture"]
fn throughput() {
    const RECORDS: usize = 2_000_000;
    let data = [b'x'; 200];
    for (sync, records) in [(SyncPolicy::Never, RECORDS), (SyncPolicy::EachRecord, 2000)] {
        for batch in [1, 10, 100, 500] {
            let dir = TempDir::new().unwrap();
            let options = SpoolOptions { max_bytes: 1 << 30, segment_bytes: 8 << 20, sync };
            let (spool, _) = Spool::open(dir.path(), options).unwrap();
            let batch_of = vec![data; batch];
            let begin = Instant::now();
            for _ in 0..records / batch {
                let positions = spool.write(&batch_of).unwrap();
                spool.commit(START, positions.end - 1).unwrap();
            }
            let per_second =
                |begin: Instant| bytes_in(records) * 1000 / u64::try_from(begin.elapsed().as_millis()).unwrap().max(1);
            let written = per_second(begin);
            drop(spool);
            let begin = Instant::now();
            let (spool, replay) = Spool::open(dir.path(), options).unwrap();
            assert_eq!(replay.map(Result::unwrap).count(), records / batch * batch);
            let replayed = per_second(begin);
            let begin = Instant::now();
            for start in (0..bytes_in(records)).step_by(batch) {
                spool.complete(start..start + bytes_in(batch)).unwrap();
            }
            println!(
                "{sync:?}, {batch} at once: {written} records/s written, {replayed} replayed, {} completed",
                per_second(begin)
            );
        }
    }
}
