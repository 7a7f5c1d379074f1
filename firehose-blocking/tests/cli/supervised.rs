//! A run that is to go on for good: it waits, says what happens when it happens, and ends when it is told to.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::iter;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::interrupts::{interrupt, signal};
use crate::program::{Outcome, SECRET, finish, firehose, put_to, rejects, run, with_credentials};
use crate::server::{Answer, Server};

/// Far less than an outage is waited for.
const SOON: Duration = Duration::from_secs(10);

/// A server of which nothing is accepted for the moment.
fn outage() -> Server {
    Server::start(|_, _| Answer::Http(503, String::new()))
}

/// Asks for the end once, and makes sure that it comes soon.
#[track_caller]
fn end_soon(child: Child) -> Outcome {
    let asked = Instant::now();
    signal(&child, "TERM");
    let outcome = finish(child);
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    outcome
}

#[test]
fn ends_soon_in_an_outage_and_leaves_in_the_spool_what_is_not_accepted() {
    for lines in [3, 1_000_000] {
        let server = outage();
        let dir = tempdir().unwrap();
        let (log, spool) = (dir.path().join("log"), dir.path().join("spool"));
        let text: String = (0..lines).map(|number| format!("{number}\n")).collect();
        fs::write(&log, &text).unwrap();
        let put = |url: &str| {
            let mut command = put_to(url, &["--follow", "--linger", "0", "--spool-redirect", "--spool"]);
            command.arg(&spool).arg(&log).spawn().unwrap()
        };
        let child = put(&server.url);
        server.wait_for(2);
        let outcome = end_soon(child).ended_with(0);
        let [records, _, accepted, _, rejected, _] = outcome.summary();
        assert_eq!((accepted, rejected), (0, 0), "{outcome:?}");
        assert!(records > 0 && (lines > 3) == (records < lines), "{outcome:?}");
        let kept = format!("{records} records kept in {}; the next run with this --spool sends them", spool.display());
        assert!(outcome.stderr.contains(&kept), "{outcome:?}");
        // All of it, each line once.
        if lines == 3 {
            let server = Server::start(|_, records| Answer::accepted(records.len()));
            let child = put(&server.url);
            server.wait_for(1);
            end_soon(child).ended_with(0);
            assert_eq!(server.requests().concat().concat(), text.as_bytes());
        }
    }
}

#[test]
fn ends_in_an_outage_after_the_time_that_it_is_given_and_says_what_is_lost() {
    let server = outage();
    let dir = tempdir().unwrap();
    let (log, kept) = (dir.path().join("log"), dir.path().join("rejects"));
    fs::write(&log, "one\ntwo\n").unwrap();
    for args in [&["--follow"] as &[&str], &[]] {
        let mut command = put_to(&server.url, &["--drain-timeout", "0.5", "--rejects"]);
        let child = command.arg(&kept).args(args).arg(&log).spawn().unwrap();
        server.wait_for(server.requests().len() + 1);
        let outcome = end_soon(child).ended_with(1);
        assert_eq!(outcome.summary()[..5], [2, 8, 0, outcome.summary()[3], 2], "{outcome:?}");
        assert!(outcome.stderr.contains(&format!("2 of 2 records not accepted; they are in {}", kept.display())));
        let mut data: Vec<_> = rejects(&kept).into_iter().map(|(data, ..)| data).collect();
        data.sort();
        assert_eq!(data, [b"one\n", b"two\n"]);
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&kept).unwrap();
    }
}

#[test]
fn says_what_is_in_the_spool_when_it_is_interrupted_twice() {
    let server = outage();
    let dir = tempdir().unwrap();
    let (log, spool) = (dir.path().join("log"), dir.path().join("spool"));
    fs::write(&log, "one\ntwo\n").unwrap();
    let mut command = put_to(&server.url, &["--follow", "--linger", "0", "--spool"]);
    let mut child = command.arg(&spool).arg(&log).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    server.wait_for(2);
    interrupt(&child);
    assert!(read_line(&mut stderr).starts_with("firehose: interrupted; delivering"));
    interrupt(&child);
    assert_eq!(finish(child).code, Some(130));
    let told = "firehose: interrupted again; 2 records without an outcome left in the spool";
    assert_eq!(read_line(&mut stderr), told);
}

#[test]
fn an_outage_ends_no_record_that_is_in_the_spool() {
    let server = Server::start(|number, records| match number {
        0..6 => Answer::refused(500, "InternalFailure"),
        6..9 => Answer::outcomes(&vec![Some("ServiceUnavailableException"); records.len()]),
        _ => Answer::accepted(records.len()),
    });
    let dir = tempdir().unwrap();
    let mut command = put_to(&server.url, &["--spool"]);
    command.arg(dir.path().join("spool")).env("AWS_MAX_ATTEMPTS", "3");
    assert_eq!(run(&mut command, b"one\n").ended_with(0).summary(), [1, 4, 1, 9, 0, 10]);
}

