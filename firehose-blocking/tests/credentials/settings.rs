//! Where settings come from, and what they do.

use std::fs;
use std::num::NonZeroU32;

use firehose_blocking::firehose_proto::http::Response;
use firehose_blocking::{BuildError, Client, Credentials, PutRecordInput, Record, SettingsError};
use tempfile::tempdir;

use crate::world::{Scripted, Virtual, story};

/// A builder with these variables and this configuration file.
fn with(
    variables: &[(&'static str, &'static str)],
    config: &str,
) -> (tempfile::TempDir, firehose_blocking::ClientBuilder) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("config");
    fs::write(&path, config).unwrap();
    let (variables, path) = (variables.to_vec(), path.to_str().unwrap().to_owned());
    let builder = Client::builder().environment(move |name| {
        if name == "AWS_CONFIG_FILE" {
            return Some(path.clone());
        }
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    });
    (dir, builder.credentials(Credentials::new("AKID", "s")))
}

#[test]
fn code_beats_environment_beats_profile_beats_default() {
    let config = "[default]\nregion = eu-north-1\nmax_attempts = 5\nendpoint_url = http://profile:1\n";
    let off = ("AWS_EC2_METADATA_DISABLED", "true");
    let environment =
        [("AWS_REGION", "eu-central-1"), ("AWS_MAX_ATTEMPTS", "4"), ("AWS_ENDPOINT_URL_FIREHOSE", "http://env:1")];
    for (code, variables, config, expected) in [
        (true, &environment[..], config, ("eu-west-2", 2, "http://code:1/")),
        (false, &environment, config, ("eu-central-1", 4, "http://env:1/")),
        (false, &[], config, ("eu-north-1", 5, "http://profile:1/")),
        (
            false,
            &[],
            "[default]\nregion = eu-north-1\n",
            ("eu-north-1", 3, "https://firehose.eu-north-1.amazonaws.com/"),
        ),
    ] {
        let (_dir, mut builder) = with(&[variables, &[off]].concat(), config);
        if code {
            let attempts = NonZeroU32::new(2).unwrap();
            builder = builder.region("eu-west-2").max_attempts(attempts).endpoint_url("http://code:1");
        }
        let settings = builder.settings().unwrap();
        let region = settings.region.as_ref().unwrap().value.as_str().to_owned();
        let found = (&*region, settings.max_attempts.value.get(), settings.endpoint().unwrap().url().to_owned());
        assert_eq!((found.0, found.1, &*found.2), expected, "{settings:?}");
    }
}

/// All that is wrong, in the order of the settings.
const WRONG: &str = "(line 2 of the config file) must be `key = value`; \
                     environment variable `AWS_RETRY_MODE` must be `standard` or `adaptive`; \
                     environment variable `AWS_MAX_ATTEMPTS` must be a whole number from 1; \
                     the endpoint URL cannot be used (from environment variable `AWS_ENDPOINT_URL`): ";

