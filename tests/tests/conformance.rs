//! All shapes of the API against the facts that AWS publishes: `data/firehose-api.json`, made by `interop/facts.py`.
#![expect(clippy::indexing_slicing, reason = "a test fails at the line that is wrong")]

use std::collections::{BTreeMap, BTreeSet};

use firehose_proto::error::{ErrorCode, InputError, ServiceError};
use firehose_proto::internal::pattern;
use firehose_proto::internal::schema::{Shape, Structure};
use firehose_tests::documents::{Documents, ROUNDS, valid_inputs};
use firehose_tests::facts::{Facts, Member};
use firehose_tests::operations;
use firehose_tests::types;
use serde_json::{Value, json};

/// Secret, though AWS does not say so.
const SECRET_TOO: &str = "HECToken";

/// The documents on the hot path: what is not known is skipped there.
const KEEP_NO_UNKNOWN: [&str; 6] = [
    "PutRecordBatchInput",
    "PutRecordBatchOutput",
    "PutRecordBatchResponseEntry",
    "PutRecordInput",
    "PutRecordOutput",
    "Record",
];

/// The structures that operations use, found from their inputs and outputs on.
fn structures() -> BTreeMap<&'static str, &'static Structure> {
    fn walk(shape: &Shape, found: &mut BTreeMap<&'static str, &'static Structure>) {
        match shape {
            Shape::List { member, .. } => walk(member, found),
            Shape::Map { value, .. } => walk(value, found),
            Shape::Structure(structure) if found.insert(structure.name, structure).is_none() => {
                structure.members.iter().for_each(|member| walk(&member.shape, found));
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    for operation in &operations::ALL {
        walk(&Shape::Structure(operation.input), &mut found);
        walk(&Shape::Structure(operation.output), &mut found);
    }
    found
}

/// A shape of ours in the terms of the table; what a structure is made of is looked at by itself.
fn ours(shape: &Shape) -> Value {
    let most = |max: &usize| (*max != usize::MAX).then_some(*max);
    match shape {
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Timestamp => json!({"type": "timestamp"}),
        Shape::Integer { min, max } => json!({
            "type": "integer", "min": (*min != i32::MIN).then_some(*min), "max": (*max != i32::MAX).then_some(*max),
        }),
        Shape::Double { min, max } => json!({"type": "double", "min": min, "max": max}),
        Shape::Text { min, max, pattern, is_sensitive } => json!({
            "type": "string", "min": min, "max": most(max), "sensitive": is_sensitive,
            "pattern": pattern.map(|pattern| pattern.source()),
        }),
        Shape::Enum(values) => json!({"type": "string", "enum": values.iter().collect::<BTreeSet<_>>()}),
        Shape::Blob { max } => json!({"type": "blob", "min": 0, "max": max}),
        Shape::List { member, min, max } => {
            json!({"type": "list", "min": min, "max": most(max), "member": ours(member)})
        }
        Shape::Map { key, value } => json!({"type": "map", "key": ours(key), "value": ours(value)}),
        Shape::Structure(structure) => json!({"type": "structure", "name": structure.name}),
        other => panic!("a kind of shape that AWS does not have: {other:?}"),
    }
}

/// The same of AWS's.
fn theirs(facts: &Facts, shape: &str, member: &str) -> Value {
    if facts.is_structure(shape) {
        return json!({"type": "structure", "name": shape});
    }
    let entry = facts.entry("shapes", shape);
    let mut told = Value::Object(entry.clone());
    let is_enum = entry.contains_key("enum");
    let mut otherwise = |fact: &str, value: Value| {
        if !entry.contains_key(fact) {
            told[fact] = value;
        }
    };
    match facts.text("shapes", shape, "type") {
        "string" if is_enum => {}
        "string" => {
            otherwise("min", json!(0));
            otherwise("max", Value::Null);
            otherwise("pattern", Value::Null);
            otherwise("sensitive", json!(member == SECRET_TOO));
        }
        "integer" => {
            otherwise("min", Value::Null);
            otherwise("max", Value::Null);
        }
        "double" => {
            for limit in ["min", "max"] {
                told[limit] = json!(entry.get(limit).and_then(Value::as_f64));
            }
        }
        "list" => {
            otherwise("min", json!(0));
            otherwise("max", Value::Null);
            told["member"] = theirs(facts, facts.text("shapes", shape, "member"), member);
        }
        "map" => {
            for part in ["key", "value"] {
                told[part] = theirs(facts, facts.text("shapes", shape, part), member);
            }
        }
        _ => {}
    }
    told
}

/// Calls this for every object of a structure in a document of a structure, from within outwards.
fn objects(facts: &Facts, shape: &str, value: &mut Value, then: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Array(values) => {
            let member = facts.text("shapes", shape, "member");
            values.iter_mut().for_each(|value| objects(facts, member, value, then));
        }
        Value::Object(_) if facts.is_structure(shape) => {
            for member in facts.members(shape) {
                if let Some(value) = value.get_mut(member.name) {
                    objects(facts, member.shape, value, then);
                }
            }
            then(shape, value);
        }
        _ => {}
    }
}

fn parse(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)))
}