#[test]
fn leaves_alone_the_signals_that_were_ignored() {
    for (ignored, others) in [("HUP", "TERM"), ("INT", "TERM"), ("TERM", "HUP")] {
        let server = Server::start(|_, records| Answer::accepted(records.len()));
        let dir = tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "one\n").unwrap();
        let put = put_to(&server.url, &["--follow", "--linger", "0"]);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("trap '' {ignored}; exec \"$@\""), "sh"]).arg(put.get_program());
        command.args(put.get_args()).arg(&log).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        put.get_envs().for_each(|(name, value)| match value {
            Some(value) => _ = command.env(name, value),
            None => _ = command.env_remove(name),
        });
        let child = command.spawn().unwrap();
        server.wait_for(1);
        signal(&child, ignored);
        File::options().append(true).open(&log).unwrap().write_all(b"two\n").unwrap();
        server.wait_for(2);
        signal(&child, others);
        let outcome = finish(child).ended_with(0);
        assert_eq!(outcome.summary()[..3], [2, 8, 2], "{ignored}");
        assert!(outcome.is_complete(), "{outcome:?}");
    }
}

#[test]
fn waits_for_credentials_that_are_not_there_yet() {
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let dir = tempdir().unwrap();
    let (log, credentials) = (dir.path().join("log"), dir.path().join("credentials"));
    fs::write(&log, "one\n").unwrap();
    let mut command = firehose(&["put", "logs", "--output", "json", "--endpoint-url", &server.url, "--follow"]);
    command.arg(&log).env("AWS_REGION", "eu-west-1").env("AWS_SHARED_CREDENTIALS_FILE", &credentials);
    let mut child = command.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    // All that was tried, and not the first line of it alone.
    let said: Vec<String> = iter::repeat_with(|| read_line(&mut stderr))
        .take_while(|line| !line.is_empty() && !line.ends_with("waiting until this is available"))
        .collect();
    assert_eq!(said[1], "firehose: no credentials found. Tried:", "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("firehose:   environment variables: ")), "{said:?}");
    let text = format!("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n");
    fs::write(&credentials, text).unwrap();
    server.wait_for(1);
    interrupt(&child);
    assert_eq!(finish(child).ended_with(0).summary()[..3], [1, 4, 1]);
}

#[test]
fn an_outage_at_the_start_does_not_end_it() {
    let server = Server::start(|number, records| match number {
        // More than an endpoint is given that is more likely wrong than down.
        0..9 => Answer::HangUp,
        _ => Answer::accepted(records.len()),
    });
    let dir = tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, "one\n").unwrap();
    let child = put_to(&server.url, &["--follow", "--linger", "0"]).arg(&log).spawn().unwrap();
    server.wait_for(10);
    interrupt(&child);
    assert_eq!(finish(child).ended_with(0).summary(), [1, 4, 1, 9, 0, 10]);
}

