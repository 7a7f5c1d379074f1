//! What a refused call tells the client, whether the service or another peer refused it.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use firehose_proto::error::{ErrorCode, RetryClass, ServiceError};
use firehose_proto::http::Response;
use firehose_proto::op::{Operation, PutRecord, PutRecordBatch};
use firehose_proto::server;
use time::SignedDuration;

/// Reads an error and its retry class, for a PutRecord with a correct clock.
fn read(status: u16, headers: &[(&str, &str)], body: &[u8]) -> (ServiceError, RetryClass) {
    let mut response = Response::new(status, body.to_vec());
    for (name, value) in headers {
        response.headers.append(name, value).unwrap();
    }
    let error = ServiceError::read(&response);
    let class = error.retry_class(PutRecord::ERRORS, None);
    (error, class)
}

fn code(error: &ServiceError) -> Option<&str> {
    error.code.as_ref().map(ErrorCode::as_str)
}

#[test]
fn reads_code_message_and_retry_class_of_every_case_of_the_table() {
    let table: serde_json::Value = serde_json::from_str(include_str!("data/error-cases.json")).unwrap();
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let status = case["status"].as_u64().unwrap().try_into().unwrap();
        let headers = case["headers"].as_object().unwrap();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let (error, class) = read(status, &headers, case["body"].as_str().unwrap().as_bytes());
        let expect = &case["expect"];
        assert_eq!(code(&error), expect["code"].as_str(), "{name}");
        assert_eq!(error.message, expect["message"].as_str().unwrap(), "{name}");
        let expected_class = match expect["retry"].as_str().unwrap() {
            "none" => RetryClass::None,
            "transient" => RetryClass::Transient,
            "throttling" => RetryClass::Throttling,
            other => panic!("{name}: {other}"),
        };
        assert_eq!(class, expected_class, "{name}");
    }
}

