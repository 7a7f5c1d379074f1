//! Compressed input: gzip's is read, others' is refused with what to do, and whole files are sent as they are.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::tempdir;

#[cfg(unix)]
use crate::interrupts::interrupt;
use crate::program::{delivered, finish, put_locally, put_to, run};
use crate::server::{Answer, Server};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("line {number}\n").into_bytes()).collect()
}

#[test]
fn reads_what_gzip_has_compressed() {
    let lines = lines(100_000);
    let members = [gzip(&lines), gzip(b""), gzip(b"last")].concat();
    for (name, input, expected) in [
        ("one member", gzip(&lines), lines.clone()),
        ("several", members, [&*lines, b"last"].concat()),
        ("empty", gzip(b""), Vec::new()),
        ("text that begins alike", b"\x1f\x8b".to_vec(), b"\x1f\x8b".to_vec()),
    ] {
        let dir = tempdir().unwrap();
        let (file, out) = (dir.path().join("in"), dir.path().join("out"));
        fs::write(&file, &input).unwrap();
        let outcome = run(put_locally(&out, &[]).arg(&file), b"").ended_with(0);
        assert_eq!(outcome.summary()[1], expected.len() as u64, "{name}");
        assert!(delivered(&out) == expected, "{name}");
        let out = dir.path().join("from a pipe");
        run(&mut put_locally(&out, &[]), &input).ended_with(0);
        assert!(delivered(&out) == expected, "{name}");
    }
}

#[test]
fn recognises_it_when_the_first_bytes_come_one_by_one() {
    let dir = tempdir().unwrap();
    let mut child = put_locally(dir.path(), &[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for byte in gzip(b"one\ntwo\n") {
        stdin.write_all(&[byte]).unwrap();
        stdin.flush().unwrap();
    }
    drop(stdin);
    finish(child).ended_with(0);
    assert_eq!(delivered(dir.path()), b"one\ntwo\n");
}

#[test]
fn says_where_it_breaks_off_and_delivers_what_was_there() {
    let lines = lines(50_000);
    let whole = gzip(&lines);
    let dir = tempdir().unwrap();
    let (file, next, out) = (dir.path().join("in.gz"), dir.path().join("next"), dir.path().join("out"));
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    fs::write(&next, "another\n").unwrap();
    let outcome = run(put_locally(&out, &[]).args([&file, &next]), b"").ended_with(1);
    assert!(outcome.stderr.contains("in.gz: the gzip data is incomplete or corrupt"), "{outcome:?}");
    let delivered = delivered(&out);
    let part = delivered.strip_suffix(b"\nanother\n").unwrap();
    assert!(part.len() > 1000 && lines.starts_with(part));
    assert!(!outcome.is_complete());
}

#[test]
fn refuses_what_others_have_compressed_with_the_command_that_would_do() {
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let dir = tempdir().unwrap();
    for (magic, reader) in
        [(b"BZh91AY&SY".as_slice(), "bzcat"), (b"\xfd7zXZ\0", "xzcat"), (b"\x28\xb5\x2f\xfd\x04\x58", "zstdcat")]
    {
        let file = dir.path().join("log");
        fs::write(&file, magic).unwrap();
        let hint = format!("`{reader} {} | firehose put STREAM`", file.display());
        let outcome = run(put_to(&server.url, &[]).arg(&file), b"").ended_with(2);
        assert!(outcome.stderr.contains(&hint), "{outcome:?}");
        let outcome = run(put_to(&server.url, &["--follow"]).arg(&file), b"").ended_with(2);
        assert!(outcome.stderr.contains(&hint), "{outcome:?}");
        let outcome = run(&mut put_to(&server.url, &[]), magic).ended_with(1);
        assert!(outcome.stderr.contains(&format!("`{reader} FILE | firehose put STREAM`")), "{outcome:?}");
        assert_eq!(server.requests().len(), 0);
    }
}

#[test]
fn sends_whole_files_as_they_are() {
    for file in [gzip(b"one\n"), b"\xfd7zXZ\0 and so on".to_vec()] {
        let dir = tempdir().unwrap();
        run(&mut put_locally(dir.path(), &["--whole-file"]), &file).ended_with(0);
        assert!(delivered(dir.path()) == file);
    }
}

#[cfg(unix)]
#[test]
fn ends_when_it_is_interrupted_in_the_middle() {
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let mut child = put_to(&server.url, &["--linger", "0"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"one\n").unwrap();
    encoder.flush().unwrap();
    stdin.write_all(encoder.get_ref()).unwrap();
    server.wait_for(1);
    interrupt(&child);
    let outcome = finish(child).ended_with(1);
    assert_eq!(outcome.summary()[..3], [1, 4, 1]);
    drop(stdin);
}
