//! `firehose local`: serves, tells where, and stops when it is told to.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
#[cfg(unix)]
use std::io::{Read, Write};
#[cfg(unix)]
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

#[cfg(unix)]
use firehose_blocking::firehose_proto::op::ListDeliveryStreamsInput;
#[cfg(unix)]
use firehose_blocking::firehose_proto::op::StartDeliveryStreamEncryptionInput;
use firehose_blocking::{Client, Credentials, PutRecordInput, Record};
use tempfile::tempdir;

#[cfg(unix)]
use crate::program::{Outcome, finish, put_locally, put_to};
use crate::program::{SECRET, delivered, firehose, run, with_credentials};

/// A running endpoint and its URL.
struct Local {
    child: Child,
    url: String,
}

impl Local {
    fn start(dir: &Path, args: &[&str], key: Option<(&str, &str)>) -> Self {
        let mut command = firehose(&["local", "--dir"]);
        command.arg(dir).args(args);
        Self::run(command, key)
    }

    /// The same where no more than so many descriptors may be open.
    #[cfg(unix)]
    fn start_with_descriptors(descriptors: usize, dir: &Path) -> Self {
        let program = firehose(&["local", "--dir"]);
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -n {descriptors}; exec \"$@\"")).arg("sh").arg(program.get_program());
        command.args(program.get_args()).arg(dir).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "RUST_LOG"] {
            command.env_remove(name);
        }
        Self::run(command, None)
    }

    fn run(mut command: Command, key: Option<(&str, &str)>) -> Self {
        command.stdin(Stdio::null());
        if let Some((key, secret)) = key {
            with_credentials(&mut command, key, secret);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_string();
        assert!(["http://127.0.0.1:", "http://0.0.0.0:"].iter().any(|own| url.starts_with(own)), "{url}");
        assert!(!url.ends_with(":0"), "{url}");
        Self { child, url }
    }

    /// Sends a signal and waits for the end.
    #[cfg(unix)]
    fn stop(self, signal: &str) -> Outcome {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        finish(self.child)
    }
}

