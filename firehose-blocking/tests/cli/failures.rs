//! What cannot be put is told, kept, and costs no other record.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::{Arc, Barrier};

use firehose_blocking::LocalEndpoint;
use tempfile::tempdir;

#[cfg(target_os = "linux")]
use crate::program::delivered;
use crate::program::{SECRET, finish, firehose, put_locally, put_to, rejects, run, with_credentials};
use crate::server::{Answer, Server};

const FAILURE: Option<&str> = Some("InternalFailure");

#[test]
fn resends_only_the_records_that_failed() {
    let server = Server::start(|number, records| match number {
        0 => Answer::outcomes(&[None, FAILURE, None, FAILURE]),
        1 => Answer::outcomes(&[FAILURE, None]),
        _ => Answer::accepted(records.len()),
    });
    let outcome = run(&mut put_to(&server.url, &[]), b"a\nb\nc\nd\n").ended_with(0);
    assert_eq!(outcome.summary(), [4, 8, 4, 3, 0, 3]);
    let requests = server.requests();
    assert_eq!(requests[1], [b"b\n", b"d\n"]);
    assert_eq!(requests[2], [b"b\n"]);
}

#[test]
fn waits_for_a_stream_that_takes_a_part_of_each_batch() {
    // 25 answers for the first batch: far more attempts than one in vain would be given.
    let server = Server::start(|_, records| {
        let failed = records.len().saturating_sub(20);
        Answer::outcomes(&[&*vec![None; records.len() - failed], &*vec![FAILURE; failed]].concat())
    });
    let input: String = (0..500).map(|number| format!("{number}\n")).collect();
    let outcome = run(&mut put_to(&server.url, &["--max-in-flight", "1"]), input.as_bytes()).ended_with(0);
    assert_eq!(outcome.summary(), [500, input.len() as u64, 500, (1..25).map(|n| 500 - n * 20).sum(), 0, 25]);
    let accepted: Vec<u8> =
        server.requests().iter().flat_map(|records| records.iter().take(20)).flatten().copied().collect();
    assert_eq!(accepted, input.as_bytes(), "the order of the input");
}

#[test]
fn gives_a_record_up_that_is_never_accepted_and_goes_on() {
    let server = Server::start(|_, records| {
        let outcome = |record: &Vec<u8>| if record == b"1\n" { FAILURE } else { None };
        Answer::outcomes(&records.iter().map(outcome).collect::<Vec<_>>())
    });
    let dir = tempdir().unwrap();
    let kept = dir.path().join("rejects");
    let input: String = (0..510).map(|number| format!("{number}\n")).collect();
    let mut command = put_to(&server.url, &["--max-in-flight", "1", "--rejects"]);
    let outcome = run(command.arg(&kept).env("AWS_MAX_ATTEMPTS", "9"), input.as_bytes()).ended_with(1);
    assert_eq!(outcome.summary(), [510, input.len() as u64, 509, 8, 1, 10]);
    assert!(outcome.stderr.contains("InternalFailure: Slow down."), "{outcome:?}");
    assert_eq!(rejects(&kept), [(b"1\n".to_vec(), "InternalFailure: Slow down.".into(), 9)]);
}

#[test]
fn reads_no_further_when_nothing_gets_through() {
    let server = Server::start(|_, _| Answer::Http(503, "<html>later</html>".into()));
    let input = "x\n".repeat(5_000_000);
    let mut command = put_to(&server.url, &["--max-in-flight", "1"]);
    let outcome = run(&mut command, input.as_bytes()).ended_with(1);
    let [records, _, accepted, _, rejected, requests] = outcome.summary();
    assert_eq!((accepted, rejected, requests), (0, records, 8));
    assert!(records < 2_000_000, "it goes on reading: {records}");
    let why = "cannot reach the service: 8 calls in a row failed, the last one with 503: <html>later</html>";
    assert!(outcome.stderr.contains(why), "{outcome:?}");
    assert!(!outcome.stderr.contains("refused"), "{outcome:?}");
}

#[test]
fn blames_the_key_once_the_clock_is_corrected() {
    let refusal = r#"{"__type":"InvalidSignatureException","message":"No."}"#;
    let server = Server::start(move |_, _| Answer::Ahead(403, refusal.into()));
    let outcome = run(&mut put_to(&server.url, &[]), b"a\n");
    assert_eq!((outcome.code, outcome.summary()), (Some(4), [1, 2, 0, 0, 1, 1]), "{outcome:?}");
    assert_eq!(server.requests().len(), 2);
    assert!(
        outcome.stderr.contains("s behind the service's; requests are signed with the service's time"),
        "{outcome:?}"
    );
}