#[test]
fn says_of_each_refused_record_where_it_stands_when_it_happens() {
    let server = Server::start(|_, records| {
        // One at a time.
        match records.iter().position(|data| data.starts_with(b"bad")) {
            None => Answer::accepted(records.len()),
            Some(place) => {
                let why = format!("Value at 'records.{}.member.data' is bad", place + 1);
                Answer::Http(400, format!(r#"{{"__type":"ValidationException","message":"{why}"}}"#))
            }
        }
    });
    let dir = tempdir().unwrap();
    let (log, kept) = (dir.path().join("log"), dir.path().join("rejects"));
    let long = "x".repeat(1_024_001);
    fs::write(&log, format!("good\nbad 1\ngood\n{long}\nbad 2\n")).unwrap();
    // What an earlier run has left, the last line of it in part.
    fs::write(&kept, "{\"data\":\"YQ==\",\"reason\":\"r\",\"attempts\":1}\n{\"data\":\"YQ").unwrap();
    let mut command = put_to(&server.url, &["--follow", "--linger", "0", "--max-in-flight", "1", "--rejects"]);
    command.arg(&kept).arg(&log);
    let mut child = command.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said: Vec<String> = (0..3).map(|_| read_line(&mut stderr)).collect();
    said.sort();
    let reason = "ValidationException: Value at 'records.";
    for (line, expected) in said.iter().zip([
        "firehose: rejected: log, record 1 from byte 16 on: record of 1024002 bytes is above the limit of 1024000",
        &format!("firehose: rejected: log, record 2 from byte 0 on: {reason}"),
        &format!("firehose: rejected: log, record 2 from byte 16 on: {reason}"),
    ]) {
        assert!(line.starts_with(expected), "{line}");
    }
    // No more than ten a minute one by one.
    let many: String = (0..30).map(|number| format!("bad {number}\n")).collect();
    File::options().append(true).open(&log).unwrap().write_all(many.as_bytes()).unwrap();
    let more: Vec<String> = (0..7).map(|_| read_line(&mut stderr)).collect();
    assert!(more.iter().all(|line| line.contains(reason)), "{more:?}");
    while fs::read_to_string(&kept).unwrap().lines().count() < 35 {
        std::thread::sleep(Duration::from_millis(20));
    }
    interrupt(&child);
    let rest: Vec<String> = std::io::read_to_string(stderr).unwrap().lines().map(str::to_owned).collect();
    assert!(rest.contains(&"firehose: rejected: 23 more records, not listed one by one".to_owned()), "{rest:?}");
    assert_eq!(finish(child).code, Some(1));
    let text = fs::read_to_string(&kept).unwrap();
    assert!(
        text.starts_with("{\"data\":\"YQ==\",\"reason\":\"r\",\"attempts\":1}\n{\"data\":\"YQ\n{\"data\":\""),
        "{text:.200}"
    );
}

fn read_line(stderr: &mut impl BufRead) -> String {
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn sends_rejects_again_with_the_attempts_of_all_runs() {
    let dir = tempdir().unwrap();
    let [first, second, third] = ["first", "second", "third"].map(|name| dir.path().join(name));
    let refusing = Server::start(|_, records| {
        let outcome = |record: &Vec<u8>| record.starts_with(b"bad").then_some("InternalFailure");
        Answer::outcomes(&records.iter().map(outcome).collect::<Vec<_>>())
    });
    let put = |args: &[&str]| {
        let mut command = put_to(&refusing.url, args);
        command.env("AWS_MAX_ATTEMPTS", "2");
        command
    };
    let binary = b"bad \xff\0 without an end".to_vec();
    let input = [b"good\nbad one\n".as_slice(), &binary].concat();
    run(put(&["--rejects"]).arg(&first), &input).ended_with(1);
    let reasons = |path| rejects(path).into_iter().map(|(data, _, attempts)| (data, attempts)).collect::<Vec<_>>();
    assert_eq!(reasons(&first), [(b"bad one\n".to_vec(), 2), (binary.clone(), 2)]);
    // Lines that are no rejects stay, and are told.
    let mut file = File::options().append(true).open(&first).unwrap();
    file.write_all(b"{\"data\":\"?\"}\nnothing\n").unwrap();
    let outcome = run(put(&["--from-rejects"]).arg(&first).arg("--rejects").arg(&second), b"").ended_with(1);
    assert_eq!(outcome.summary()[..5], [2, 8 + binary.len() as u64, 0, 2, 2]);
    assert!(
        outcome.stderr.contains("first:3: not sent, and left in the file: its `data` is not base64"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("first:4: not sent, and left in the file: not a JSON object"), "{outcome:?}");
    assert_eq!(reasons(&second), [(b"bad one\n".to_vec(), 4), (binary.clone(), 4)]);
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let mut command = put_to(&server.url, &["--from-rejects"]);
    run(command.arg(&second).arg("--rejects").arg(&third), b"").ended_with(0);
    assert_eq!(server.requests().concat(), [b"bad one\n".to_vec(), binary]);
    assert_eq!(fs::read(&third).unwrap(), b"");
}

#[test]
fn does_not_let_the_service_turn_what_is_shown() {
    let server = Server::start(|_, _| {
        Answer::Http(
            400,
            "{\"__type\":\"ResourceNotFoundException\",\"message\":\"\u{202e}evil\u{2066}\\u0007\"}".into(),
        )
    });
    let outcome = run(&mut put_to(&server.url, &[]), b"a\n").ended_with(4);
    assert!(outcome.stderr.contains("\u{fffd}evil\u{fffd}\u{fffd}"), "{outcome:?}");
    assert!(!outcome.stderr.contains(['\u{202e}', '\u{2066}', '\u{7}']), "{outcome:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn says_why_the_spool_takes_nothing() {
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let dir = tempdir().unwrap();
    let put = put_to(&server.url, &["--spool"]);
    let mut command = Command::new("sh");
    // As a full disk, but for its name.
    command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]).arg(put.get_program()).args(put.get_args());
    command.arg(dir.path().join("spool")).stdout(Stdio::piped()).stderr(Stdio::piped());
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    let outcome = run(&mut command, &b"0123456789\n".repeat(1000)).ended_with(1);
    assert!(outcome.stderr.contains("File too large"), "{outcome:?}");
}
