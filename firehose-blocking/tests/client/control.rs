//! The operations that manage streams: pages, waiting, and changing what others change too.

use std::time::Duration;

use firehose_blocking::firehose_proto::error::MalformedResponse;
use firehose_blocking::firehose_proto::model::{CompressionFormat, ExtendedS3DestinationUpdate};
use firehose_blocking::firehose_proto::op::{
    CreateDeliveryStreamInput, DeleteDeliveryStreamInput, DescribeDeliveryStreamInput, ListDeliveryStreamsInput,
    ListTagsForDeliveryStreamInput,
};
use firehose_blocking::{Error, Firehose, PutRecordInput, Record, WaitError};

use crate::world::{Answer, World, answer, refusal};

/// What the client sent, as operation and body.
fn calls(world: &World) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let operation = |target: &str| target.strip_prefix("Firehose_20150804.").unwrap().to_owned();
    let sent = &world.state().sent;
    sent.iter().map(|sent| (operation(sent.headers.value("x-amz-target").unwrap()), text(&sent.body))).collect()
}

fn description(status: &str, version: u32) -> Answer {
    answer(
        200,
        &format!(
            r#"{{"DeliveryStreamDescription":{{"DeliveryStreamName":"s","DeliveryStreamStatus":"{status}",
                "FailureDescription":{{"Type":"KMS_KEY_NOT_FOUND","Details":"no key"}},"VersionId":"{version}",
                "Destinations":[{{"DestinationId":"d-1"}}],"HasMoreDestinations":false}}}}"#
        ),
    )
}

