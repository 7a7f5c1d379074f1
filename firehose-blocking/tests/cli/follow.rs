//! `put --follow`: a file that grows, is rotated in whatever way, and is gone on with by the next run; and `--spool`.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use firehose_blocking::LocalEndpoint;
use tempfile::{TempDir, tempdir};

use crate::interrupts::{interrupt, signal};
use crate::program::{Outcome, SECRET, delivered, finish, firehose, put_to, with_credentials};
use crate::server::{Answer, Server};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// A file that is followed, a spool, and a server that tells of each record.
struct World {
    dir: TempDir,
    log: PathBuf,
    server: Server,
    records: Receiver<Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let (tell, records) = mpsc::channel();
        let tell = Mutex::new(tell);
        let server = Server::start(move |_, records| {
            records.iter().for_each(|record| tell.lock().unwrap().send(record.clone()).unwrap());
            Answer::accepted(records.len())
        });
        let dir = tempdir().unwrap();
        let log = dir.path().join("log");
        File::create(&log).unwrap();
        Self { dir, log, server, records }
    }

    fn start(&self) -> Child {
        self.start_with(&[])
    }

    fn start_with(&self, args: &[&str]) -> Child {
        let mut command = put_to(&self.server.url, &["--follow", "--linger", "0", "--max-in-flight", "1", "--spool"]);
        command.arg(self.dir.path().join("spool")).arg(&self.log).args(args).spawn().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, text: &str) {
        append(&self.log, text);
    }

    fn rename(&self, to: &str) {
        fs::rename(&self.log, self.dir.path().join(to)).unwrap();
    }

    /// Waits for these records, one after the other.
    #[track_caller]
    fn expect(&self, lines: &[&str]) {
        for line in lines {
            let record = self.records.recv_timeout(LONG).unwrap();
            assert_eq!(String::from_utf8_lossy(&record), *line);
        }
    }

    /// Ends a run in good order, and makes sure that it has sent nothing more.
    #[track_caller]
    fn end(&self, child: Child) -> Outcome {
        interrupt(&child);
        let outcome = finish(child).ended_with(0);
        assert!(outcome.is_complete(), "{outcome:?}");
        let more: Vec<_> = self.records.try_iter().collect();
        assert_eq!(more, Vec::<Vec<u8>>::new());
        outcome
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn sends_lines_as_they_are_written_and_goes_on_where_it_ended() {
    let world = World::new();
    world.append("one\n");
    let child = world.start();
    world.expect(&["one\n"]);
    world.append("two\nthr");
    world.expect(&["two\n"]);
    // The line that was begun stays where it is.
    assert_eq!(world.end(child).summary()[..3], [2, 8, 2]);
    world.append("ee\nfour\n");
    let child = world.start();
    world.expect(&["three\n", "four\n"]);
    world.end(child);
}

#[test]
fn follows_a_file_that_is_renamed_and_made_anew() {
    let world = World::new();
    world.append("one\n");
    let child = world.start_with(&["--rotate-wait", "2"]);
    world.expect(&["one\n"]);
    world.rename("log.1");
    // Its writer has not noticed yet.
    append(&world.path("log.1"), "two\n");
    world.expect(&["two\n"]);
    world.append("three\n");
    world.expect(&["three\n"]);
    // Nor has another one by now. A line without an end is one when nothing has come for a while.
    append(&world.path("log.1"), "four\nfive without an end");
    world.expect(&["four\n", "five without an end\n"]);
    // Nor a third one, although nobody waits for it any more.
    append(&world.path("log.1"), "six\n");
    world.expect(&["six\n"]);
    world.end(child);
}

#[test]
fn goes_on_with_both_files_of_a_rotation() {
    let world = World::new();
    world.append("one\n");
    let child = world.start();
    world.expect(&["one\n"]);
    world.rename("log.1");
    world.append("two\n");
    world.expect(&["two\n"]);
    world.end(child);
    append(&world.path("log.1"), "three\n");
    world.append("four\n");
    world.rename("log.2");
    world.append("five\n");
    let child = world.start();
    world.expect(&["three\n", "four\n", "five\n"]);
    world.end(child);
}

#[test]
fn reads_what_a_cut_has_taken_away_from_the_copy() {
    let lines = |first: usize, count: usize, pad: usize| -> String {
        (first..first + count).map(|number| format!("{number} {}\n", "x".repeat(pad))).collect()
    };
    for is_running in [true, false] {
        let world = World::new();
        let before = lines(0, 4000, 10);
        world.append(&before);
        let child = world.start();
        for line in before.split_inclusive('\n') {
            world.expect(&[line]);
        }
        let (unread, after) = (lines(4000, 1000, 10), lines(5000, 4000, 90));
        let mut child = Some(child);
        if is_running {
            // Nobody looks: a longer file is in its place when somebody does.
            signal(child.as_ref().unwrap(), "STOP");
        } else {
            world.end(child.take().unwrap());
        }
        world.append(&unread);
        fs::copy(&world.log, world.path("log.1")).unwrap();
        fs::write(&world.log, &after).unwrap();
        match &child {
            Some(child) => signal(child, "CONT"),
            None => child = Some(world.start()),
        }
        let expected: BTreeSet<&str> = unread.split_inclusive('\n').chain(after.split_inclusive('\n')).collect();
        let got: BTreeSet<String> =
            (0..5000).map(|_| String::from_utf8(world.records.recv_timeout(LONG).unwrap()).unwrap()).collect();
        assert!(got.iter().eq(expected.iter()), "{is_running}");
        world.end(child.unwrap());
    }
}

#[test]
fn reads_what_was_rotated_and_compressed_while_nobody_looked() {
    let world = World::new();
    world.append(&"one\n".repeat(100));
    let child = world.start();
    world.expect(&["one\n"; 100]);
    world.end(child);
    world.append("two\n");
    world.rename("log.4");
    append(&world.path("log.3"), "three\n");
    append(&world.path("log.2"), "four\n");
    append(&world.path("log.1"), "five\n");
    world.append("six\n");
    // The one that was being read, and one that nobody has seen; and one that is not read.
    for (name, tool) in [("log.4", "gzip"), ("log.2", "gzip"), ("log.3", "xz")] {
        let is_there = Command::new(tool).arg(world.path(name)).status().is_ok_and(|status| status.success());
        assert!(is_there || tool == "xz", "{tool}");
        if tool == "xz" && !is_there {
            // All that is looked at.
            fs::remove_file(world.path(name)).unwrap();
            fs::write(world.path("log.3.xz"), b"\xfd7zXZ\0 and so on").unwrap();
        }
    }
    let child = world.start();
    world.expect(&["two\n", "four\n", "five\n", "six\n"]);
    let outcome = world.end(child);
    assert!(outcome.stderr.contains("log.3.xz is compressed and was not read; `xzcat log.3.xz | firehose put STREAM`"));
}

#[test]
fn follows_a_file_that_is_cut() {
    let world = World::new();
    world.append("one\ntwo\n");
    let child = world.start();
    world.expect(&["one\n", "two\n"]);
    fs::write(&world.log, "").unwrap();
    world.append("three\n");
    world.expect(&["three\n"]);
    world.end(child);
}

#[test]
fn reads_the_rest_of_a_file_that_was_renamed_while_nobody_looked() {
    let world = World::new();
    world.append("one\n");
    let child = world.start();
    world.expect(&["one\n"]);
    world.end(child);
    world.append("two\n");
    world.rename("log.1");
    world.append("three\n");
    let child = world.start();
    world.expect(&["two\n", "three\n"]);
    world.end(child);
}

#[test]
fn begins_anew_with_a_file_that_is_another_and_says_so() {
    // Gone, with a new one in its place; and the same one, with another beginning.
    for replace in [
        |log: &Path| {
            fs::rename(log, log.with_file_name("kept")).unwrap();
            append(log, "another\n");
            fs::remove_file(log.with_file_name("kept")).unwrap();
        },
        |log: &Path| fs::write(log, "another\n").unwrap(),
    ] as [fn(&Path); 2]
    {
        let world = World::new();
        world.append("one\n");
        let child = world.start();
        world.expect(&["one\n"]);
        world.end(child);
        replace(&world.log);
        let mut child = world.start();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        world.expect(&["another\n"]);
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let why =
            "log: the log in log was removed or truncated: what was after byte 4 is lost, if there was anything\n";
        assert!(line.ends_with(why), "{line}");
        world.end(child);
    }
}

#[test]
fn sends_what_a_stop_has_left_in_the_spool() {
    let world = World::new();
    let missing = Server::start(|_, _| Answer::refused(400, "ResourceNotFoundException"));
    let spool = world.dir.path().join("spool");
    let put = |server: &Server| {
        let mut command = put_to(&server.url, &["--spool-redirect", "--spool"]);
        command.arg(&spool).arg(&world.log);
        command
    };
    world.append("one\n");
    let outcome = finish(put(&missing).spawn().unwrap()).ended_with(4);
    assert_eq!(outcome.summary()[..5], [1, 4, 0, 0, 0]);
    assert!(outcome.stderr.contains("1 record kept in"), "{outcome:?}");
    fs::write(&world.log, "two\n").unwrap();
    let outcome = finish(put(&world.server).spawn().unwrap()).ended_with(0);
    assert_eq!(outcome.summary()[..5], [2, 8, 2, 0, 0]);
    world.expect(&["one\n", "two\n"]);
}

#[test]
fn goes_on_when_something_else_takes_the_place_of_the_file() {
    let world = World::new();
    world.append("one\n");
    let child = world.start();
    world.expect(&["one\n"]);
    world.rename("log.1");
    // Opening it would wait for a writer.
    assert!(Command::new("mkfifo").arg(&world.log).status().unwrap().success());
    append(&world.path("log.1"), "two\n");
    world.expect(&["two\n"]);
    fs::remove_file(&world.log).unwrap();
    fs::create_dir(&world.log).unwrap();
    append(&world.path("log.1"), "three\n");
    world.expect(&["three\n"]);
    fs::remove_dir(&world.log).unwrap();
    world.append("four\n");
    world.expect(&["four\n"]);
    let outcome = world.end(child);
    assert!(outcome.stderr.contains("it is not a regular file; waiting for one to replace it"), "{outcome:?}");
}

#[test]
fn waits_for_a_file_that_is_not_there_yet() {
    let world = World::new();
    fs::remove_file(&world.log).unwrap();
    let mut child = world.start();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, format!("firehose: {}: the file does not exist yet; waiting for it\n", world.log.display()));
    world.append("one\n");
    world.expect(&["one\n"]);
    world.end(child);
}

