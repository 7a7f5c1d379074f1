//! Code overrides the environment, which overrides the profile, which overrides the default; errors name the wrong
//! setting.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use core::num::NonZeroU32;
use core::time::Duration;

use firehose_proto::internal::profile::Profiles;
use firehose_proto::internal::settings::SettingsResolver;
use firehose_proto::settings::{self, RetryMode, Setting, SettingError};

/// Resolves settings of one profile, `p`, with variables given as lines of `NAME=value`.
fn look_up<T>(variables: &str, config: &str, find: impl FnOnce(SettingsResolver<'_>) -> T) -> T {
    let profiles = Profiles::parse(config.as_bytes(), b"").unwrap();
    find(SettingsResolver::new(&environment(variables), &profiles, "p"))
}

fn environment(variables: &str) -> impl Fn(&str) -> Option<String> + '_ {
    move |name| {
        variables
            .lines()
            .find_map(|line| line.split_once('=').filter(|(found, _)| *found == name))
            .map(|(_, value)| value.into())
    }
}

/// The result as one text: the value, then the source; or the error.
fn shown<T: core::fmt::Debug>(found: Result<Setting<T>, SettingError>) -> String {
    found.map_or_else(|error| format!("error: {error}"), |found| format!("{:?} {}", found.value, found.source))
}

fn shown_if_any<T: core::fmt::Debug>(found: Result<Option<Setting<T>>, SettingError>) -> String {
    found.transpose().map_or_else(|| "none".into(), shown)
}

