//! The first words to a new user: what is missing, what was tried, and what to do, each on a line of its own.

use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use crate::program::{SECRET, firehose, put_to, run, with_credentials};
use crate::server::{Answer, Server};

const CLOSER: &str = "firehose: to see what is used, where it comes from and what is wrong: firehose check logs, with the same options\n";

/// Runs a command to its end; the whole of what it says.
#[track_caller]
fn said(command: &mut Command, code: i32) -> String {
    run(command, b"one line\n").ended_with(code).stderr
}

#[test]
fn without_a_region() {
    let expected = "\
firehose: no region found. Tried:
firehose:   --region: not given
firehose:   AWS_REGION and AWS_DEFAULT_REGION: not set
firehose:   profile: has no `region`
firehose:   instance metadata: turned off by environment variable `AWS_EC2_METADATA_DISABLED`
firehose: give one, such as --region eu-west-1, or set AWS_REGION
firehose: to try it without an account or a network: firehose put demo --local DIR
";
    for args in [&["put", "logs"][..], &["call", "ListDeliveryStreams"]] {
        assert_eq!(said(&mut firehose(args), 3), expected, "{args:?}");
    }
}

#[test]
fn without_credentials() {
    let expected = "\
firehose: no credentials found. Tried:
firehose:   environment variables: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set
firehose:   profile: profile `default` is in neither the config file nor the credentials file
firehose:   web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set
firehose:   container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set
firehose:   instance metadata: turned off by environment variable `AWS_EC2_METADATA_DISABLED`
firehose: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with the AWS CLI: aws configure, aws sso login
firehose: to try it without an account or a network: firehose put demo --local DIR
";
    for args in [&["put", "logs"][..], &["call", "ListDeliveryStreams"], &["config"]] {
        assert_eq!(said(firehose(args).args(["--region", "eu-west-1"]), 3), expected, "{args:?}");
    }
}

#[test]
fn with_credentials_that_are_not_whole() {
    let mut command = firehose(&["put", "logs", "--region", "eu-west-1"]);
    let expected = "\
firehose: no credentials found. Tried:
firehose:   environment variables: cannot use them: environment variable `AWS_ACCESS_KEY_ID` is set and so needs `AWS_SECRET_ACCESS_KEY`
firehose: the last one is configured and failed: fix it, or choose another profile with --profile
firehose: to try it without an account or a network: firehose put demo --local DIR
";
    assert_eq!(said(command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), 3), expected);
}

#[test]
fn with_a_profile_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    std::fs::write(&config, "[prod]\nregion = eu-west-1\n").unwrap();
    let mut command = firehose(&["put", "logs", "--profile", "prod"]);
    let stderr = said(command.env("AWS_CONFIG_FILE", &config), 3);
    let lines: Vec<_> = stderr.lines().collect();
    let [first, .., last] = lines[..] else { panic!("{stderr}") };
    let what = "neither the config file nor the credentials file has a profile `prod` (named by --profile)";
    assert_eq!(first, format!("firehose: {what}"));
    assert!(lines[1].starts_with("firehose:   ") && lines[1].contains("line 1 of the config file"), "{stderr}");
    assert_eq!(last, "firehose: to see which files these are: firehose config --profile default");
}

#[test]
fn without_a_network() {
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let host = url.strip_prefix("http://").unwrap();
    let expected = format!(
        "\
firehose: cannot reach the service: 8 calls in a row failed, the last one with cannot connect: {host}: Connection refused (os error 111)
firehose: is {url}/ a Firehose endpoint, and can it be reached from here?
{CLOSER}firehose: to try it without an account or a network: firehose put demo --local DIR
firehose: 1 of 1 records not accepted; --rejects FILE would keep them, and --from-rejects FILE would send them again
"
    );
    let stderr = said(&mut put_to(&url, &[]), 1);
    assert_eq!(without_system_words(&stderr), without_system_words(&expected));

    let mut command = firehose(&["call", "ListDeliveryStreams", "--endpoint-url", &url]);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    let expected = format!(
        "\
firehose: no answer after 3 attempts: cannot connect: {host}: Connection refused (os error 111)
firehose: is {url}/ a Firehose endpoint, and can it be reached from here?
"
    );
    assert_eq!(without_system_words(&said(&mut command, 1)), without_system_words(&expected));
}

