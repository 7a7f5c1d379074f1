//! `firehose config`: what it prints, and how it ends.

use std::fs;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::program::{SECRET, firehose, run, with_credentials};

#[test]
fn prints_each_setting_with_its_source() {
    let home = tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let config = "[profile dev]\nmax_attempts = 7\nuse_dualstack_endpoint = true\n[prod]\n";
    fs::write(home.path().join(".aws/config"), config).unwrap();
    let mut command = firehose(&["config", "--output", "json", "--region", "eu-west-3"]);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    command
        .env("HOME", home.path())
        .env("AWS_PROFILE", "dev")
        .env("HTTPS_PROXY", format!("http://me:{SECRET}@proxy:8"));
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
    let outcome = run(command.env("AWS_SESSION_TOKEN", "short"), b"").ended_with(0);
    assert_eq!(outcome.stderr.matches("line 4 of the config file is ignored").count(), 1, "{outcome:?}");
    let all: Value = serde_json::from_str(&outcome.stdout).unwrap();
    for (name, value, source) in [
        ("region", json!("eu-west-3"), "command line"),
        ("profile", json!("dev"), "environment variable `AWS_PROFILE`"),
        ("endpoint_url", json!("https://firehose.eu-west-3.api.aws/"), "default"),
        ("max_attempts", json!(7), "`max_attempts` of profile `dev` (line 2 of the config file)"),
        ("retry_mode", json!("standard"), "default"),
        ("proxy", json!("http://…@proxy:8"), "environment variable `HTTPS_PROXY`"),
        ("ca_bundle", Value::Null, "default"),
        ("operation_timeout", Value::Null, "default"),
        ("ignore_configured_endpoint_urls", json!(false), "default"),
        (
            "ec2_metadata_service_endpoint",
            json!("http://[fd00:ec2::254]"),
            "environment variable `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`",
        ),
        ("metadata_service_timeout", json!(1.0), "default"),
        ("config_file", json!(home.path().join(".aws/config").to_str()), "default"),
    ] {
        assert_eq!(all[name], json!({"value": value, "source": source}), "{name}");
    }
    assert_eq!(
        all["credentials"],
        json!({
            "provider": "environment variables",
            "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": "****Hush",
            "session_token": "****",
            "expires_at": null,
            "account_id": null,
        })
    );
    assert!(!outcome.stdout.contains(SECRET), "{outcome:?}");
}

#[test]
fn prints_a_table_for_people() {
    let mut command = firehose(&["config", "--endpoint-url", "http://127.0.0.1:9"]);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    let outcome = run(&mut command, b"").ended_with(0);
    let row = |name: &str| outcome.stdout.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
    assert!(row("region").ends_with("  environment variable `AWS_REGION`"), "{outcome:?}");
    assert!(
        row("endpoint_url").contains("  http://127.0.0.1:9/  ") && row("endpoint_url").ends_with("  command line"),
        "{outcome:?}"
    );
    assert!(row("credentials.secret_access_key").contains(" ****Hush "), "{outcome:?}");
    assert!(!outcome.stdout.contains(SECRET), "{outcome:?}");
    let column = |value: &str| outcome.stdout.lines().find_map(|line| line.find(value)).unwrap();
    assert_eq!(column("eu-west-1"), column("http://127"), "the columns are aligned: {outcome:?}");
}

#[test]
fn names_what_is_missing_or_broken_and_ends_with_3() {
    let home = tempdir().unwrap();
    let path = home.path().join("config");
    for (text, profile, words) in [
        ("[profile dev]\nregion eu-west-1\n", "dev", "config: line 2 of the config file: expected `key = value`"),
        ("[profile dev]\nregion = eu-west-1\n", "prod", "there is no profile `prod` (named by --profile)"),
        ("[dev]\nregion = eu-west-1\n", "dev", "firehose:   line 1 of the config file is ignored"),
        (
            "[profile dev]\nregion =\n",
            "dev",
            "no credentials found. Tried:\nfirehose:   environment variables: passed over",
        ),
        (
            "[profile dev]\nregion = eu-west-1\naws_access_key_id = AKID\n  X\naws_secret_access_key = s\n",
            "dev",
            "the access key id has a blank, a line break",
        ),
        ("[profile dev]\nregion = eu-west-1\nrole_arn = r\n", "dev", "`source_profile` or `credential_source`"),
        ("[profile dev]\nregion = eu-west-1\nretry_mode = never\n", "dev", "line 3 of the config file"),
        ("[profile dev]\n", "dev", "no region"),
    ] {
        fs::write(&path, text).unwrap();
        let mut command = firehose(&["config", "--profile", profile, "--output", "json"]);
        let outcome = run(command.env("AWS_CONFIG_FILE", &path), b"").ended_with(3);
        assert!(outcome.stderr.contains(words), "{outcome:?}");
    }
}

#[test]
fn says_in_the_words_of_the_command_line_what_goes_against_it() {
    for (name, value, words) in [
        (
            "AWS_USE_FIPS_ENDPOINT",
            "true",
            "--endpoint-url goes against the wish of environment variable `AWS_USE_FIPS_ENDPOINT`",
        ),
        (
            "AWS_CREDENTIAL_EXPIRATION",
            "2020-01-01T00:00:00Z",
            "environment variables have expired, at 2020-01-01T00:00:00Z",
        ),
    ] {
        let mut command = firehose(&["config", "--endpoint-url", "http://127.0.0.1:9"]);
        with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
        let outcome = run(command.env(name, value), b"").ended_with(3);
        assert!(outcome.stderr.contains(words), "{outcome:?}");
    }
}
