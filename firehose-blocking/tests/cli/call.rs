//! `firehose call`: what it sends, prints and says.

use std::process::Command;

use firehose_blocking::LocalEndpoint;
use firehose_blocking::firehose_proto::credentials::Credentials;
use firehose_blocking::firehose_proto::http::{Method, Request};
use firehose_blocking::firehose_proto::server::{self, Call};
use firehose_blocking::firehose_proto::sigv4::Verifier;
use firehose_blocking::firehose_proto::time::AmzDate;
use serde_json::{Value, json};

use crate::program::{Outcome, SECRET, firehose, run, with_credentials};

const ROLE: &str = "arn:aws:iam::123456789012:role/firehose";

fn call(args: &[&str]) -> Command {
    let mut command = firehose(&["call"]);
    command.args(args);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    command
}

fn ran(command: &mut Command) -> Outcome {
    run(command, b"")
}

fn bucket(hints: &Value) -> String {
    let bucket = json!({"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::logs", "BufferingHints": hints});
    json!({"DeliveryStreamName": "demo", "ExtendedS3DestinationConfiguration": bucket}).to_string()
}

/// The error as the one object that programs read.
fn error(outcome: &Outcome) -> Value {
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    serde_json::from_str(&outcome.stderr).unwrap_or_else(|error| panic!("{error} in {outcome:?}"))
}

#[test]
fn a_dry_run_prints_a_request_that_the_service_would_take() {
    let input = bucket(&json!({"SizeInMBs": 5, "IntervalInSeconds": 60}));
    let outcome = ran(&mut call(&["create-delivery-stream", "--dry-run", "--input", &input]));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let (head, body) = outcome.stdout.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some("POST / HTTP/1.1"));
    let mut request = Request::new(Method::Post, "/");
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        request.headers.append(name, value).unwrap();
    }
    assert_eq!(request.headers.value("content-length"), Some(&*body.len().to_string()));
    assert_eq!(request.headers.value("host"), Some("firehose.eu-west-1.amazonaws.com"));
    request.set_body(body.as_bytes());
    let now = AmzDate::parse(request.headers.value("x-amz-date").unwrap()).unwrap();
    assert_eq!(Verifier::new("firehose").verify(now, &request, &Credentials::new("AKIDEXAMPLE", SECRET)), Ok(()));
    let Ok(Call::CreateDeliveryStream(parsed)) = server::parse(&request) else { panic!("{body}") };
    assert_eq!(serde_json::to_value(&*parsed).unwrap(), serde_json::from_str::<Value>(&input).unwrap());
}

#[test]
fn tells_every_breach_and_sends_nothing() {
    let input = bucket(&json!({"SizeInMBs": 0, "Intervall": "x"}));
    let outcome = ran(&mut call(&["CreateDeliveryStream", "--output", "json", "--input", &input]));
    assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{outcome:?}");
    let path = "ExtendedS3DestinationConfiguration.BufferingHints";
    assert_eq!(
        error(&outcome)["violations"],
        json!([
            {"path": format!("{path}.SizeInMBs"), "message": format!("{path}.SizeInMBs: 0 is below 1")},
            {
                "path": format!("{path}.Intervall"),
                "message": format!("{path}.Intervall: unknown member; the nearest known one is IntervalInSeconds"),
            },
        ])
    );
    let outcome = ran(&mut call(&["CreateDeliveryStream", "--input", &input]));
    assert_eq!(outcome.stderr.lines().count(), 3, "{outcome:?}");
}

#[test]
fn without_validation_the_shapes_are_still_typed() {
    for (hints, code) in [(json!({"SizeInMBs": 0}), 0), (json!({"SizeInMBs": "5"}), 2), (json!({"Size": 5}), 2)] {
        let outcome =
            ran(&mut call(&["CreateDeliveryStream", "--no-validate", "--dry-run", "--input", &bucket(&hints)]));
        assert_eq!(outcome.code, Some(code), "{hints} {outcome:?}");
    }
    let record = json!({"DeliveryStreamName": "no such name", "Record": {"Data": ""}}).to_string();
    let outcome = ran(&mut call(&["PutRecord", "--no-validate", "--dry-run", "--input", &record]));
    assert_eq!(outcome.code, Some(2), "the limits of the puts hold: {outcome:?}");
}

