//! Random configuration files, read by botocore and by us.
//!
//! They keep to what both mean to read in the same way: no comment after a value, no colon before the first equals sign, no
//! section or key twice; the table of cases has those differences.

use std::{fs, path::Path};

use firehose_proto::credentials::profile::{Profiles, Value as ProfileValue};
use firehose_tests::{
    interop::{available, clean, must},
    processes::{Scratch, run},
};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use super::{CLIENTS, TMP};

const FILES: usize = 600;

/// What stands after a key's equals sign, and the lines that go on with it.
#[derive(Debug, Clone)]
enum Content {
    Value(String, Vec<String>),
    Nested(Vec<String>),
}

fn blanks() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", " ", "\t", "  \t"])
}

/// A text without blanks at its ends, and without what begins a comment after them.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9/+=.,:%\\\\\"'\\[\\]é🦀~$-]{1,6}([ \t][a-zA-Z0-9/+=.%é]{1,4}){0,2}"
}

fn filler() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "", "\n", "# a comment\n", "; [profile no]\n", "#k = v\n", " \t\n"])
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        6 => (text(), vec(text(), 0..3)).prop_map(|(value, more)| Content::Value(value, more)),
        1 => Just(Content::Value(String::new(), Vec::new())),
        2 => vec(text().prop_map(|text| text.replace(['=', ':', '['], "x")), 1..3).prop_map(Content::Nested),
    ]
}

fn file() -> impl Strategy<Value = String> {
    let key = (blanks(), blanks(), blanks(), content(), filler());
    let section = (0..4usize, filler(), vec(key, 0..5));
    let ending = prop::sample::select(vec!["\n", "\r\n"]);
    (vec(section, 0..4), ending, prop::sample::select(vec!["", " ", "\t"])).prop_map(|(sections, ending, after)| {
        let mut file = String::new();
        for (number, (kind, filler, keys)) in sections.into_iter().enumerate() {
            file += filler;
            file += &match kind {
                // Only once: the first section may be the default one.
                0 if number == 0 => "[default]\n".to_owned(),
                1 => format!("[profile\tname-{number}]{after}\n"),
                2 => format!("[plugins-{number}]\n"),
                _ => format!("[profile name_{number}]\n"),
            };
            for (number, (before, between, after, content, filler)) in keys.into_iter().enumerate() {
                let name = if number % 2 == 0 { format!("key_{number}") } else { format!("Key.{number}") };
                file += &match content {
                    Content::Value(value, more) => {
                        let more: String = more.iter().map(|line| format!(" {line}{after}\n")).collect();
                        format!("{name}{before}={between}{value}{after}\n{more}")
                    }
                    Content::Nested(values) => {
                        let line = |(number, value)| format!("  sub_{number}{before}={between}{value}{after}\n");
                        format!("{name}{before}={after}\n{}", values.iter().enumerate().map(line).collect::<String>())
                    }
                };
                file += filler;
            }
        }
        file.replace('\n', ending)
    })
}

/// Finds all that is in a file's profiles as botocore tells it; how many keys that is.
fn compare(file: &str, theirs: &Value) -> Result<usize, String> {
    let profiles = Profiles::parse(file.as_bytes(), b"").map_err(|error| error.to_string())?;
    let theirs = theirs.as_object().ok_or_else(|| format!("botocore says {theirs}"))?;
    let names: Vec<&str> = profiles.names().collect();
    if names.len() != theirs.len() {
        return Err(format!("profiles {names:?}"));
    }
    let mut count = 0;
    for (name, keys) in theirs {
        let profile = profiles.profile(name).ok_or_else(|| format!("no profile {name}"))?;
        let keys = keys.as_object().ok_or("no keys")?;
        let found: Vec<&str> = profile.keys().collect();
        if found.len() != keys.len() {
            return Err(format!("keys {found:?} of {name}"));
        }
        for (key, value) in keys {
            let is_same = match value {
                Value::Object(nested) => nested.iter().all(|(nested_key, value)| {
                    profile.nested(key, nested_key).map(ProfileValue::as_str) == value.as_str()
                }),
                _ => profile.value(key).map(ProfileValue::as_str) == value.as_str(),
            };
            if !is_same {
                return Err(format!("{key} of {name} is {:?}, not {value}", profile.value(key)));
            }
        }
        count += keys.len();
    }
    Ok(count)
}

#[test]
fn botocore_reads_the_same_in_files_that_break_no_rule() {
    let Some(python) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "profiles"));
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().new_rng());
    let files: Vec<String> = (0..FILES).map(|_| must(file().new_tree(&mut runner)).current()).collect();
    let mut command = clean(python, &scratch);
    command.args(["-m", "profiles"]);
    for (number, file) in files.iter().enumerate() {
        let path = scratch.path().join(number.to_string());
        must(fs::write(&path, file));
        command.arg(path);
    }
    let read = must(run(&mut command));
    assert_eq!(read.lines().count(), FILES);
    let mut keys = 0;
    for (file, theirs) in files.iter().zip(read.lines()) {
        let theirs = must(serde_json::from_str::<Value>(theirs));
        let count = compare(file, &theirs);
        keys += count.unwrap_or_else(|error| panic!("{error}\n--- the file\n{file}---\n{file:?}\n{theirs}"));
    }
    assert!(keys > 1000, "{keys} keys in all");
}