/// A document with all members and one with the required ones, of every round.
fn documents<'a>(facts: &'a Facts, structure: &'a str) -> impl Iterator<Item = Value> {
    (0..ROUNDS).flat_map(move |round| {
        [Documents::full(facts, round), Documents::minimal(facts, round)].map(|made| made.structure(structure))
    })
}

/// Reads a document by its type and writes it again; also what it is as `Debug`.
#[track_caller]
fn rewrite(one: &types::Type, document: &Value) -> (Value, String) {
    let name = one.structure.name;
    let rewritten = (one.rewrite)(document.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{name} cannot be read: {error}: {document}"));
    (parse(&rewritten.text), rewritten.debug)
}

#[test]
fn the_structures_are_those_of_aws() {
    let facts = Facts::read();
    let found = structures();
    let known: BTreeSet<&str> = facts.structures().collect();
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), known, "in inputs and outputs");
    assert_eq!(types::ALL.iter().map(|one| one.structure.name).collect::<BTreeSet<_>>(), known, "in `types`");
    assert_eq!(types::ALL.len(), known.len(), "none twice");
}

#[test]
fn each_member_is_what_aws_says() {
    let facts = Facts::read();
    let mut wrong = Vec::new();
    for (name, structure) in structures() {
        let known: BTreeMap<&str, Member<'_>> = facts.members(name).map(|member| (member.name, member)).collect();
        for member in structure.members {
            let path = format!("{name}.{}", member.name);
            let Some(aws) = known.get(member.name) else {
                wrong.push(format!("{path}: AWS has no such member"));
                continue;
            };
            if member.is_required != aws.is_required {
                wrong.push(format!("{path}: required is {}, not {}", aws.is_required, member.is_required));
            }
            let (ours, theirs) = (ours(&member.shape), theirs(facts, aws.shape, member.name));
            if ours != theirs {
                wrong.push(format!("{path}: {theirs}, not {ours}"));
            }
        }
        let is_missing = |name: &&&str| structure.member(name).is_none();
        wrong.extend(known.keys().filter(is_missing).map(|member| format!("{name}.{member}: is missing")));
        if structure.members.len() > known.len() {
            wrong.push(format!("{name}: has a member twice"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_operations_are_those_of_aws() {
    let facts = Facts::read();
    assert_eq!(
        operations::ALL.iter().map(|operation| operation.name).collect::<BTreeSet<_>>(),
        facts.names("operations").collect()
    );
    for operation in &operations::ALL {
        let name = operation.name;
        let text = |fact| facts.text("operations", name, fact);
        assert_eq!(operation.target, format!("{}.{name}", facts.api("targetPrefix")));
        assert_eq!([operation.input.name, operation.output.name], [text("input"), text("output")], "{name}");
        let errors: BTreeSet<&str> = operation.errors.iter().map(ErrorCode::as_str).collect();
        assert_eq!(errors, facts.texts("operations", name, "errors"), "{name}");
        assert_eq!(errors.len(), operation.errors.len(), "{name} has an error twice");
    }
}

#[test]
fn the_exceptions_have_the_members_that_aws_gives_them() {
    let facts = Facts::read();
    for name in facts.names("exceptions") {
        let code = ErrorCode::parse(name);
        assert!(!matches!(code, ErrorCode::Unknown(_)), "{name}");
        let known: BTreeSet<&str> = facts.members(name).map(|member| member.name).collect();
        let mut error = ServiceError::new(400, code, "words");
        error.reason = known.contains("code").then(|| "why".into());
        let response = error.write();
        assert_eq!(ServiceError::read(&response), error);
        let mut written = parse(&response.body);
        let written = written.as_object_mut().unwrap();
        assert_eq!(written.remove("__type"), Some(json!(name)));
        assert_eq!(written.keys().map(String::as_str).collect::<BTreeSet<_>>(), known, "{name}");
    }
}

#[test]
fn the_patterns_are_those_of_aws() {
    let facts = Facts::read();
    let shapes = facts.names("shapes").map(|name| facts.entry("shapes", name));
    let theirs: BTreeSet<&str> = shapes.filter_map(|shape| shape.get("pattern").and_then(Value::as_str)).collect();
    assert_eq!(pattern::ALL.iter().map(pattern::Pattern::source).collect::<BTreeSet<_>>(), theirs);
    assert_eq!(pattern::ALL.len(), theirs.len(), "none twice");
}

#[test]
fn every_structure_comes_back_as_it_went_in() {
    let facts = Facts::read();
    for one in types::ALL {
        for document in documents(facts, one.structure.name) {
            assert_eq!(rewrite(one, &document).0, document, "{}", one.structure.name);
        }
    }
}

#[test]
fn every_operation_reads_what_it_writes() {
    let facts = Facts::read();
    for operation in &operations::ALL {
        for (input, output) in documents(facts, operation.input.name).zip(documents(facts, operation.output.name)) {
            let text = input.to_string();
            let again = (operation.rewrite_input)(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(parse(&again.text), input, "{}", operation.name);

            let input = matching(input, &output).to_string();
            let text = output.to_string();
            let again = (operation.rewrite_output)(input.as_bytes(), text.as_bytes())
                .unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(parse(&again.text), output, "{}", operation.name);
        }
    }
}

/// The input with as many records as the output has outcomes.
fn matching(mut input: Value, output: &Value) -> Value {
    if let Some(outcomes) = output.get("RequestResponses").and_then(Value::as_array) {
        input["Records"] = outcomes.iter().map(|_| json!({"Data": ""})).collect();
    }
    input
}

#[test]
fn values_at_the_limits_are_valid() {
    let facts = Facts::read();
    for operation in &operations::ALL {
        for round in 0..ROUNDS {
            let minimal = Documents::minimal(facts, round).structure(operation.input.name);
            for input in valid_inputs(facts, operation.input.name, round).into_iter().chain([minimal]) {
                let checked = (operation.check)(input.to_string().as_bytes());
                assert_eq!(checked, Ok(()), "{} round {round}: {input}", operation.name);
            }
        }
    }
}

/// Changes a value into some that are one beyond a limit, each with where it then stands and what is said of it.
fn beyond(facts: &Facts, shape: &str, value: &Value) -> Vec<(Value, String)> {
    let limit = |fact| facts.entry("shapes", shape).get(fact).and_then(Value::as_i64);
    let longer = |text: &str, max: i64| text.to_owned() + &"x".repeat(max as usize + 1 - text.chars().count());
    let mut changed = Vec::new();
    match value {
        Value::Object(members) if facts.is_structure(shape) => {
            for member in facts.members(shape) {
                let Some(value) = members.get(member.name) else { continue };
                let mut put = |value: Option<Value>, rest: String| {
                    let mut document = members.clone();
                    match value {
                        Some(value) => document.insert(member.name.into(), value),
                        None => document.remove(member.name),
                    };
                    let dot = if rest.starts_with(['[', ':']) { "" } else { "." };
                    changed.push((document.into(), format!("{}{dot}{rest}", member.name)));
                };
                if member.is_required {
                    put(None, ": required, but absent".into());
                }
                for (value, rest) in beyond(facts, member.shape, value) {
                    put(Some(value), rest);
                }
            }
            return changed;
        }
        Value::Number(_) => {
            let is_double = facts.text("shapes", shape, "type") == "double";
            let moved = |limit: i64, by: i64| if is_double { json!((limit + by) as f64) } else { json!(limit + by) };
            changed.extend(limit("min").map(|min| (moved(min, -1), format!(": {} is below {min}", min - 1))));
            changed.extend(limit("max").map(|max| (moved(max, 1), format!(": {} is above {max}", max + 1))));
        }
        Value::Array(values) => {
            let member = facts.text("shapes", shape, "member");
            for (index, value) in values.iter().enumerate().take(1) {
                for (value, rest) in beyond(facts, member, value) {
                    let mut list = values.clone();
                    list[index] = value;
                    let dot = if rest.starts_with(['[', ':']) { "" } else { "." };
                    changed.push((list.into(), format!("[{index}]{dot}{rest}")));
                }
            }
            if let Some(max) = limit("max") {
                let list: Value = values.iter().cycle().take(max as usize + 1).cloned().collect();
                changed.push((list, format!(": {} members is above {max}", max + 1)));
            }
            if limit("min") == Some(1) {
                changed.push((json!([]), ": must not be empty".into()));
            }
        }
        Value::String(text) if facts.text("shapes", shape, "type") == "string" => {
            if facts.entry("shapes", shape).contains_key("enum") {
                changed.push((json!("Tomorrow"), ": \"Tomorrow\" is none of".into()));
            }
            if let Some(max) = limit("max") {
                changed.push((json!(longer(text, max)), format!(": {} characters is above {max}", max + 1)));
            }
            if let Some(min) = limit("min").filter(|min| *min > 0) {
                let text: String = text.chars().take(min as usize - 1).collect();
                let told = match min {
                    1 => ": must not be empty".into(),
                    _ => format!(": {} characters is below {min}", min - 1),
                };
                changed.push((json!(text), told));
            }
        }
        _ => {}
    }
    changed
}

#[test]
fn one_beyond_any_limit_is_told_with_its_path() {
    let facts = Facts::read();
    let mut count = 0;
    for operation in &operations::ALL {
        for input in valid_inputs(facts, operation.input.name, 1) {
            for (input, told) in beyond(facts, operation.input.name, &input) {
                count += 1;
                let text = input.to_string();
                match (operation.check)(text.as_bytes()) {
                    Err(InputError::Invalid(found)) => {
                        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                        assert!(found.iter().any(|one| one.starts_with(&told)), "{told:?} is not among {found:#?}");
                    }
                    other => panic!("{}: {told}: {other:?}", operation.name),
                }
            }
        }
    }
    assert!(count > 1000, "{count}");
}

#[test]
fn what_aws_adds_tomorrow_survives() {
    let facts = Facts::read();
    let addition = json!({"deep": [1, null, "x", {"y": 2.5}]});
    for one in types::ALL {
        let name = one.structure.name;
        let mut document = Documents::full(facts, 1).structure(name);
        let before = document.clone();
        objects(facts, name, &mut document, &mut |structure, object| {
            for member in facts.members(structure) {
                let is_enum =
                    !facts.is_structure(member.shape) && !facts.texts("shapes", member.shape, "enum").is_empty();
                if is_enum {
                    object[member.name] = json!("OfTomorrow");
                }
            }
            object["OfTomorrow"] = addition.clone();
        });
        let (again, debug) = rewrite(one, &document);
        if KEEP_NO_UNKNOWN.contains(&name) {
            assert_eq!(again, before, "{name}");
        } else {
            assert_eq!(again, document, "{name}");
            assert!(debug.contains("OfTomorrow") && !debug.contains("deep"), "a name is shown, a value not: {debug}");
        }
    }
}

#[test]
fn an_absent_member_is_not_written_and_null_is_as_good_as_absent() {
    let facts = Facts::read();
    for one in types::ALL {
        let name = one.structure.name;
        let minimal = Documents::minimal(facts, 0).structure(name);
        let mut with_nulls = minimal.clone();
        objects(facts, name, &mut with_nulls, &mut |structure, object| {
            for member in facts.members(structure).filter(|member| !member.is_required) {
                object.as_object_mut().unwrap().entry(member.name).or_insert(Value::Null);
            }
        });
        assert_eq!(rewrite(one, &with_nulls).0, minimal, "{name}");
    }
}

#[test]
fn an_empty_structure_is_written_as_one() {
    let facts = Facts::read();
    let is_optional = |shape| facts.is_structure(shape) && facts.members(shape).all(|member| !member.is_required);
    for one in types::ALL {
        let name = one.structure.name;
        for member in facts.members(name).filter(|member| !member.is_required && is_optional(member.shape)) {
            let mut document = Documents::minimal(facts, 0).structure(name);
            document[member.name] = json!({});
            assert_eq!(rewrite(one, &document).0, document, "{name}");
        }
    }
}

#[test]
fn no_debug_output_shows_a_secret() {
    let facts = Facts::read();
    let is_secret = |member: &Member<'_>| {
        let fact = |fact| facts.entry("shapes", member.shape).get(fact).cloned();
        !facts.is_structure(member.shape)
            && (fact("sensitive") == Some(json!(true))
                || fact("type") == Some(json!("blob"))
                || member.name == SECRET_TOO)
    };
    let mut marked = 0;
    for one in types::ALL {
        let name = one.structure.name;
        let mut document = Documents::full(facts, 0).structure(name);
        objects(facts, name, &mut document, &mut |structure, object| {
            for member in facts.members(structure).filter(is_secret) {
                marked += 1;
                // Base64, for the data of records.
                object[member.name] = json!("marker00");
            }
        });
        let (again, debug) = rewrite(one, &document);
        assert_eq!(again, document, "{name}");
        assert!(!debug.contains("marker"), "{name}: {debug}");
    }
    assert!(marked > 100, "{marked}");

    for operation in &operations::ALL {
        let mut input = Documents::full(facts, 0).structure(operation.input.name);
        objects(facts, operation.input.name, &mut input, &mut |structure, object| {
            facts.members(structure).filter(is_secret).for_each(|member| object[member.name] = json!("marker00"));
        });
        let debug = (operation.rewrite_input)(input.to_string().as_bytes()).unwrap().debug;
        assert!(!debug.contains("marker"), "{}: {debug}", operation.name);
    }
}