#[test]
fn names_the_line_or_the_variable_that_is_wrong() {
    for (variables, config, words) in [
        (
            vec![],
            "[default]\nregion\n",
            "/config: `region` of profile `default` (line 2 of the config file) must be `key = value`",
        ),
        (
            vec![("AWS_MAX_ATTEMPTS", "0"), ("AWS_RETRY_MODE", "never"), ("AWS_ENDPOINT_URL", "h")],
            "[default]\nregion\n",
            WRONG,
        ),
        (vec![], "[default]\nregion = eu west\n", "/config: `region` of profile `default` (line 2 of the config file)"),
        (
            vec![("AWS_REGION", "eu-west-1")],
            "[default]\nservices = s\n[services s]\nfirehose =\n endpoint_url = h\n",
            "(from `endpoint_url` of section `[services s]` (line 5 of the config file))",
        ),
        (vec![("AWS_ENDPOINT_URL", "http://me:hunter2@h")], "", "must not have a user name or password"),
        (vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://me:hunter2@h")], "", "without a user"),
        (
            vec![("AWS_PROFILE", "dev")],
            "[dev]\n",
            "named by environment variable `AWS_PROFILE`, is in neither the config file nor the credentials file; line 1 of \
             the config file is ignored: it must be `[default]`",
        ),
        (
            vec![("AWS_ENDPOINT_URL", "http://h")],
            "[default]\nuse_dualstack_endpoint = true\n",
            "the endpoint URL of environment variable `AWS_ENDPOINT_URL` conflicts with `use_dualstack_endpoint` of \
             profile `default` (line 2 of the config file): dual-stack",
        ),
        (
            vec![("AWS_RETRY_MODE", "never")],
            "",
            "environment variable `AWS_RETRY_MODE` must be `standard` or `adaptive`",
        ),
        (vec![("AWS_ENDPOINT_URL", "ftp://h")], "", "from environment variable `AWS_ENDPOINT_URL`"),
        (vec![("HTTPS_PROXY", "socks5://h")], "", "environment variable `HTTPS_PROXY`"),
        (
            vec![("AWS_CA_BUNDLE", "/nonexistent")],
            "",
            "the certificates in /nonexistent cannot be used (from environment",
        ),
        (vec![("AWS_ENDPOINT_URL", "http://h"), ("AWS_USE_FIPS_ENDPOINT", "true")], "", "FIPS"),
        (
            vec![("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_REGION", " ")],
            "",
            "no region: set one in code, in AWS_REGION, or in the profile; the instance metadata do not give it: turned off by \
             environment variable `AWS_EC2_METADATA_DISABLED`",
        ),
        (
            vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9"), ("AWS_REGION", "")],
            "",
            "the instance metadata do not give it: cannot ask for the region: cannot connect",
        ),
    ] {
        let (_dir, builder) = with(&variables, config);
        let mut builder = builder.region_from_metadata(true);
        if !config.contains("region") && !words.contains("region") {
            builder = builder.region("eu-west-1");
        }
        let error = builder.build().unwrap_err();
        assert!(story(&error).contains(words), "{}", story(&error));
        assert!(!format!("{} {error:?}", story(&error)).contains("hunter2"), "{error:?}");
    }
}

#[test]
fn tells_what_may_explain_that_a_setting_is_not_found() {
    let (_dir, builder) =
        with(&[("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")], "[default]\nregion = eu-west-1\n[dev]\n");
    let settings = builder.settings().unwrap();
    let file = settings.shared_credentials_file.unwrap();
    assert_eq!(file.value, "/nonexistent/credentials");
    assert_eq!(file.source.to_string(), "environment variable `AWS_SHARED_CREDENTIALS_FILE`");
    let [missing, ignored] = &settings.warnings[..] else { panic!("{:?}", settings.warnings) };
    assert!(missing.ends_with("`AWS_SHARED_CREDENTIALS_FILE` names /nonexistent/credentials, which does not exist"));
    assert!(ignored.starts_with("line 3 of the config file is ignored"), "{ignored}");
}

#[test]
fn tells_what_has_no_effect() {
    let config = "[default]\nregion = EU-WEST-1\nretry_mode = legacy\nsource_profile = dev\nregion eu-west-2\n";
    let (_dir, builder) = with(&[("AWS_REGION", "EU-WEST-1")], config);
    let settings = builder.settings().unwrap();
    let expected = [
        "line 2 of the config file is ignored: it must not have a key that the section repeats later, where it counts",
        "line 5 of the config file is ignored: it must be `key = value`",
        "line 4 of the config file has no effect: `source_profile` of profile `default` needs `role_arn`",
        "`retry_mode` of profile `default` (line 3 of the config file) asks for `legacy`, which is treated as `standard`",
    ];
    assert_eq!(settings.warnings, expected);
    assert_eq!(settings.endpoint().unwrap().url(), "https://firehose.eu-west-1.amazonaws.com/");
    assert_eq!(settings.region.unwrap().value.as_str(), "eu-west-1");
    let (_dir, builder) = with(&[("AWS_MAX_ATTEMPTS", "0")], config);
    let Err(BuildError::Settings(SettingsError::Several { errors, warnings })) = builder.settings() else { panic!() };
    assert_eq!((errors.len(), warnings), (2, expected.map(Into::into).to_vec()));
}

#[test]
fn expands_the_path_of_certificates() {
    for (variables, config) in [
        (vec![("AWS_CA_BUNDLE", "~/ca.pem")], "[default]\nca_bundle = /nonexistent\n"),
        (vec![], "[default]\nca_bundle = ~/ca.pem\n"),
        (vec![], "[default]\nca_bundle = $HOME/ca.pem\n"),
    ] {
        let (_dir, builder) = with(&[&variables[..], &[("HOME", "/home/me")]].concat(), config);
        let settings = builder.region("eu-west-1").settings().unwrap();
        assert_eq!(settings.ca_bundle.unwrap().value, "/home/me/ca.pem", "{variables:?} {config}");
    }
}

#[test]
fn wants_certificates_in_a_file_of_certificates() {
    for (text, words) in [
        ("", "at least one certificate"),
        ("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "must be PEM"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "at least one certificate"),
    ] {
        let (dir, builder) = with(&[], "");
        let path = dir.path().join("ca.pem");
        fs::write(&path, text).unwrap();
        let error = builder.region("eu-west-1").ca_bundle(path.to_str().unwrap()).build().unwrap_err();
        assert!(matches!(error, BuildError::CaBundle { .. }) && story(&error).contains(words), "{}", story(&error));
    }
}

fn accepting() -> Scripted {
    Scripted::new(|_| Response::new(200, br#"{"RecordId":"id"}"#.to_vec()))
}

fn put(client: &Client) {
    client.put_record(&PutRecordInput::new("s", Record::new(b"data"))).map(drop).unwrap_or_default();
}

#[test]
fn introduces_itself_and_passes_the_trace_on() {
    let variables = [
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_LAMBDA_FUNCTION_NAME", "ship"),
        ("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793"),
    ];
    let (_dir, builder) = with(&variables, "[default]\nregion = eu-west-1\nsdk_ua_app_id = log shipper\n");
    let transport = accepting();
    put(&builder.transport(transport.clone()).build().unwrap());
    let asked = transport.asked();
    assert!(asked[0].contains("exec-env/AWS_Lambda_provided.al2023 app/log-shipper\n"), "{}", asked[0]);
    assert!(asked[0].contains("\nx-amzn-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793\n"), "{}", asked[0]);
    assert!(!asked[0].contains(";x-amzn-trace-id"), "it is not signed");

    let (_dir, builder) =
        with(&[("AWS_EXECUTION_ENV", " "), ("AWS_SDK_UA_APP_ID", "")], "[default]\nregion = eu-west-1\n");
    let transport = accepting();
    put(&builder.transport(transport.clone()).build().unwrap());
    assert!(!transport.asked()[0].contains("exec-env/") && !transport.asked()[0].contains("app/"), "blank is unset");
}

#[test]
fn slows_down_when_throttled_in_adaptive_mode_alone() {
    for (mode, is_slow) in [("standard", false), ("adaptive", true)] {
        let throttled = Scripted::new(|_| Response::new(400, br#"{"__type":"ThrottlingException"}"#.to_vec()));
        let (_dir, builder) = with(&[("AWS_RETRY_MODE", mode), ("AWS_MAX_ATTEMPTS", "1")], "");
        let clock = Virtual::new();
        let client = builder.region("eu-west-1").clock(clock.clone()).transport(throttled).build().unwrap();
        (0..4).for_each(|_| put(&client));
        let waited = firehose_blocking::Clock::tick(&clock).as_duration().as_secs_f64();
        assert_eq!(waited > 5.0, is_slow, "{mode}: {waited}");
    }
}

#[test]
fn leaves_the_clock_alone_when_told_to() {
    for (disabled, second_date) in [("false", "20261122T122000Z"), ("true", "20261122T120000Z")] {
        let transport = Scripted::new(|_| {
            let mut response = Response::new(200, br#"{"RecordId":"id"}"#.to_vec());
            response.headers.append("Date", "Sun, 22 Nov 2026 12:20:00 GMT").unwrap();
            response
        });
        let config = format!("[default]\nregion = eu-west-1\ndisable_clock_skew_correction = {disabled}\n");
        let (_dir, builder) = with(&[], &config);
        let client = builder.clock(Virtual::new()).transport(transport.clone()).build().unwrap();
        put(&client);
        put(&client);
        assert!(transport.asked()[1].contains(&format!("x-amz-date: {second_date}")), "{}", transport.asked()[1]);
    }
}
