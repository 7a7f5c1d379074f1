//! The drivers: the blocking client, its producer, the core's examples as programs, and one in virtual time.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use firehose_blocking::firehose_proto::batch::{Batch, Policy};
use firehose_blocking::firehose_proto::call::{self, Action, Call, ClientState, Resend};
use firehose_blocking::firehose_proto::credentials::{
    Credentials, CredentialsError, CredentialsRequest, FileError, Finder, Need, Provider, SearchState,
};
use firehose_blocking::firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::firehose_proto::settings::{Overrides, Settings};
use firehose_blocking::firehose_proto::time::{AmzDate, Now, Tick};
use firehose_blocking::{Client, Producer};
use firehose_tests::processes::Scratch;

use crate::service::{Service, Wire, listen};

/// How long a driver may take, by its own clock.
const LIMIT: Duration = Duration::from_secs(40);

/// A way to ship lines to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    Client,
    Producer,
    Example(&'static str),
    Simulated,
}

impl Driver {
    pub(crate) const ALL: [Self; 7] = [
        Self::Client,
        Self::Producer,
        Self::Example("std_tcp"),
        Self::Example("minreq"),
        Self::Example("hyper"),
        Self::Example("hyper_producer"),
        Self::Simulated,
    ];

    /// Whether it is the batcher that decides what is sent when.
    pub(crate) fn is_producer(self) -> bool {
        matches!(self, Self::Producer | Self::Example("hyper_producer"))
    }

    /// Ships lines, and tells whether all of them were accepted.
    pub(crate) fn ship(self, service: &Service, lines: &[&str]) -> bool {
        if self == Self::Simulated {
            return simulate(service, lines);
        }
        let url = listen(service).expect("a port on loopback is free");
        match self {
            Self::Client => put_all(&client(&url), lines),
            Self::Producer => produce(client(&url), lines),
            Self::Example(name) => run_example(name, &url, lines),
            Self::Simulated => unreachable!("has no socket"),
        }
    }
}

/// What the environment says where a service listens at this address.
fn variable(url: &str, name: &str) -> Option<String> {
    match name {
        "AWS_REGION" => Some("eu-west-1".into()),
        "AWS_ENDPOINT_URL_FIREHOSE" => Some(url.into()),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some(format!("{url}/credentials")),
        _ => None,
    }
}

const VARIABLES: [&str; 3] = ["AWS_REGION", "AWS_ENDPOINT_URL_FIREHOSE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];

fn client(url: &str) -> Client {
    let url = url.to_owned();
    Client::builder().environment(move |name| variable(&url, name)).build().expect("the settings are right")
}

fn batch(lines: &[&str]) -> Batch {
    let mut batch = Batch::new("s").expect("the name of a stream");
    lines.iter().for_each(|line| batch.push(format!("{line}\n").as_bytes()).expect("there is room"));
    batch
}

fn put_all(client: &Client, lines: &[&str]) -> bool {
    client.put_all(&mut batch(lines), LIMIT).is_ok()
}

fn produce(client: Client, lines: &[&str]) -> bool {
    let mut policy = Policy::default();
    policy.max_age = LIMIT;
    let producer = Producer::builder(client, "s").policy(policy).start().expect("the policy is right");
    let receipts: Vec<_> = lines
        .iter()
        .map(|line| producer.send_with_receipt(format!("{line}\n").as_bytes()).expect("there is room"))
        .collect();
    let _ = producer.flush(2 * LIMIT);
    let closed = producer.close(Duration::ZERO);
    drop(receipts);
    closed.statistics.records.accepted == lines.len() as u64
}

/// The directory of the examples, which are built once.
static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--package", "firehose-proto", "--examples"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the examples cannot be built");
    let test = env::current_exe().expect("a test has a path");
    test.ancestors().nth(2).expect("target/debug/deps is two levels deep").join("examples")
});

