//! What a run says while it lasts: that calls fail and succeed again, and its statistics.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::tempdir;

use crate::interrupts::{interrupt, signal};
use crate::program::{finish, put_to, run};
use crate::server::{Answer, Server};

/// A server that answers so until it is told that all is well.
fn ill(answer: impl Fn() -> Answer + Send + Sync + 'static) -> (Server, Arc<AtomicBool>) {
    let is_well = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_well);
    let server = Server::start(move |_, records| match seen.load(Ordering::Relaxed) {
        true => Answer::accepted(records.len()),
        false => answer(),
    });
    (server, is_well)
}

fn lines_of(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let stderr: BufReader<ChildStderr> = BufReader::new(child.stderr.take().unwrap());
    stderr.lines().map(Result::unwrap)
}

#[test]
fn follows_into_a_stream_or_a_permission_that_is_not_there_yet() {
    for (code, said, what_to_do) in [
        (
            "ResourceNotFoundException",
            "there is no stream logs in eu-west-1",
            "check the name, the region and the account",
        ),
        ("AccessDeniedException", "these credentials do not allow firehose:PutRecordBatch", "allow firehose:PutRec"),
    ] {
        let (server, is_well) = ill(move || Answer::refused(400, code));
        let dir = tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "one\ntwo\n").unwrap();
        let mut command = put_to(&server.url, &["--follow", "--linger", "0", "--spool"]);
        let mut child = command.arg(dir.path().join("spool")).arg(&log).spawn().unwrap();
        let mut lines = lines_of(&mut child);
        let first = lines.next().unwrap();
        assert!(first.starts_with("firehose: the service has refused every record since 20"), "{first}");
        assert!(first.contains(said) && first.ends_with(" waiting"), "{first}");
        assert!(lines.next().unwrap().starts_with("firehose:   the service said: "));
        let hint = lines.next().unwrap();
        assert!(hint.contains(what_to_do), "{hint}");
        assert!(lines.next().unwrap().contains("firehose check logs"));
        server.wait_for(3);
        is_well.store(true, Ordering::Relaxed);
        let last = lines.next().unwrap();
        assert!(last.starts_with("firehose: calls succeed again, after "), "{last}");
        interrupt(&child);
        // And that is all: the log does not say it as well.
        let rest: Vec<_> = lines.collect();
        assert_eq!(rest.len(), 1, "{rest:?}");
        assert_eq!(finish(child).ended_with(0).summary()[..3], [2, 8, 2]);
    }
}

#[test]
fn without_following_a_stream_that_is_not_there_ends_the_run() {
    let server = Server::start(|_, _| Answer::refused(400, "ResourceNotFoundException"));
    let outcome = run(put_to(&server.url, &[]).env("RUST_LOG", "info"), b"one\n").ended_with(4);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(outcome.stderr.matches("not accepted").count(), 1, "{outcome:?}");
    assert!(!outcome.stderr.contains("the producer has stopped"), "{outcome:?}");
}

#[test]
fn an_outage_has_a_line_at_its_beginning_and_one_at_its_end() {
    let (server, is_well) = ill(|| Answer::HangUp);
    let dir = tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, "one\n").unwrap();
    let mut command = put_to(&server.url, &["--follow", "--linger", "0", "--progress", "never"]);
    let mut child = command.arg(&log).spawn().unwrap();
    let mut lines = lines_of(&mut child);
    let first = lines.next().unwrap();
    assert!(first.starts_with("firehose: no call has succeeded since 20"), "{first}");
    assert!(first.ends_with("; 1 record (4 bytes) waiting to be sent again"), "{first}");
    is_well.store(true, Ordering::Relaxed);
    let last = lines.next().unwrap();
    assert!(last.starts_with("firehose: calls succeed again, after "), "{last}");
    interrupt(&child);
    let rest: Vec<_> = lines.collect();
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(finish(child).ended_with(0).summary()[..3], [1, 4, 1]);
}

#[test]
fn tells_figures_at_intervals_and_when_it_is_asked() {
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    // The first request is accepted, others get no answer.
    let server = Server::start(move |_, records| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::accepted(records.len()),
        _ => Answer::Http(503, String::new()),
    });
    let dir = tempdir().unwrap();
    for args in [&[][..], &["--stats", "0.2"], &["--stats", "0.2", "--progress", "always"]] {
        answered.store(0, Ordering::Relaxed);
        let mut command = put_to(&server.url, &["--linger", "0", "--drain-timeout", "0", "--max-in-flight", "1"]);
        command.args(args).arg("--spool").arg(dir.path().join(args.len().to_string()));
        let before = server.requests().len();
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"one\n").unwrap();
        server.wait_for(before + 1);
        stdin.write_all(b"two\nthree\n").unwrap();
        server.wait_for(before + 2);
        let mut lines = lines_of(&mut child);
        let figures = if args.is_empty() {
            signal(&child, "USR1");
            lines.next().unwrap()
        } else {
            // The first ones may be from before that.
            lines.find(|line| line.contains("1 accepted, 2 waiting")).unwrap()
        };
        let figures = figures.rsplit("firehose: ").next().unwrap();
        assert!(figures.starts_with("1 accepted, 2 waiting, "), "{figures}");
        assert!(figures.contains(" resent, 0 rejected, ") && figures.contains(" bytes in the spool, "), "{figures}");
        assert!(figures.contains(", oldest record waiting for ") && figures.ends_with(" seconds"), "{figures}");
        // It goes on.
        interrupt(&child);
        lines.for_each(drop);
        assert_eq!(finish(child).summary()[2], 1);
    }
}

#[test]
fn a_question_before_there_is_anything_to_tell_does_no_harm() {
    let dir = tempdir().unwrap();
    let log = dir.path().join("log");
    let mut command = put_to("http://127.0.0.1:1", &["--follow"]);
    command.arg(&log).env_remove("AWS_ACCESS_KEY_ID");
    let mut child = command.spawn().unwrap();
    let mut lines = lines_of(&mut child);
    assert!(lines.any(|line| line.ends_with("waiting until this is available")));
    signal(&child, "USR1");
    assert_eq!(lines.next().unwrap(), "firehose: nothing has been read yet");
    signal(&child, "KILL");
    child.wait().unwrap();
}
