//! `firehose call OPERATION --skeleton`: what it prints is what the operation takes.

use std::process::Command;

use firehose_blocking::LocalEndpoint;
use firehose_blocking::firehose_proto::credentials::Credentials;
use serde_json::Value;

use crate::program::{Outcome, SECRET, firehose, run, with_credentials};

fn call(args: &[&str]) -> Command {
    let mut command = firehose(&["call"]);
    command.args(args);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    command
}

/// Prints a skeleton; neither region nor credentials are needed for that.
fn skeleton(operation: &str, args: &[&str]) -> String {
    let outcome = run(firehose(&["call", operation, "--skeleton"]).args(args), b"").ended_with(0);
    assert_eq!(outcome.stderr, "", "{operation}");
    outcome.stdout
}

fn dry_run(operation: &str, input: &str) -> Outcome {
    run(&mut call(&[operation, "--dry-run", "--input", "-"]), input.as_bytes())
}

/// Every operation, as the help lists them.
fn operations() -> Vec<String> {
    let help = run(&mut firehose(&["call", "--help"]), b"").ended_with(0).stdout;
    let lines = help.lines().skip_while(|line| *line != "Operations:").skip(1);
    lines.take_while(|line| !line.is_empty()).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_least_is_valid_and_begins_with_what_aws_lists_first() {
    let operations = operations();
    assert_eq!(operations.len(), 12);
    for operation in &operations {
        let minimal = skeleton(operation, &[]);
        let outcome = dry_run(operation, &minimal).ended_with(0);
        assert!(outcome.stdout.contains(&format!("x-amz-target: Firehose_20150804.{operation}\r\n")), "{operation}");
        let members = serde_json::from_str::<Value>(&minimal).unwrap().as_object().unwrap().len();
        assert!(members == 0 || minimal.starts_with("{\n  \"DeliveryStreamName\": \"my-stream\""), "{minimal}");
        assert_eq!(minimal.matches('\n').count() > 1, members > 0, "for people to read: {minimal}");
    }
    assert_eq!(
        skeleton("create-delivery-stream", &[]),
        r#"{
  "DeliveryStreamName": "my-stream",
  "ExtendedS3DestinationConfiguration": {
    "RoleARN": "arn:aws:iam::123456789012:role/my-role",
    "BucketARN": "arn:aws:s3:::my-bucket"
  }
}
"#
    );
}

#[test]
fn the_whole_breaks_no_rule_but_that_of_leaving_one() {
    for operation in operations() {
        let whole = skeleton(&operation, &["--all"]);
        let (least, all): (Value, Value) =
            (serde_json::from_str(&skeleton(&operation, &[])).unwrap(), serde_json::from_str(&whole).unwrap());
        assert!(all.as_object().unwrap().len() >= least.as_object().unwrap().len(), "{operation}");
        let outcome = dry_run(&operation, &whole);
        if outcome.code == Some(0) {
            continue;
        }
        let outcome = outcome.ended_with(2);
        for breach in outcome.stderr.lines().skip(1) {
            let is_choice =
                ["cannot be combined with", "needs DeliveryStreamType"].iter().any(|rule| breach.contains(rule));
            assert!(is_choice, "{operation}: {breach}");
        }
    }
    let whole = skeleton("CreateDeliveryStream", &["--all"]);
    for member in ["SplunkDestinationConfiguration", "MSKSourceConfiguration", "HiveJsonSerDe", "VpcConfiguration"] {
        assert!(whole.contains(member), "{member}");
    }
}

#[test]
fn a_service_takes_the_least() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint =
        LocalEndpoint::builder(dir.path()).credentials(Credentials::new("AKIDEXAMPLE", SECRET)).start().unwrap();
    for operation in [
        "CreateDeliveryStream",
        "DescribeDeliveryStream",
        "UpdateDestination",
        "PutRecord",
        "PutRecordBatch",
        "TagDeliveryStream",
        "ListTagsForDeliveryStream",
        "UntagDeliveryStream",
        "StartDeliveryStreamEncryption",
        "StopDeliveryStreamEncryption",
        "ListDeliveryStreams",
        "DeleteDeliveryStream",
    ] {
        let arguments = [operation, "--endpoint-url", endpoint.url(), "--input", "-"];
        run(&mut call(&arguments), skeleton(operation, &[]).as_bytes()).ended_with(0);
    }
    assert_eq!(endpoint.stop().records, 2);
}

#[test]
fn an_input_that_is_a_files_name_is_pointed_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("input"), "{}").unwrap();
    for (input, hint) in [
        ("stream.json", "firehose: the input is not JSON\nfirehose: to read it from a file: --input @stream.json\n"),
        ("input", "firehose: the input is not JSON\nfirehose: to read it from a file: --input @input\n"),
        ("it's secret", "firehose: the input is not JSON\nfirehose: to read it from a file: --input @FILE\n"),
        ("{", "firehose: the input cannot be read: invalid JSON at byte 0\n"),
    ] {
        let mut command = call(&["ListDeliveryStreams", "--input", input]);
        let outcome = run(command.current_dir(dir.path()), b"").ended_with(2);
        assert_eq!(outcome.stderr, hint, "{input}");
    }
    for arguments in [&["--all"][..], &["--skeleton", "--input", "{}"], &["--skeleton", "--dry-run"]] {
        let outcome = run(call(&["ListDeliveryStreams"]).args(arguments), b"");
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome:?}");
    }
}
