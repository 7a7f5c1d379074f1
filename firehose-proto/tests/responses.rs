//! Responses that say nothing or contradict themselves are errors of their own, never a success.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use firehose_proto::batch::Batch;
use firehose_proto::call::{self, Error};
use firehose_proto::error::{
    ErrorCode, InputError, MalformedResponse, ParseError, ResponseError, Rule, ServiceError, Violation,
};
use firehose_proto::http::Response;
use firehose_proto::limits::MAX_RESPONSE_BYTES;
use firehose_proto::model::Record;
use firehose_proto::op::{
    Operation, PutRecord, PutRecordBatch, PutRecordBatchInput, PutRecordBatchOutput, PutRecordBatchResponseEntry,
    PutRecordInput, PutRecordOutput,
};

const ACCEPTED: &str = r#"{"RecordId":"1"}"#;
const FAILED: &str = r#"{"ErrorCode":"InternalFailure","ErrorMessage":"Internal service failure."}"#;

/// Reads a response to two records by both routes, which must agree.
fn answer_to_two(response: &Response) -> Result<PutRecordBatchOutput<'_>, ResponseError> {
    let mut batch = Batch::new("s").unwrap();
    batch.push(b"a").unwrap();
    batch.push(b"b").unwrap();
    let input = PutRecordBatchInput::new("s", vec![Record::new(b"a"), Record::new(b"b")]);
    let output = batch.decode(response);
    assert_eq!(output, call::decode::<PutRecordBatch>(&input, response));
    output
}

fn answer_to_one(response: &Response) -> Result<PutRecordOutput<'_>, ResponseError> {
    call::decode::<PutRecord>(&PutRecordInput::new("s", Record::new(b"a")), response)
}

