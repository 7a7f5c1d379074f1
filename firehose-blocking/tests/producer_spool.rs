//! The spool's promise: whatever `send` has returned from is delivered, though the process is killed at any moment.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

use std::collections::HashSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use firehose_blocking::{Client, Credentials, LocalEndpoint, Producer, SpoolOptions};

const ROUNDS: u32 = 50;
const DIR: &str = "FIREHOSE_TEST_SPOOL";
const URL: &str = "FIREHOSE_TEST_URL";
const ROUND: &str = "FIREHOSE_TEST_ROUND";

fn producer(url: &str, dir: &Path) -> Producer {
    let credentials = Credentials::new("test", "test");
    let client = Client::builder().region("us-east-1").endpoint_url(url).credentials(credentials).build().unwrap();
    Producer::builder(client, "demo").spool(dir, SpoolOptions::default()).start().unwrap()
}

/// The process that is killed: sends numbered lines for ever, and says each number when `send` has returned.
#[test]
#[ignore = "run by the test below, as a process of its own"]
fn child() {
    let (Ok(dir), Ok(url), Ok(round)) = (env::var(DIR), env::var(URL), env::var(ROUND)) else { return };
    let producer = producer(&url, Path::new(&dir));
    let mut stderr = std::io::stderr();
    for number in 0.. {
        producer.send(format!("{round}-{number}\n").as_bytes()).unwrap();
        writeln!(stderr, "{number}").unwrap();
    }
}

fn stored(dir: &Path, lines: &mut HashSet<Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            stored(&path, lines);
        } else {
            lines.extend(fs::read(path).unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
    }
}

#[test]
fn what_send_has_taken_outlives_a_process_killed_at_any_moment() {
    let scratch = tempfile::tempdir().unwrap();
    let (spool, streams) = (scratch.path().join("spool"), scratch.path().join("streams"));
    let faults = "http500=0.2,cut_before=0.1,cut_after=0.1,seed=3".parse().unwrap();
    let endpoint = LocalEndpoint::builder(&streams).faults(faults).start().unwrap();
    let mut confirmed = Vec::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture", "--quiet"])
            .envs([(DIR, spool.to_str().unwrap()), (URL, endpoint.url()), (ROUND, &round.to_string())])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A few, or a few thousand: somewhere within a batch, a write, or the handling of an answer.
        let moment = usize::try_from(round * round * 7).unwrap() + 1;
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        confirmed.extend(said.by_ref().take(moment).map(|number| format!("{round}-{}", number.unwrap()).into_bytes()));
        child.kill().unwrap();
        confirmed.extend(said.map_while(Result::ok).map(|number| format!("{round}-{number}").into_bytes()));
        child.wait().unwrap();
    }
    let closed = producer(endpoint.url(), &spool).close(Duration::from_secs(120));
    assert!(closed.undelivered.is_empty(), "{:?}", closed.statistics);
    drop(endpoint);
    let mut lines = HashSet::new();
    stored(&streams, &mut lines);
    let missing = confirmed.iter().filter(|line| !lines.contains(*line)).count();
    assert!(confirmed.len() > 50_000, "{} confirmed", confirmed.len());
    assert_eq!(missing, 0, "of {} that were confirmed", confirmed.len());
}
