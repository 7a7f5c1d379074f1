//! Other people's programs on the other end: boto3 and the AWS CLI against our endpoint, our client against emulators.
//!
//! The checks are in the Python scripts of `interop/`; here the two ends are brought up and down. Without Python, or
//! without the packages, the tests pass without testing and say so; with `FIREHOSE_INTEROP=required` they fail.
#![expect(clippy::indexing_slicing, reason = "a test fails at the line that is wrong")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use firehose_tests::{
    documents::{Documents, ROUNDS, valid_inputs},
    facts::Facts,
    interop::{self, available, clean, moto, must, skip, start},
    operations,
    peer::Peer,
    processes::{self, Scratch, Server, run},
};
use serde_json::{Value, json};

const TMP: &str = env!("CARGO_TARGET_TMPDIR");
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/firehose-api.json");

// Results, so that each test that needs one tells what went wrong.
static CLIENTS: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python("requirements.txt"));
static MINISTACK: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python("requirements-ministack.txt"));
static FIREHOSE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| processes::firehose(Path::new(TMP)));

fn python(requirements: &str) -> Result<PathBuf, String> {
    interop::python(Path::new(TMP), requirements)
}

fn firehose() -> &'static Path {
    must(FIREHOSE.as_deref())
}

/// Starts `firehose local`; it delivers to `delivered` in the scratch directory.
fn local_endpoint(scratch: &Scratch, options: &[&str]) -> Server {
    let mut command = clean(firehose(), scratch);
    command.args(["local", "--listen", "127.0.0.1:0", "--dir"]).arg(delivered(scratch)).args(options);
    start(&mut command, "listening on", scratch)
}

fn delivered(scratch: &Scratch) -> PathBuf {
    scratch.path().join("delivered")
}

fn put_to_peer(clients: &Path, scratch: &Scratch, server: &Server, peer: &str) {
    let mut checks = clean(clients, scratch);
    checks.args(["-m", "put_to_peer"]).arg(firehose()).args([server.url(), peer]);
    must(run(&mut checks));
}

/// ministack, or a module that changes it; with `AUTH` it checks signatures, times, session tokens and policies.
fn ministack(interpreter: &Path, scratch: &Scratch, module: &str) -> Server {
    let mut command = clean(interpreter, scratch);
    command.env("AUTH", "true").args([
        "-m",
        "hypercorn",
        "--workers",
        "0",
        "--bind",
        "127.0.0.1:0",
        &format!("{module}:app"),
    ]);
    start(&mut command, "Running on", scratch)
}

#[test]
fn boto3_and_the_aws_cli_put_to_the_local_endpoint() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "boto3"));
    let server = local_endpoint(&scratch, &[]);
    let mut checks = clean(clients, &scratch);
    checks.args(["-m", "local_endpoint", server.url()]).arg(delivered(&scratch));
    must(run(&mut checks));
}

#[test]
fn boto3_finds_no_stream_that_nobody_created() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "absent"));
    let server = local_endpoint(&scratch, &["--no-auto-create"]);
    let mut checks = clean(clients, &scratch);
    checks.args(["-m", "local_endpoint", server.url()]).arg(delivered(&scratch)).arg("absent");
    must(run(&mut checks));
}

#[test]
fn puts_to_moto() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "moto"));
    let server = moto(clients, &scratch);
    put_to_peer(clients, &scratch, &server, "moto");
}

#[test]
fn puts_to_ministack() {
    let (Some(clients), Some(interpreter)) = (available(&CLIENTS), available(&MINISTACK)) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "ministack"));
    let server = ministack(interpreter, &scratch, "ministack.app");
    put_to_peer(clients, &scratch, &server, "ministack");
}

#[test]
fn resends_what_ministack_refuses() {
    let (Some(clients), Some(interpreter)) = (available(&CLIENTS), available(&MINISTACK)) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "flaky"));
    let server = ministack(interpreter, &scratch, "flaky_ministack");
    put_to_peer(clients, &scratch, &server, "flaky");
}

#[test]
fn boto3_and_the_aws_cli_manage_a_stream_of_the_local_endpoint() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "control"));
    let server = local_endpoint(&scratch, &["--no-auto-create"]);
    must(run(clean(clients, &scratch).args(["-m", "control_local", server.url()])));
}

#[test]
fn the_committed_facts_are_those_of_the_pinned_botocore() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "facts"));
    let facts = must(run(clean(clients, &scratch).args(["-m", "facts"])));
    assert!(facts == must(fs::read_to_string(TABLE)), "{TABLE} is not what facts.py prints");
}

#[test]
fn the_newest_botocore_has_no_other_facts() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "drift"));
    let packages = scratch.path().join("packages");
    // With the caller's environment: it says where packages come from. Made anew each time: a kept one grows old.
    let mut install = Command::new(clients);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    install.args(["--upgrade", "--no-deps", "--target"]).arg(&packages).arg("botocore");
    if let Err(error) = run(&mut install) {
        return skip(&error);
    }
    must(run(clean(clients, &scratch).args(["-m", "drift", TABLE]).arg(packages.join("botocore"))));
}

