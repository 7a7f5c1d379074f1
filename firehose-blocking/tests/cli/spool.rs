//! `put --spool`: for whom the records in a spool are, and what becomes of one whose files are damaged.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::program::{SECRET, delivered, firehose, put_to, run, with_credentials};
use crate::server::{Answer, Server};

/// Leaves a record in a spool: the stream is not there.
fn leave(command: &mut Command, spool: &Path, record: &str) {
    run(command.arg("--spool").arg(spool), record.as_bytes()).ended_with(4);
}

fn missing() -> Server {
    Server::start(|_, _| Answer::refused(400, "ResourceNotFoundException"))
}

fn accepting() -> Server {
    Server::start(|_, records| Answer::accepted(records.len()))
}

#[test]
fn delivers_to_no_other_stream_region_or_endpoint_unasked() {
    let put = |stream: &str, region: &str, url: &str| {
        let mut command = firehose(&["put", stream, "--output", "json", "--region", region, "--endpoint-url", url]);
        with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
        command
    };
    let (known, other) = (missing(), accepting());
    for (stream, region, url) in
        [("other", "eu-west-1", &known.url), ("logs", "eu-west-2", &known.url), ("logs", "eu-west-1", &other.url)]
    {
        let dir = tempdir().unwrap();
        let spool = dir.path().join("spool");
        leave(&mut put("logs", "eu-west-1", &known.url), &spool, "one\n");
        let requests = [known.requests().len(), other.requests().len()];
        let outcome = run(put(stream, region, url).arg("--spool").arg(&spool), b"two\n").ended_with(3);
        for (stream, region, url) in [("logs", "eu-west-1", &known.url), (stream, region, url)] {
            let target = format!("the stream {stream} in {region} at {url}/");
            assert!(outcome.stderr.lines().next().unwrap().contains(&target), "{target}: {outcome:?}");
        }
        assert!(outcome.stderr.contains("add --spool-redirect"), "{outcome:?}");
        assert_eq!([known.requests().len(), other.requests().len()], requests);
    }
    let dir = tempdir().unwrap();
    let spool = dir.path().join("spool");
    leave(&mut put("logs", "eu-west-1", &known.url), &spool, "one\n");
    let mut command = put("logs", "eu-west-1", &other.url);
    let outcome = run(command.arg("--spool-redirect").arg("--spool").arg(&spool), b"two\n").ended_with(0);
    assert_eq!(other.requests().concat(), [b"one\n", b"two\n"]);
    assert!(outcome.stderr.contains("go to the stream logs in eu-west-1 at"), "{outcome:?}");
    // From now on it is the other one's, and needs not be told.
    run(put("logs", "eu-west-1", &other.url).arg("--spool").arg(&spool), b"three\n").ended_with(0);
}

#[test]
fn knows_a_directory_of_its_own_whatever_the_port() {
    let dir = tempdir().unwrap();
    let [spool, here, there] = ["spool", "here", "there"].map(|name| dir.path().join(name));
    let put = |local: &Path, text: &str| {
        let mut command = firehose(&["put", "demo", "--output", "json", "--linger", "0", "--max-in-flight", "1"]);
        run(command.arg("--local").arg(local).arg("--spool").arg(&spool), text.as_bytes())
    };
    put(&here, "one\n").ended_with(0);
    // As if it had been killed just before it took note of the outcome.
    fs::remove_file(spool.join("00000000000000000000.done")).unwrap();
    let outcome = put(&there, "two\n").ended_with(3);
    assert!(outcome.stderr.contains(&format!("at --local {}", there.canonicalize().unwrap().display())), "{outcome:?}");
    put(&here, "two\n").ended_with(0);
    assert_eq!(delivered(&here.join("demo")), b"one\none\ntwo\n");
    // There is nothing in it now.
    put(&there, "three\n").ended_with(0);
    assert_eq!(delivered(&there.join("demo")), b"three\n");
}

#[test]
fn starts_over_when_the_file_that_names_the_target_is_damaged_and_says_so() {
    for damage in ["", "#firehose-spool", "\0\0\0\0\0\0\0\0", "another program's"] {
        let (known, server) = (missing(), accepting());
        let dir = tempdir().unwrap();
        let spool = dir.path().join("spool");
        leave(&mut put_to(&known.url, &[]), &spool, "one\n");
        fs::write(spool.join("stream"), damage).unwrap();
        let outcome =
            run(put_to(&server.url, &["--max-in-flight", "1", "--spool"]).arg(&spool), b"two\n").ended_with(0);
        assert_eq!(server.requests().concat(), [b"one\n", b"two\n"]);
        assert!(outcome.stderr.contains("no longer knows the target"), "{outcome:?}");
        assert!(outcome.stderr.contains("stream.corrupt"), "{outcome:?}");
        assert_eq!(fs::read_to_string(spool.join("stream.corrupt")).unwrap(), damage);
    }
}