/// A setting, with the variable and the key that set it.
struct Row {
    find: fn(SettingsResolver<'_>) -> String,
    find_with_code: fn(SettingsResolver<'_>) -> String,
    variable: &'static str,
    key: &'static str,
    /// A value, and how it is shown.
    value: [&'static str; 2],
    default: &'static str,
    rule: &'static str,
}

#[test]
fn every_setting_is_found_in_its_order_and_its_errors_name_the_place() {
    const BOOLEAN: &str = "must be `true` or `false`";
    let rows = [
        Row {
            find: |l| shown(l.use_fips_endpoint(None, None)),
            find_with_code: |l| shown(l.use_fips_endpoint(Some(false), None)),
            variable: "AWS_USE_FIPS_ENDPOINT",
            key: "use_fips_endpoint",
            value: ["TRUE", "true"],
            default: "false",
            rule: BOOLEAN,
        },
        Row {
            find: |l| shown(l.use_dualstack_endpoint(None)),
            find_with_code: |l| shown(l.use_dualstack_endpoint(Some(false))),
            variable: "AWS_USE_DUALSTACK_ENDPOINT",
            key: "use_dualstack_endpoint",
            value: ["true", "true"],
            default: "false",
            rule: BOOLEAN,
        },
        Row {
            find: |l| shown(l.disable_clock_skew_correction(None)),
            find_with_code: |l| shown(l.disable_clock_skew_correction(Some(false))),
            variable: "AWS_DISABLE_CLOCK_SKEW_CORRECTION",
            key: "disable_clock_skew_correction",
            value: ["True", "true"],
            default: "false",
            rule: BOOLEAN,
        },
        Row {
            find: |l| shown(l.retry_mode(None)),
            find_with_code: |l| shown(l.retry_mode(Some(RetryMode::Standard))),
            variable: "AWS_RETRY_MODE",
            key: "retry_mode",
            value: ["Adaptive", "Adaptive"],
            default: "Standard",
            rule: "must be `standard` or `adaptive`",
        },
        Row {
            find: |l| shown(l.max_attempts(None)),
            find_with_code: |l| shown(l.max_attempts(NonZeroU32::new(9))),
            variable: "AWS_MAX_ATTEMPTS",
            key: "max_attempts",
            value: ["5", "5"],
            default: "3",
            rule: "must be a whole number from 1",
        },
        Row {
            find: |l| shown(l.connect_timeout(None)),
            find_with_code: |l| shown(l.connect_timeout(Some(Duration::from_secs(9)))),
            variable: "AWS_DEFAULTS_MODE",
            key: "defaults_mode",
            value: ["in-region", "1.1s"],
            default: "3.1s",
            rule: "must be `auto`, `standard`, `in-region`, `cross-region`, `mobile` or `legacy`",
        },
        Row {
            find: |l| shown(l.ec2_metadata_service_endpoint(None)),
            find_with_code: |l| shown(l.ec2_metadata_service_endpoint(Some("http://code"))),
            variable: "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            key: "ec2_metadata_service_endpoint",
            value: ["http://h", "\"http://h\""],
            default: "\"http://169.254.169.254\"",
            rule: "must be a URL such as `http://169.254.169.254`, without a user, a query or a fragment",
        },
        Row {
            find: |l| shown(l.ec2_metadata_service_endpoint(None)),
            find_with_code: |l| shown(l.ec2_metadata_service_endpoint(Some("http://code"))),
            variable: "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
            key: "ec2_metadata_service_endpoint_mode",
            value: ["ipv6", "\"http://[fd00:ec2::254]\""],
            default: "\"http://169.254.169.254\"",
            rule: "must be `IPv4` or `IPv6`",
        },
        Row {
            find: |l| shown(l.metadata_service_timeout(None)),
            find_with_code: |l| shown(l.metadata_service_timeout(Some(Duration::from_secs(9)))),
            variable: "AWS_METADATA_SERVICE_TIMEOUT",
            key: "metadata_service_timeout",
            value: ["2", "2s"],
            default: "1s",
            rule: "must be a whole number of seconds from 1",
        },
        Row {
            find: |l| shown(l.metadata_service_num_attempts(None)),
            find_with_code: |l| shown(l.metadata_service_num_attempts(NonZeroU32::new(9))),
            variable: "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
            key: "metadata_service_num_attempts",
            value: ["2", "2"],
            default: "3",
            rule: "must be a whole number from 1",
        },
    ];
    for Row { find, find_with_code, variable, key, value: [value, shown], default, rule } in rows {
        let set = |text: &str| (format!("{variable}={text}"), format!("[profile p]\n{key} = {text}"));
        let (variables, profile) = set(value);
        let (bad_variables, bad_profile) = set("hunter2");
        let (blank_variables, blank_profile) = set(" ");
        let in_variable = format!("environment variable `{variable}`");
        let in_profile = format!("`{key}` of profile `p` (line 2 of the config file)");
        assert_eq!(look_up("", "", find), format!("{default} default"));
        assert_eq!(look_up(&blank_variables, &blank_profile, find), format!("{default} default"));
        assert_eq!(look_up(&blank_variables, &profile, find), format!("{shown} {in_profile}"));
        assert_eq!(look_up(&variables, &bad_profile, find), format!("{shown} {in_variable}"));
        assert_eq!(look_up(&bad_variables, &profile, find), format!("error: {in_variable} {rule}"));
        assert_eq!(look_up("", &bad_profile, find), format!("error: {in_profile} {rule}"));
        assert!(look_up(&bad_variables, &bad_profile, find_with_code).ends_with(" code"), "{key}");
    }
}

#[test]
fn texts_are_found_in_their_order() {
    let ca_bundle: fn(SettingsResolver<'_>, Option<&str>) -> _ = |lookup, code| lookup.ca_bundle(code);
    let app_id: fn(SettingsResolver<'_>, Option<&str>) -> _ = |lookup, code| lookup.sdk_ua_app_id(code);
    let rows = [(ca_bundle, "AWS_CA_BUNDLE", "ca_bundle"), (app_id, "AWS_SDK_UA_APP_ID", "sdk_ua_app_id")];
    for (find, variable, key) in rows {
        let (variables, config) = (format!("{variable}=v"), format!("[profile p]\n{key} = k"));
        let broken = format!("[profile p]\n{key} k");
        let shown = |variables, config, code| look_up(variables, config, |lookup| shown_if_any(find(lookup, code)));
        assert_eq!(shown(&variables, &broken, Some("c")), "\"c\" code");
        assert_eq!(shown(&variables, &broken, None), format!("\"v\" environment variable `{variable}`"));
        let place = format!("`{key}` of profile `p` (line 2 of the config file)");
        assert_eq!(shown("", &config, None), format!("\"k\" {place}"));
        assert_eq!(shown("", &broken, None), format!("error: {place} must be `key = value`"));
        assert_eq!(shown("", "", None), "none");
    }
}

#[test]
fn a_comment_behind_a_value_is_told_when_the_value_is_wrong() {
    let hint = "; a comment after a value is part of the value: put it on a line of its own";
    for (variables, config, has_hint) in [
        ("", "[profile p]\nmax_attempts = 5 # or more", true),
        ("", "[profile p]\nmax_attempts = 5 ; or more", true),
        ("", "[profile p]\nmax_attempts = 5#", false),
        ("AWS_MAX_ATTEMPTS=5 # or more", "", false),
    ] {
        let found = look_up(variables, config, |l| shown(l.max_attempts(None)));
        assert!(found.starts_with("error: ") && found.ends_with(hint) == has_hint, "{found}");
    }
}

#[test]
fn the_legacy_retry_mode_is_the_standard_one_and_told() {
    for (variables, config, mode, legacy) in [
        ("", "", "Standard default", None),
        (
            "AWS_RETRY_MODE=legacy",
            "",
            "Standard environment variable `AWS_RETRY_MODE`",
            Some("environment variable `AWS_RETRY_MODE`"),
        ),
        (
            "",
            "[profile p]\nretry_mode = Legacy",
            "Standard `retry_mode` of profile `p` (line 2 of the config file)",
            Some("`retry_mode` of profile `p` (line 2 of the config file)"),
        ),
        (
            "AWS_RETRY_MODE=adaptive",
            "[profile p]\nretry_mode = legacy",
            "Adaptive environment variable `AWS_RETRY_MODE`",
            None,
        ),
    ] {
        assert_eq!(look_up(variables, config, |l| shown(l.retry_mode(None))), mode);
        let found = look_up(variables, config, |l| l.legacy_retry_mode());
        assert_eq!(found.map(|source| source.to_string()).as_deref(), legacy);
    }
}

#[test]
fn numbers_have_digits_alone() {
    for text in ["0", "-1", "+1", "1.0", "1e3", "4294967296", "", "three", "0x1"] {
        let found = look_up(&format!("AWS_MAX_ATTEMPTS={text}x"), "", |l| l.max_attempts(None).is_ok());
        assert!(!found, "{text}x");
        let found = look_up(&format!("AWS_MAX_ATTEMPTS={text}"), "", |l| shown(l.max_attempts(None)));
        assert!(text.is_empty() || found.starts_with("error"), "{text}: {found}");
    }
}

#[test]
fn regions_and_what_they_say_about_fips() {
    let rule = "must be the name of a region, such as `us-east-1`";
    for (variables, config, code, region, fips) in [
        ("", "", None, "none".to_owned(), "false default".to_owned()),
        ("AWS_REGION=a\nAWS_DEFAULT_REGION=b", "", Some("c"), "Region(\"c\") code".into(), "false default".into()),
        ("", "", Some("EU-WEST-1"), "Region(\"eu-west-1\") code".into(), "false default".into()),
        (
            "AWS_REGION=a\nAWS_DEFAULT_REGION=b",
            "",
            None,
            "Region(\"a\") environment variable `AWS_REGION`".into(),
            "false default".into(),
        ),
        (
            "AWS_REGION= \nAWS_DEFAULT_REGION=b",
            "",
            None,
            "Region(\"b\") environment variable `AWS_DEFAULT_REGION`".into(),
            "false default".into(),
        ),
        (
            "",
            "[profile p]\nregion = r",
            None,
            "Region(\"r\") `region` of profile `p` (line 2 of the config file)".into(),
            "false default".into(),
        ),
        (
            "AWS_REGION=fips-us-east-1\nAWS_USE_FIPS_ENDPOINT=false",
            "",
            None,
            "Region(\"us-east-1\") environment variable `AWS_REGION`".into(),
            "true environment variable `AWS_REGION`".into(),
        ),
        ("", "", Some("us-east-1-fips"), "Region(\"us-east-1\") code".into(), "true code".into()),
        (
            "AWS_REGION=evil.example/",
            "",
            None,
            format!("error: environment variable `AWS_REGION` {rule}"),
            format!("error: environment variable `AWS_REGION` {rule}"),
        ),
    ] {
        assert_eq!(look_up(variables, config, |l| shown_if_any(l.region(code))), region, "{variables:?}");
        assert_eq!(look_up(variables, config, |l| shown(l.use_fips_endpoint(None, code))), fips, "{variables:?}");
    }
}

#[test]
fn endpoint_urls_by_service_and_their_switch() {
    let config = "[profile p]\nservices = s\nendpoint_url = http://profile\n[services s]\nfirehose =\n  endpoint_url = http://service\nsts =\n  other = x\n";
    let variables =
        "AWS_ENDPOINT_URL=http://all\nAWS_ENDPOINT_URL_FIREHOSE=http://one\nAWS_ENDPOINT_URL_SSO_OIDC=http://oidc";
    let in_services = "`endpoint_url` of section `[services s]` (line 6 of the config file)";
    let in_profile = "`endpoint_url` of profile `p` (line 3 of the config file)";
    for (variables, config, code, service, expected) in [
        (variables, config, Some("http://code"), "firehose", "\"http://code\" code".to_owned()),
        (variables, config, None, "firehose", "\"http://one\" environment variable `AWS_ENDPOINT_URL_FIREHOSE`".into()),
        (variables, config, None, "sso_oidc", "\"http://oidc\" environment variable `AWS_ENDPOINT_URL_SSO_OIDC`".into()),
        (variables, config, None, "sts", "\"http://all\" environment variable `AWS_ENDPOINT_URL`".into()),
        ("", config, None, "firehose", format!("\"http://service\" {in_services}")),
        ("", config, None, "sts", format!("\"http://profile\" {in_profile}")),
        ("AWS_ENDPOINT_URL=", config, None, "sso", format!("\"http://profile\" {in_profile}")),
        ("", "", None, "firehose", "none".into()),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true\nAWS_ENDPOINT_URL=http://all", config, None, "firehose", "none".into()),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", config, Some("http://code"), "firehose", "\"http://code\" code".into()),
        ("AWS_ENDPOINT_URL=http://all", "[profile p]\nignore_configured_endpoint_urls = true", None, "firehose", "none".into()),
        (
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false\nAWS_ENDPOINT_URL=u", "[profile p]\nignore_configured_endpoint_urls = true",
            None, "firehose", "\"u\" environment variable `AWS_ENDPOINT_URL`".into(),
        ),
        (
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=1", "", None, "firehose",
            "error: environment variable `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` must be `true` or `false`".into(),
        ),
        (
            "", "[profile p]\nservices = typo", None, "firehose",
            "error: `services` of profile `p` (line 2 of the config file) must be the name of a section `[services …]` of the config file".into(),
        ),
    ] {
        assert_eq!(look_up(variables, config, |l| shown_if_any(l.endpoint_url(code, service))), expected, "{variables:?}");
    }
}

#[test]
fn metadata_have_the_url_of_an_endpoint() {
    for (url, is_url) in [
        ("http://127.0.0.1:1338", true),
        ("HTTP://[fd00:ec2::254]/", true),
        ("https://h/base", true),
        ("h", false),
        ("http://me:hunter2@h", false),
        ("http://h/?hunter2", false),
        ("http://hunter2 h", false),
    ] {
        let variables = format!("AWS_EC2_METADATA_SERVICE_ENDPOINT={url}");
        let found = look_up(&variables, "", |l| shown(l.ec2_metadata_service_endpoint(None)));
        assert_eq!(found.starts_with("error"), !is_url, "{found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
}

#[test]
fn metadata_are_turned_off_by_the_variable_alone() {
    for (variables, code, expected) in [
        ("", None, "false default"),
        ("AWS_EC2_METADATA_DISABLED=True", None, "true environment variable `AWS_EC2_METADATA_DISABLED`"),
        ("AWS_EC2_METADATA_DISABLED=True", Some(false), "false code"),
        // As in the AWS CLI, only `true` counts.
        ("AWS_EC2_METADATA_DISABLED=yes", None, "false environment variable `AWS_EC2_METADATA_DISABLED`"),
    ] {
        assert_eq!(look_up(variables, "", |l| shown(Ok(l.ec2_metadata_disabled(code)))), expected, "{variables}");
    }
}

#[test]
fn profile_and_trace_come_from_the_environment() {
    for (variables, code, expected) in [
        ("AWS_PROFILE=a\nAWS_DEFAULT_PROFILE=b", Some("c"), "\"c\" code"),
        ("AWS_PROFILE=a\nAWS_DEFAULT_PROFILE=b", None, "\"a\" environment variable `AWS_PROFILE`"),
        ("AWS_PROFILE=\nAWS_DEFAULT_PROFILE=b", None, "\"b\" environment variable `AWS_DEFAULT_PROFILE`"),
        ("", None, "\"default\" default"),
    ] {
        assert_eq!(shown(Ok(settings::profile(code, environment(variables)))), expected, "{variables}");
    }
    for (variables, expected) in [
        ("AWS_LAMBDA_FUNCTION_NAME=f\n_X_AMZN_TRACE_ID=Root=1-2;Parent=3", Some("Root=1-2;Parent=3")),
        ("AWS_LAMBDA_FUNCTION_NAME=f\n_X_AMZN_TRACE_ID=a\u{1}b\u{7f}", Some("a%01b%7F")),
        ("_X_AMZN_TRACE_ID=Root=1", None),
        ("AWS_LAMBDA_FUNCTION_NAME=f", None),
    ] {
        assert_eq!(settings::trace_id(environment(variables)).as_deref(), expected, "{variables:?}");
    }
}
