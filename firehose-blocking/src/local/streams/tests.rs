use std::path::Path;

use firehose_proto::internal::json;
use firehose_proto::model::{DeliveryStreamEncryptionStatus, DeliveryStreamStatus, KeyType};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use time::macros::datetime;

use super::*;

const START: OffsetDateTime = datetime!(2026-11-22 12:00:00.123456 UTC);
const MOMENT: Duration = Duration::from_secs(10);
const REGION: &str = "eu-west-1";
const BUCKET: &str = r#""ExtendedS3DestinationConfiguration":{
    "RoleARN":"arn:aws:iam::123456789012:role/r","BucketARN":"arn:aws:s3:::b"}"#;
const KINESIS: &str = r#","DeliveryStreamType":"KinesisStreamAsSource","KinesisStreamSourceConfiguration":{
    "KinesisStreamARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/k","RoleARN":"arn:aws:iam::123456789012:role/r"}"#;

fn at(seconds: i64) -> OffsetDateTime {
    START + time::Duration::seconds(seconds)
}

fn open(dir: &Path, creates_streams: bool) -> Streams {
    Streams::open(Store::new(dir.into(), true).into(), creates_streams, MOMENT).unwrap()
}

fn input<T: DeserializeOwned>(name: &str, members: &str) -> T {
    let comma = if members.is_empty() { "" } else { "," };
    json::parse(format!("{{\"DeliveryStreamName\":\"{name}\"{comma}{members}}}").as_bytes()).unwrap()
}

/// Makes a call, and returns the exception's name if there was one.
fn call(streams: &Streams, seconds: i64, operation: &str, name: &str, members: &str) -> String {
    let now = at(seconds);
    let result = match operation {
        "create" => streams.create(now, REGION, &input(name, members)).map(drop),
        "delete" => streams.delete(now, &input(name, members)),
        "describe" => streams.describe(now, REGION, &input(name, members)).map(drop),
        "list tags" => streams.list_tags(now, &input(name, members)).map(drop),
        "tag" => streams.tag(now, &input(name, members)),
        "untag" => streams.untag(now, &input(name, members)),
        "start" => streams.start_encryption(now, &input(name, members)),
        "stop" => streams.stop_encryption(now, &input(name, members)),
        "update" => streams.update_destination(now, &input(name, members)),
        "put" => streams.admit(now, name).map(drop),
        other => panic!("no such operation: {other}"),
    };
    result.map_or_else(|error| error.code.unwrap().to_string(), |()| "ok".into())
}

fn describe(streams: &Streams, seconds: i64, name: &str) -> DeliveryStreamDescription {
    streams.describe(at(seconds), REGION, &input(name, "")).unwrap()
}

fn created(dir: &Path, creates_streams: bool) -> Streams {
    let streams = open(dir, creates_streams);
    assert_eq!(call(&streams, 0, "create", "s", BUCKET), "ok");
    streams
}

fn update(version: &str, change: &str) -> String {
    format!(
        r#""CurrentDeliveryStreamVersionId":"{version}","DestinationId":"destinationId-000000000001"{}{change}"#,
        if change.is_empty() { "" } else { "," }
    )
}

fn list(streams: &Streams, seconds: i64, members: &str) -> (Vec<String>, bool) {
    let page = streams.list(at(seconds), &json::parse(format!("{{{members}}}").as_bytes()).unwrap()).unwrap();
    (page.delivery_stream_names, page.has_more_delivery_streams)
}

