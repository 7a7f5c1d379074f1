//! The same environment and files given to botocore and to `firehose config`: the same key, region and endpoint, but for
//! the differences that are told in the table. And credentials from moto's security token service.
#![expect(clippy::indexing_slicing, reason = "a test fails at the line that is wrong")]

mod cases;
mod files;
mod plans;
mod roles;
mod written;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use firehose_tests::{
    interop::{self, available, clean, must},
    processes::{self, Scratch, run},
};
use serde_json::{Map, Value, json};

use cases::Case;

const TMP: &str = env!("CARGO_TARGET_TMPDIR");

static CLIENTS: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| interop::python(Path::new(TMP), "requirements.txt"));
static FIREHOSE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| processes::firehose(Path::new(TMP)));

fn firehose() -> &'static Path {
    must(FIREHOSE.as_deref())
}

/// What a side has found: each is a text, or nothing, whether because there is none or because of an error.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    access_key_id: Option<String>,
    region: Option<String>,
    endpoint_url: Option<String>,
}

impl Found {
    fn read(found: &Value) -> Self {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let url = text(&found["endpoint_url"]);
        Self {
            access_key_id: text(&found["access_key_id"]),
            region: text(&found["region"]),
            endpoint_url: url.map(|url| url.trim_end_matches('/').to_owned()),
        }
    }

    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("key", self.access_key_id == other.access_key_id),
            ("region", self.region == other.region),
            ("url", self.endpoint_url == other.endpoint_url),
        ];
        fields.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
    }
}

/// The environment of a case, whose files are written below a directory.
fn environment(case: &Case, dir: &Path) -> Vec<(String, String)> {
    must(fs::create_dir_all(dir.join(".aws/sso/cache")));
    for (name, text) in [("config", case.config), ("credentials", case.credentials)] {
        if !text.is_empty() {
            must(fs::write(dir.join(".aws").join(name), text));
        }
    }
    let mut environment = vec![("HOME".to_owned(), dir.display().to_string())];
    environment.push(("AWS_EC2_METADATA_DISABLED".into(), "true".into()));
    environment.push(("PATH".into(), "/usr/bin:/bin".into()));
    let home = dir.display().to_string();
    environment.extend(case.env.iter().map(|(name, value)| ((*name).to_owned(), value.replace("$HOME", &home))));
    environment
}

fn ours(environment: &[(String, String)]) -> (Found, String) {
    let mut command = Command::new(firehose());
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    let output = must(command.args(["config", "--output", "json"]).stdin(Stdio::null()).output());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let found = json!({
        "access_key_id": found["credentials"]["access_key_id"],
        "region": found["region"]["value"],
        "endpoint_url": found["endpoint_url"]["value"],
    });
    (Found::read(&found), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What one of the scripts tells of these environments.
fn theirs(python: &Path, scratch: &Scratch, module: &str, environments: &[Vec<(String, String)>]) -> Vec<Value> {
    let line = |environment: &Vec<(String, String)>| {
        let env: Map<String, Value> = environment.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        format!("{}\n", json!({ "env": env }))
    };
    let path = scratch.path().join("cases");
    must(fs::write(&path, environments.iter().map(line).collect::<String>()));
    let text = must(run(clean(python, scratch).args(["-m", module]).arg(&path)));
    let found: Vec<Value> = text.lines().map(|line| must(serde_json::from_str(line))).collect();
    assert_eq!(found.len(), environments.len(), "botocore ended early");
    found
}

#[test]
fn botocore_finds_the_same_but_for_what_is_told() {
    let Some(python) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "identity"));
    let cases = || cases::CASES.iter().chain(written::CASES);
    let environments: Vec<_> =
        cases().enumerate().map(|(number, case)| environment(case, &scratch.path().join(number.to_string()))).collect();
    let theirs = theirs(python, &scratch, "identity", &environments);
    let mut wrong = Vec::new();
    for ((case, environment), theirs) in cases().zip(&environments).zip(&theirs) {
        let (ours, errors) = ours(environment);
        let expected: Vec<&str> = case.differs.iter().map(|(field, _)| *field).collect();
        let found = ours.differences(&Found::read(theirs));
        if found != expected {
            wrong.push(format!(
                "{}: differ in {found:?}, not {expected:?}\n  {ours:?}\n  {theirs}\n  {errors}",
                case.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), environments.len(), wrong.join("\n"));
}
