//! Roles assumed at moto's security token service, and instance metadata that moto serves.
//!
//! moto serves no portal of the single sign-on, so that is tested against servers of our own alone.

use std::{fs, process::Stdio};

use firehose_tests::{
    interop::{available, clean, moto, must},
    processes::Scratch,
};
use serde_json::Value;
use std::path::Path;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{CLIENTS, TMP, firehose};

const BASE: &str = "[profile base]\naws_access_key_id = AKIDB\naws_secret_access_key = secret\n";
const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "secret")];

#[test]
fn roles_are_assumed_and_sign() {
    let Some(python) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "roles"));
    let server = moto(python, &scratch);
    let token = scratch.path().join("token");
    must(fs::write(&token, "header.payload.signature"));
    let token = token.display();
    let arn = "arn:aws:iam::210987654321:role";
    let web_identity = [("AWS_ROLE_ARN", format!("{arn}/web")), ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_string())];
    let from_environment = KEYS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>();
    for (name, variables, config, seconds, provider) in [
        (
            "a source profile",
            vec![],
            format!("[default]\nrole_arn = {arn}/a\nsource_profile = base\nexternal_id = x\n{BASE}"),
            3600,
            "profile `default`",
        ),
        (
            "two roles, and a short time",
            vec![],
            format!(
                "[default]\nrole_arn = {arn}/outer\nsource_profile = middle\nduration_seconds = 900\n\
                 [profile middle]\nrole_arn = {arn}/inner\nsource_profile = base\nrole_session_name = shipper\n{BASE}"
            ),
            900,
            "profile `default`",
        ),
        (
            "the environment's keys",
            [from_environment, vec![("AWS_PROFILE", "r".into())]].concat(),
            format!("[profile r]\nrole_arn = {arn}/a\ncredential_source = Environment\n"),
            // The keys themselves come before the profile that AWS_PROFILE names, as everywhere.
            0,
            "environment variables",
        ),
        ("a web identity", web_identity.to_vec(), String::new(), 3600, "web identity"),
        (
            "a web identity of the profile",
            vec![],
            format!("[default]\nrole_arn = {arn}/web\nweb_identity_token_file = {token}\n"),
            3600,
            "profile `default`",
        ),
        (
            "a role whose source is a web identity",
            vec![],
            format!(
                "[default]\nrole_arn = {arn}/outer\nsource_profile = web\n\
                 [profile web]\nrole_arn = {arn}/web\nweb_identity_token_file = {token}\n"
            ),
            3600,
            "profile `default`",
        ),
        (
            "the instance's role",
            vec![("AWS_EC2_METADATA_DISABLED", "false".into())],
            String::new(),
            -1,
            "instance metadata",
        ),
    ] {
        let path = scratch.path().join("config");
        must(fs::write(&path, config));
        let run = |arguments: &[&str]| {
            let mut command = clean(firehose(), &scratch);
            command.env("AWS_CONFIG_FILE", &path).env("AWS_REGION", "eu-west-1").env("AWS_ENDPOINT_URL", server.url());
            command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url());
            command.envs(variables.iter().map(|(name, value)| (*name, value)));
            let output = must(command.args(arguments).stdin(Stdio::null()).output());
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{name}: {arguments:?}: {stderr}");
            must(serde_json::from_slice::<Value>(&output.stdout))
        };
        let found = &run(&["config", "--output", "json"])["credentials"];
        assert!(found["provider"].as_str().is_some_and(|found| found.starts_with(provider)), "{name}: {found}");
        let expires_at = found["expires_at"].as_str().map(|time| must(OffsetDateTime::parse(time, &Rfc3339)));
        if seconds > 0 {
            assert!(found["access_key_id"].as_str().is_some_and(|key| key.starts_with("ASIA")), "{name}: {found}");
            assert_eq!(found["account_id"], "210987654321", "{name}");
            let left = expires_at.expect("a role's credentials expire") - OffsetDateTime::now_utc();
            let expected = Duration::seconds(seconds);
            assert!((expected - Duration::minutes(2)..=expected).contains(&left), "{name}: {left}");
        }
        // moto sees whose key it is by what it has given out.
        assert!(run(&["call", "ListDeliveryStreams"])["DeliveryStreamNames"].is_array(), "{name}");
    }
}
