//! Random shared files, read by botocore and by us: every value of every profile, and what comes of it: the source of
//! credentials, the region and the endpoint.
//!
//! They have in them whatever people write: names in quotation marks, blanks at odd places, comments, capitals, colons,
//! blocks, lines that go on, keys that nobody knows. And what botocore refuses a whole file for: that is put into a copy
//! of each file, which we must read as botocore reads the file without it.

use std::{fs, path::Path};

use firehose_proto::internal::plan::CredentialPlan;
use firehose_proto::internal::profile::{Profiles, Section};
use firehose_proto::internal::settings::SettingsResolver;
use firehose_tests::{
    interop::{available, must},
    processes::Scratch,
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use super::plans::Outcome;
use super::{CLIENTS, TMP, theirs};

const FILES: usize = 3200;

/// Who may be asked for; the last one is nobody.
const PROFILES: &[&str] = &["default", "dev", "dev", "My Mac", "Ann's", "grün/ß", "a]b", "", ""];

/// Headers of the configuration file, each at most once in a file.
const CONFIG_HEADERS: &[&str] = &[
    "[default]",
    "[default] text",
    "[profile default]",
    "[ default ]",
    "[DEFAULT]",
    "[profile dev]",
    "[profile  dev ] # comment",
    "[profile\tdev];",
    "[profiles dev]",
    "[profile 'dev']",
    "[profile 'My Mac']",
    "[profile \"My Mac\"]",
    "[profile My\\ Mac]",
    "[profile My Mac]",
    "[profile \"Ann's\"]",
    "[profile Ann's]",
    "[profile 'grün/ß']",
    "[profile grün/ß]",
    "[profile a]b]",
    "[profile]",
    "[dev]",
    "[plugins]",
    "[sso-session s]",
    "[sso-session 'two words']",
    "[services local]",
    "[services 'two words'] ; text",
];

const CREDENTIALS_HEADERS: &[&str] = &[
    "[default]",
    "[ default ]",
    "[DEFAULT]",
    "[dev] # comment",
    "[profile dev]",
    "[dev]",
    "[My Mac]",
    "['My Mac']",
    "[Ann's]",
    "[grün/ß]",
    "[a]b]",
    "[default] ]",
];

/// Keys and what may stand there.
const KEYS: &[(&str, &[&str])] = &[
    ("aws_access_key_id", &["AKID1", "AKID2", "AKID3 # mine", "\"AKID4\"", "%(x)s"]),
    ("aws_secret_access_key", &["s1", "s=2==", "s#3", "s;4", "ü/+"]),
    ("aws_session_token", &["t1", "t2"]),
    ("aws_security_token", &["t3"]),
    ("aws_account_id", &["123456789012"]),
    ("credential_process", &["/bin/p --arg \"team #1\" --json", "p 'a ; b' ; c", "p [x] = y: z"]),
    ("role_arn", &["arn:aws:iam::123456789012:role/r", "R2"]),
    ("source_profile", &["dev", "default", "My Mac", "Ann's", "nobody", "grün/ß"]),
    ("credential_source", &["Environment", "EcsContainer", "Ec2InstanceMetadata", "Elsewhere"]),
    ("web_identity_token_file", &["/token", "~/token # 1"]),
    ("role_session_name", &["n", "n # 2"]),
    ("external_id", &["x"]),
    ("mfa_serial", &["m"]),
    ("duration_seconds", &["900", "43200", "soon"]),
    ("sso_session", &["s", "two words", "none"]),
    ("sso_account_id", &["1", "2"]),
    ("sso_role_name", &["admin", "Read Only"]),
    ("sso_start_url", &["https://d-1.awsapps.com/start#/", "https://x"]),
    ("sso_region", &["us-east-1", "eu-west-1"]),
    ("login_session", &["arn:aws:iam::123456789012:user/me"]),
    ("region", &["eu-west-1", "us-west-2 # comment", "EU-NORTH-1", "us_east_1"]),
    ("endpoint_url", &["http://127.0.0.1:1", "http://[::1]:2/#a ; b"]),
    ("services", &["local", "two words", "none"]),
    ("ignore_configured_endpoint_urls", &["true", "false"]),
    ("output", &["json", "json ; x"]),
    ("no_such_key", &["v", "'v'", "[v]"]),
    ("odd key!", &["v"]),
    ("schlüssel", &["ü"]),
];

/// Lines for which botocore refuses a file, and the key that is lost with each.
const BROKEN: &[(&str, &str)] = &[
    ("no sign", "no"),
    ("region eu-west-9", "region"),
    ("aws_access_key_id AKIDBROKEN", "aws_access_key_id"),
    ("= v", ""),
    (": v", ""),
    ("]", "]"),
    ("[profile broken\nregion = eu-west-9", ""),
];

fn blanks() -> impl Strategy<Value = &'static str> {
    select(vec!["", " ", " ", "\t", "  "])
}

