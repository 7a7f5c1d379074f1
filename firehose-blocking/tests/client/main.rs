//! The client on virtual time, against a transport that answers from a script.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

mod clock;
#[cfg(feature = "control")]
mod control;
#[cfg(feature = "control")]
mod mock;
mod timeouts;
mod world;

use std::error::Error as _;
use std::num::NonZeroU32;
use std::time::Duration;

use firehose_blocking::firehose_proto::error::{ErrorCode, MalformedResponse};
use firehose_blocking::firehose_proto::http::Response;
use firehose_blocking::firehose_proto::sigv4::Authorization;
use firehose_blocking::{
    Batch, Client, Credentials, Error, PutRecordBatchInput, PutRecordInput, Record, TransportErrorKind,
};

use self::world::{SECRET, START, TOKEN, World, accepted, answer, refusal};

fn put(client: &Client) -> Result<String, Error> {
    client.put_record(&PutRecordInput::new("s", Record::new(b"data"))).map(|output| output.record_id.into_owned())
}

#[test]
fn signs_exactly_the_headers_that_nobody_rewrites() {
    let world = World::new([accepted()]);
    assert_eq!(put(&world.client()).unwrap(), "id-1");
    let state = world.state();
    let sent = &state.sent[0];
    assert_eq!(sent.verified, Ok(()));
    let authorization = Authorization::parse(sent.headers.value("authorization").unwrap()).unwrap();
    assert_eq!(authorization.signed_headers(), "content-type;host;x-amz-date;x-amz-security-token;x-amz-target");
    assert_eq!((authorization.region(), authorization.service()), ("eu-west-1", "firehose"));
    let value = |name| sent.headers.value(name).unwrap();
    assert_eq!(value("x-amz-target"), "Firehose_20150804.PutRecord");
    assert_eq!(value("amz-sdk-request"), "attempt=1; max=3");
    assert_eq!(value("amz-sdk-invocation-id").len(), 36);
    assert_eq!(value("accept-encoding"), "identity");
    assert!(value("user-agent").starts_with("firehose-rs/"), "{}", value("user-agent"));
    assert_eq!(sent.body, br#"{"DeliveryStreamName":"s","Record":{"Data":"ZGF0YQ=="}}"#);
}

#[test]
fn tries_again_with_the_same_id_and_a_new_signature() {
    let world = World::new([refusal(500, "InternalFailure"), Err(TransportErrorKind::Broken), accepted()]);
    world.state().now = START;
    put(&world.client()).unwrap();
    let state = world.state();
    assert_eq!(state.sent.len(), 3);
    for (index, sent) in state.sent.iter().enumerate() {
        assert_eq!(sent.verified, Ok(()), "attempt {index}");
        assert_eq!(sent.body, state.sent[0].body);
        assert_eq!(sent.headers.value("amz-sdk-invocation-id"), state.sent[0].headers.value("amz-sdk-invocation-id"));
        let names: Vec<_> = sent.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), names.iter().collect::<std::collections::HashSet<_>>().len(), "{names:?}");
    }
    let request = state.sent[2].headers.value("amz-sdk-request").unwrap();
    assert!(request.starts_with("ttl=20261122T1200") && request.ends_with("; attempt=3; max=3"), "{request}");
    // The base of 50 ms, doubled, times a random number below 1.
    let millis: Vec<_> = state.slept.iter().map(Duration::as_millis).collect();
    assert!(matches!(millis[..], [0..50, 0..100]), "{millis:?}");
}

#[test]
fn waits_as_long_as_the_service_asks() {
    let mut busy = Response::new(503, Vec::new());
    busy.headers.append("x-amz-retry-after", "1500").unwrap();
    let world = World::new([Ok(busy), accepted()]);
    put(&world.client()).unwrap();
    assert_eq!(world.state().slept, [Duration::from_millis(1500)]);
}

#[test]
fn gives_up_where_trying_again_is_pointless() {
    for (script, attempts, is_transient, is_ambiguous) in [
        (refusal(400, "ResourceNotFoundException"), 1, false, false),
        (refusal(400, "AccessDeniedException"), 1, false, false),
        (refusal(400, "ThrottlingException"), 3, true, false),
        (answer(302, ""), 3, true, false),
        (answer(413, ""), 1, false, false),
        (answer(503, "<html>"), 3, true, true),
        (answer(200, "<html>"), 1, false, true),
        (answer(200, "{}"), 1, false, true),
        (Err(TransportErrorKind::Tls), 1, false, false),
        (Err(TransportErrorKind::Connect), 3, true, false),
        (Err(TransportErrorKind::Timeout), 3, true, true),
        (Err(TransportErrorKind::ResponseTooLarge), 1, false, true),
    ] {
        let world = World::new([script.clone()]);
        let error = put(&world.client()).unwrap_err();
        let found = (world.attempts(), error.is_transient(), error.is_ambiguous());
        assert_eq!(found, (attempts, is_transient, is_ambiguous), "{script:?}");
        assert_eq!(error.to_string().to_lowercase().chars().next(), error.to_string().chars().next(), "{error}");
    }
}