/// Every call in every state.
#[test]
fn refuses_what_a_stream_cannot_do_in_its_state() {
    const NONE: &str = "ResourceNotFoundException";
    const BUSY: &str = "ResourceInUseException";
    let update = update("1", r#""ExtendedS3DestinationUpdate":{"Prefix":"p/"}"#);
    let tags = r#""Tags":[{"Key":"k"}]"#;
    // Never created, CREATING, ACTIVE, DELETING, gone.
    for (operation, members, expected) in [
        ("put", "", [NONE, NONE, "ok", "ok", NONE]),
        ("create", BUCKET, ["ok", BUSY, BUSY, BUSY, "ok"]),
        ("delete", "", [NONE, BUSY, "ok", "ok", NONE]),
        ("describe", "", [NONE, "ok", "ok", "ok", NONE]),
        ("list tags", "", [NONE, "ok", "ok", "ok", NONE]),
        ("tag", tags, [NONE, BUSY, "ok", BUSY, NONE]),
        ("untag", r#""TagKeys":["k"]"#, [NONE, BUSY, "ok", BUSY, NONE]),
        ("start", "", [NONE, BUSY, "ok", BUSY, NONE]),
        ("stop", "", [NONE, BUSY, "ok", BUSY, NONE]),
        ("update", &update, [NONE, BUSY, "ok", BUSY, NONE]),
    ] {
        for (state, expected) in expected.into_iter().enumerate() {
            let dir = TempDir::new().unwrap();
            let streams = if state == 0 { open(dir.path(), false) } else { created(dir.path(), false) };
            if state > 0 {
                // The records of a stream outlive it, and do not count as a stream.
                fs::create_dir(dir.path().join("s")).unwrap();
            }
            let seconds = [0, 9, 10, 29, 30][state];
            if state > 2 {
                assert_eq!(call(&streams, 20, "delete", "s", ""), "ok");
            }
            assert_eq!(call(&streams, seconds, operation, "s", members), expected, "{operation} in state {state}");
        }
    }
}

#[test]
fn passes_through_the_states_of_its_life() {
    let dir = TempDir::new().unwrap();
    let streams = created(dir.path(), false);
    let status = |seconds| {
        let found = streams.describe(at(seconds), REGION, &input("s", ""));
        found.map(|description| description.delivery_stream_status).ok()
    };
    // A clock that is set back blocks nothing.
    let creating = [(-1, DeliveryStreamStatus::Active), (0, DeliveryStreamStatus::Creating)];
    for (seconds, expected) in
        creating.into_iter().chain([(9, DeliveryStreamStatus::Creating), (10, DeliveryStreamStatus::Active)])
    {
        assert_eq!(status(seconds), Some(expected), "{seconds}");
    }
    assert_eq!(call(&streams, 20, "delete", "s", ""), "ok");
    // Another call does not prolong it.
    assert_eq!(call(&streams, 25, "delete", "s", ""), "ok");
    assert_eq!([29, 30].map(status), [Some(DeliveryStreamStatus::Deleting), None]);
    assert_eq!((list(&streams, 29, "").0.len(), list(&streams, 30, "").0.len()), (1, 0));

    let at_once = Streams::open(Store::new(dir.path().join("at once"), false).into(), false, Duration::ZERO).unwrap();
    for (operation, members) in [("create", BUCKET), ("put", ""), ("start", ""), ("stop", ""), ("delete", "")] {
        assert_eq!(call(&at_once, 0, operation, "s", members), "ok", "{operation}");
    }
    assert_eq!(call(&at_once, 0, "put", "s", ""), "ResourceNotFoundException");
}

#[test]
fn turns_encryption_on_and_off() {
    use DeliveryStreamEncryptionStatus::{Disabled, Disabling, Enabled, Enabling};
    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/k";
    let own = format!(
        r#""DeliveryStreamEncryptionConfigurationInput":{{"KeyType":"CUSTOMER_MANAGED_CMK","KeyARN":"{KEY}"}}"#
    );
    let dir = TempDir::new().unwrap();
    let streams = created(dir.path(), false);
    let (firehoses, owned) = (Some(KeyType::AwsOwnedCmk), Some(KeyType::CustomerManagedCmk));
    for (seconds, operation, status, key, is_encrypted) in [
        (10, None, Disabled, None, false),
        (20, Some(("start", "")), Enabling, firehoses.clone(), false),
        (29, None, Enabling, firehoses.clone(), false),
        (30, None, Enabled, firehoses, true),
        (40, Some(("start", &*own)), Enabling, owned.clone(), true),
        (50, None, Enabled, owned.clone(), true),
        (60, Some(("stop", "")), Disabling, owned, true),
        (70, None, Disabled, None, false),
    ] {
        if let Some((operation, members)) = operation {
            assert_eq!(call(&streams, seconds, operation, "s", members), "ok", "{seconds}");
        }
        let description = describe(&streams, seconds, "s").delivery_stream_encryption_configuration.unwrap();
        assert_eq!(description.status, Some(status), "{seconds}");
        assert_eq!(description.key_arn.is_some(), key == Some(KeyType::CustomerManagedCmk), "{seconds}");
        assert_eq!(description.key_type, key, "{seconds}");
        assert_eq!(streams.admit(at(seconds), "s").unwrap(), is_encrypted, "{seconds}");
    }
    assert_eq!(call(&streams, 80, "create", "encrypted", &format!("{BUCKET},{own}")), "ok");
    let description = describe(&streams, 80, "encrypted").delivery_stream_encryption_configuration.unwrap();
    assert_eq!((description.status, description.key_arn.as_deref()), (Some(Enabled), Some(KEY)));
}

#[test]
fn takes_puts_and_encryption_from_callers_alone() {
    let dir = TempDir::new().unwrap();
    let streams = open(dir.path(), true);
    let key = r#","DeliveryStreamEncryptionConfigurationInput":{"KeyType":"AWS_OWNED_CMK"}"#;
    let refused = "InvalidArgumentException";
    assert_eq!(call(&streams, 0, "create", "k", &format!("{BUCKET}{KINESIS}{key}")), refused);
    assert_eq!(call(&streams, 0, "create", "k", &format!("{BUCKET}{KINESIS}")), "ok");
    for operation in ["put", "start", "stop"] {
        assert_eq!(call(&streams, 10, operation, "k", ""), refused, "{operation}");
    }
    let source = describe(&streams, 10, "k").source.unwrap().kinesis_stream_source_description.unwrap();
    assert_eq!(source.delivery_start_timestamp, Some(START.into()));
    assert!(source.kinesis_stream_arn.unwrap().ends_with("stream/k"));
}

#[test]
fn counts_versions_and_wants_the_current_one() {
    let dir = TempDir::new().unwrap();
    let streams = created(dir.path(), false);
    let s3 = r#""S3DestinationUpdate":{"Prefix":"p/"}"#;
    let other = r#""CurrentDeliveryStreamVersionId":"2","DestinationId":"destinationId-000000000002""#;
    assert_eq!(describe(&streams, 10, "s").last_update_timestamp, None);
    for (members, expected, version) in [
        (update("2", s3), "ConcurrentModificationException", "1"),
        (update("1", s3), "ok", "2"),
        (update("1", s3), "ConcurrentModificationException", "2"),
        (format!("{other},{s3}"), "InvalidArgumentException", "2"),
        (update("2", ""), "InvalidArgumentException", "2"),
        (update("2", s3), "ok", "3"),
    ] {
        assert_eq!(call(&streams, 20, "update", "s", &members), expected, "{members}");
        assert_eq!(describe(&streams, 20, "s").version_id, version, "{members}");
    }
    assert_eq!(describe(&streams, 20, "s").last_update_timestamp, Some(at(20).into()));
    let after =
        streams.describe(at(20), REGION, &input("s", r#""ExclusiveStartDestinationId":"destinationId-000000000001""#));
    assert_eq!(after.unwrap().destinations, []);
}

#[test]
fn keeps_fifty_tags_in_the_order_of_their_keys() {
    let dir = TempDir::new().unwrap();
    let streams = created(dir.path(), false);
    let tags = |keys: std::ops::Range<usize>, value: &str| {
        let tags: Vec<_> = keys.map(|key| format!(r#"{{"Key":"{key:02}"{value}}}"#)).collect();
        format!(r#""Tags":[{}]"#, tags.join(","))
    };
    for (operation, members, expected) in [
        ("tag", tags(0..40, ""), "ok"),
        ("tag", tags(30..50, r#","Value":"new""#), "ok"),
        ("tag", tags(50..51, ""), "LimitExceededException"),
        ("tag", tags(49..50, r#","Value":"newer""#), "ok"),
        ("untag", r#""TagKeys":["01","absent"]"#.into(), "ok"),
        ("tag", tags(50..51, ""), "ok"),
    ] {
        assert_eq!(call(&streams, 10, operation, "s", &members), expected, "{members}");
    }
    for (members, first, last, length, has_more) in [
        ("", ("00", None), ("50", None), 50, false),
        (r#""Limit":2"#, ("00", None), ("02", None), 2, true),
        (r#""Limit":2,"ExclusiveStartTagKey":"47""#, ("48", Some("new")), ("49", Some("newer")), 2, true),
        (r#""ExclusiveStartTagKey":"49""#, ("50", None), ("50", None), 1, false),
    ] {
        let page = streams.list_tags(at(10), &input("s", members)).unwrap();
        let tag = |index: usize| (page.tags[index].key.as_str(), page.tags[index].value.as_deref());
        assert_eq!((tag(0), tag(page.tags.len() - 1), page.tags.len()), (first, last, length), "{members}");
        assert_eq!(page.has_more_tags, has_more, "{members}");
    }
}

#[test]
fn lists_names_in_their_order_a_page_at_a_time() {
    let dir = TempDir::new().unwrap();
    let streams = open(dir.path(), true);
    for number in 0..11 {
        assert_eq!(call(&streams, 0, "create", &format!("s{number:02}"), BUCKET), "ok");
    }
    assert_eq!(call(&streams, 0, "create", "kinesis", &format!("{BUCKET}{KINESIS}")), "ok");
    // Streams that exist by their directories, and files that are none.
    for name in ["put", "%2E", "not a name", "%2E%2E%2E"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("file"), "").unwrap();
    for (members, expected, has_more) in [
        ("", ". kinesis put s00 s01 s02 s03 s04 s05 s06", true),
        (r#""ExclusiveStartDeliveryStreamName":"s06""#, "s07 s08 s09 s10", false),
        (r#""Limit":3,"ExclusiveStartDeliveryStreamName":"a""#, "kinesis put s00", true),
        (r#""DeliveryStreamType":"KinesisStreamAsSource""#, "kinesis", false),
        (r#""DeliveryStreamType":"DirectPut","Limit":2"#, ". put", true),
        (r#""DeliveryStreamType":"MSKAsSource""#, "", false),
        (r#""Limit":10000,"ExclusiveStartDeliveryStreamName":"s09""#, "s10", false),
    ] {
        let (names, more) = list(&streams, 0, members);
        assert_eq!((names.join(" ").as_str(), more), (expected, has_more), "{members}");
    }
    fs::remove_dir_all(dir.path()).unwrap();
    assert_eq!(list(&streams, 0, r#""Limit":1"#), (vec!["kinesis".to_string()], true));
}

#[test]
fn outlasts_a_restart() {
    let dir = TempDir::new().unwrap();
    let streams = created(dir.path(), true);
    for name in ["put", "tagged", "deleted", "anew"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    let splunk = r#""SplunkDestinationConfiguration":{"HECEndpoint":"https://x","HECEndpointType":"Raw","HECToken":"t",
        "S3Configuration":{"RoleARN":"arn:aws:iam::123456789012:role/r","BucketARN":"arn:aws:s3:::b"}}"#;
    for (seconds, operation, name, members) in [
        (0, "create", "..", splunk),
        (0, "create", "kinesis", &format!("{BUCKET}{KINESIS}")),
        (10, "tag", "tagged", r#""Tags":[{"Key":"k","Value":"v"},{"Key":"l"}]"#),
        (10, "start", "..", ""),
        (10, "update", "s", &update("1", r#""S3DestinationUpdate":{"Prefix":"p/"}"#)),
        (10, "delete", "deleted", ""),
        (10, "delete", "anew", ""),
        (20, "put", "anew", ""),
    ] {
        assert_eq!(call(&streams, seconds, operation, name, members), "ok", "{operation} {name}");
    }
    // The remains of a file that a killed process was writing.
    fs::write(dir.path().join("@streams/s.draft"), "{").unwrap();
    let again = open(dir.path(), true);
    assert_eq!(list(&again, 15, ""), (["..", "anew", "kinesis", "put", "s", "tagged"].map(String::from).into(), false));
    for name in list(&again, 20, "").0 {
        // During a transition, and after it.
        for seconds in [15, 20] {
            assert_eq!(describe(&again, seconds, &name), describe(&streams, seconds, &name), "{name}");
        }
        let tags = |streams: &Streams| streams.list_tags(at(20), &input(&name, "")).unwrap();
        assert_eq!(tags(&again), tags(&streams), "{name}");
    }
    assert_eq!(call(&again, 15, "describe", "deleted", ""), "ResourceNotFoundException");
    assert_eq!(call(&again, 15, "put", "deleted", ""), "ok");
    assert_eq!(call(&again, 15, "describe", "deleted", ""), "ok");
}

#[cfg(unix)]
#[test]
fn shows_definitions_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    created(dir.path(), true);
    let mode = fs::metadata(dir.path().join("@streams/s.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn answers_as_before_what_it_could_not_write_down() {
    let dir = TempDir::new().unwrap();
    let streams = open(dir.path(), true);
    fs::write(dir.path().join("@streams"), "a file where the directory would be").unwrap();
    assert_eq!(call(&streams, 0, "create", "s", BUCKET), "ServiceUnavailableException");
    assert_eq!(call(&streams, 0, "describe", "s", ""), "ResourceNotFoundException");
}

#[test]
fn says_which_definition_it_cannot_read() {
    let dir = TempDir::new().unwrap();
    created(dir.path(), true);
    let path = dir.path().join("@streams/s.json");
    for document in ["", "{}", r#"{"Stream":{"name":"secret"}}"#] {
        fs::write(&path, document).unwrap();
        let found = Streams::open(Store::new(dir.path().into(), true).into(), true, MOMENT).unwrap_err();
        assert_eq!(found.path, path);
        assert!(!found.error.to_string().contains("secret"), "{}", found.error);
    }
}

#[test]
fn knows_streams_by_their_directories_unless_puts_make_them() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("made")).unwrap();
    for (creates_streams, name, expected) in [
        (false, "made", "ok"),
        (false, "other", "ResourceNotFoundException"),
        (true, "made", "ok"),
        (true, "other", "ok"),
    ] {
        let streams = open(dir.path(), creates_streams);
        assert_eq!(call(&streams, 0, "put", name, ""), expected, "{creates_streams} {name}");
    }
    let streams = open(dir.path(), false);
    let arn = |region: &str| streams.describe(START, region, &input("made", "")).unwrap().delivery_stream_arn;
    assert_eq!(arn("eu-west-1"), "arn:aws:firehose:eu-west-1:000000000000:deliverystream/made");
    assert_eq!(arn("cn-north-1"), "arn:aws-cn:firehose:cn-north-1:000000000000:deliverystream/made");
}

#[test]
fn is_created_by_one_of_many_callers() {
    let dir = TempDir::new().unwrap();
    let streams = open(dir.path(), true);
    let outcomes: Vec<String> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(|| call(&streams, 0, "create", "s", BUCKET))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "ok").count(), 1, "{outcomes:?}");
}