/// One property with what may come after it, indented.
fn property() -> impl Strategy<Value = String> {
    let key = (select(KEYS), any::<prop::sample::Index>(), select(vec![0, 0, 0, 0, 1]));
    let key = key.prop_map(|((key, values), index, capitals)| {
        let key = if capitals == 1 { key.to_uppercase() } else { (*key).to_owned() };
        (key, (*index.get(values)).to_owned())
    });
    let after = prop_oneof![
        20 => Just(""),
        1 => Just("\n"),
        1 => Just("# a comment\n"),
        1 => Just("  ; an indented comment\n"),
        1 => Just("#region = us-east-1\n"),
    ];
    let more = prop_oneof![20 => Just(""), 1 => Just("      goes on\n"), 1 => Just("\n      goes = on\n")];
    let sign = select(vec!["=", "=", "=", "=", ":"]);
    (key, blanks(), sign, blanks(), blanks(), more, after).prop_map(
        |((key, value), before, sign, between, end, more, after)| {
            format!("{key}{before}{sign}{between}{value}{end}\n{more}{after}")
        },
    )
}

fn block() -> impl Strategy<Value = String> {
    let url = select(vec!["endpoint_url = http://127.0.0.1:7", "endpoint_url=http://127.0.0.1:8 # c", "a = b", "b ="]);
    let key = select(vec!["firehose", "firehose", "s3", "s3 ", "Firehose"]);
    (key, vec(url, 1..3)).prop_map(|(key, lines)| format!("{key}=\n    {}\n", lines.join("\n\n      ")))
}

/// Properties that make sense together.
fn bundle() -> impl Strategy<Value = String> {
    select(vec![
        "aws_access_key_id = AKID7\n  aws_secret_access_key = s\n",
        "aws_access_key_id=AKID8\naws_secret_access_key=s\naws_session_token=t\n",
        "role_arn = R3\nsource_profile = dev\n",
        "role_arn = R4\ncredential_source = Ec2InstanceMetadata\n",
        "sso_session = s\nsso_account_id = 3\nsso_role_name = S\n",
        "role_arn = R5\nweb_identity_token_file = /token\n",
        "region = eu-west-1\n",
        "region = us-west-2\noutput = json\n",
        "services = local\n",
    ])
    .prop_map(|text| text.replace("\n  ", "\n"))
}

fn section() -> impl Strategy<Value = String> {
    let indent = select(vec!["", "", "", "", "", "", "", "", " ", "\t"]);
    let lines = prop_oneof![4 => property(), 4 => bundle(), 1 => block()];
    vec((indent, lines), 0..6).prop_map(|lines| {
        let mut keys = Vec::new();
        let mut text = String::new();
        for (indent, lines) in lines {
            // What goes on with a property, and what only looks as if it were one.
            let is_more = |line: &str| line.starts_with([' ', '#', '\n']);
            let key = |line: &str| line.split(['=', ':']).next().unwrap_or_default().trim().to_lowercase();
            let found: Vec<_> = lines.lines().filter(|line| !line.is_empty() && !is_more(line)).map(key).collect();
            // To botocore a key that is there twice is an error.
            if found.iter().all(|key| !keys.contains(key)) {
                keys.extend(found);
                let lines = lines.split_inclusive('\n');
                lines.for_each(|line| text += &format!("{}{line}", if is_more(line) { "" } else { indent }));
            }
        }
        text
    })
}

fn file(headers: &'static [&'static str]) -> impl Strategy<Value = String> {
    let first = select(vec!["", "", "", "\n", "# a comment\n", "  \n; [profile no]\n"]);
    let indent = select(vec!["", "", "", "", " "]);
    let header = prop_oneof![1 => Just("[default]"), 1 => Just(headers[5]), 4 => select(headers)];
    let ending = select(vec!["\n", "\n", "\r\n", "\r"]);
    (first, vec((indent, header, section()), 0..5), ending).prop_map(|(first, sections, ending)| {
        let mut seen = Vec::new();
        let mut text = first.to_owned();
        for (indent, header, section) in sections {
            let name = header.rsplit_once(']').unwrap_or_default().0;
            if !seen.contains(&name) {
                seen.push(name);
                text += &format!("{indent}{header}\n{section}");
            }
        }
        text.replace('\n', ending)
    })
}

