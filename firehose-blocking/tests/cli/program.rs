//! Runs the program and looks at what it left behind.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The secret of every test, to be looked for where it must not be.
pub(crate) const SECRET: &str = "HushHushHushHushHush";

/// The program with these arguments, and nothing of AWS in its environment.
pub(crate) fn firehose(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firehose"));
    let foreign = |name: &str| name.starts_with("AWS_") || ["REQUESTS_CA_BUNDLE", "RUST_LOG"].contains(&name);
    env::vars_os().filter(|(name, _)| name.to_str().is_some_and(foreign)).for_each(|(name, _)| {
        command.env_remove(name);
    });
    // Nor files of this user's, nor those who may answer for the machine.
    command.env("HOME", "/nonexistent").env("USERPROFILE", "/nonexistent").env("AWS_EC2_METADATA_DISABLED", "true");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `put` to an endpoint, with credentials and region.
pub(crate) fn put_to(url: &str, args: &[&str]) -> Command {
    let mut command = firehose(&["put", "logs", "--output", "json", "--endpoint-url", url]);
    command.args(args);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    command
}

/// `put` into a directory.
pub(crate) fn put_locally(dir: &Path, args: &[&str]) -> Command {
    let mut command = firehose(&["put", "logs", "--output", "json", "--max-in-flight", "1", "--local"]);
    command.arg(dir).args(args);
    command
}

pub(crate) fn with_credentials(command: &mut Command, key: &str, secret: &str) {
    command.env("AWS_REGION", "eu-west-1").env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The members of the summary: records, bytes, accepted, resent, rejected, requests.
    pub(crate) fn summary(&self) -> [u64; 6] {
        let summary: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"));
        assert_eq!(summary.as_object().unwrap().len(), 12, "{self:?}");
        assert!(summary["seconds"].is_f64(), "{self:?}");
        assert!(summary["complete"].is_boolean(), "{self:?}");
        let numbers = ["records", "bytes", "accepted", "resent", "rejected", "requests"]
            .map(|name| summary[name].as_u64().unwrap_or_else(|| panic!("{name} of {self:?}")));
        let kept = summary["kept"].as_u64().unwrap();
        assert_eq!(numbers[0], numbers[2] + numbers[4] + kept, "every record has an outcome, or is kept: {self:?}");
        numbers
    }

    /// Whether the summary says that all of the input was read.
    pub(crate) fn is_complete(&self) -> bool {
        serde_json::from_str::<Value>(&self.stdout).unwrap()["complete"] == true
    }

    /// Asserts the exit status, and that each message says whose it is and keeps secrets.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.lines().all(|line| line.starts_with("firehose: ")), "{self:?}");
        assert!(!self.stderr.contains(SECRET), "{self:?}");
        self
    }
}

/// Runs a command to its end with this on its standard input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Outcome {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            // The program need not read all of it.
            let _ = stdin.write_all(input);
        });
        finish(child)
    })
}

/// Waits for the end of a command.
pub(crate) fn finish(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Everything below a directory, in the order of the names.
pub(crate) fn delivered(dir: &Path) -> Vec<u8> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| if path.is_dir() { delivered(path) } else { fs::read(path).unwrap() }).collect()
}

/// The lines of a rejects file: data, reason, attempts.
pub(crate) fn rejects(path: &Path) -> Vec<(Vec<u8>, String, u64)> {
    let text = fs::read_to_string(path).unwrap();
    let entry = |line: &str| {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:.300}"));
        assert_eq!(entry.as_object().unwrap().len(), 3, "{line:.300}");
        let data = STANDARD.decode(entry["data"].as_str().unwrap()).unwrap();
        (data, entry["reason"].as_str().unwrap().to_string(), entry["attempts"].as_u64().unwrap())
    };
    text.lines().map(entry).collect()
}
