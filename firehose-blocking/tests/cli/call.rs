//! `firehose call`: what it sends, prints and says.

use std::process::Command;

use firehose_blocking::LocalEndpoint;
use firehose_blocking::firehose_proto::credentials::Credentials;
use firehose_blocking::firehose_proto::http::{Method, Request};
use firehose_blocking::firehose_proto::server::{self, OperationInput};
use firehose_blocking::firehose_proto::sigv4::Verifier;
use firehose_blocking::firehose_proto::time::AmzDate;
use serde_json::{Value, json};

use crate::program::{Outcome, SECRET, firehose, run, with_credentials};
use crate::server::{Answer, Server};

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
    let Ok(OperationInput::CreateDeliveryStream(parsed)) = server::parse(&request) else { panic!("{body}") };
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
    assert_eq!(object["retryable"], json!(true));
    assert!(object["request_id"].is_string() && object["message"].is_string(), "{object}");
}

#[test]
fn says_why_a_call_cannot_be_made() {
    for (args, code, words) in [
        (&["creat-delivery-streem"][..], 2, "the nearest one is CreateDeliveryStream"),
        (&["ListDeliveryStreams", "--input", "[]"], 2, "firehose: not an object"),
        (&["ListDeliveryStreams", "--input", "{"], 2, "the input cannot be read: invalid JSON at byte 0"),
        (&["ListDeliveryStreams", "--input", "@/no/such/file"], 2, "cannot read the input from /no/such/file"),
        (&["ListDeliveryStreams", "--region", "?"], 3, "--region must be the name of a region"),
        (&["ListDeliveryStreams", "--endpoint-url", "http://127.0.0.1:9"], 1, "no answer after 3 attempts"),
    ] {
        let outcome = ran(&mut call(args));
        assert_eq!(outcome.code, Some(code), "{args:?} {outcome:?}");
        assert!(outcome.stderr.contains(words), "{args:?} {outcome:?}");
    }
}

#[test]
fn tells_programs_why_a_call_cannot_be_made() {
    for (args, code, words) in [
        (&["Describe"][..], 2, "the nearest one is DescribeDeliveryStream"),
        (&["ListDeliveryStreams", "--input", ""], 2, "empty document"),
        (&["ListDeliveryStreams", "--endpoint-url", "ftp://h"], 3, "endpoint URL"),
    ] {
        let outcome = ran(call(args).args(["--output", "json"]));
        assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{args:?} {outcome:?}");
        let object = error(&outcome);
        assert!(object["message"].as_str().unwrap().contains(words), "{args:?} {object}");
        assert_eq!((&object["code"], &object["retryable"]), (&Value::Null, &json!(false)), "{args:?} {object}");
    }
    let mut several = call(&["ListDeliveryStreams", "--output", "json"]);
    let outcome = ran(several.env("AWS_MAX_ATTEMPTS", "many").env("AWS_RETRY_MODE", "never"));
    let message = error(&outcome)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("AWS_MAX_ATTEMPTS") && message.contains("AWS_RETRY_MODE"), "{message}");
    let outcome = ran(call(&["ListDeliveryStreams", "--output", "json"]).env_remove("AWS_SECRET_ACCESS_KEY"));
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    assert!(error(&outcome)["message"].as_str().unwrap().contains("AWS_SECRET_ACCESS_KEY"), "{outcome:?}");
}

#[test]
fn says_so_when_an_answer_is_no_success_for_all() {
    let partial = json!({"FailedPutCount": 1, "RequestResponses": [
        {"RecordId": "id-0"}, {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."},
    ]})
    .to_string();
    let cases = [
        (&*partial, true, "did not accept 1 of the records"),
        ("{}", false, "malformed"),
        ("<html>", false, "malformed"),
    ];
    let input = json!({"DeliveryStreamName": "demo", "Records": [{"Data": "YQ=="}, {"Data": "Yg=="}]}).to_string();
    for (body, has_output, words) in cases {
        let answer = body.to_owned();
        let server = Server::start(move |_, _| Answer::Http(200, answer.clone()));
        let arguments = ["--output", "json", "--endpoint-url", &server.url, "--input", &input];
        let outcome = ran(call(&["PutRecordBatch"]).args(arguments));
        assert_eq!((outcome.code, outcome.stdout.is_empty()), (Some(1), !has_output), "{words} {outcome:?}");
        assert!(error(&outcome)["message"].as_str().unwrap().contains(words), "{outcome:?}");
        assert_eq!(server.requests(), [[b"a", b"b"]], "sent once");
        if has_output {
            assert_eq!(serde_json::from_str::<Value>(&outcome.stdout).unwrap()["FailedPutCount"], json!(1));
        }
    }
}

#[test]
fn a_dry_run_sends_nothing_and_shows_the_session_token_that_it_signed() {
    let server = Server::start(|_, records| Answer::accepted(records.len()));
    let input = json!({"DeliveryStreamName": "demo", "Records": [{"Data": "YQ=="}]}).to_string();
    let arguments = ["--dry-run", "--endpoint-url", &server.url, "--input", &input];
    let outcome = ran(call(&["PutRecordBatch"]).args(arguments).env("AWS_SESSION_TOKEN", "the-token"));
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    assert!(outcome.stdout.contains("\r\nx-amz-security-token: the-token\r\n"), "{outcome:?}");
    assert!(outcome.stdout.contains(";x-amz-security-token;") && !outcome.stdout.contains(SECRET), "{outcome:?}");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn prints_for_people_and_for_programs() {
    let scratch = tempfile::tempdir().unwrap();
    let endpoint =
        LocalEndpoint::builder(scratch.path()).credentials(Credentials::new("AKIDEXAMPLE", SECRET)).start().unwrap();
    let created =
        ["--endpoint-url", endpoint.url(), "--input", &bucket(&json!({"SizeInMBs": 5, "IntervalInSeconds": 60}))];
    assert_eq!(ran(call(&["create-delivery-stream"]).args(created)).code, Some(0));
    for (output, text) in [
        ("json", "{\"DeliveryStreamNames\":[\"demo\"],\"HasMoreDeliveryStreams\":false}\n"),
        ("text", "{\n  \"DeliveryStreamNames\": [\n    \"demo\"\n  ],\n  \"HasMoreDeliveryStreams\": false\n}\n"),
    ] {
        let outcome = ran(call(&["ListDeliveryStreams", "--output", output]).args(&created[..2]));
        assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (Some(0), text, ""));
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