#[test]
fn remembers_a_position_for_each_stream_and_file() {
    let world = World::new();
    let other = world.path("other");
    let put = |stream: &str, path: &Path| {
        let mut command = firehose(&["put", stream, "--endpoint-url", &world.server.url, "--output", "json"]);
        with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
        // In the order of the file, so one call at a time.
        command.args(["--follow", "--linger", "0", "--max-in-flight", "1", "--spool"]).arg(world.path("spool"));
        command.arg(path).spawn().unwrap()
    };
    for round in 1..3 {
        for (stream, path) in [("a", &world.log), ("a", &other), ("b", &world.log)] {
            let line = format!("{stream} {round} of {}\n", path.file_name().unwrap().display());
            append(path, &line);
            let child = put(stream, path);
            let mut lines = fs::read_to_string(path).unwrap();
            if round == 2 {
                // Only what has been written since.
                let from = lines.find(&format!("{stream} 1 of")).unwrap();
                lines = lines[from..].split_inclusive('\n').skip(1).collect();
            }
            for line in lines.split_inclusive('\n') {
                world.expect(&[line]);
            }
            world.end(child);
        }
    }
}

#[test]
fn follows_one_regular_file_alone() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for (files, message) in [
        (&["-"] as &[&str], "cannot follow -: it takes a file"),
        (&[file.to_str().unwrap(), file.to_str().unwrap()], "takes one file"),
        (&["/dev/null"], "not a regular file"),
    ] {
        let outcome = finish(put_to("http://127.0.0.1:9", &["--follow"]).args(files).spawn().unwrap());
        assert!(outcome.code == Some(2) && outcome.stderr.contains(message), "{outcome:?}");
    }
}

