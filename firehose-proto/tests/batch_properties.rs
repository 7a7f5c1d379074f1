//! The batch against a slow, simple model, and the core's client role against its server role.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

mod twin;

use std::sync::Arc;

use firehose_proto::batch::{Batch, EmptyBatch, PushError};
use firehose_proto::call;
use firehose_proto::http::{Method, Request};
use firehose_proto::limits::Limits;
use firehose_proto::model::Record;
use firehose_proto::op::{
    PutRecord, PutRecordBatch, PutRecordBatchInput, PutRecordBatchOutput, PutRecordBatchResponseEntry, PutRecordInput,
    PutRecordOutput,
};
use firehose_proto::server::{self, OperationInput};
use proptest::collection::vec;
use proptest::prelude::*;

use twin::{Step, endpoint};

/// Base64, one bit at a time.
fn base64(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| data.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let digit = |at: usize| (0..6).fold(0, |sum, index| sum * 2 + bit(at * 6 + index));
    let digits = (0..(data.len() * 8).div_ceil(6)).map(|at| char::from(*ALPHABET.get(digit(at)).unwrap()));
    let mut text: String = digits.collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 250..260), 1 => vec(any::<u8>(), 2040..2060)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => data().prop_map(Step::Push),
        4 => any::<u64>().prop_map(Step::Retain),
        1 => Just(Step::Clear),
        4 => Just(Step::Encode),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let lowered =
        (0..8_usize, 0..40_usize, 0..120_usize).prop_map(|(max_records, max_record_bytes, max_request_bytes)| Limits {
            max_records,
            max_record_bytes,
            max_request_bytes,
        });
    let most = Limits { max_records: usize::MAX, max_record_bytes: usize::MAX, max_request_bytes: usize::MAX };
    prop_oneof![4 => lowered, 4 => Just(Limits::SERVICE), 1 => Just(most)]
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_.-]{1,64}"
}

/// Any text: a service may send it one day.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~]{0,40}", "[\\x00-\\x1f\"\\\\/\u{7f}\u{2028}\u{1f600}]{0,8}"]
}

fn entry() -> impl Strategy<Value = PutRecordBatchResponseEntry<'static>> {
    let failed = (text(), prop::option::of(text())).prop_map(|(code, message)| {
        let mut entry = PutRecordBatchResponseEntry::failed(code, "");
        entry.error_message = message.map(Into::into);
        entry
    });
    prop_oneof![id().prop_map(PutRecordBatchResponseEntry::accepted), failed]
}

/// An empty id counts as absent.
fn id() -> impl Strategy<Value = String> {
    text().prop_map(|id| if id.is_empty() { "1".into() } else { id })
}

fn filled(name: &str, records: &[Vec<u8>]) -> Batch {
    let mut batch = Batch::new(name).unwrap();
    for data in records {
        batch.push(data).unwrap();
    }
    batch
}

fn input<'a>(name: &'a str, records: &'a [Vec<u8>]) -> PutRecordBatchInput<'a> {
    PutRecordBatchInput::new(name, records.iter().map(Record::new).collect())
}