#[test]
fn takes_the_code_from_the_first_place_that_has_one() {
    for (header, body, expected) in [
        (Some("A"), r#"{"__type":"B","code":"C","Code":"D"}"#, Some("A")),
        (None, r#"{"Code":"D","code":"C","__type":"B"}"#, Some("B")),
        (None, r#"{"Code":"D","code":"C"}"#, Some("C")),
        (None, r#"{"Code":"D"}"#, Some("D")),
        (Some(""), r#"{"__type":"B"}"#, Some("B")),
        (Some(":http://x/"), r#"{"__type":"","code":"C"}"#, Some("C")),
        (Some("a.b#"), r#"{"__type":7,"code":{"x":"y"},"Code":"D"}"#, Some("D")),
        (Some("ns#A:http://internal.amazon.com/coral/x#y"), "{}", Some("A")),
        (Some("A"), "<html>", Some("A")),
        (None, r#"{"__type":"ns#B:http://x#z"}"#, Some("B")),
        (None, r#"{"__type":"aws.protocoltests#\u0042"}"#, Some("B")),
        (None, r#"{"__type":"B","__type":"E"}"#, Some("E")),
        (None, r#"{"__type":null,"code":null,"Code":null}"#, None),
        (None, r#"{"__Type":"B","CODE":"C"}"#, None),
        (None, r#"{"__type":"B""#, None),
        (None, r#"["__type","B"]"#, None),
    ] {
        let headers: Vec<_> = header.iter().map(|value| ("X-Amzn-ErrorType", *value)).collect();
        assert_eq!(code(&read(400, &headers, body.as_bytes()).0), expected, "{header:?} {body}");
    }
}

#[test]
fn takes_the_message_from_the_first_member_that_is_text() {
    for (body, expected) in [
        (r#"{"errorMessage":"e","Message":"M","message":"m"}"#, "m"),
        (r#"{"errorMessage":"e","Message":"M"}"#, "M"),
        (r#"{"errorMessage":"e"}"#, "e"),
        (r#"{"message":null,"Message":["x"],"errorMessage":"e"}"#, "e"),
        (r#"{"message":1,"Message":"a\n\u00e9\ud83d\ude00\""}"#, "a\n\u{e9}\u{1f600}\""),
        (r#"{"message":"\ud800"}"#, ""),
        (r#"{"MESSAGE":"m"}"#, ""),
    ] {
        assert_eq!(read(400, &[], body.as_bytes()).0.message, expected, "{body}");
    }
}

#[test]
fn keeps_at_most_a_kibibyte_of_what_a_service_says() {
    for (body, expected) in [
        (b"x".repeat(1024), "x".repeat(1024)),
        (b"x".repeat(1025), "x".repeat(1024)),
        (format!("x{}", "\u{e9}".repeat(1000)).into_bytes(), format!("x{}", "\u{e9}".repeat(511))),
        (b"\xff".repeat(5000), "\u{fffd}".repeat(341)),
        (b"a\xffb".to_vec(), "a\u{fffd}b".into()),
        (Vec::new(), String::new()),
        (b"null".to_vec(), "null".into()),
    ] {
        let (error, _) = read(502, &[], &body);
        assert_eq!((error.code, error.message), (None, expected), "{:?}", String::from_utf8_lossy(&body));
    }
    // No more than that is kept of its message either.
    let words = "m".repeat(5000);
    assert_eq!(read(400, &[], format!(r#"{{"message":"{words}"}}"#).as_bytes()).0.message, "m".repeat(1024));
}

#[test]
fn lets_a_query_error_header_of_two_parts_replace_the_code() {
    for (value, expected, fault) in [
        ("Q;Sender", "Q", Some("Sender")),
        ("Q;", "Q", Some("")),
        (";Sender", "A", None),
        ("ns#Q:http://x/;Receiver", "Q", Some("Receiver")),
        (":http://x/;Sender", "A", None),
        ("Q", "A", None),
        ("Q;Sender;x", "A", None),
        ("", "A", None),
    ] {
        let (error, _) =
            read(400, &[("x-amzn-errortype", "A"), ("X-Amzn-Query-Error", value)], br#"{"__type":"B","message":"m"}"#);
        assert_eq!((code(&error), error.fault.as_deref(), &*error.message), (Some(expected), fault, "m"), "{value:?}");
    }
}

#[test]
fn reads_the_reason_of_the_two_exceptions_that_have_one() {
    for (kind, body_code, expected) in [
        ("InvalidKMSResourceException", r#""KMS.DisabledException""#, Some("KMS.DisabledException")),
        ("InvalidSourceException", r#""a:b#c""#, Some("a:b#c")),
        ("InvalidSourceException", "7", None),
        ("InvalidArgumentException", r#""x""#, None),
    ] {
        let (error, _) = read(400, &[], format!(r#"{{"code":{body_code},"__type":"{kind}"}}"#).as_bytes());
        assert_eq!((code(&error), error.reason.as_deref()), (Some(kind), expected), "{kind} {body_code}");
    }
}

#[test]
fn reads_the_ids_that_support_asks_for_and_shows_the_first() {
    let (first, other, second) = (("x-amzn-RequestId", "r1"), ("x-amz-request-id", "r2"), ("X-Amz-Id-2", "e"));
    for (headers, id, extended) in [
        (vec![other, first, second], Some("r1"), Some("e")),
        (vec![other], Some("r2"), None),
        (vec![second], None, Some("e")),
        (vec![], None, None),
    ] {
        let (error, _) = read(400, &headers, br#"{"__type":"A","message":"m"}"#);
        assert_eq!((error.request_id.as_deref(), error.extended_request_id.as_deref()), (id, extended), "{headers:?}");
        let shown = id.map_or_else(String::new, |id| format!(", request id {id}"));
        assert_eq!(error.to_string(), format!("A (status 400{shown}): m"));
    }
    let shown = read(413, &[first], b"").0.to_string();
    assert_eq!(shown, "status 413 without an error code (request id r1)");
}

#[test]
fn classes_429_by_what_the_operation_declares_and_signatures_by_the_clock() {
    let body = |code: &str| format!(r#"{{"__type":"{code}"}}"#).into_bytes();
    for modeled in PutRecord::ERRORS {
        assert_eq!(read(429, &[], &body(modeled.as_str())).1, RetryClass::None, "{modeled}");
    }
    for other in ["ResourceInUseException", "Whatever", ""] {
        assert_eq!(read(429, &[], &body(other)).1, RetryClass::Throttling, "{other}");
    }
    assert_eq!(PutRecord::ERRORS, PutRecordBatch::ERRORS);

    let (off, right) = (Some(SignedDuration::minutes(-5)), Some(SignedDuration::minutes(4)));
    for (code, skew, expected) in [
        ("InvalidSignatureException", off, RetryClass::ClockSkew),
        ("InvalidSignatureException", right, RetryClass::None),
        ("InvalidSignatureException", None, RetryClass::None),
        ("AccessDeniedException", off, RetryClass::ClockSkew),
        ("ResourceNotFoundException", off, RetryClass::None),
        ("ThrottlingException", off, RetryClass::Throttling),
    ] {
        let error = read(403, &[], &body(code)).0;
        assert_eq!(error.retry_class(PutRecord::ERRORS, skew), expected, "{code} {skew:?}");
    }
}

#[test]
fn tells_what_a_refusal_is_about() {
    const CREDENTIALS: &str = "credentials";
    const FOREIGN: &str = "foreign";
    const THROTTLING: &str = "throttling";
    const TOO_LARGE: &str = "too large";
    let page = "<html>Sign in";
    let size = r#"{"__type":"InvalidArgumentException","message":"Records size exceeds 4 MB limit"}"#;
    let other = r#"{"__type":"InvalidArgumentException","message":"This operation is not permitted on …"}"#;
    let code = |code: &str| format!(r#"{{"__type":"{code}"}}"#);
    for (status, body, expected) in [
        (413, String::new(), vec![TOO_LARGE]),
        (413, page.into(), vec![TOO_LARGE]),
        (413, code("RequestEntityTooLarge"), vec![TOO_LARGE]),
        (400, size.into(), vec![TOO_LARGE]),
        (400, other.into(), vec![]),
        (400, size.replace("InvalidArgument", "Validation"), vec![]),
        (301, String::new(), vec![FOREIGN]),
        (302, page.into(), vec![FOREIGN]),
        (400, "{}".into(), vec![FOREIGN]),
        (403, page.into(), vec![FOREIGN]),
        (407, page.into(), vec![FOREIGN]),
        (429, page.into(), vec![FOREIGN, THROTTLING]),
        (500, page.into(), vec![]),
        (502, page.into(), vec![]),
        (503, String::new(), vec![]),
        (403, code("ExpiredTokenException"), vec![CREDENTIALS]),
        (400, code("ExpiredToken"), vec![CREDENTIALS]),
        (403, code("InvalidClientTokenId"), vec![CREDENTIALS]),
        (400, code("UnrecognizedClientException"), vec![CREDENTIALS]),
        (400, code("InvalidToken"), vec![CREDENTIALS]),
        (403, code("AccessDeniedException"), vec![]),
        (403, code("InvalidSignatureException"), vec![]),
        (400, code("ThrottlingException"), vec![THROTTLING]),
        (400, code("LimitExceededException"), vec![THROTTLING]),
        (503, code("ServiceUnavailableException"), vec![THROTTLING]),
        (503, code("ServiceUnavailable"), vec![THROTTLING]),
        (200, code("ServiceUnavailableException"), vec![THROTTLING]),
        (429, code("ResourceNotFoundException"), vec![]),
        (400, code("ResourceNotFoundException"), vec![]),
        (500, code("InternalFailure"), vec![]),
    ] {
        let (error, _) = read(status, &[], body.as_bytes());
        let found = [
            (CREDENTIALS, error.is_about_credentials()),
            (FOREIGN, error.is_foreign()),
            (THROTTLING, error.is_throttling()),
            (TOO_LARGE, error.is_too_large()),
        ];
        let found: Vec<_> = found.into_iter().filter(|(_, is_so)| *is_so).map(|(name, _)| name).collect();
        assert_eq!(found, expected, "{status} {body}");
        assert_eq!(error.to_string().contains("a proxy, captive portal or firewall"), error.is_foreign(), "{error}");
    }
}

#[test]
fn reads_back_what_the_server_wrote() {
    let codes = [
        ErrorCode::ConcurrentModificationException,
        ErrorCode::InvalidArgumentException,
        ErrorCode::InvalidKMSResourceException,
        ErrorCode::InvalidSourceException,
        ErrorCode::LimitExceededException,
        ErrorCode::ResourceInUseException,
        ErrorCode::ResourceNotFoundException,
        ErrorCode::ServiceUnavailableException,
        ErrorCode::AccessDeniedException,
        ErrorCode::ExpiredTokenException,
        ErrorCode::IncompleteSignature,
        ErrorCode::InternalFailure,
        ErrorCode::InvalidSignatureException,
        ErrorCode::MissingAuthenticationTokenException,
        ErrorCode::RequestTimeoutException,
        ErrorCode::SerializationException,
        ErrorCode::ThrottlingException,
        ErrorCode::UnknownOperationException,
        ErrorCode::UnrecognizedClientException,
        ErrorCode::ValidationException,
        ErrorCode::Unknown("OfTomorrow".into()),
    ];
    for code in codes {
        assert_eq!(ErrorCode::parse(code.as_str()), code);
        assert_eq!(code.to_string(), format!("{code:?}").replace("Unknown(\"OfTomorrow\")", "OfTomorrow"));
        let has_reason = matches!(code, ErrorCode::InvalidKMSResourceException | ErrorCode::InvalidSourceException);
        for message in ["", "m", "\"\\\u{8}\u{7f}\n\u{2028}\u{e9}\u{1f600}</html>", &"long ".repeat(204)] {
            let mut error = ServiceError::new(400, code.clone(), message);
            error.reason = has_reason.then(|| "why: \"#\"".into());
            assert_eq!(ServiceError::read(&error.write()), error, "{code}");
            assert_eq!(server::error_response(&error), error.write());
        }
    }
    for status in [403, 413, 503] {
        assert_eq!(ServiceError::read(&ServiceError::of_status(status).write()), ServiceError::of_status(status));
    }
}

#[test]
fn does_not_repeat_the_canonical_request_that_a_service_quotes() {
    let said = "The request signature we calculated does not match the signature you provided.";
    for body in [
        format!(
            "{{\"__type\":\"InvalidSignatureException\",\"message\":\"{said}\\n\\nThe Canonical String for this request \
             should have been\\n'POST\\nx-amz-security-token:hunter2'\"}}"
        ),
        format!("{said}\n<CanonicalRequest>x-amz-security-token:hunter2</CanonicalRequest>"),
    ] {
        let error = ServiceError::read(&Response::new(403, body.into_bytes()));
        assert_eq!(error.message, said);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