#[derive(Debug)]
struct Files {
    config: String,
    credentials: String,
    profile: &'static str,
}

fn files() -> impl Strategy<Value = Files> {
    (file(CONFIG_HEADERS), file(CREDENTIALS_HEADERS), select(PROFILES))
        .prop_map(|(config, credentials, profile)| Files { config, credentials, profile })
}

/// Whether all that is in a profile is what botocore tells.
fn compare_values(section: &Section, keys: &Value) -> Result<(), String> {
    let keys = keys.as_object().ok_or("no keys")?;
    let found: Vec<&str> = section.keys().collect();
    let mut expected: Vec<&str> = keys.keys().map(String::as_str).collect();
    expected.sort_unstable();
    if found != expected {
        return Err(format!("keys {found:?}"));
    }
    for (key, value) in keys {
        let ours = section.value(key);
        let is_same = match value {
            Value::Object(nested) => nested.iter().all(|(nested_key, value)| {
                let ours = section.nested(key, nested_key);
                ours.is_ok_and(|ours| ours.map_or("", |ours| ours.as_str()) == value.as_str().unwrap_or_default())
            }),
            _ => ours.is_ok_and(|ours| ours.map_or("", |ours| ours.as_str()) == value.as_str().unwrap_or_default()),
        };
        if !is_same {
            return Err(format!("{key} is {:?}, not {value}", section.value(key)));
        }
    }
    Ok(())
}

/// What we make of the files, in three lines.
#[derive(Debug)]
struct Made {
    plan: Outcome,
    region: Result<Option<String>, String>,
    url: Result<Option<String>, String>,
}

fn made(profiles: &Profiles, name: &str) -> Made {
    let (is_named, name) = if name.is_empty() { (false, "default") } else { (true, name) };
    let lookup = SettingsResolver::new(&|_| None, profiles, name);
    let region = lookup.region(None).map(|found| found.map(|found| found.value.to_string()));
    let url = lookup.endpoint_url(None, "firehose").map(|found| found.map(|found| found.value));
    Made {
        plan: Outcome::ours(CredentialPlan::resolve(profiles, name), is_named),
        region: region.map_err(|error| error.to_string()),
        url: url.map_err(|error| error.to_string()),
    }
}

/// A text, none, or an error, which a block in place of a text is, too.
fn text(found: &Value) -> Result<Option<&str>, ()> {
    match found {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        _ => Err(()),
    }
}