#[test]
fn lists_all_pages_and_no_page_twice() {
    let page = |names: &str, more| {
        answer(200, &format!(r#"{{"DeliveryStreamNames":[{names}],"HasMoreDeliveryStreams":{more}}}"#))
    };
    let world = World::new([page(r#""a","b""#, true), page(r#""c""#, true), page("", false)]);
    let client = world.client();
    let names: Result<Vec<_>, _> = client.delivery_streams(ListDeliveryStreamsInput::new().limit(2)).collect();
    assert_eq!(names.unwrap(), ["a", "b", "c"]);
    let bodies: Vec<_> = calls(&world).into_iter().map(|(_, body)| body).collect();
    assert_eq!(
        bodies,
        [
            r#"{"Limit":2}"#,
            r#"{"Limit":2,"ExclusiveStartDeliveryStreamName":"b"}"#,
            r#"{"Limit":2,"ExclusiveStartDeliveryStreamName":"c"}"#
        ]
    );
}

#[test]
fn ends_a_list_after_an_error() {
    let tags = answer(200, r#"{"Tags":[{"Key":"a"}],"HasMoreTags":true}"#);
    let world = World::new([tags.clone(), tags]);
    let client = world.client();
    let mut pages = client.tags(ListTagsForDeliveryStreamInput::new("s"));
    assert_eq!(pages.next().unwrap().unwrap().key, "a");
    assert!(matches!(pages.next(), Some(Err(Error::Malformed(MalformedResponse::EndlessPages)))));
    assert!(pages.next().is_none());
    assert_eq!(world.attempts(), 2);

    let world = World::new([description("ACTIVE", 1)]);
    let client = world.client();
    let destinations: Vec<_> = client.destinations(DescribeDeliveryStreamInput::new("s")).collect();
    assert_eq!(destinations.len(), 1);
}

#[test]
fn waits_for_a_stream_as_long_as_it_may_come() {
    let minute = Duration::from_secs(60);
    let world = World::new([description("CREATING", 1), description("CREATING", 1), description("ACTIVE", 1)]);
    world.client().wait_until_active("s", minute).unwrap();
    assert_eq!(world.state().slept, [100, 200].map(Duration::from_millis));

    let world = World::new([description("CREATING", 1)]);
    let error = world.client().wait_until_active("s", minute).unwrap_err();
    assert_eq!(shown(&error), "gave up waiting for s: timed out; the stream is still in state CREATING");
    assert_eq!(world.state().slept.iter().sum::<Duration>(), minute);

    let world = World::new([description("CREATING_FAILED", 1)]);
    let error = world.client().wait_until_active("s", minute).unwrap_err();
    assert_eq!(
        shown(&error),
        "gave up waiting for s: the stream is in state CREATING_FAILED: KMS_KEY_NOT_FOUND: no key"
    );

    // Just made, it may not be known everywhere.
    let absent = refusal(400, "ResourceNotFoundException");
    let world = World::new([absent.clone(), absent.clone(), description("CREATING", 1), description("ACTIVE", 1)]);
    world.client().wait_until_active("s", minute).unwrap();
    assert_eq!(world.attempts(), 4);

    let world = World::new([absent]);
    let error = world.client().wait_until_active("s", minute).unwrap_err();
    assert_eq!(shown(&error), "gave up waiting for s: there is no such stream");
    let slept = world.state().slept.iter().sum::<Duration>();
    assert!((30..40).contains(&slept.as_secs()), "{slept:?}");

    let world = World::new([refusal(403, "AccessDeniedException")]);
    assert!(matches!(world.client().wait_until_active("s", minute), Err(WaitError::Call(Error::Refused { .. }))));
}

#[test]
fn waits_until_a_stream_is_gone() {
    let gone = refusal(400, "ResourceNotFoundException");
    let world = World::new([description("ACTIVE", 1), description("DELETING", 1), gone]);
    world.client().wait_until_deleted("s", Duration::from_secs(60)).unwrap();
    assert_eq!(world.attempts(), 3);

    // Nobody has deleted it, or it was not to be.
    let world = World::new([description("ACTIVE", 1)]);
    let error = world.client().wait_until_deleted("s", Duration::from_secs(60)).unwrap_err();
    assert!(shown(&error).starts_with("gave up waiting for s: the stream is in state ACTIVE"), "{error:?}");
}

fn shown(error: &WaitError) -> String {
    format!("{error}: {}", std::error::Error::source(error).unwrap())
}

#[test]
fn changes_a_destination_as_it_is_now_and_once_more_when_it_has_changed() {
    let update = || ExtendedS3DestinationUpdate::new().compression_format(CompressionFormat::Gzip);
    let conflict = || refusal(400, "ConcurrentModificationException");
    let world = World::new([description("ACTIVE", 1), conflict(), description("ACTIVE", 2), answer(200, "{}")]);
    world.client().change_destination("s", update()).unwrap();
    let calls = calls(&world);
    let body = |version| {
        format!(
            r#"{{"DeliveryStreamName":"s","CurrentDeliveryStreamVersionId":"{version}","DestinationId":"d-1","ExtendedS3DestinationUpdate":{{"CompressionFormat":"GZIP"}}}}"#
        )
    };
    assert_eq!(calls[1], ("UpdateDestination".into(), body(1)));
    assert_eq!(calls[3], ("UpdateDestination".into(), body(2)));

    let world = World::new([description("ACTIVE", 1), conflict(), description("ACTIVE", 2), conflict()]);
    assert!(matches!(world.client().change_destination("s", update()), Err(Error::Refused { .. })));
    assert_eq!(world.attempts(), 4);
}

#[test]
fn sends_nothing_that_breaks_a_rule() {
    let world = World::new([answer(200, "{}")]);
    let firehose: &dyn Firehose = &world.client();
    let input = CreateDeliveryStreamInput::new("a b");
    let Err(Error::Invalid(violations)) = firehose.create_delivery_stream(&input) else {
        panic!("the name is invalid")
    };
    assert_eq!(violations.to_string(), r#"DeliveryStreamName: "a b" does not match [a-zA-Z0-9_.-]+"#);
    assert_eq!(world.attempts(), 0);
    firehose.delete_delivery_stream(&DeleteDeliveryStreamInput::new("a")).unwrap();
    assert_eq!(calls(&world), [("DeleteDeliveryStream".into(), r#"{"DeliveryStreamName":"a"}"#.into())]);
}

#[test]
fn leaves_the_input_to_the_service_when_told_but_for_the_puts() {
    let world = World::new([answer(200, "{}")]);
    let client = world.builder().parameter_validation(false).build().unwrap();
    client.delete_delivery_stream(&DeleteDeliveryStreamInput::new("a b")).unwrap();
    assert_eq!(calls(&world), [("DeleteDeliveryStream".into(), r#"{"DeliveryStreamName":"a b"}"#.into())]);
    let put = client.put_record(&PutRecordInput::new("a b", Record::new(b"x")));
    assert!(matches!(put, Err(Error::Invalid(_))), "{put:?}");
    assert_eq!(world.attempts(), 1);
}