fn entries(count: &str, entries: &[&str]) -> String {
    format!(r#"{{"FailedPutCount":{count},"RequestResponses":[{}]}}"#, entries.join(","))
}

#[test]
fn refuses_entries_that_do_not_add_up() {
    let wrong_count = |answered| MalformedResponse::WrongCount { sent: 2, answered };
    let stated = |stated, counted| MalformedResponse::FailedPutCount { stated, counted };
    let both = r#"{"RecordId":"1","ErrorCode":"InternalFailure"}"#;
    for (body, expected) in [
        (entries("0", &[]), wrong_count(0)),
        (entries("0", &[ACCEPTED]), wrong_count(1)),
        (entries("0", &[ACCEPTED; 3]), wrong_count(3)),
        (entries("0", &[ACCEPTED; 501]), wrong_count(501)),
        (entries("0", &[ACCEPTED, FAILED]), stated(0, 1)),
        (entries("2", &[ACCEPTED, FAILED]), stated(2, 1)),
        (entries("1", &[ACCEPTED; 2]), stated(1, 0)),
        (entries("0", &[FAILED; 2]), stated(0, 2)),
        (entries("18446744073709551615", &[FAILED; 2]), stated(u64::MAX, 2)),
        (entries("null", &[ACCEPTED; 2]), MalformedResponse::Missing { member: "FailedPutCount" }),
        (entries("1", &[ACCEPTED, both]), MalformedResponse::Entry { index: 1 }),
        (entries("0", &["{}", ACCEPTED]), MalformedResponse::Entry { index: 0 }),
        (entries("0", &[ACCEPTED, r#"{"ErrorMessage":"m"}"#]), MalformedResponse::Entry { index: 1 }),
        (entries("0", &[ACCEPTED, r#"{"RecordId":null}"#]), MalformedResponse::Entry { index: 1 }),
        (entries("0", &[ACCEPTED, r#"{"RecordId":""}"#]), MalformedResponse::Entry { index: 1 }),
        (
            format!(r#"{{"RequestResponses":[{ACCEPTED},{ACCEPTED}]}}"#),
            MalformedResponse::Missing { member: "FailedPutCount" },
        ),
        (r#"{"FailedPutCount":0}"#.into(), MalformedResponse::Missing { member: "RequestResponses" }),
        (
            r#"{"FailedPutCount":0,"RequestResponses":null}"#.into(),
            MalformedResponse::Missing { member: "RequestResponses" },
        ),
        ("{}".into(), MalformedResponse::Missing { member: "RequestResponses" }),
    ] {
        let response = Response::new(200, body.clone().into_bytes());
        assert_eq!(answer_to_two(&response), Err(ResponseError::Malformed(expected)), "{body:.120}");
    }
}

#[test]
fn takes_what_is_empty_in_an_entry_for_absent() {
    let accepted = PutRecordBatchResponseEntry::accepted("1");
    let failed = PutRecordBatchResponseEntry::failed("InternalFailure", "m");
    for (count, entry, expected) in [
        ("0", r#"{"RecordId":"1","ErrorCode":""}"#, accepted.clone()),
        ("0", r#"{"RecordId":"1","ErrorCode":"","ErrorMessage":""}"#, accepted),
        ("1", r#"{"RecordId":"","ErrorCode":"InternalFailure","ErrorMessage":"m"}"#, failed),
        ("1", r#"{"RecordId":"","ErrorCode":""}"#, {
            let mut nameless = PutRecordBatchResponseEntry::default();
            nameless.error_code = Some("".into());
            nameless
        }),
    ] {
        let body = entries(count, &[ACCEPTED, entry]);
        let response = Response::new(200, body.clone().into_bytes());
        let output = answer_to_two(&response).unwrap();
        assert_eq!(output.request_responses[1], expected, "{entry}");
        // Serde must agree, because callers that keep responses read them with it.
        assert_eq!(serde_json::from_str::<PutRecordBatchOutput<'_>>(&body).unwrap(), output, "{entry}");
    }
}

#[test]
fn tells_throttling_in_an_answer_of_success() {
    for (code, is_throttled) in [
        ("ServiceUnavailableException", true),
        ("ServiceUnavailable", true),
        ("ThrottlingException", true),
        ("LimitExceededException", true),
        ("InternalFailure", false),
        ("Whatever", false),
        ("", false),
    ] {
        let entry = PutRecordBatchResponseEntry::failed(code, "Slow down.");
        assert_eq!(entry.is_throttled(), is_throttled, "{code}");
        let output = PutRecordBatchOutput::new(vec![PutRecordBatchResponseEntry::accepted("1"), entry]);
        assert_eq!(output.is_throttled(), is_throttled, "{code}");
    }
    assert!(!PutRecordBatchOutput::new(vec![PutRecordBatchResponseEntry::accepted("1")]).is_throttled());
}

#[test]
fn refuses_values_of_another_type() {
    for body in [
        entries("-1", &[ACCEPTED; 2]),
        entries("0.0", &[ACCEPTED; 2]),
        entries("1e0", &[ACCEPTED, FAILED]),
        entries("18446744073709551616", &[FAILED; 2]),
        entries(r#""0""#, &[ACCEPTED; 2]),
        entries("false", &[ACCEPTED; 2]),
        entries("[]", &[ACCEPTED; 2]),
        entries("0", &[ACCEPTED, "null"]),
        entries("0", &[ACCEPTED, "[]"]),
        entries("0", &[ACCEPTED, r#"{"RecordId":1}"#]),
        entries("1", &[ACCEPTED, r#"{"ErrorCode":{}}"#]),
        r#"{"FailedPutCount":0,"RequestResponses":{}}"#.into(),
        r#"{"FailedPutCount":0,"RequestResponses":"12"}"#.into(),
        r#"{"Encrypted":1,"FailedPutCount":0,"RequestResponses":[]}"#.into(),
    ] {
        let response = Response::new(200, body.clone().into_bytes());
        let Err(ResponseError::Malformed(MalformedResponse::Parse(ParseError::Type { .. }))) = answer_to_two(&response)
        else {
            panic!("{body}");
        };
    }
}

#[test]
fn refuses_bodies_that_are_no_document() {
    let fine = entries("0", &[ACCEPTED; 2]);
    let unclosed = format!(r#"{{"New":{}"#, r#"{"a":"#.repeat(100_000));
    for (name, body, expected) in [
        ("empty", &b""[..], ParseError::Empty),
        ("blank", b" \r\n\t", ParseError::Empty),
        ("a proxy's page", b"<html><body>200 OK</body></html>", ParseError::Html),
        ("another protocol's", b"\n<?xml version=\"1.0\"?><PutRecordResponse/>", ParseError::Html),
        ("null", b"null", ParseError::Type { offset: 3 }),
        ("an array", b"[]", ParseError::Type { offset: 0 }),
        ("a string", b"\"OK\"", ParseError::Type { offset: 3 }),
        ("plain text", b"OK", ParseError::Syntax { offset: 0 }),
        ("no UTF-8", b"{\"RecordId\":\"\xc3\x28\"}", ParseError::Utf8 { offset: 13 }),
        ("a byte order mark", b"\xef\xbb\xbf{}", ParseError::Syntax { offset: 0 }),
        ("two documents", b"{}{}", ParseError::Syntax { offset: 2 }),
        ("half a surrogate pair", br#"{"\ud800":1}"#, ParseError::Syntax { offset: 8 }),
        ("a tab in a string", b"{\"\t\":1}", ParseError::Syntax { offset: 2 }),
        ("a trailing comma", br#"{"RecordId":"1",}"#, ParseError::Syntax { offset: 16 }),
        ("nested and cut short", unclosed.as_bytes(), ParseError::Syntax { offset: unclosed.len() - 1 }),
    ] {
        let response = Response::new(200, body.to_vec());
        let expected = Err(ResponseError::Malformed(MalformedResponse::Parse(expected)));
        assert_eq!(answer_to_one(&response).map(|_| ()), expected, "{name}");
        assert_eq!(answer_to_two(&response).map(|_| ()), expected, "{name}");
    }
    for end in 0..fine.len() {
        let cut = Response::new(200, fine.as_bytes().get(..end).unwrap().to_vec());
        assert!(matches!(answer_to_two(&cut), Err(ResponseError::Malformed(MalformedResponse::Parse(_)))), "{end}");
    }
}

#[test]
fn refuses_a_put_record_answer_without_an_id() {
    for body in ["{}", r#"{"Encrypted":true}"#, r#"{"RecordId":null}"#, r#"{"RecordId":""}"#, r#"{"recordId":"1"}"#] {
        let response = Response::new(200, body.as_bytes().to_vec());
        let expected = ResponseError::Malformed(MalformedResponse::Missing { member: "RecordId" });
        assert_eq!(answer_to_one(&response), Err(expected), "{body}");
    }
}

#[test]
fn refuses_bodies_over_the_cap_whatever_they_say() {
    let padded = |bytes: usize| {
        let mut body = entries("0", &[ACCEPTED; 2]).into_bytes();
        body.resize(bytes, b' ');
        Response::new(200, body)
    };
    assert!(answer_to_two(&padded(MAX_RESPONSE_BYTES)).is_ok());
    let (bytes, max_bytes) = (MAX_RESPONSE_BYTES + 1, MAX_RESPONSE_BYTES);
    let expected = ResponseError::Malformed(MalformedResponse::TooLarge { bytes, max_bytes });
    assert_eq!(answer_to_two(&padded(bytes)), Err(expected.clone()));
    assert_eq!(answer_to_one(&padded(bytes)), Err(expected));
}

#[test]
fn takes_what_a_later_service_may_add_and_the_last_of_two() {
    let mut two = PutRecordBatchOutput::new(vec![
        PutRecordBatchResponseEntry::accepted("ID\u{e9}\u{1f600}\n"),
        PutRecordBatchResponseEntry::failed("ServiceUnavailableException", "\"Slow\\down.\""),
    ]);
    two.encrypted = Some(false);
    let body = r#" {"New":{"a":[1,null,1e999,"\ud800"]},"FailedPutCount":7,"RequestResponses":[],"Encrypted":true,
        "RequestResponses":[{"RecordId":"0","RecordId":"ID\u00e9\ud83d\ude00\n","ErrorCode":null,"Shard":1},
        {"ErrorCode":"ServiceUnavailableException","ErrorMessage":"\"Slow\\down.\""}],
        "FailedPutCount":1,"Encrypted":false} "#;
    for status in [200, 201, 299] {
        let response = Response::new(status, body.as_bytes().to_vec());
        assert_eq!(answer_to_two(&response).unwrap(), two);
        let owned = answer_to_two(&response).unwrap().into_owned();
        drop(response);
        assert_eq!(owned, two);
    }
    // Unknown members are skipped without recursion, so no depth overflows the stack.
    let deep = [entries("0", &[ACCEPTED; 2]).trim_end_matches('}'), r#","New":"#, &"[".repeat(1_000_000)].concat();
    let deep = Response::new(200, [deep, "]".repeat(1_000_000), "}".into()].concat().into_bytes());
    assert!(answer_to_two(&deep).is_ok());
    let response = Response::new(200, br#"{"Encrypted":null,"RecordId":"\u0031","Shard":"x"}"#.to_vec());
    assert_eq!(answer_to_one(&response).unwrap(), PutRecordOutput::new("1"));
}

#[test]
fn skips_what_it_does_not_know_at_any_depth() {
    let nested = format!("{}0{}", r#"[{"a":"#.repeat(200_000), "}]".repeat(200_000));
    let body = format!(r#"{{"New":{nested},"RecordId":"1"}}"#);
    assert_eq!(answer_to_one(&Response::new(200, body.into_bytes())), Ok(PutRecordOutput::new("1")));
    // In place of a known value, depth does not matter either: the first bracket already has the wrong type.
    let body = entries("0", &[ACCEPTED, &nested]);
    let Err(ResponseError::Malformed(MalformedResponse::Parse(error))) =
        answer_to_two(&Response::new(200, body.into_bytes())).map(|_| ())
    else {
        panic!("an array for an entry");
    };
    assert!(matches!(error, ParseError::Type { .. }), "{error:?}");
}

#[test]
fn takes_no_status_but_2xx_for_a_success() {
    let fine = entries("0", &[ACCEPTED; 2]);
    for status in [0, 100, 199, 300, 301, 304, 307, 400, 403, 404, 413, 429, 500, 503, 599, 999] {
        let response = Response::new(status, fine.clone().into_bytes());
        assert_eq!(answer_to_two(&response), Err(ResponseError::Refused(ServiceError::of_status(status))), "{status}");
    }
    let error = ServiceError::new(400, ErrorCode::ResourceNotFoundException, "Firehose s not found.");
    assert_eq!(answer_to_one(&error.write()), Err(ResponseError::Refused(error)));
}

#[test]
fn tells_whose_fault_an_error_is() {
    use core::error::Error;
    let malformed = answer_to_one(&Response::new(200, Vec::new())).unwrap_err();
    assert_eq!(malformed.to_string(), "the response is malformed");
    assert_eq!(malformed.source().unwrap().to_string(), "empty document where JSON was expected in the response");
    let refused = answer_to_one(&Response::new(503, Vec::new())).unwrap_err();
    assert_eq!(refused.to_string(), "the service refused the call");
    assert_eq!(refused.source().unwrap().to_string(), "status 503 without an error code (no request id)");
}

#[test]
fn refuses_requests_that_lack_a_member_or_hold_no_base64() {
    let missing = |path: &str| InputError::Invalid(Violation::new(path, Rule::Missing).into());
    let base64 = |path: &str| InputError::from(Violation::new(path, Rule::Base64));
    let data = |data: &str| {
        format!(
            r#"{{"DeliveryStreamName":"s","Record":{{"Data":{data}}},"Records":[{{"Data":""}},{{"Data":{data}}}]}}"#
        )
    };
    for (body, (single, batch)) in [
        ("{}".into(), (missing("DeliveryStreamName"), missing("DeliveryStreamName"))),
        (r#"{"DeliveryStreamName":"s"}"#.into(), (missing("Record"), missing("Records"))),
        (data("null"), (missing("Record.Data"), missing("Records[1].Data"))),
        (data(r#""AAA""#), (base64("Record.Data"), base64("Records[1].Data"))),
        (data(r#""AAAA\n""#), (base64("Record.Data"), base64("Records[1].Data"))),
        (data(r#""_-__""#), (base64("Record.Data"), base64("Records[1].Data"))),
        (data(r#""AA==AAAA""#), (base64("Record.Data"), base64("Records[1].Data"))),
        (data(r#""AB==""#), (base64("Record.Data"), base64("Records[1].Data"))),
        (String::new(), (ParseError::Empty.into(), ParseError::Empty.into())),
    ] {
        assert_eq!(PutRecord::read_input(body.as_bytes()), Err(single), "{body}");
        assert_eq!(PutRecordBatch::read_input(body.as_bytes()), Err(batch), "{body}");
    }
}

/// Drivers that make their calls by hand learn from the answer alone whether another try may help.
#[test]
fn a_refusal_says_whether_another_try_may_help() {
    for (status, code, is_transient) in
        [(500, "InternalFailure", true), (400, "ThrottlingException", true), (400, "ResourceNotFoundException", false)]
    {
        let response = ServiceError::new(status, ErrorCode::parse(code), "m").write();
        let error = Error::from(answer_to_one(&response).unwrap_err());
        assert_eq!(error.is_transient(), is_transient, "{code}");
    }
}