proptest! {
    #[test]
    fn agrees_with_its_twin_whatever_is_done(limits in limits(), steps in vec(step(), 0..40)) {
        twin::run(limits, &steps);
    }

    #[test]
    fn writes_what_a_serializer_writes(name in name(), records in vec(data(), 1..20)) {
        let (endpoint, input) = (endpoint(), input(&name, &records));
        let expected = serde_json::to_vec(&input).unwrap();
        let batch = filled(&name, &records);
        let request = batch.request(&endpoint).unwrap();
        prop_assert_eq!(request.body(), &*expected);
        let entries: Vec<_> = records.iter().map(|data| format!(r#"{{"Data":"{}"}}"#, base64(data))).collect();
        let by_hand = format!(r#"{{"DeliveryStreamName":"{name}","Records":[{}]}}"#, entries.join(","));
        prop_assert_eq!(str::from_utf8(&expected), Ok(&*by_hand));
        // Both ways lead to the same request, including the headers.
        let mut whole = call::encode::<PutRecordBatch>(&input, &endpoint).unwrap();
        whole.body_sha256();
        prop_assert_eq!(&whole, &request);

        let single = PutRecordInput::new(&name, Record::new(&records[0]));
        let request = call::encode::<PutRecord>(&single, &endpoint).unwrap();
        prop_assert_eq!(request.body(), serde_json::to_vec(&single).unwrap());
    }

    #[test]
    fn the_server_reads_what_the_client_writes(name in name(), records in vec(data(), 1..20)) {
        let endpoint = endpoint();
        let several = input(&name, &records);
        let request = call::encode::<PutRecordBatch>(&several, &endpoint).unwrap();
        prop_assert_eq!(server::parse(&request), Ok(OperationInput::PutRecordBatch(several)));
        let single = PutRecordInput::new(&name, Record::new(&records[0]));
        let request = call::encode::<PutRecord>(&single, &endpoint).unwrap();
        prop_assert_eq!(server::parse(&request), Ok(OperationInput::PutRecord(single)));
    }

    #[test]
    fn the_client_reads_what_the_server_writes(
        entries in vec(entry(), 1..20), id in id(), encrypted in any::<Option<bool>>(),
    ) {
        let records = vec![Vec::new(); entries.len()];
        let mut output = PutRecordBatchOutput::new(entries);
        output.encrypted = encrypted;
        let response = server::respond::<PutRecordBatch>(&output);
        let decoded = call::decode::<PutRecordBatch>(&input("s", &records), &response);
        prop_assert_eq!(decoded.as_ref(), Ok(&output));
        prop_assert_eq!(filled("s", &records).decode(&response), Ok(output));

        let mut output = PutRecordOutput::new(id);
        output.encrypted = encrypted;
        let response = server::respond::<PutRecord>(&output);
        let input = PutRecordInput::new("s", Record::new(b""));
        prop_assert_eq!(call::decode::<PutRecord>(&input, &response), Ok(output));
    }

    #[test]
    fn sends_again_exactly_what_failed_until_nothing_is_left(
        records in vec(data(), 1..30), answers in vec(any::<u32>(), 0..6),
    ) {
        let endpoint = endpoint();
        let mut batch = filled("s", &records);
        let mut left: Vec<_> = records.iter().enumerate().collect();
        let mut accepted = Vec::new();
        for mask in answers.into_iter().chain([0]) {
            if left.is_empty() {
                break;
            }
            // A server accepts some of the records that it receives.
            let request = batch.request(&endpoint).unwrap();
            let Ok(OperationInput::PutRecordBatch(input)) = server::parse(&request) else { panic!("not a call") };
            let sent: Vec<_> = input.records.iter().map(|record| record.data.to_vec()).collect();
            prop_assert_eq!(&sent, &left.iter().map(|(_, data)| data.to_vec()).collect::<Vec<_>>());
            let fails = |index: usize| mask >> (index % 32) & 1 == 1;
            let entries = (0..sent.len()).map(|index| match fails(index) {
                true => PutRecordBatchResponseEntry::failed("InternalFailure", ""),
                false => PutRecordBatchResponseEntry::accepted("1"),
            });
            let response = server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(entries.collect()));
            let output = batch.decode(&response).unwrap();
            let encoded: Vec<_> = (0..batch.len()).map(|index| batch.encoded(index).unwrap().to_string()).collect();
            let mut asked = Vec::new();
            batch.retain(|index| {
                asked.push(index);
                output.request_responses[index].is_failed()
            });
            prop_assert_eq!(asked, (0..sent.len()).collect::<Vec<_>>());

            let mut index = 0..;
            left.retain(|&(number, _)| {
                let is_failed = fails(index.next().unwrap());
                accepted.extend((!is_failed).then_some(number));
                is_failed
            });
            let expected = encoded.iter().enumerate().filter(|(index, _)| fails(*index)).map(|(_, text)| &**text);
            prop_assert!(expected.eq((0..batch.len()).map(|index| batch.encoded(index).unwrap())));
            let survivors: Vec<_> = left.iter().map(|(_, data)| data.to_vec()).collect();
            if let (Ok(request), Ok(fresh)) = (batch.request(&endpoint), filled("s", &survivors).request(&endpoint)) {
                prop_assert_eq!(request, fresh);
            } else {
                prop_assert!(survivors.is_empty());
            }
        }
        accepted.sort_unstable();
        prop_assert_eq!(accepted, (0..records.len()).collect::<Vec<_>>());
    }
}

#[test]
fn goes_on_after_it_was_encoded() {
    let push = || Step::Push(b"x".to_vec());
    for between in [vec![], vec![Step::Retain(u64::MAX)], vec![Step::Retain(1)], vec![Step::Clear]] {
        let steps = [vec![push(), push(), Step::Encode], between, vec![push(), Step::Encode, push()]].concat();
        twin::run(Limits::SERVICE, &steps);
    }
}

#[test]
fn takes_exactly_what_the_limits_allow() {
    const MOST: usize = 1_024_000;
    let big = vec![0xa5; MOST + 1];
    let most = &big[..MOST];
    let too_large = |bytes, max_bytes| Err(PushError::RecordTooLarge { bytes, max_bytes });
    let lowered =
        |max_records, max_record_bytes, max_request_bytes| Limits { max_records, max_record_bytes, max_request_bytes };
    for (name, limits, pushes) in [
        ("one record", Limits::SERVICE, vec![(&big[..], 1, too_large(MOST + 1, MOST)), (most, 1, Ok(()))]),
        (
            "one request",
            Limits::SERVICE,
            vec![
                (most, 4, Ok(())),
                (&big[..98_305], 1, Err(PushError::Full)),
                (&big[..98_304], 1, Ok(())),
                (&big[..1], 1, Err(PushError::Full)),
                // Nothing fits into a full batch.
                (b"", 495, Ok(())),
                (b"", 1, Err(PushError::Full)),
                (&big, 1, too_large(MOST + 1, MOST)),
            ],
        ),
        ("many records", Limits::SERVICE, vec![(b"x", 500, Ok(())), (b"x", 2, Err(PushError::Full))]),
        (
            "lowered",
            lowered(3, 10, 25),
            vec![
                (&big[..11], 1, too_large(11, 10)),
                (&big[..10], 2, Ok(())),
                (&big[..6], 1, Err(PushError::Full)),
                (&big[..5], 1, Ok(())),
                (b"", 1, Err(PushError::Full)),
            ],
        ),
        ("record above request", lowered(3, 10, 5), vec![(&big[..6], 1, too_large(6, 5)), (&big[..5], 1, Ok(()))]),
        ("no records", lowered(0, 10, 25), vec![(b"", 1, Err(PushError::Full))]),
        ("no bytes", lowered(2, 0, 0), vec![(b"", 2, Ok(())), (b"x", 1, too_large(1, 0))]),
        (
            "raised",
            lowered(501, MOST + 1, usize::MAX),
            vec![(&big, 1, Ok(())), (b"", 500, Ok(())), (b"", 1, Err(PushError::Full))],
        ),
    ] {
        let mut batch = Batch::with_limits("s", limits).unwrap();
        let (mut records, mut bytes) = (0, 0);
        for (data, times, expected) in pushes {
            for time in 0..times {
                assert_eq!(batch.push(data), expected, "{name}: {} bytes, time {time}", data.len());
                if expected.is_ok() {
                    (records, bytes) = (records + 1, bytes + data.len());
                }
                assert_eq!((batch.len(), batch.data_bytes()), (records, bytes), "{name}");
            }
        }
        let is_within = limits.max_records <= 500 && limits.max_record_bytes <= MOST;
        let endpoint = endpoint();
        if let Ok(request) = batch.request(&endpoint) {
            assert_eq!(server::parse(&request).is_ok(), is_within, "{name}");
        }
    }
}

#[test]
fn the_client_sends_nothing_that_the_server_would_refuse() {
    let endpoint = endpoint();
    let big = vec![0; 1_024_001];
    for (name, sizes, fits) in [
        ("s", vec![0; 500], true),
        ("s", vec![0; 501], false),
        ("s", vec![], false),
        ("s", vec![1_024_000], true),
        ("s", vec![0, 1_024_001], false),
        ("s", vec![1_024_000, 1_024_000, 1_024_000, 1_024_000, 98_304], true),
        ("s", vec![1_024_000, 1_024_000, 1_024_000, 1_024_000, 98_305], false),
        ("", vec![0], false),
        ("a b", vec![0], false),
    ] {
        let records = sizes.iter().map(|&size| Record::new(&big[..size])).collect();
        let result = call::encode::<PutRecordBatch>(&PutRecordBatchInput::new(name, records), &endpoint);
        assert_eq!(result.is_ok(), fits, "{name:?} {sizes:.100?}");
        if sizes.len() == 1 {
            let single = PutRecordInput::new(name, Record::new(&big[..sizes[0]]));
            assert_eq!(call::encode::<PutRecord>(&single, &endpoint).is_ok(), fits, "{name:?} {sizes:?}");
        }
    }
}

#[test]
fn reuses_its_memory() {
    let endpoint = endpoint();
    let mut batch = filled("s", &vec![vec![1; 100]; 50]);
    batch.request(&endpoint).unwrap();
    let held = batch.buffered_bytes();
    assert!(held >= 50 * 136);
    for round in 0_u8..20 {
        match round % 2 {
            0 => batch.clear(),
            _ => batch.retain(|_| false),
        }
        assert_eq!((batch.len(), batch.buffered_bytes()), (0, held), "round {round}");
        for _ in 0..50 {
            batch.push(&[round; 100]).unwrap();
        }
        let request = batch.request(&endpoint).unwrap();
        let expected = vec![vec![round; 100]; 50];
        assert_eq!(request.body(), serde_json::to_vec(&input("s", &expected)).unwrap());
        assert_eq!(batch.buffered_bytes(), held, "round {round}");
    }
}

#[test]
fn a_request_can_outlive_its_endpoint_and_be_sent_from_anywhere_without_a_copy() {
    fn keeps_itself<T: Send + Sync + Clone + AsRef<[u8]> + 'static>(_: &T) {}
    let batch = Arc::new(filled("s", &[b"one".to_vec(), b"two".to_vec()]));
    let mut shared = batch.shared_request(&endpoint()).unwrap();
    let endpoint = endpoint();
    let mut borrowed = batch.request(&endpoint).unwrap();
    assert_eq!(shared, borrowed);
    assert_eq!(shared.body_sha256(), borrowed.body_sha256());
    let body = shared.shared_body();
    keeps_itself(&body);
    for bytes in [body.as_ref(), body.clone().as_ref(), borrowed.shared_body().as_ref()] {
        assert!(std::ptr::eq(bytes, borrowed.body()), "the same bytes, not the like of them");
    }
    // The response can be read while the request lives. After that, the batch belongs to the caller again.
    let entries = vec![PutRecordBatchResponseEntry::accepted("1"), PutRecordBatchResponseEntry::accepted("2")];
    let response = server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(entries));
    assert_eq!(batch.decode(&response).unwrap().failed_put_count, 0);
    drop((shared, body));
    assert!(Arc::into_inner(batch).is_some());
    assert_eq!(Arc::new(filled("s", &[])).shared_request(&endpoint), Err(EmptyBatch));
    // A body that the caller supplies is shared as well.
    let mut request = Request::new(Method::Post, "/");
    request.set_body(vec![1, 2, 3]);
    let kept: Request<'static> = request.clone();
    assert!(std::ptr::eq(request.body(), kept.shared_body().as_ref()));
}
