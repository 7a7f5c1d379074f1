//! What an interrupt leaves: everything that was read delivered, or kept, and counted.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Barrier, Mutex};

use tempfile::tempdir;

use crate::program::{finish, put_to, rejects};
use crate::server::{Answer, Server};

pub(crate) fn interrupt(child: &Child) {
    signal(child, "INT");
}

pub(crate) fn signal(child: &Child, name: &str) {
    let told = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(told.success());
}

/// Waits for the message that an interrupt brings at once, and returns what else there is.
fn wait_until_told(child: &mut Child) -> BufReader<ChildStderr> {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("firehose: interrupted; delivering"), "{line:?}");
    stderr
}

/// A server that answers no request before it is told to.
fn waiting() -> (Server, Sender<Answer>) {
    let (tell, told) = mpsc::channel();
    let told = Mutex::new(told);
    (Server::start(move |_, _| told.lock().unwrap().recv().unwrap_or(Answer::HangUp)), tell)
}

#[test]
fn delivers_a_line_that_was_begun() {
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let mut child = put_to(&server.url, &[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    server.wait_for(1);
    stdin.write_all(b"two\nthr").unwrap();
    // The second line is sent when it has waited for company; by then all has been read for sure.
    server.wait_for(2);
    interrupt(&child);
    let outcome = finish(child).ended_with(1);
    assert_eq!(outcome.summary(), [3, 11, 3, 0, 0, 3]);
    assert!(!outcome.is_complete(), "{outcome:?}");
    assert_eq!(server.requests().concat().concat(), b"one\ntwo\nthr");
    assert!(outcome.stderr.contains("stopped after 11 bytes of the input"), "{outcome:?}");
    drop(stdin);
}

#[test]
fn delivers_every_byte_that_it_took_from_a_pipe() {
    let barrier = Arc::new(Barrier::new(2));
    let waiting = Arc::clone(&barrier);
    let server = Server::start(move |number, records| {
        if number == 0 {
            waiting.wait();
        }
        Answer::accepted(records.len())
    });
    let (input, mut output) = std::io::pipe().unwrap();
    let mut rest = input.try_clone().unwrap();
    let mut child = put_to(&server.url, &["--max-in-flight", "1"]).stdin(input).spawn().unwrap();
    let text: Vec<u8> = (0..400_000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
    let sent = text.clone();
    let writer = std::thread::spawn(move || output.write_all(&sent));
    server.wait_for(1);
    interrupt(&child);
    let stderr = wait_until_told(&mut child);
    barrier.wait();
    let outcome = finish(child);
    let mut left = Vec::new();
    rest.read_to_end(&mut left).unwrap();
    writer.join().unwrap().unwrap();
    let delivered = server.requests().concat().concat();
    assert_eq!((outcome.code, outcome.summary()[1]), (Some(1), delivered.len() as u64), "{outcome:?}");
    assert_eq!(delivered.len() + left.len(), text.len());
    assert!([delivered, left].concat() == text);
    drop(stderr);
}

#[test]
fn does_not_send_half_a_file() {
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let dir = tempdir().unwrap();
    let (first, kept) = (dir.path().join("first"), dir.path().join("rejects"));
    fs::write(&first, "whole").unwrap();
    let mut command = put_to(&server.url, &["--whole-file", "--rejects"]);
    let mut child = command.arg(&kept).arg(&first).arg("-").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"half").unwrap();
    server.wait_for(1);
    interrupt(&child);
    let stdin = child.stdin.take();
    let outcome = finish(child).ended_with(1);
    assert_eq!(outcome.summary(), [2, 9, 1, 0, 1, 1]);
    assert_eq!(rejects(&kept), [(b"half".to_vec(), "interrupted after 4 bytes of the file".into(), 0)]);
    drop(stdin);
}

#[test]
fn says_that_it_is_interrupted_at_the_end_of_the_input_too() {
    let (server, answer) = waiting();
    let mut child = put_to(&server.url, &[]).stdin(Stdio::null()).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a\n").unwrap();
    server.wait_for(1);
    interrupt(&child);
    let _stderr = wait_until_told(&mut child);
    answer.send(Answer::accepted(1)).unwrap();
    let outcome = finish(child).ended_with(0);
    assert_eq!(outcome.summary()[2], 1);
    assert!(outcome.is_complete(), "{outcome:?}");
}

#[test]
fn keeps_what_was_rejected_when_interrupted_twice() {
    let (server, _answer) = waiting();
    let dir = tempdir().unwrap();
    let kept = dir.path().join("rejects");
    let mut command = put_to(&server.url, &["--rejects"]);
    let mut child = command.arg(&kept).stdin(Stdio::piped()).spawn().unwrap();
    let long = [vec![b'x'; 1_100_000], b"\n".to_vec()].concat();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&long).unwrap();
    stdin.write_all(b"a\nb\n").unwrap();
    drop(stdin);
    server.wait_for(1);
    interrupt(&child);
    let mut stderr = wait_until_told(&mut child);
    interrupt(&child);
    let outcome = finish(child);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(130), ""));
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    assert_eq!(told, "firehose: interrupted again; 2 records left without an outcome\n");
    let [(data, _, 0)] = &rejects(&kept)[..] else { panic!("{told}") };
    assert!(*data == long);
}