fn run_example(name: &str, url: &str, lines: &[&str]) -> bool {
    let scratch = Scratch::new(Path::new(env!("CARGO_TARGET_TMPDIR")), &format!("transports-{name}-{}", port(url)))
        .expect("a directory below target");
    let file = scratch.path().join("lines");
    fs::write(&file, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).expect("a file below target");
    let mut command = Command::new(EXAMPLES.join(format!("{name}{}", env::consts::EXE_SUFFIX)));
    command.arg("s").arg(&file).env_clear().env("HOME", scratch.path());
    command.envs(VARIABLES.into_iter().filter_map(|name| Some((name, variable(url, name)?))));
    let output = command.output().expect("the example runs");
    let is_all = String::from_utf8_lossy(&output.stdout).trim() == format!("accepted {}", lines.len());
    assert_eq!(is_all, output.status.success(), "{name}: {output:?}");
    is_all
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap_or_default()
}

/// A driver in virtual time, without a socket.
struct Simulation<'a> {
    service: &'a Service,
    tick: Tick,
    finder: Finder,
}

fn simulate(service: &Service, lines: &[&str]) -> bool {
    let variables = |name: &str| variable("http://127.0.0.1:1", name);
    let settings = Settings::find(&Overrides::default(), &variables, false, |_, _| Err(FileError::NotFound));
    let settings = settings.expect("the settings are right");
    let mut shared = ClientState::new(settings.config(&variables).expect("there is a region"), 7);
    let searches = SearchState::new(&settings, variables, false, 7);
    let mut simulation =
        Simulation { service, tick: Tick::default(), finder: Finder::new(Provider::standard(), searches) };
    let mut batch = batch(lines);
    let mut resend = Resend::new(Tick::default() + LIMIT);
    loop {
        let call = Call::put_batch(shared.config(), &batch).expect("there are records");
        let outcome = simulation.drive(call, &mut shared);
        match resend.settle(simulation.tick, &mut shared, &mut batch, outcome) {
            Ok(Some(time)) => simulation.tick = time,
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

impl Simulation<'_> {
    fn now(&self) -> Now {
        let start = AmzDate::parse("20261122T120000Z").expect("a date");
        Now::new(self.tick, start + self.tick.as_duration())
    }

    fn drive(&mut self, mut call: Call<'_>, shared: &mut ClientState) -> Result<Response, call::Error> {
        loop {
            match call.poll(self.now(), shared) {
                Action::NeedCredentials { refused } => {
                    let want = refused.map_or_else(CredentialsRequest::any, |refused| {
                        CredentialsRequest::other_than(Arc::clone(refused))
                    });
                    call.handle_credentials(self.find(want));
                }
                Action::Transmit { request, .. } => {
                    let result = self.send(request);
                    call.handle_response(self.now(), result);
                }
                Action::Wait(until) => self.tick = until,
                Action::Done(outcome) => return outcome,
            }
        }
    }

    fn find(&mut self, mut want: CredentialsRequest) -> Result<Arc<Credentials>, CredentialsError> {
        loop {
            let now = self.now();
            match self.finder.poll(now, &mut want) {
                Need::Transmit { request, .. } => {
                    let request = request.clone();
                    let result = self.send(&request);
                    let now = self.now();
                    self.finder.handle_response(now, result);
                }
                Need::Wait(until) => self.tick = until,
                Need::Done(found) => return found.clone(),
                _ => {
                    let now = self.now();
                    self.finder.decline(now);
                }
            }
        }
    }

    fn send(&mut self, request: &Request<'_>) -> Result<Response, TransportError> {
        let wire = self.service.answer(self.now().utc, request);
        self.tick = self.tick + Duration::from_millis(1);
        match wire {
            Wire::Answer(response) => Ok(response),
            Wire::Late(delay, response) => {
                self.tick = self.tick + delay;
                Ok(response)
            }
            Wire::Cut(_) | Wire::Nothing => Err(TransportError::new(TransportErrorKind::Broken)),
        }
    }
}
