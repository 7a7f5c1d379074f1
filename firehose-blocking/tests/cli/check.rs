//! `firehose check`: what it finds, what it says to do, and that it writes nothing.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Command;

use firehose_blocking::LocalEndpoint;
use firehose_blocking::firehose_proto::credentials::Credentials;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::program::{Outcome, SECRET, firehose, put_to, run, with_credentials};
use crate::service::{Conduct, Service, described, refused};

/// `check` of a stream of AWS's own endpoint, whose name leads to the stand-in through a proxy.
fn check(service: &Service, args: &[&str]) -> Command {
    let mut command = firehose(&["check", "logs", "--endpoint-url", "http://firehose.eu-west-1.amazonaws.com"]);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    command.env("HTTP_PROXY", &service.url).env("AWS_ENDPOINT_URL_STS", &service.url);
    command.args(args);
    command
}

fn finished(command: &mut Command, code: i32) -> Outcome {
    let outcome = run(command, b"").ended_with(code);
    assert!(!outcome.stdout.contains(SECRET), "{outcome:?}");
    assert_eq!(outcome.stderr, "", "the report is on standard output");
    outcome
}

/// What is found of each thing, and what is said of those that are not good.
fn found(outcome: &Outcome) -> (Value, BTreeMap<String, String>, String) {
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error} in {outcome:?}"));
    let mut results = BTreeMap::new();
    let mut words = String::new();
    for check in report["checks"].as_array().unwrap() {
        let text = |name: &str| check[name].as_str().unwrap().to_owned();
        results.insert(text("name"), text("result"));
        words.push_str(&format!("{}\n", check["message"].as_str().unwrap()));
        check["details"].as_array().unwrap().iter().for_each(|line| words += &format!("{}\n", line.as_str().unwrap()));
    }
    let names: Vec<_> = results.keys().map(String::as_str).collect();
    assert_eq!(names, ["clock", "connection", "credentials", "identity", "permission", "settings", "stream"]);
    (report["would_work"].clone(), results, words)
}

#[test]
fn says_of_each_thing_that_it_is_good() {
    let service = Service::start(Conduct::good());
    let outcome = finished(&mut check(&service, &["--region", "eu-west-1"]), 0);
    let proxy = &service.url;
    let expected = format!(
        "\
good     settings     region eu-west-1 (command line), endpoint http://firehose.eu-west-1.amazonaws.com/ (command line), profile default (default)
good     credentials  AKIDEXAMPLE from environment variables
good     connection   firehose.eu-west-1.amazonaws.com answers (without TLS, through {proxy} (environment variable `HTTP_PROXY`))
good     clock        agrees with the service's
good     identity     arn:aws:iam::123456789012:user/me in account 123456789012
good     stream       logs is ACTIVE and takes puts
good     permission   a PutRecordBatch without records is refused for having none; Firehose has been seen to check the permission before that
a put into logs would work
"
    );
    assert_eq!(outcome.stdout, expected);
    let asked: Vec<String> = service.asked().into_iter().map(|(name, _)| name).collect();
    assert_eq!(asked, ["unsigned", "GetCallerIdentity", "DescribeDeliveryStream", "PutRecordBatch"]);
}

/// The service as it is but for one thing, and what is made of that.
struct Case {
    name: &'static str,
    change: fn(&mut Conduct),
    code: i32,
    /// What is not good, and what it is.
    others: &'static [(&'static str, &'static str)],
    words: &'static [&'static str],
}

const fn case(
    name: &'static str,
    change: fn(&mut Conduct),
    code: i32,
    others: &'static [(&'static str, &'static str)],
    words: &'static [&'static str],
) -> Case {
    Case { name, change, code, others, words }
}