#[test]
fn reports_what_the_service_said() {
    let error = put(&World::new([refusal(400, "ResourceNotFoundException")]).client()).unwrap_err();
    let Error::Refused { error: refusal, attempts: 1, is_transient: false, .. } = &error else { panic!("{error:?}") };
    assert_eq!(refusal.code, Some(ErrorCode::ResourceNotFoundException));
    assert_eq!(error.source().unwrap().to_string(), "ResourceNotFoundException (status 400): words");
}

#[test]
fn stops_retrying_when_the_quota_is_spent() {
    let world = World::new([answer(500, "")]);
    let client = world.client();
    // 500 tokens pay for 35 retries at 14 each; a clone shares them.
    for _ in 0..40 {
        put(&client.clone()).unwrap_err();
    }
    assert_eq!(world.attempts(), 40 + 35);
}

#[test]
fn takes_as_many_attempts_as_it_is_told() {
    let world = World::new([answer(500, "")]);
    let client = Client::builder()
        .region("eu-west-1")
        .credentials(Credentials::new("a", "b"))
        .max_attempts(NonZeroU32::new(5).unwrap())
        .transport(world.clone())
        .clock(world.clone());
    put(&client.build().unwrap()).unwrap_err();
    assert_eq!(world.attempts(), 5);
}

#[test]
fn leaves_in_the_batch_what_has_to_be_sent_again() {
    let failed = r#"{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}"#;
    let first = format!(r#"{{"FailedPutCount":2,"RequestResponses":[{failed},{{"RecordId":"1"}},{failed}]}}"#);
    let second = r#"{"FailedPutCount":0,"RequestResponses":[{"RecordId":"2"},{"RecordId":"3"}]}"#;
    let world = World::new([answer(200, &first), answer(200, second)]);
    let client = world.client();
    let mut batch = Batch::new("s").unwrap();
    for record in ["a", "b", "c"] {
        batch.push(record.as_bytes()).unwrap();
    }
    let output = client.put_batch(&mut batch).unwrap();
    assert_eq!((output.failed_put_count, output.request_responses().len(), batch.len()), (2, 3, 2));
    assert_eq!(client.put_batch(&mut batch).unwrap().failed_put_count, 0);
    assert!(batch.is_empty());
    assert!(matches!(client.put_batch(&mut batch), Err(Error::EmptyBatch)));
    let state = world.state();
    let bodies: Vec<_> = state.sent.iter().map(|sent| String::from_utf8_lossy(&sent.body)).collect();
    assert_eq!(
        bodies,
        [
            r#"{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="},{"Data":"Yg=="},{"Data":"Yw=="}]}"#,
            r#"{"DeliveryStreamName":"s","Records":[{"Data":"YQ=="},{"Data":"Yw=="}]}"#,
        ]
    );
}

#[test]
fn keeps_the_batch_when_the_answer_is_for_another_one() {
    let world = World::new([answer(200, r#"{"FailedPutCount":0,"RequestResponses":[{"RecordId":"1"}]}"#)]);
    let mut batch = Batch::new("s").unwrap();
    batch.push(b"a").unwrap();
    batch.push(b"b").unwrap();
    let error = world.client().put_batch(&mut batch).unwrap_err();
    assert!(matches!(error, Error::Malformed(MalformedResponse::WrongCount { sent: 2, answered: 1 })), "{error:?}");
    assert_eq!(batch.len(), 2);
}

#[test]
fn sends_nothing_that_breaks_a_limit() {
    let world = World::new([accepted()]);
    let client = world.client();
    let large = vec![0; 1_024_001];
    let inputs = [
        PutRecordBatchInput::new("s", vec![]),
        PutRecordBatchInput::new("s", vec![Record::new(b""); 501]),
        PutRecordBatchInput::new("s", vec![Record::new(b""), Record::new(&large)]),
        PutRecordBatchInput::new("s", vec![Record::new(&large[1..]); 5]),
        PutRecordBatchInput::new("arn:aws:firehose", vec![Record::new(b"")]),
    ];
    for input in &inputs {
        assert!(matches!(client.put_record_batch(input), Err(Error::Invalid(_))), "{input:?}");
    }
    let error = client.put_record_batch(&inputs[2]).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "Records[1].Data: 1024001 bytes is above 1024000");
    assert_eq!(world.attempts(), 0);
}

#[test]
fn is_shared_between_threads() {
    fn check<T: Send + Sync + Clone + 'static>(_: &T) {}
    check(&World::new([]).client());
}

#[test]
fn shows_no_secret() {
    let world = World::new([refusal(403, "ExpiredTokenException")]);
    let client = world.client();
    let error = put(&client).unwrap_err();
    let builder = Client::builder().credentials(Credentials::new("AKIDEXAMPLE", SECRET).with_session_token(TOKEN));
    let text = format!("{client:?} {error:?} {error} {builder:?} {:?}", world.state().sent[0].headers);
    assert!(!text.contains(SECRET) && !text.contains(TOKEN) && !text.contains("ZGF0YQ"), "{text}");
    assert!(text.contains("AKIDEXAMPLE"), "the access key id is no secret: {text}");
}