/// Other systems have other words and numbers for a connection that is refused.
fn without_system_words(text: &str) -> String {
    text.lines().map(|line| line.split(": Connection refused").next().unwrap().to_owned() + "\n").collect()
}

#[test]
fn where_the_service_says_no() {
    const DENIED: &str = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: firehose:PutRecordBatch on \
                          resource: arn:aws:firehose:eu-west-1:123456789012:deliverystream/logs";
    for (code, words, meaning, what_to_do) in [
        (
            // As for a name that is wrong, so for the wrong account and the wrong region: none of them has the stream.
            "ResourceNotFoundException",
            "Firehose logs under account 123456789012 not found.",
            "there is no stream logs in eu-west-1, in the account of these credentials",
            "check the name, the region and the account; to list the streams: firehose call ListDeliveryStreams --region \
             eu-west-1 --endpoint-url URL",
        ),
        (
            "AccessDeniedException",
            DENIED,
            "these credentials do not allow firehose:PutRecordBatch on the stream logs in eu-west-1",
            "allow firehose:PutRecordBatch on the stream logs, or choose other credentials with --profile",
        ),
        (
            "InvalidSignatureException",
            "Credential should be scoped to a valid region.",
            "the signature is for Firehose in eu-west-1, but URL belongs to another region or service",
            "is URL a Firehose endpoint in eu-west-1?",
        ),
        (
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
            "the service does not accept the signature",
            "does AWS_SECRET_ACCESS_KEY belong to AWS_ACCESS_KEY_ID, and is the clock right?",
        ),
        (
            "InvalidSignatureException",
            "Signature not yet current: 20261125T220353Z is still later than 20261125T214853Z (20261125T214353Z + 5 min.)",
            "the clocks of this machine and of the service are too far apart",
            "set the clock, or allow signatures to be corrected (disable_clock_skew_correction turns that off)",
        ),
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "the service does not know the access key",
            "is AWS_ACCESS_KEY_ID active, and valid in eu-west-1? Temporary credentials need AWS_SESSION_TOKEN",
        ),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            "the temporary credentials have expired",
            "get new temporary credentials",
        ),
    ] {
        let server =
            Server::start(move |_, _| Answer::Http(400, json!({"__type": code, "message": words}).to_string()));
        // Others may come in the place of credentials that are refused, so that is tried for a while.
        let is_tried = ["UnrecognizedClientException", "ExpiredTokenException"].contains(&code);
        let tried = if is_tried { "8 calls in a row failed, the last one with " } else { "" };
        let expected = format!(
            "\
firehose: {meaning}
firehose:   the service said: {tried}{code}: {words}
firehose: {what_to_do}
{CLOSER}firehose: 1 of 1 records not accepted; --rejects FILE would keep them, and --from-rejects FILE would send them again
"
        );
        let stderr = said(&mut put_to(&server.url, &[]), 4);
        assert_eq!(stderr.replace(&format!("{}/", server.url), "URL"), expected, "{code}");
    }
}

#[test]
fn each_command_tells_its_version_its_statuses_and_its_diagnostics() {
    for (command, status) in [
        ("put", "130  interrupted twice: some records may have no known outcome"),
        ("check", "0  found nothing that would stop a put"),
        ("call", "with --dry-run or --skeleton"),
        ("config", "0  an endpoint and credentials were found"),
        ("local", "3  the directory, the keys or the address cannot be used"),
    ] {
        let help = run(&mut firehose(&[command, "--help"]), b"").ended_with(0).stdout;
        for part in [status, "Exit status", "RUST_LOG", "debug "] {
            assert!(help.contains(part), "{command}: {part}");
        }
        assert_eq!(help.contains("130  "), command == "put", "{command} has its own statuses");
        let version = run(&mut firehose(&[command, "--version"]), b"").ended_with(0).stdout;
        assert_eq!(version, format!("firehose-{command} {}\n", env!("CARGO_PKG_VERSION")));
    }
    let help = run(&mut firehose(&["--help"]), b"").ended_with(0).stdout;
    assert!(help.contains("RUST_LOG") && help.contains("Exit status"), "{help}");
}
