//! The summary, in words and as JSON: it counts what happened, and names each reason in both.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::interrupts::interrupt;
use crate::program::{Outcome, SECRET, finish, firehose, run, with_credentials};
use crate::server::{Answer, Server};

/// What may be in the way of two lines.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    Unreachable,
    WrongCredentials,
    NoStream,
    NoStreamWithSpool,
    LeftInTheSpool,
    HalfRefused,
    Interrupted,
    InterruptedWithSpool,
    DiskFull,
}

use Case::{
    DiskFull, HalfRefused, Interrupted, InterruptedWithSpool, LeftInTheSpool, NoStream, NoStreamWithSpool, Unreachable,
    WrongCredentials,
};

/// A run of such a case.
fn outcome(case: Case, output: &str) -> Outcome {
    let server = Server::start(move |_, records| match case {
        WrongCredentials => Answer::refused(403, "UnrecognizedClientException"),
        NoStream | NoStreamWithSpool => Answer::refused(400, "ResourceNotFoundException"),
        HalfRefused => Answer::outcomes(
            &records.iter().map(|data| (data == b"two\n").then_some("InternalFailure")).collect::<Vec<_>>(),
        ),
        Interrupted | InterruptedWithSpool => Answer::Http(503, String::new()),
        _ => Answer::accepted(records.len()),
    });
    let dir = tempdir().unwrap();
    let spool = dir.path().join("spool");
    // Nobody listens at port 9.
    let url = if case == Unreachable { "http://127.0.0.1:9" } else { &server.url };
    let put = |url: &str| {
        let mut command = firehose(&["put", "logs", "--output", output, "--endpoint-url", url]);
        with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
        if !matches!(case, Unreachable | WrongCredentials | NoStream | HalfRefused | Interrupted) {
            command.arg("--spool").arg(&spool);
        }
        command
    };
    let mut command = put(url);
    match case {
        HalfRefused => run(command.env("AWS_MAX_ATTEMPTS", "2"), b"one\ntwo\n"),
        Interrupted | InterruptedWithSpool => {
            let command = command.args(["--linger", "0", "--drain-timeout", "0.2"]);
            let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(b"one\ntwo\n").unwrap();
            server.wait_for(1);
            interrupt(&child);
            let outcome = finish(child);
            drop(stdin);
            outcome
        }
        LeftInTheSpool => {
            let missing = Server::start(|_, _| Answer::refused(400, "ResourceNotFoundException"));
            run(&mut put(&missing.url), b"one\n").ended_with(4);
            run(command.arg("--spool-redirect"), b"two\n")
        }
        DiskFull => run(&mut with_small_files(&command, dir.path()), &b"0123456789\n".repeat(1000)),
        _ => run(&mut command, b"one\ntwo\n"),
    }
}

/// The same in a shell that lets no file grow beyond half a kilobyte, or a whole one.
fn with_small_files(put: &Command, dir: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]).arg(put.get_program()).args(put.get_args());
    command.current_dir(dir).stdout(Stdio::piped()).stderr(Stdio::piped());
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    command
}

#[test]
fn counts_what_happened_and_names_the_reasons_in_words_and_in_json() {
    // Status; records, accepted, resent, rejected, kept, requests, bytes billed; whether all was read; why it was stopped; and
    // why how many records were rejected.
    for (case, status, numbers, is_complete, stopped, reason) in [
        (Unreachable, 1, [2, 0, 0, 2, 0, 0, 0], true, "8 calls in a row failed, the last one with", "cannot connect"),
        (WrongCredentials, 4, [2, 0, 14, 2, 0, 8, 0], true, "8 calls in a row failed", "UnrecognizedClientException"),
        (NoStream, 4, [2, 0, 0, 2, 0, 1, 0], true, "ResourceNotFoundException: No.", "ResourceNotFoundException: No."),
        (NoStreamWithSpool, 4, [2, 0, 0, 0, 2, 1, 0], true, "ResourceNotFoundException: No.", ""),
        (LeftInTheSpool, 0, [2, 2, 0, 0, 0, 2, 10_240], true, "", ""),
        (HalfRefused, 1, [2, 1, 1, 1, 0, 2, 5_120], true, "", "InternalFailure: Slow down."),
        (Interrupted, 1, [2, 0, 0, 2, 0, 1, 0], false, "interrupted", "503"),
        (InterruptedWithSpool, 1, [2, 0, 0, 0, 2, 1, 0], false, "interrupted", ""),
        (DiskFull, 1, [0, 0, 0, 0, 0, 0, 0], false, "File too large", "File too large"),
    ] {
        let shown = outcome(case, "json");
        assert_eq!(shown.code, Some(status), "{case:?}: {shown:?}");
        let summary: Value = serde_json::from_str(&shown.stdout).unwrap();
        let names = ["records", "accepted", "resent", "rejected", "kept", "requests", "billed_bytes"];
        let found = names.map(|name| summary[name].as_u64().unwrap());
        let [records, accepted, .., rejected, kept, requests, billed] = found;
        assert_eq!(records, accepted + rejected + kept, "{case:?}: {shown:?}");
        match case {
            // How far it comes is the file system's business; how often it tries in a while, the machine's.
            DiskFull => assert!(accepted > 0 && rejected > 0 && billed == accepted * 5120, "{shown:?}"),
            LeftInTheSpool | Interrupted | InterruptedWithSpool => {
                assert!(requests > 0, "{shown:?}");
                assert_eq!(
                    [found[0], found[1], found[3], found[4], found[6]],
                    [2, numbers[1], numbers[3], numbers[4], numbers[6]],
                    "{case:?}"
                );
            }
            _ => assert_eq!(found, numbers, "{case:?}: {shown:?}"),
        }
        assert_eq!(summary["complete"], is_complete, "{case:?}: {shown:?}");
        let told = summary["stopped"].as_str().unwrap_or_default();
        assert!(told.contains(stopped) && told.is_empty() == stopped.is_empty(), "{case:?}: {shown:?}");
        let reasons = summary["reasons"].as_array().unwrap();
        assert_eq!(reasons.iter().map(|entry| entry["records"].as_u64().unwrap()).sum::<u64>(), rejected, "{case:?}");
        assert!(reasons.iter().all(|entry| entry["reason"].as_str().unwrap().contains(reason)), "{case:?}: {shown:?}");
        assert_eq!(reasons.is_empty(), reason.is_empty(), "{case:?}: {shown:?}");

        let said = outcome(case, "text").stdout;
        let mut lines = said.lines();
        let first = lines.next().unwrap();
        let rest: Vec<&str> = lines.collect();
        if !matches!(case, DiskFull | LeftInTheSpool | Interrupted | InterruptedWithSpool) {
            let kept = if kept > 0 { format!(", {kept} kept in the spool") } else { String::new() };
            let [records, accepted, resent, rejected, _, requests, _] = found;
            let counts =
                format!(" bytes: {accepted} accepted, {resent} resent, {rejected} rejected{kept}; {requests} request");
            assert!(first.starts_with(&format!("{records} records, ")) && first.contains(&counts), "{case:?}: {first}");
        }
        assert_eq!(first.contains("billed"), billed > 0, "{case:?}: {first}");
        let told = |what: &str, words: &str| rest.iter().any(|line| line.starts_with(what) && line.contains(words));
        assert!(stopped.is_empty() || told("stopped: ", stopped), "{case:?}: {said}");
        assert!(reason.is_empty() || told("rejected: ", reason), "{case:?}: {said}");
        assert!(!rest.is_empty() || json!(null) == summary["stopped"] && reason.is_empty(), "{case:?}: {said}");
    }
}