#[test]
fn prints_the_output_and_reads_the_input_from_anywhere() {
    let scratch = tempfile::tempdir().unwrap();
    let endpoint =
        LocalEndpoint::builder(scratch.path()).credentials(Credentials::new("AKIDEXAMPLE", SECRET)).start().unwrap();
    let input = json!({"DeliveryStreamName": "demo", "Record": {"Data": "b25lCg=="}}).to_string();
    let file = scratch.path().join("input.json");
    std::fs::write(&file, &input).unwrap();
    let at_file = format!("@{}", file.display());
    for source in [&*input, &at_file, "-"] {
        let arguments = ["--output", "json", "--endpoint-url", endpoint.url(), "--input", source];
        let outcome = run(call(&["put-record"]).args(arguments), input.as_bytes());
        assert_eq!(outcome.code, Some(0), "{source} {outcome:?}");
        let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(value["Encrypted"], json!(false), "{value}");
    }
    assert_eq!(endpoint.stop().records, 3);
}

#[test]
fn tells_programs_what_the_service_said() {
    let scratch = tempfile::tempdir().unwrap();
    let endpoint = LocalEndpoint::builder(scratch.path()).start().unwrap();
    let url = ["--output", "json", "--endpoint-url", endpoint.url()];
    let outcome = ran(call(&["ListDeliveryStreams"]).args(url));
    assert_eq!((outcome.code, &*outcome.stdout), (Some(4), ""), "{outcome:?}");
    let object = error(&outcome);
    assert_eq!((&object["code"], &object["status"]), (&json!("UnrecognizedClientException"), &json!(400)));
    assert_eq!(object["retryable"], json!(false));
    assert!(object["request_id"].is_string() && object["message"].is_string(), "{object}");
}

#[test]
fn says_why_a_call_cannot_be_made() {
    for (args, code, words) in [
        (&["Describe"][..], 2, "not an operation of Firehose"),
        (&["ListDeliveryStreams", "--input", "{"], 2, "the input cannot be read: invalid JSON at byte 0"),
        (&["ListDeliveryStreams", "--input", "@/no/such/file"], 2, "cannot read the input from /no/such/file"),
        (&["ListDeliveryStreams", "--region", "?"], 3, "\"?\" is not a region"),
        (&["ListDeliveryStreams", "--endpoint-url", "http://127.0.0.1:9"], 1, "no answer after 3 attempts"),
    ] {
        let outcome = ran(&mut call(args));
        assert_eq!(outcome.code, Some(code), "{args:?} {outcome:?}");
        assert!(outcome.stderr.contains(words), "{args:?} {outcome:?}");
    }
}

#[test]
fn shows_no_secret_of_an_input() {
    let splunk = json!({
        "HECEndpoint": "https://splunk.example.com", "HECEndpointType": "Tape", "HECToken": ["hunter2"],
        "S3Configuration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::logs"},
    });
    let http = json!({
        "EndpointConfiguration": {"Url": "http://hunter2", "AccessKey": "hunter2\n"},
        "S3Configuration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::logs"},
    });
    for destination in [("SplunkDestinationConfiguration", splunk), ("HttpEndpointDestinationConfiguration", http)] {
        let input = json!({"DeliveryStreamName": "demo", destination.0: destination.1}).to_string();
        for output in ["text", "json"] {
            let outcome = ran(&mut call(&["CreateDeliveryStream", "--output", output, "--input", &input]));
            assert_eq!(outcome.code, Some(2), "{outcome:?}");
            assert!(!outcome.stderr.contains("hunter2") && !outcome.stderr.contains(SECRET), "{outcome:?}");
        }
    }
}