#[test]
fn botocore_sends_the_same_documents() {
    let Some(clients) = available(&CLIENTS) else { return };
    let facts = Facts::read();
    let calls: Vec<(&operations::Operation, Value)> = operations::ALL
        .iter()
        .flat_map(|operation| (0..ROUNDS).map(move |round| (operation, round)))
        .flat_map(|(operation, round)| {
            let made = [Documents::full(facts, round), Documents::minimal(facts, round)];
            made.map(|documents| (operation, documents.structure(operation.input.name)))
        })
        .collect();

    let scratch = must(Scratch::new(Path::new(TMP), "serialize"));
    let path = scratch.path().join("inputs");
    let line = |(operation, input): &(&operations::Operation, Value)| {
        format!("{}\n", json!({"operation": operation.name, "input": input}))
    };
    must(fs::write(&path, calls.iter().map(line).collect::<String>()));
    let sent = must(run(clean(clients, &scratch).args(["-m", "serialize"]).arg(&path)));
    assert_eq!(sent.lines().count(), calls.len());
    for (theirs, (operation, input)) in sent.lines().zip(calls) {
        let theirs: Value = must(serde_json::from_str(theirs));
        let ours = must((operation.rewrite_input)(input.to_string().as_bytes()));
        let ours = json!({
            "target": operation.target,
            "content_type": format!("application/x-amz-json-{}", facts.api("jsonVersion")),
            "body": must(serde_json::from_slice::<Value>(&ours.text)),
        });
        assert_eq!(ours, theirs, "{}", operation.name);
    }
}

#[test]
fn moto_takes_every_member() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "members"));
    let server = moto(clients, &scratch);
    let peer = must(Peer::new(server.url()));
    let mut count = 0;
    for round in 0..2 {
        let inputs = |operation: &str| valid_inputs(Facts::read(), &format!("{operation}Input"), round);
        for create in inputs("CreateDeliveryStream") {
            let Some(kind) = destination(&create, "DestinationConfiguration").filter(|kind| is_in_moto(kind)) else {
                continue;
            };
            let updates = inputs("UpdateDestination");
            let update = updates.iter().find(|input| destination(input, "DestinationUpdate") == Some(kind));
            manage(&peer, &format!("{kind}-{round}"), &create, update.unwrap(), &inputs);
            count += 1;
        }
    }
    assert_eq!(count, 16, "eight kinds, twice");
}

/// The kind of an input's destination: what stands before the end of the member's name.
fn destination<'a>(input: &'a Value, end: &str) -> Option<&'a str> {
    input.as_object().and_then(|members| members.keys().find_map(|name| name.strip_suffix(end)))
}

fn is_in_moto(kind: &str) -> bool {
    !matches!(kind, "Amazonopensearchservice" | "AmazonOpenSearchServerless")
}

/// One stream through all operations, each with all its members.
fn manage(peer: &Peer, name: &str, create: &Value, update: &Value, inputs: &dyn Fn(&str) -> Vec<Value>) {
    let call = |operation: &str, input: &Value| {
        let mut input = input.clone();
        if let Some(stream) = input.get_mut("DeliveryStreamName") {
            *stream = json!(name);
        }
        peer.call(operation, &input).unwrap_or_else(|error| panic!("{name}: {operation}: {error}"))
    };
    let only = |operation: &str| call(operation, &inputs(operation)[0]);

    call("CreateDeliveryStream", create);
    let described = only("DescribeDeliveryStream");
    assert_eq!(described["DeliveryStreamDescription"]["DeliveryStreamName"], name);
    // moto looks for Snowflake's update under the name of its configuration, and so finds none.
    if !name.starts_with("Snowflake") {
        let mut update = update.clone();
        update["CurrentDeliveryStreamVersionId"] = json!("1");
        update["DestinationId"] = described["DeliveryStreamDescription"]["Destinations"][0]["DestinationId"].clone();
        call("UpdateDestination", &update);
        assert_eq!(only("DescribeDeliveryStream")["DeliveryStreamDescription"]["VersionId"], "2", "{name}");
    }
    only("TagDeliveryStream");
    only("ListTagsForDeliveryStream");
    let tags = call("ListTagsForDeliveryStream", &json!({"DeliveryStreamName": name}));
    assert!(tags["Tags"].as_array().is_some_and(|tags| !tags.is_empty()), "{tags}");
    only("UntagDeliveryStream");
    only("StartDeliveryStreamEncryption");
    only("StopDeliveryStreamEncryption");
    only("ListDeliveryStreams");
    // Where moto would deliver to somewhere, it needs that somewhere.
    if ["Elasticsearch", "Redshift", "Snowflake"].iter().any(|kind| name.starts_with(kind)) {
        only("PutRecord");
        only("PutRecordBatch");
    }
    only("DeleteDeliveryStream");
}