#[test]
fn finds_what_is_in_the_way_of_a_put() {
    let cases = [
        case(
            "no such stream",
            |it| {
                it.describe =
                    refused("ResourceNotFoundException", "Firehose logs under account 123456789012 not found.");
            },
            4,
            &[("stream", "wrong")],
            &["there is no stream logs in eu-west-1", "account 123456789012", "firehose call ListDeliveryStreams"],
        ),
        case(
            "being made",
            |it| it.describe = described("CREATING", "DirectPut"),
            4,
            &[("stream", "wrong")],
            &["logs is CREATING", "wait until it is ACTIVE"],
        ),
        case(
            "not made",
            |it| it.describe = described("CREATING_FAILED", "DirectPut"),
            4,
            &[("stream", "wrong")],
            &["logs is CREATING_FAILED", "create it again"],
        ),
        case(
            "being deleted",
            |it| it.describe = described("DELETING", "DirectPut"),
            0,
            &[("stream", "unknown")],
            &["logs is DELETING", "deliver them or not"],
        ),
        case(
            "another source",
            |it| it.describe = described("ACTIVE", "KinesisStreamAsSource"),
            4,
            &[("stream", "wrong")],
            &["its source is KinesisStreamAsSource: it takes no puts", "put into its source"],
        ),
        case(
            "a state of tomorrow",
            |it| it.describe = described("SUSPENDED", "DirectPut"),
            0,
            &[("stream", "unknown")],
            &["does not know whether a stream that is SUSPENDED, of type DirectPut, takes puts"],
        ),
        case(
            "may not look",
            |it| it.describe = refused("AccessDeniedException", "User: me is not authorized"),
            0,
            &[("stream", "unknown")],
            &["allow firehose:DescribeDeliveryStream, which a put does not need", "User: me is not authorized"],
        ),
        case(
            "may not put",
            |it| it.put = refused("AccessDeniedException", "User: me is not authorized"),
            4,
            &[("permission", "wrong")],
            &["do not allow firehose:PutRecordBatch on the stream logs", "User: me is not authorized", "--profile"],
        ),
        case(
            "puts nowhere",
            |it| it.put = refused("InvalidArgumentException", "This operation is not permitted on MSKAsSource."),
            4,
            &[("permission", "wrong")],
            &["not permitted on MSKAsSource"],
        ),
        case(
            "key of the stream",
            |it| it.put = refused("InvalidKMSResourceException", "disabled"),
            4,
            &[("permission", "wrong")],
            &["InvalidKMSResourceException", "disabled"],
        ),
        case(
            "refuses an empty batch in other words",
            |it| it.put = refused("InvalidArgumentException", "Records must not be empty"),
            0,
            &[],
            &["is refused for having none"],
        ),
        case("takes an empty batch", |it| it.put = (200, "{}".into()), 0, &[], &["without records is accepted"]),
        case(
            "throttled",
            |it| it.put = refused("ThrottlingException", "Rate exceeded"),
            0,
            &[("permission", "unknown")],
            &["inconclusive: ThrottlingException"],
        ),
        case(
            "in trouble",
            |it| it.describe = (500, r#"{"__type":"InternalFailure"}"#.into()),
            0,
            &[("stream", "unknown")],
            &["the service could not say now"],
        ),
        case(
            "unknown key",
            |it| it.describe = refused("UnrecognizedClientException", "The security token is invalid."),
            4,
            &[("credentials", "wrong"), ("stream", "unknown"), ("permission", "unknown")],
            &["does not know the access key", "Temporary credentials need AWS_SESSION_TOKEN"],
        ),
        case(
            "wrong region",
            |it| {
                it.describe = refused(
                    "InvalidSignatureException",
                    "Credential should be scoped to a valid region, not 'eu-west-1'.",
                );
            },
            4,
            &[("credentials", "wrong"), ("stream", "unknown"), ("permission", "unknown")],
            &["the signature is for Firehose in eu-west-1", "Firehose endpoint in eu-west-1?"],
        ),
        case(
            "somebody else",
            |it| it.describe = (404, "<html>log in</html>".into()),
            1,
            &[("connection", "wrong"), ("stream", "unknown"), ("permission", "unknown")],
            &["<html>log in</html>", "does not seem to be Firehose"],
        ),
        case(
            "refused on the way",
            |it| (it.describe, it.put) = ((403, "<html>no</html>".into()), (403, "<html>no</html>".into())),
            1,
            &[("stream", "unknown"), ("permission", "wrong")],
            &["the service said: response of status 403 without an AWS error code"],
        ),
        case(
            "no sense",
            |it| it.describe = (200, "<html>".into()),
            1,
            &[("stream", "wrong")],
            &["is http://firehose.eu-west-1.amazonaws.com/ a Firehose endpoint?"],
        ),
        case(
            "identity not told",
            |it| {
                it.identity =
                    (403, "<ErrorResponse><Error><Code>RegionDisabledException</Code></Error></ErrorResponse>".into());
            },
            0,
            &[("identity", "unknown")],
            &["did not say: refused: RegionDisabledException"],
        ),
        case("no date", |it| it.ahead = None, 0, &[("clock", "unknown")], &["has no date"]),
    ];
    for Case { name, change, code, others, words } in cases {
        let mut conduct = Conduct::good();
        change(&mut conduct);
        let service = Service::start(conduct);
        let outcome = finished(&mut check(&service, &["--output", "json"]), code);
        let (would_work, results, said) = found(&outcome);
        let mut expected: BTreeMap<_, _> = results.keys().map(|name| (name.clone(), "good".to_owned())).collect();
        expected.extend(others.iter().map(|(name, result)| ((*name).to_owned(), (*result).to_owned())));
        assert_eq!(results, expected, "{name}: {outcome:?}");
        let is_known = code != 0 || others.is_empty();
        assert_eq!(would_work, if is_known { json!(code == 0) } else { Value::Null }, "{name}: {outcome:?}");
        for part in words {
            assert!(said.contains(part), "{name}: {part:?} is not in {said}");
        }
    }
}

#[test]
fn measures_the_clock_and_signs_by_the_services() {
    for (ahead, disabled, code, result, words) in [
        (Some(-3600), "false", 0, "good", "3600 s ahead of the service's\nsignatures are corrected"),
        (Some(100), "true", 0, "good", " s behind the service's"),
        (Some(3600), "true", 4, "wrong", "`AWS_DISABLE_CLOCK_SKEW_CORRECTION` turns that off"),
    ] {
        let service = Service::start(Conduct { ahead, ..Conduct::good() });
        let mut command = check(&service, &["--output", "json"]);
        let outcome = finished(command.env("AWS_DISABLE_CLOCK_SKEW_CORRECTION", disabled), code);
        let (_, results, said) = found(&outcome);
        assert_eq!(results["clock"], result, "{outcome:?}");
        // A whole second may be over between the two looks at the clock.
        assert!(said.replace("3599", "3600").contains(words), "{words:?} is not in {said}");
    }
}

#[test]
fn says_of_a_local_endpoint_what_a_put_would_meet_and_writes_nothing() {
    let dir = tempdir().unwrap();
    for (creates, code, stream) in [(true, 0, "good"), (false, 4, "wrong")] {
        let endpoint = LocalEndpoint::builder(dir.path()).auto_create(creates);
        let endpoint = endpoint.credentials(Credentials::new("AKIDEXAMPLE", SECRET)).start().unwrap();
        let mut command = firehose(&["check", "logs", "--output", "json", "--endpoint-url", endpoint.url()]);
        with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
        let (_, results, said) = found(&finished(&mut command, code));
        assert_eq!([&*results["stream"], &*results["permission"], &*results["identity"]], [stream, "good", "unknown"]);
        assert!(said.contains("AWS_ENDPOINT_URL_STS is not set"), "nobody else is asked: {said}");
        assert_eq!(endpoint.accepted().records, 0);
        let mut put = put_to(endpoint.url(), &[]);
        assert_eq!(run(&mut put, b"").ended_with(0).summary()[0], 0);
        assert_eq!(run(&mut put, b"a\n").ended_with(code).summary()[2], u64::from(creates), "a put ends as foretold");
        endpoint.stop();
        std::fs::remove_dir_all(dir.path().join("logs")).ok();
    }
}

#[test]
fn knows_what_a_stand_in_cannot_tell() {
    let service = Service::start(Conduct::good());
    let mut command = firehose(&["check", "logs", "--output", "json", "--endpoint-url", &service.url]);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    let (would_work, results, said) = found(&finished(&mut command, 0));
    assert_eq!((would_work, &*results["permission"]), (Value::Null, "unknown"), "{said}");
    assert!(said.contains("it is not known whether this endpoint checks the permission before that"), "{said}");
}

#[test]
fn tells_in_one_go_all_that_is_missing() {
    let mut command = firehose(&["check", "logs"]);
    command.env("AWS_MAX_ATTEMPTS", "many").env("AWS_RETRY_MODE", "never").env("AWS_REGION", "eu-west-1");
    let outcome = finished(&mut command, 3);
    for wrong in ["AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"] {
        assert_eq!(outcome.stdout.matches(wrong).count(), 1, "{outcome:?}");
    }

    let outcome = finished(&mut firehose(&["check", "logs"]), 3);
    let expected = "\
wrong    settings     no region found. Tried:
                        --region: not given
                        AWS_REGION and AWS_DEFAULT_REGION: not set
                        profile: has no `region`
                        instance metadata: turned off by environment variable `AWS_EC2_METADATA_DISABLED`
                      give one, such as --region eu-west-1, or set AWS_REGION
wrong    credentials  no credentials found. Tried:
                        environment variables: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set
                        profile: profile `default` is in neither the config file nor the credentials file
                        web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set
                        container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set
                        instance metadata: turned off by environment variable `AWS_EC2_METADATA_DISABLED`
                      set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with the AWS CLI: aws configure, aws sso login
a put into logs would not work; to try it without an account or a network: firehose put demo --local DIR
";
    assert_eq!(outcome.stdout, expected);
}

#[test]
fn tells_that_there_is_no_connection() {
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let mut command = firehose(&["check", "logs", "--output", "json", "--endpoint-url", &url]);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    let (would_work, results, said) = found(&finished(&mut command, 1));
    assert_eq!((would_work, &*results["connection"]), (json!(false), "wrong"));
    assert!(said.contains("cannot connect") && said.contains("can it be reached from here?"), "{said}");
    // Without credentials the way there is looked at all the same.
    let service = Service::start(Conduct::good());
    let outcome = finished(check(&service, &["--output", "json"]).env_remove("AWS_ACCESS_KEY_ID"), 3);
    let (_, results, said) = found(&outcome);
    assert_eq!([&*results["credentials"], &*results["connection"], &*results["clock"]], ["wrong", "good", "good"]);
    assert!(said.contains("not tried: there are no credentials"), "{said}");
}
