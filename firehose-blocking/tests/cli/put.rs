//! What is put arrives, whole and as it was.

use std::fs;
use std::io::Write;
#[cfg(unix)]
use std::process::Command;
use std::process::Stdio;

use tempfile::tempdir;

use crate::program::{delivered, finish, firehose, put_locally, put_to, rejects, run};
use crate::server::{Answer, Server};

fn accepting() -> Server {
    Server::start(|_, records| Answer::accepted(records.len()))
}

/// The records of all requests in order.
fn records(server: &Server) -> Vec<Vec<u8>> {
    server.requests().concat()
}

#[test]
fn delivers_every_byte_in_order() {
    let binary: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let lines: Vec<u8> = (0..30_000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
    for (name, input, records) in [
        ("empty", b"".as_slice(), 0),
        ("one line", b"one\n", 1),
        ("one line without newline", b"one", 1),
        ("empty lines", b"\n\n\n", 3),
        ("CRLF", b"one\r\ntwo\r\n", 2),
        ("invalid UTF-8", b"\xff\xfe\n\xc3(\n\xed\xa0\x80", 3),
        ("NUL", b"\0\n\0", 2),
        ("binary", &binary, 11_720),
        ("many lines", &lines, 30_000),
    ] {
        let dir = tempdir().unwrap();
        let outcome = run(&mut put_locally(dir.path(), &[]), input).ended_with(0);
        let [read, bytes, accepted, resent, rejected, _] = outcome.summary();
        assert_eq!((read, accepted, resent, rejected), (records, records, 0, 0), "{name}");
        assert_eq!(bytes, input.len() as u64, "{name}");
        assert_eq!(outcome.stderr, "", "{name}");
        assert!(delivered(dir.path()) == input, "{name}");
    }
}

#[test]
fn delivers_each_record_once_with_many_requests_in_flight() {
    let server = accepting();
    let input: Vec<u8> = (0..20_000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
    let outcome = run(&mut put_to(&server.url, &["--max-in-flight", "8"]), &input).ended_with(0);
    assert_eq!(outcome.summary(), [20_000, input.len() as u64, 20_000, 0, 0, 40]);
    let mut sent = records(&server);
    let mut expected: Vec<&[u8]> = input.split_inclusive(|&byte| byte == b'\n').collect();
    sent.sort();
    expected.sort();
    assert!(sent == expected);
}

#[test]
fn reads_files_and_standard_input_in_the_order_given() {
    let dir = tempdir().unwrap();
    let (first, last, empty) = (dir.path().join("first"), dir.path().join("last"), dir.path().join("empty"));
    fs::write(&first, "a\nb").unwrap();
    fs::write(&last, "d\n").unwrap();
    fs::write(&empty, "").unwrap();
    let server = accepting();
    let mut command = put_to(&server.url, &["--max-in-flight", "1"]);
    let outcome = run(command.args([&first, &empty]).arg("-").arg(&last), b"c\n").ended_with(0);
    // A line that had no end gets one when another file follows.
    assert_eq!(outcome.summary()[..2], [4, 8]);
    assert_eq!(records(&server), [b"a\n".as_slice(), b"b\n", b"c\n", b"d\n"]);
}

#[test]
fn cuts_records_as_told() {
    for (args, input, expected) in [
        (&["--strip-newline"] as &[&str], b"a\r\n\nb".as_slice(), &[b"a\r".as_slice(), b"", b"b"] as &[&[u8]]),
        (&["--strip-newline", "--delimiter", r"\r\n"], b"a\r\nb\nc\r\n", &[b"a", b"b\nc"]),
        (&["--delimiter", r"\0"], b"a\0b\n\0", &[b"a\0", b"b\n\0"]),
        (&["--delimiter", r"\xff-"], b"a\xffb\xff-c", &[b"a\xffb\xff-", b"c"]),
        (&["--delimiter", "--"], b"a--b", &[b"a--", b"b"]),
        (&["--whole-file"], b"a\nb\n", &[b"a\nb\n"]),
        (&["--whole-file"], b"", &[b""]),
    ] {
        let server = accepting();
        let outcome = run(&mut put_to(&server.url, args), input).ended_with(0);
        assert_eq!(records(&server), expected, "{args:?}");
        assert_eq!(outcome.summary()[1], expected.iter().map(|record| record.len() as u64).sum::<u64>(), "{args:?}");
    }
}

#[test]
fn rejects_lines_over_the_limit_and_sends_the_others() {
    let dir = tempdir().unwrap();
    let (input, kept) = (dir.path().join("in.log"), dir.path().join("rejects"));
    let noise = |length: usize| -> Vec<u8> { (0..length).map(|at| (at * at % 251) as u8 | 0x80).collect() };
    let (long, longer) = (noise(2_000_000), noise(1_024_001));
    let text = [b"first\n", &*long, b"\nsecond\n", &*longer, b"\nlast\n", &*longer].concat();
    fs::write(&input, &text).unwrap();
    let mut command = put_locally(&dir.path().join("out"), &["--rejects"]);
    let outcome = run(command.arg(&kept).arg(&input), b"").ended_with(1);
    let [read, bytes, accepted, _, rejected, _] = outcome.summary();
    assert_eq!((read, bytes, accepted, rejected), (6, text.len() as u64, 3, 3));
    assert!(
        outcome.stderr.contains("in.log:2: record of 2000001 bytes is above the limit of 1024000"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("in.log:6: record of 1024001 bytes"), "{}", outcome.stderr);
    assert_eq!(delivered(&dir.path().join("out")), b"first\nsecond\nlast\n");
    let rejects = rejects(&kept);
    let data: Vec<&[u8]> = rejects.iter().map(|(data, ..)| &**data).collect();
    assert!(data == [&[&*long, b"\n"].concat()[..], &[&*longer, b"\n"].concat(), &longer]);
    assert_eq!((&*rejects[0].1, rejects[0].2), ("record of 2000001 bytes is above the limit of 1024000", 0));
}

#[test]
fn measures_a_record_without_the_newline_that_is_stripped() {
    let input = [vec![b'x'; 1_024_000], b"\n".to_vec()].concat();
    for (args, code) in [(&["--strip-newline"] as &[&str], 0), (&[], 1)] {
        let dir = tempdir().unwrap();
        run(&mut put_locally(dir.path(), args), &input).ended_with(code);
    }
}

#[test]
fn sends_what_is_there_when_a_pipe_falls_silent() {
    let server = accepting();
    let mut child = put_to(&server.url, &[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo\nthr").unwrap();
    server.wait_for(1);
    assert_eq!(records(&server), [b"one\n", b"two\n"]);
    stdin.write_all(b"ee\n").unwrap();
    drop(stdin);
    assert_eq!(finish(child).ended_with(0).summary()[2], 3);
    assert_eq!(records(&server).last().unwrap(), b"three\n");
}

#[test]
fn sums_up_for_people() {
    let dir = tempdir().unwrap();
    let outcome = run(firehose(&["put", "logs", "--local"]).arg(dir.path()), b"a\nb\n").ended_with(0);
    let start = "2 records, 4 bytes: 2 accepted, 0 resent, 0 rejected; 1 request in ";
    assert!(outcome.stdout.starts_with(start) && outcome.stdout.lines().count() == 1, "{outcome:?}");
}

#[test]
fn shows_progress_on_standard_error_alone() {
    for (when, is_shown) in [("always", true), ("auto", false), ("never", false)] {
        let dir = tempdir().unwrap();
        let outcome = run(&mut put_locally(dir.path(), &["--progress", when]), b"a\n");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(outcome.summary()[2], 1);
        assert_eq!(outcome.stderr.contains(" MB/s, 0 rejected, "), is_shown, "{outcome:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_progress_on_a_terminal_fits_80_columns_and_tells_the_time_left() {
    let dir = tempdir().unwrap();
    let (input, out) = (dir.path().join("in"), dir.path().join("out"));
    fs::write(&input, "line\n".repeat(400_000)).unwrap();
    let put = put_locally(&out, &[]);
    let shell = format!(
        "stty cols 80; exec {} {} {}",
        put.get_program().to_str().unwrap(),
        put.get_args().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" "),
        input.to_str().unwrap(),
    );
    // It gives what it starts a terminal.
    let mut script = Command::new("script");
    script.args(["-qec", &shell, "/dev/null"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = finish(script.spawn().expect("`script` is installed, from util-linux"));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let lines = outcome.stdout.split(['\r', '\n']).map(without_escapes).filter(|line| line.contains(" rejected, "));
    let lines: Vec<_> = lines.filter(|line| !line.starts_with('{')).collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 80 && line.contains(" of 2.0 MB, ")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(" s left, 0 rejected, ")), "{lines:?}");
}

/// A line without what moves the cursor.
#[cfg(unix)]
fn without_escapes(line: &str) -> String {
    let mut pieces = line.split('\x1b');
    let first = pieces.next().unwrap_or_default();
    let rest = pieces.map(|piece| piece.split_once(char::is_alphabetic).map_or("", |(_, text)| text));
    [first].into_iter().chain(rest).collect::<String>().trim_end().to_owned()
}

#[test]
fn is_not_troubled_by_a_reader_that_has_gone() {
    let dir = tempdir().unwrap();
    let mut child = put_locally(dir.path(), &[]).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"a\n").unwrap();
    finish(child).ended_with(0);
    assert_eq!(delivered(dir.path()), b"a\n");
}

#[test]
fn packs_lines_into_records_and_still_counts_lines() {
    let server = accepting();
    let input: String = (0..600).map(|number| format!("{number}\n")).collect();
    let outcome = run(&mut put_to(&server.url, &["--pack"]), input.as_bytes()).ended_with(0);
    assert_eq!(outcome.summary(), [600, input.len() as u64, 600, 0, 0, 1]);
    assert!(outcome.stdout.contains("\"billed_bytes\":10240,"), "{outcome:?}");
    let records = records(&server);
    assert_eq!(records.iter().map(|record| record.split_inclusive(|byte| *byte == b'\n').count()).max(), Some(500));
    assert_eq!((records.len(), records.concat()), (2, input.into_bytes()));
}

#[test]
fn lets_no_record_overtake_another_when_order_is_strict() {
    // Every other request fails, in either way.
    let server = Server::start(|number, records| match number % 4 {
        1 => Answer::outcomes(&vec![Some("InternalFailure"); records.len()]),
        3 => Answer::refused(500, "InternalFailure"),
        _ => Answer::accepted(records.len()),
    });
    let input: String = (0..20).map(|number| format!("{number}\n")).collect();
    let outcome = run(&mut put_to(&server.url, &["--strict-order"]), input.as_bytes()).ended_with(0);
    assert_eq!(outcome.summary()[2..5], [20, 19, 0]);
    let accepted: Vec<u8> = server.requests().concat().into_iter().step_by(2).flatten().collect();
    assert_eq!(accepted, input.as_bytes());
}

#[test]
fn waits_for_company_as_long_as_it_is_told() {
    let server = accepting();
    let mut child = put_to(&server.url, &["--linger", "0"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for line in 0..3 {
        stdin.write_all(b"x\n").unwrap();
        server.wait_for(line + 1);
    }
    drop(stdin);
    finish(child).ended_with(0);
    let server = accepting();
    let mut child = put_to(&server.url, &["--linger", "900"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..3 {
        stdin.write_all(b"x\n").unwrap();
    }
    drop(stdin);
    finish(child).ended_with(0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn stays_below_the_rate_that_it_is_told() {
    let server = accepting();
    let outcome = run(&mut put_to(&server.url, &["--rate", "1000,requests=4"]), &b"x\n".repeat(3000)).ended_with(0);
    let summary: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    // A second's worth may go at once.
    assert!(summary["seconds"].as_f64().unwrap() > 1.4, "{outcome:?}");
}