#[test]
fn loses_no_line_of_a_rotating_file_however_often_it_is_killed() {
    const ROUNDS: usize = 50;
    const LINES: usize = 2000;
    let dir = tempdir().unwrap();
    let (log, spool, streams) = (dir.path().join("log"), dir.path().join("spool"), dir.path().join("streams"));
    let faults = "partial=0.2,http500=0.05,cut_before=0.05,cut_after=0.05,seed=5".parse().unwrap();
    let endpoint = LocalEndpoint::builder(&streams).faults(faults).start().unwrap();
    let start = || {
        let mut command = put_to(endpoint.url(), &["--follow", "--linger", "0", "--spool"]);
        with_credentials(&mut command, "test", "test");
        command.arg(&spool).arg(&log).stderr(File::create(dir.path().join("said")).unwrap()).spawn().unwrap()
    };
    let said = || fs::read_to_string(dir.path().join("said")).unwrap();
    let mut written = 0;
    let mut write = |lines: usize| {
        let text: String = (written..written + lines).map(|number| format!("{number}\n")).collect();
        written += lines;
        append(&log, &text);
    };
    write(LINES);
    for round in 0..ROUNDS {
        let before = endpoint.accepted().records;
        let mut child = start();
        write(LINES);
        if round % 5 == 1 {
            fs::rename(&log, dir.path().join(format!("log.{round}"))).unwrap();
        }
        write(LINES);
        // At some moment, the earliest of which is before anything is sent: but the first run must have seen the file.
        while round % 7 != 3 && endpoint.accepted().records < before + 1 + (round * 53 % 2000) as u64 {
            assert!(child.try_wait().unwrap().is_none(), "it ends by itself: {}", said());
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let child = start();
    let missing = || {
        let text = String::from_utf8(delivered(&streams.join("logs"))).unwrap();
        let stored: BTreeSet<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        written - stored.len()
    };
    let deadline = std::time::Instant::now() + LONG;
    while missing() > 0 {
        assert!(std::time::Instant::now() < deadline, "{} of {written} lines are missing", missing());
    }
    interrupt(&child);
    assert_eq!(finish(child).code, Some(0));
}