#[test]
fn advises_about_region_and_endpoint_when_the_scope_is_wrong() {
    for what in ["to a valid region", "to correct service: 'kinesis'"] {
        let refusal =
            format!(r#"{{"__type":"InvalidSignatureException","message":"Credential should be scoped {what}. "}}"#);
        let server = Server::start(move |_, _| Answer::Http(403, refusal.clone()));
        let outcome = run(put_to(&server.url, &[]).env("AWS_REGION", "EU-West-1"), b"a\n").ended_with(4);
        assert!(outcome.stderr.contains("Firehose endpoint in eu-west-1?"), "{outcome:?}");
        assert!(!outcome.stderr.contains("AWS_SECRET_ACCESS_KEY"), "{outcome:?}");
    }
}

#[test]
fn keeps_no_endless_reason() {
    let server = Server::start(|_, _| {
        Answer::Http(400, format!(r#"{{"__type":"ValidationException","message":"{}"}}"#, "m".repeat(1_000_000)))
    });
    let dir = tempdir().unwrap();
    let kept = dir.path().join("rejects");
    run(put_to(&server.url, &["--rejects"]).arg(&kept), b"a\n").ended_with(4);
    assert!(fs::metadata(&kept).unwrap().len() < 2000);
}

#[test]
fn tries_a_call_again_that_failed_for_the_moment() {
    for (name, failure) in [
        ("server error", || Answer::refused(500, "InternalFailure")),
        ("no answer", || Answer::HangUp),
        ("no sense", || Answer::Http(200, "{}".into())),
    ] as [(&str, fn() -> Answer); 3]
    {
        let server = Server::start(move |number, records| match number {
            0 => failure(),
            _ => Answer::accepted(records.len()),
        });
        let outcome = run(&mut put_to(&server.url, &[]), b"a\nb\n").ended_with(0);
        assert_eq!(outcome.summary(), [2, 4, 2, 2, 0, 2], "{name}");
        assert_eq!(server.requests()[0], server.requests()[1], "{name}");
    }
}

#[test]
fn stops_when_the_service_refuses_the_call() {
    for (code, hint) in [
        ("ResourceNotFoundException", "there is no stream logs in eu-west-1"),
        ("AccessDeniedException", "firehose:PutRecordBatch"),
        ("InvalidSignatureException", "AWS_SECRET_ACCESS_KEY"),
        ("InvalidArgumentException", "No."),
    ] {
        let server = Server::start(move |_, _| Answer::refused(400, code));
        let dir = tempdir().unwrap();
        let (input, kept) = (dir.path().join("in"), dir.path().join("rejects"));
        fs::write(&input, "x\n".repeat(5_000_000)).unwrap();
        let mut command = put_to(&server.url, &["--rejects"]);
        let outcome = run(command.arg(&kept).arg(&input), b"").ended_with(4);
        for part in [code, "No.", hint, "of 10000000 bytes of the input not read"] {
            assert!(outcome.stderr.contains(part), "{part} in {outcome:?}");
        }
        let [records, _, accepted, resent, rejected, requests] = outcome.summary();
        assert_eq!((accepted, resent, rejected), (0, 0, records));
        assert!(!outcome.is_complete(), "{outcome:?}");
        assert!(records < 2_000_000, "it goes on reading: {records}");
        assert!((1..=4).contains(&requests), "{requests}");
        let rejects = rejects(&kept);
        assert_eq!(rejects.len() as u64, records);
        let sent = rejects.iter().filter(|(_, reason, attempts)| *attempts == 1 && *reason == format!("{code}: No."));
        assert_eq!(sent.count(), server.requests().concat().len());
        assert!(rejects.iter().all(|(data, reason, _)| data == b"x\n" && reason.ends_with("No.")));
    }
}

#[test]
fn stops_when_the_credentials_stay_refused() {
    let server = Server::start(|_, _| Answer::refused(400, "UnrecognizedClientException"));
    let outcome = run(&mut put_to(&server.url, &["--max-in-flight", "1"]), b"a\n").ended_with(4);
    assert_eq!(outcome.summary()[5], 8, "{outcome:?}");
    for part in ["8 calls in a row failed", "UnrecognizedClientException: No.", "is AWS_ACCESS_KEY_ID active"] {
        assert!(outcome.stderr.contains(part), "{part} in {outcome:?}");
    }
}

#[test]
fn stops_although_the_input_goes_on() {
    let server = Server::start(|_, _| Answer::refused(400, "ResourceNotFoundException"));
    let mut child = put_to(&server.url, &[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\ntw").unwrap();
    let outcome = finish(child).ended_with(4);
    assert!(outcome.stderr.contains("stopped after 4 bytes of the input"), "{outcome:?}");
    assert_eq!(outcome.summary(), [1, 4, 0, 0, 1, 1]);
    drop(stdin);
}

#[test]
fn loses_no_part_of_a_long_line_that_a_stop_interrupts() {
    let is_written = Arc::new(Barrier::new(2));
    let waiting = Arc::clone(&is_written);
    let server = Server::start(move |_, _| {
        waiting.wait();
        Answer::refused(400, "ResourceNotFoundException")
    });
    let dir = tempdir().unwrap();
    let kept = dir.path().join("rejects");
    let mut command = put_to(&server.url, &["--rejects"]);
    let mut child = command.arg(&kept).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    // More than the limit, and than what may be read ahead: some of it has come out in parts.
    stdin.write_all(&vec![b'x'; 4_000_000]).unwrap();
    is_written.wait();
    let outcome = finish(child).ended_with(4);
    let [(long, why, 0), (short, _, 1)] = &rejects(&kept)[..] else { panic!("{outcome:?}") };
    assert!(long.len() > 1_024_000 && long.iter().all(|&byte| byte == b'x'));
    assert!(why.contains(&format!("of which {} were read", long.len())), "{why}");
    assert_eq!(short, b"one\n");
    assert_eq!(outcome.summary(), [2, 4 + long.len() as u64, 0, 0, 2, 1]);
    drop(stdin);
}

#[test]
fn gives_up_soon_when_nobody_listens() {
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let dir = tempdir().unwrap();
    let kept = dir.path().join("rejects");
    let mut command = put_to(&url, &["--max-in-flight", "1", "--rejects"]);
    let outcome = run(command.arg(&kept), &b"x\n".repeat(1_000_000)).ended_with(1);
    let [records, _, accepted, _, rejected, requests] = outcome.summary();
    // Eight calls, of which nothing was sent.
    assert_eq!((accepted, rejected, requests), (0, records, 0));
    assert!(outcome.stderr.contains("8 calls in a row failed"), "{outcome:?}");
    assert!(outcome.stderr.contains("cannot connect") && outcome.stderr.contains(&url), "{outcome:?}");
    assert_eq!(rejects(&kept).len() as u64, records);
}

#[test]
fn says_what_the_server_did_that_was_reached() {
    let elsewhere = |_: usize, _: &[Vec<u8>]| Answer::Http(301, String::new());
    let endless = |_: usize, _: &[Vec<u8>]| Answer::Http(200, "x".repeat(20_000_000));
    let silent = |_: usize, _: &[Vec<u8>]| Answer::HangUp;
    let dir = tempdir().unwrap();
    let plain = LocalEndpoint::builder(dir.path()).start().unwrap();
    for (url, code, message) in [
        (Server::start(elsewhere).url, 1, "response of status 301 without an AWS error code"),
        (Server::start(endless).url, 1, "8 calls in a row failed, the last one with response too large: 127.0.0.1:"),
        (Server::start(silent).url, 1, "connection broken: 127.0.0.1:"),
        (plain.url().replacen("http", "https", 1), 1, "if it speaks plain HTTP, begin its URL with http://"),
    ] {
        let outcome = run(&mut put_to(&url, &[]), b"a\n").ended_with(code);
        assert!(outcome.stderr.contains(message), "{message}: {outcome:?}");
        assert!(outcome.stderr.contains(&url), "{outcome:?}");
    }
}

#[test]
fn finds_credentials_that_cannot_sign_before_it_reads() {
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKID EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret\nkey"),
        ("AWS_SESSION_TOKEN", "token\r\nX-Evil: b"),
        ("AWS_SESSION_TOKEN", "tok\u{e9}n"),
    ] {
        let mut child = put_to("http://127.0.0.1:9", &[]).env(name, value).stdin(Stdio::piped()).spawn().unwrap();
        // Nothing is written, and there is no end either.
        let stdin = child.stdin.take();
        let outcome = finish(child).ended_with(3);
        assert!(outcome.stderr.contains(name) && !outcome.stderr.contains("Evil"), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
        drop(stdin);
    }
}

#[test]
fn finds_a_directory_that_cannot_be_written_before_it_reads() {
    let dir = tempdir().unwrap();
    let (file, taken) = (dir.path().join("file"), dir.path().join("taken"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("logs"), "").unwrap();
    let mut dirs = vec![file.clone(), file.join("below"), taken];
    // Where nobody can make a file, whoever tries.
    dirs.extend(cfg!(target_os = "linux").then(|| "/proc".into()));
    for dir in dirs {
        let mut child = put_locally(&dir, &[]).stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let outcome = finish(child).ended_with(3);
        assert!(outcome.stderr.contains(&format!("cannot keep records in {}", dir.display())), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
        drop(stdin);
    }
}

#[test]
fn says_so_when_records_may_have_been_stored_nevertheless() {
    for body in ["{}", "<html>login</html>", "", r#"{"FailedPutCount":0,"RequestResponses":[]}"#] {
        let server = Server::start(move |_, _| Answer::Http(200, body.into()));
        let dir = tempdir().unwrap();
        let kept = dir.path().join("rejects");
        let mut command = put_to(&server.url, &["--rejects"]);
        let outcome = run(command.arg(&kept).env("AWS_MAX_ATTEMPTS", "3"), b"a\n").ended_with(1);
        assert_eq!(outcome.summary(), [1, 2, 0, 2, 1, 3], "{body}");
        let [(data, reason, 3)] = &rejects(&kept)[..] else { panic!("{body}") };
        assert_eq!(data, b"a\n");
        assert!(reason.ends_with("; an earlier attempt may have stored it"), "{reason}");
    }
}

#[test]
fn asks_for_configuration_that_is_missing() {
    let all = [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    for missing in 0..all.len() {
        let mut command = firehose(&["put", "logs", "--endpoint-url", "http://127.0.0.1:9"]);
        command.envs(all.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, pair)| *pair));
        let outcome = run(&mut command, b"a\n").ended_with(3);
        assert!(outcome.stderr.contains(all[missing].0), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
    }
    let mut command = firehose(&["put", "logs", "--endpoint-url", "ftp://h"]);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    run(&mut command, b"").ended_with(3);
}

#[test]
fn sends_nothing_when_the_command_line_cannot_be_followed() {
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let dir = tempdir().unwrap();
    let full = dir.path().join("full");
    fs::write(&full, "not empty\n").unwrap();
    let (full, dir) = (full.to_str().unwrap(), dir.path().to_str().unwrap());
    for (args, message) in [
        (&["-", "/no/such/file"] as &[&str], "/no/such/file"),
        (&[dir], "directory"),
        (&["--rejects", full], "not empty"),
        (&["--rejects", dir], "cannot write"),
        (&["--delimiter", ""], "delimiter"),
        (&["--delimiter", r"\q"], "backslash"),
        (&["--max-in-flight", "0"], "256"),
        (&["--local", dir], "cannot be used with"),
        (&["--whole-file", "--strip-newline"], "cannot be used with"),
    ] {
        let outcome = run(&mut put_to(&server.url, args), b"a\n");
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(message), "{args:?}: {outcome:?}");
    }
    assert_eq!(server.requests().len(), 0);
    assert_eq!(fs::read_to_string(full).unwrap(), "not empty\n");
}

#[test]
fn cannot_be_told_a_stream_that_cannot_be() {
    for name in ["", "a b", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/logs"] {
        assert_eq!(run(&mut firehose(&["put", name]), b"").code, Some(2), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn reports_an_input_that_breaks_off_and_reads_the_others() {
    let dir = tempdir().unwrap();
    let (next, out) = (dir.path().join("next"), dir.path().join("out"));
    fs::write(&next, "b\n").unwrap();
    // A file whose first byte cannot be read, whoever tries.
    let outcome = run(put_locally(&out, &["-", "/proc/self/mem"]).arg(&next), b"a\n").ended_with(1);
    assert!(outcome.stderr.contains("cannot read all of /proc/self/mem"), "{outcome:?}");
    assert_eq!(outcome.summary()[..5], [2, 4, 2, 0, 0]);
    assert!(!outcome.is_complete(), "{outcome:?}");
    assert_eq!(delivered(&out), b"a\nb\n");
}

#[cfg(target_os = "linux")]
#[test]
fn says_so_when_rejects_cannot_be_kept() {
    let server = Server::start(|_, _| Answer::refused(400, "ResourceNotFoundException"));
    let outcome = run(&mut put_to(&server.url, &["--rejects", "/dev/full"]), b"a\n").ended_with(4);
    assert!(outcome.stderr.contains("cannot write rejected records to /dev/full"), "{outcome:?}");
    assert!(outcome.stderr.contains("1 of 1 records not accepted; 0 of them in /dev/full, 1 lost"), "{outcome:?}");
    assert_eq!(outcome.summary()[4], 1);
}

#[test]
fn shows_diagnostics_when_asked_without_secrets_or_data() {
    let server = Server::start(|number, records| match number {
        0 => Answer::refused(500, "InternalFailure"),
        _ => Answer::accepted(records.len()),
    });
    let mut command = put_to(&server.url, &[]);
    let outcome = run(command.env("RUST_LOG", "trace"), b"private-data\n");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("firehose_blocking"), "{outcome:?}");
    // What dumps the wire does it sixteen bytes a line, so that no text is found in it whole.
    for private in [SECRET, "private-data", "cHJpdmF0ZS1kYXRh", "TRACE ureq_proto"] {
        assert!(!outcome.stderr.contains(private), "{private} in {outcome:?}");
    }
}
