//! Processes that are killed or run out of space, and the throughput of the spool.

use std::collections::VecDeque;
use std::env;
use std::io::{self, Write};
#[cfg(unix)]
use std::io::{BufRead, BufReader, Read};
#[cfg(unix)]
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;

const CHILD: &str = "FIREHOSE_SPOOL_CHILD";

/// Starts this test program with [`child`] alone, in a mode and a directory, under a shell that prepares it.
#[cfg(unix)]
fn start_child(prepare: &str, mode: &str, dir: &Path) -> Child {
    let script = format!("{prepare} exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "spool_tests::processes::child", "--ignored", "--nocapture", "--test-threads=1"])
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

/// Writes and completes records, and reports each, until it is killed.
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
        // What it reported before it died.
        output.read_to_string(&mut text).unwrap();
        child.wait().unwrap();
        let said = text.lines().filter_map(|line| line.split_once(' '));
        let (mut written, mut complete) = (0, 0);
        // The last line may be incomplete.
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
        // Of one call that it did not get to report.
        let missing = confirmed.iter().filter(|record| !found.contains(record)).count();
        let unsaid = found.iter().filter(|record| !confirmed.contains(record)).count();
        assert!(missing + unsaid <= 1, "round {round}, {written} written, {complete} complete: {missing}, {unsaid}");
        confirmed = found;
    }
}

/// Writes until the file may not grow, and a little longer.
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
    // There is room for a small record, now that the part of the large one is truncated.
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
#[ignore = "a measurement: cargo test --release -p firehose-blocking --lib spool_tests::processes::throughput -- --ignored --nocapture"]
fn throughput() {
    const DATA: [u8; 200] = [b'x'; 200];
    let per_second =
        |begin: Instant, records: usize| records * 1000 / usize::try_from(begin.elapsed().as_millis()).unwrap().max(1);
    let options = |sync| SpoolOptions { max_bytes: 1 << 30, segment_bytes: 8 << 20, sync, ..OPTIONS };
    for batch in [1, 10, 100, 500] {
        let dir = TempDir::new().unwrap();
        let records = 2_000_000 / batch * batch;
        // The baseline: the same bytes in the same calls, and nothing else.
        let mut file = File::create(dir.path().join("floor")).unwrap();
        let bytes = vec![b'x'; batch * (HEADER_BYTES + DATA.len())];
        let begin = Instant::now();
        for _ in 0..records / batch {
            file.write_all(&bytes).unwrap();
        }
        let floor = per_second(begin, records);
        let options = options(SyncPolicy::Never);
        let (spool, _) = Spool::open(dir.path(), target("s"), options.clone()).unwrap();
        let batch_of = vec![DATA; batch];
        let begin = Instant::now();
        for _ in 0..records / batch {
            spool.write(&batch_of).unwrap();
        }
        let written = per_second(begin, records);
        drop(spool);
        let begin = Instant::now();
        let (spool, replay) = Spool::open(dir.path(), target("s"), options).unwrap();
        assert_eq!(replay.map(Result::unwrap).count(), records);
        let replayed = per_second(begin, records);
        let begin = Instant::now();
        for start in (0..bytes_in(records)).step_by(batch) {
            spool.complete(start..start + bytes_in(batch)).unwrap();
        }
        let completed = per_second(begin, records);
        println!("{batch:3} at once: {written} written/s of {floor}, {replayed} replayed/s, {completed} completed/s");
    }
    for threads in [1, 4, 16] {
        let dir = TempDir::new().unwrap();
        let (spool, _) = Spool::open(dir.path(), target("s"), options(SyncPolicy::EachRecord)).unwrap();
        let begin = Instant::now();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..1000).for_each(|_| assert!(spool.append(START, &DATA).is_ok())));
            }
        });
        println!("{threads:3} threads, each record synced: {} written/s", per_second(begin, threads * 1000));
    }
}
