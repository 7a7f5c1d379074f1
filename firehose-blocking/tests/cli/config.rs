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
        (
            "[profile dev]\nregion eu-west-1\n",
            "dev",
            "`region` of profile `dev` (line 2 of the config file) must be `key",
        ),
        ("[profile dev]\nregion = eu-west-1\n", "prod", "has a profile `prod` (named by --profile)"),
        ("[dev]\nregion = eu-west-1\n", "dev", "firehose:   line 1 of the config file is ignored"),
        (
            "[profile dev]\nregion =\n",
            "dev",
            "no credentials found. Tried:\nfirehose:   environment variables: ignored",
        ),
        (
            "[profile dev]\nregion = eu-west-1\naws_access_key_id = AKID\n  X\naws_secret_access_key = s\n",
            "dev",
            "the access key id contains a space, a line break",
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
fn lists_all_that_is_passed_over_and_all_that_is_wrong() {
    let home = tempdir().unwrap();
    let (config, credentials) = (home.path().join("config"), home.path().join("credentials"));
    let text = "[plugins]\n[profile dev]\nmax_attempts = none\nno sign\nretry_mode = never\nuse_fips_endpoint = yes\n\
                [profile My Mac]\n[profile dev]\nmax_attempts = 0\n";
    fs::write(&config, text).unwrap();
    fs::write(&credentials, "[dev]\n[profile dev]\nregion eu-west-1\n").unwrap();
    let mut command = firehose(&["config", "--profile", "dev", "--endpoint-url", "h"]);
    command.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &credentials);
    let outcome = run(command.env("AWS_METADATA_SERVICE_TIMEOUT", "0"), b"").ended_with(3);
    let expected = [
        "firehose: line 1 of the config file is ignored: it must be `[default]`, `[profile name]`",
        "firehose: line 3 of the config file is ignored: it must not have a key that the section repeats later",
        "firehose: line 4 of the config file is ignored: it must be `key = value`",
        "firehose: line 7 of the config file is ignored: it must have quotation marks around a name with blanks",
        "firehose: line 2 of the credentials file names a profile by the whole text between the brackets",
        "firehose: line 3 of the credentials file is ignored: it must be `key = value`",
        "`use_fips_endpoint` of profile `dev` (line 6 of the config file) must be `true` or `false`",
        "`retry_mode` of profile `dev` (line 5 of the config file) must be `standard` or `adaptive`",
        "`max_attempts` of profile `dev` (line 9 of the config file) must be a whole number from 1",
        "firehose: environment variable `AWS_METADATA_SERVICE_TIMEOUT` must be a whole number of seconds from 1",
        "firehose: --endpoint-url: ",
    ];
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{outcome:?}");
    lines.iter().zip(expected).for_each(|(line, words)| assert!(line.contains(words), "{line}"));
}

#[cfg(unix)]
#[test]
fn finds_the_home_where_no_variable_names_it() {
    let mut command = firehose(&["config", "--output", "json", "--region", "eu-west-1"]);
    with_credentials(&mut command, "AKIDEXAMPLE", SECRET);
    command.env_remove("HOME").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    // No file of the user's own.
    let outcome = run(command.env("AWS_CONFIG_FILE", "~/.aws/no such file"), b"").ended_with(0);
    let all: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let path = all["config_file"]["value"].as_str().unwrap();
    assert!(path.starts_with('/') && path.ends_with("/.aws/no such file"), "{outcome:?}");
}

#[test]
fn says_in_the_words_of_the_command_line_what_goes_against_it() {
    for (name, value, words) in [
        ("AWS_USE_FIPS_ENDPOINT", "true", "--endpoint-url conflicts with environment variable `AWS_USE_FIPS_ENDPOINT`"),
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