/// How many files are below a directory.
#[cfg(unix)]
fn files(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[cfg(unix)]
#[test]
fn keeps_what_it_accepted_when_told_to_stop() {
    for signal in ["-INT", "-TERM"] {
        let dir = tempdir().unwrap();
        let local = Local::start(dir.path(), &["--fsync"], None);
        let mut command = put_to(&local.url, &[]);
        with_credentials(&mut command, "test", "test");
        run(&mut command, b"a\nb\n").ended_with(0);
        let outcome = local.stop(signal).ended_with(0);
        assert!(outcome.stderr.contains("accepted 2 records, 4 bytes"), "{signal}: {outcome:?}");
        assert_eq!(delivered(&dir.path().join("logs")), b"a\nb\n");
    }
}

#[test]
fn keeps_what_it_accepted_when_killed() {
    let dir = tempdir().unwrap();
    let mut accepted = BTreeSet::new();
    for life in 0..5 {
        let mut local = Local::start(dir.path(), &[], None);
        let client = Client::builder().region("us-east-1").endpoint_url(&local.url).max_attempts(NonZeroU32::MIN);
        let client = client.credentials(Credentials::new("test", "test")).build().unwrap();
        let put = |number| {
            let line = format!("{life}-{number}\n");
            client.put_record(&PutRecordInput::new("logs", Record::new(&line))).map(|_| line)
        };
        // The kill comes while somebody puts: what is acknowledged by then has to be there.
        let (tell, told) = mpsc::channel();
        let child = &mut local.child;
        thread::scope(|scope| {
            scope.spawn(move || {
                told.recv().unwrap();
                child.kill().unwrap();
            });
            accepted.extend((0..).map_while(|number| {
                if number == 50 * life {
                    tell.send(()).unwrap();
                }
                put(number).ok()
            }));
        });
        local.child.wait().unwrap();
    }
    let stored = delivered(&dir.path().join("logs"));
    let stored: BTreeSet<_> = String::from_utf8(stored).unwrap().split_inclusive('\n').map(String::from).collect();
    assert!(accepted.len() >= 500, "{}", accepted.len());
    assert!(accepted.is_subset(&stored), "missing: {:?}", accepted.difference(&stored).collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn accepts_its_own_key_pair_alone() {
    let dir = tempdir().unwrap();
    let local = Local::start(dir.path(), &[], Some(("AKIDEXAMPLE", SECRET)));
    run(&mut put_to(&local.url, &[]), b"a\n").ended_with(0);
    for (key, secret) in [("AKIDEXAMPLE", "wrong"), ("test", "test")] {
        let mut command = put_to(&local.url, &[]);
        with_credentials(&mut command, key, secret);
        let outcome = run(&mut command, b"b\n").ended_with(4);
        assert_eq!(outcome.summary()[4], 1, "{key}");
    }
    local.stop("-TERM").ended_with(0);
    assert_eq!(delivered(dir.path()), b"a\n");
}

#[cfg(unix)]
#[test]
fn knows_no_stream_that_was_not_made() {
    let dir = tempdir().unwrap();
    let local = Local::start(dir.path(), &["--no-auto-create"], Some(("AKIDEXAMPLE", SECRET)));
    let outcome = run(&mut put_to(&local.url, &[]), b"a\n").ended_with(4);
    assert!(outcome.stderr.contains("ResourceNotFoundException"), "{outcome:?}");
    local.stop("-TERM").ended_with(0);
}

#[cfg(unix)]
#[test]
fn put_delivers_every_line_whatever_goes_wrong() {
    const LINES: u64 = 200_000;
    let dir = tempdir().unwrap();
    // What is throttled waits for a second and more, so there is less of that.
    let faults = "partial=0.03,throttle=0.005,http500=0.02,http503=0.005,cut_before=0.02,cut_after=0.02,truncate=0.02,\
                  malformed=0.02,wrong_count=0.02,throttle_records=0.0001,delay_ms=1,skew_s=7200,seed=7";
    let local = Local::start(dir.path(), &["--faults", faults], None);
    let mut command = put_to(&local.url, &["--max-in-flight", "64"]);
    with_credentials(&mut command, "test", "test");
    let input: String = (0..LINES).map(|number| format!("{number}\n")).collect();
    let outcome = run(&mut command, input.as_bytes());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let [records, _, accepted, _, rejected, requests] = outcome.summary();
    assert_eq!((records, accepted, rejected), (LINES, LINES, 0));

    let outcome = local.stop("-TERM").ended_with(0);
    let counted = |before: &str, after: &str| {
        let (start, _) = outcome.stderr.split_once(after).unwrap_or_else(|| panic!("{after} in {outcome:?}"));
        start.rsplit_once(before).unwrap().1.parse::<u64>().unwrap()
    };
    for fate in ["partial", "throttle", "http500", "http503", "cut_before", "cut_after", "truncate", "malformed"] {
        assert!(outcome.stderr.contains(&format!(", {fate} ")), "{fate} in {outcome:?}");
    }
    // Those beyond it were made for the clock alone, at most one by each of the 64.
    assert!((requests..=requests + 64).contains(&counted(": ", " calls")), "{outcome:?}");
    let unconfirmed = counted(", ", " stored without confirmation");
    assert_eq!(counted("accepted ", " records, "), LINES + unconfirmed, "{outcome:?}");

    let stored = String::from_utf8(delivered(&dir.path().join("logs"))).unwrap();
    assert_eq!(stored.lines().count() as u64, LINES + unconfirmed);
    let unique: BTreeSet<u64> = stored.lines().map(|line| line.parse().unwrap()).collect();
    assert!(unique.into_iter().eq(0..LINES), "every line is there");
}

#[cfg(unix)]
#[test]
fn serves_more_streams_than_it_may_have_files_open() {
    const STREAMS: usize = 100;
    let dir = tempdir().unwrap();
    let local = Local::start_with_descriptors(64, dir.path());
    // The connection that is closed for another's sake may be the client's: it then makes a new one.
    let client = Client::builder().region("us-east-1").endpoint_url(&local.url);
    let client = client.credentials(Credentials::new("test", "test")).build().unwrap();
    let put = |round: usize, stream: usize| {
        let line = format!("{round}\n");
        client.put_record(&PutRecordInput::new(format!("s{stream}"), Record::new(&line))).unwrap();
    };
    // Connections that say nothing want descriptors, too: more of them than there are, all in all.
    let address = local.url.strip_prefix("http://").unwrap();
    let mut idle = Vec::new();
    for round in 0..3 {
        for stream in 0..STREAMS {
            put(round, stream);
            idle.push(TcpStream::connect(address).unwrap());
        }
        // What changes streams, and what lists them, needs descriptors as well.
        client.start_delivery_stream_encryption(&StartDeliveryStreamEncryptionInput::new("s0")).unwrap();
        let names: Vec<_> = client.delivery_streams(ListDeliveryStreamsInput::new()).collect::<Result<_, _>>().unwrap();
        assert_eq!(names.len(), STREAMS);
    }
    thread::scope(|scope| {
        for thread in 0..16 {
            scope.spawn(move || (thread..STREAMS).step_by(16).for_each(|stream| put(3, stream)));
        }
    });
    drop(idle);
    let outcome = local.stop("-TERM").ended_with(0);
    assert!(outcome.stderr.contains("accepted 400 records"), "{outcome:?}");
    for stream in 0..STREAMS {
        let dir = dir.path().join(format!("s{stream}"));
        assert_eq!(String::from_utf8(delivered(&dir)).unwrap(), "0\n1\n2\n3\n", "s{stream}");
        assert_eq!(files(&dir), 1, "a file that was closed is not done");
    }
}

#[cfg(unix)]
#[test]
fn listens_on_localhost_and_answers_to_the_names_that_it_is_told() {
    let dir = tempdir().unwrap();
    for (args, accepted) in [
        (&["--listen", "localhost:0"][..], false),
        (&["--listen", "LOCALHOST:0", "--allowed-host", "one.test", "--allowed-host", "firehose.test"], true),
    ] {
        let local = Local::start(dir.path(), args, None);
        let mut socket = TcpStream::connect(local.url.strip_prefix("http://").unwrap()).unwrap();
        socket.write_all(b"POST / HTTP/1.1\r\nHost: firehose.test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        // Under its own name, the next thing that it misses is a signature.
        assert_eq!(answer.contains("MissingAuthenticationToken"), accepted, "{answer}");
        assert_eq!(answer.contains("does not answer to \\\"firehose.test\\\""), !accepted, "{answer}");
        local.stop("-TERM").ended_with(0);
    }
}

#[cfg(unix)]
#[test]
fn says_that_everybody_knows_the_keys_of_an_endpoint_that_others_can_reach() {
    let dir = tempdir().unwrap();
    for (key, is_told) in [(None, true), (Some(("AKIDEXAMPLE", SECRET)), false)] {
        let mut command = firehose(&["local", "--allow-remote", "--listen", "0.0.0.0:0", "--dir"]);
        command.arg(dir.path());
        let local = Local::run(command, key);
        let outcome = local.stop("-TERM");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(outcome.stderr.contains("everybody knows the keys `test` and `test`"), is_told, "{outcome:?}");
    }
}

#[cfg(unix)]
#[test]
fn leaves_a_directory_to_the_endpoint_that_has_it() {
    let dir = tempdir().unwrap();
    let local = Local::start(dir.path(), &[], None);
    let second = run(firehose(&["local", "--dir"]).arg(dir.path()), b"").ended_with(3);
    let put = run(&mut put_locally(dir.path(), &[]), b"a\n").ended_with(3);
    for outcome in [second, put] {
        let told = format!(
            "firehose: another local endpoint uses the directory {}: use that endpoint or",
            dir.path().display()
        );
        assert!(outcome.stderr.starts_with(&told), "{outcome:?}");
    }
    local.stop("-KILL");
    run(&mut put_locally(dir.path(), &[]), b"a\n").ended_with(0);
}

#[test]
fn refuses_to_start_where_it_should_not() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let (dir, file) = (dir.path().to_str().unwrap(), file.to_str().unwrap());
    for (args, code, message) in [
        (&["--dir", dir, "--listen", "0.0.0.0:0"] as &[&str], 2, "--allow-remote"),
        (&["--dir", dir, "--listen", "[::]:0"], 2, "--allow-remote"),
        (&["--dir", dir, "--listen", "4573"], 2, "give an IP address and a port, such as 127.0.0.1:4573"),
        (&["--dir", dir, "--listen", "example.com:80"], 2, "give an IP address and a port, such as 127.0.0.1:4573"),
        (&["--dir", dir, "--listen", "localhost"], 2, "give an IP address and a port, such as 127.0.0.1:4573"),
        (&["--dir", dir, "--creating-for", "soon"], 2, "give a whole number of seconds, such as 30"),
        (&["--dir", file], 3, file),
        (&["--dir", dir, "--faults", "partial=2"], 2, "partial=2: must be a number from 0 to 1"),
        (&["--dir", dir, "--faults", "cut=1"], 2, "there is no fault `cut`; keys are partial, throttle"),
        #[cfg(target_os = "linux")]
        (&["--dir", "/proc"], 3, "cannot keep records in /proc"),
    ] {
        let outcome = run(firehose(&["local"]).args(args), b"");
        assert_eq!(outcome.code, Some(code), "{args:?}: {outcome:?}");
        assert!(outcome.stderr.contains(message), "{args:?}: {outcome:?}");
        assert!(!outcome.stderr.contains("accepted"), "{args:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn wants_both_halves_of_a_key_pair() {
    let dir = tempdir().unwrap();
    for (set, missing) in
        [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")]
    {
        let mut command = firehose(&["local", "--dir"]);
        let outcome = run(command.arg(dir.path()).env(set, SECRET), b"").ended_with(3);
        assert!(outcome.stderr.contains(missing), "{outcome:?}");
    }
}