fn is_region(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// How often the ends may differ, and why: each is told apart by what botocore says.
#[derive(Debug, Default)]
struct Counts {
    plans: usize,
    nothing: usize,
    errors: usize,
    regions: usize,
    urls: usize,
    token_file_alone: usize,
}

fn compare(profiles: &Profiles, files: &Files, theirs: &Value, counts: &mut Counts) -> Result<(), String> {
    let all = theirs["profiles"].as_object().ok_or("no profiles")?;
    let names: Vec<&str> = profiles.names().collect();
    let mut expected: Vec<&str> = all.keys().map(String::as_str).collect();
    expected.sort_unstable();
    if names != expected {
        return Err(format!("profiles {names:?}"));
    }
    for (name, keys) in all {
        let section = profiles.profile(name).ok_or_else(|| format!("no profile {name}"))?;
        compare_values(section, keys).map_err(|error| format!("{error} (of {name})"))?;
    }
    if !files.profile.is_empty() && !all.contains_key(files.profile) {
        return Ok(());
    }
    let (ours, their_plan) = (made(profiles, files.profile), Outcome::theirs(theirs));
    match (&ours.plan, &their_plan) {
        // What names nobody does not hide what works.
        (_, Outcome::Error(text)) if text.contains("has no role ARN configured") => counts.token_file_alone += 1,
        (ours, theirs) if !ours.is_like(theirs) => return Err(format!("plan: {ours:?}, not {theirs:?}")),
        (_, Outcome::CredentialPlan(_)) => counts.plans += 1,
        (_, Outcome::Nothing) => counts.nothing += 1,
        (_, Outcome::Error(_)) => counts.errors += 1,
    }
    let is_same = match (&ours.region, text(&theirs["region"])) {
        (Ok(None), Ok(None)) => true,
        // The service knows no capitals.
        (Ok(Some(ours)), Ok(Some(theirs))) => *ours == theirs.to_lowercase(),
        (Err(_), Ok(Some(theirs))) => !is_region(theirs),
        (ours, theirs) => ours.is_err() && theirs.is_err(),
    };
    if !is_same {
        return Err(format!("region: {:?}, not {}", ours.region, theirs["region"]));
    }
    counts.regions += usize::from(ours.region.is_ok_and(|region| region.is_some()));
    let is_same = match (&ours.url, text(&theirs["endpoint_url"])) {
        (Ok(ours), Ok(theirs)) => ours.as_deref() == theirs,
        // An empty section is none to botocore.
        (Ok(_), Err(())) => profiles.services("local").is_some_and(|section| section.keys().next().is_none()),
        // A switch that is neither on nor off is off to botocore.
        (Err(ours), Ok(_)) if ours.contains("must be `true` or `false`") => true,
        (ours, theirs) => ours.is_err() && theirs.is_err(),
    };
    if !is_same {
        return Err(format!("endpoint: {:?}, not {}", ours.url, theirs["endpoint_url"]));
    }
    counts.urls += usize::from(ours.url.is_ok_and(|url| url.is_some()));
    Ok(())
}

#[test]
fn botocore_finds_the_same_in_random_files() {
    let Some(python) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "files"));
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().new_rng());
    let all: Vec<Files> = (0..FILES).map(|_| must(files().new_tree(&mut runner)).current()).collect();
    let mut environments = Vec::new();
    for (number, files) in all.iter().enumerate() {
        let paths = ["config", "credentials"].map(|name| scratch.path().join(format!("{name}-{number}")));
        must(fs::write(&paths[0], &files.config));
        must(fs::write(&paths[1], &files.credentials));
        let mut environment = vec![
            ("HOME".to_owned(), scratch.path().display().to_string()),
            ("AWS_CONFIG_FILE".to_owned(), paths[0].display().to_string()),
            ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), paths[1].display().to_string()),
        ];
        if !files.profile.is_empty() {
            environment.push(("AWS_PROFILE".to_owned(), files.profile.to_owned()));
        }
        environments.push(environment);
    }
    let theirs = theirs(python, &scratch, "plans", &environments);
    let (mut counts, mut read) = (Counts::default(), 0);
    for (number, (files, theirs)) in all.iter().zip(&theirs).enumerate() {
        let profiles = must(Profiles::parse(files.config.as_bytes(), files.credentials.as_bytes()));
        // A block with a line that is no property is an error for all of its file.
        if theirs["profiles"]["error"].as_str().is_some_and(|error| error.starts_with("ConfigParseError")) {
            assert!(!profiles.ignored().is_empty(), "{files:?}: {theirs}");
            continue;
        }
        if let Err(error) = compare(&profiles, files, theirs, &mut counts) {
            panic!(
                "{error}\n--- config\n{}\n--- credentials\n{}\n---\n{files:?}\n{theirs}",
                files.config, files.credentials
            );
        }
        read += 1;
        compare_spoiled(&profiles, files, BROKEN[number % BROKEN.len()]);
    }
    assert!(read >= 2000, "{read} files that both read, {counts:?}");
    let Counts { plans, nothing, errors, regions, urls, token_file_alone } = counts;
    assert!(plans > 300 && nothing > 300 && errors > 100 && regions > 200 && urls > 30, "{counts:?}");
    assert!(token_file_alone < 50, "{counts:?}");
}

/// A line that makes no sense takes nothing with it but its own key.
fn compare_spoiled(profiles: &Profiles, files: &Files, (line, lost): (&str, &str)) {
    let copy = format!("{}\n{line}\n", files.config);
    let spoiled = must(Profiles::parse(copy.as_bytes(), files.credentials.as_bytes()));
    assert!(spoiled.ignored().len() > profiles.ignored().len(), "{copy:?}");
    for name in profiles.names() {
        let (Some(section), Some(other)) = (profiles.profile(name), spoiled.profile(name)) else {
            panic!("{name} is gone from {copy:?}");
        };
        for key in section.keys().filter(|key| *key != lost) {
            assert_eq!(section.value(key), other.value(key), "{key} of {name} in {copy:?}");
        }
    }
    assert!(spoiled.profile("broken").is_none_or(|section| section.value("region").is_err()), "{copy:?}");
}
