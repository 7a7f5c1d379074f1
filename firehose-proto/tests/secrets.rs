//! No error and no `Debug` text shows a secret or a record's data, whatever failed.
#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line that did")]

use core::error::Error;
use core::fmt;
use core::time::Duration;

use firehose_proto::batch::{Batch, Batcher, Policy};
use firehose_proto::call::{self, ClientState, Config};
use firehose_proto::credentials::{Credentials, Sensitive};
use firehose_proto::error::{EndpointError, ServiceError};
use firehose_proto::http::{Headers, Method, Request, Response};
use firehose_proto::internal::crypto::{Hasher, HmacKey};
use firehose_proto::internal::profile::Profiles;
use firehose_proto::internal::{check_stream_name, json};
use firehose_proto::limits::{Limits, MAX_RESPONSE_BYTES};
use firehose_proto::model::Record;
use firehose_proto::op::{Operation, PutRecord, PutRecordBatch, PutRecordBatchInput, PutRecordInput};
use firehose_proto::sigv4::{Authorization, KeyCache, Scope, Signer, SigningKey, Verifier, VerifyError};
use firehose_proto::time::AmzDate;
use firehose_proto::{Endpoint, Region, server};
use time::OffsetDateTime;

const SECRET: &str = "hunter2Secret";
const TOKEN: &str = "hunter2Token";
const DATA: &[u8] = b"hunter2Data";
/// `DATA` as written in a request.
const ENCODED: &str = "aHVudGVyMkRhdGE=";
/// The beginning of all secrets: as text, as base64 at each of the three alignments, as hexadecimal, and as the numbers
/// in the `Debug` of bytes.
const TRACES: [&str; 6] = ["hunter2", "aHVudGVyM", "h1bnRlcj", "odW50ZXIy", "68756e74657232", "104, 117, 110, 116"];

fn now() -> OffsetDateTime {
    AmzDate::parse("20261122T010203Z").unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", SECRET).with_session_token(TOKEN)
}

fn endpoint() -> Endpoint {
    Endpoint::resolve(Region::parse("us-east-1").unwrap(), false, false)
}

fn key(now: OffsetDateTime, credentials: &Credentials) -> SigningKey {
    SigningKey::derive(credentials, Scope::new(now, "us-east-1", "firehose").unwrap()).unwrap()
}

fn batch() -> Batch {
    let mut batch = Batch::new("s").unwrap();
    batch.push(DATA).unwrap();
    batch
}

fn signed<'a>(endpoint: &'a Endpoint, credentials: &Credentials) -> Request<'a> {
    let mut request = call::encode::<PutRecord>(&PutRecordInput::new("s", Record::new(DATA)), endpoint).unwrap();
    Signer::new(credentials, &key(now(), credentials)).sign(now(), &mut request).unwrap();
    request
}

/// Fails if a text shows any of them.
fn check(what: &str, text: &str, signature: &str) {
    for trace in TRACES.into_iter().chain([signature]) {
        assert!(!text.contains(trace), "{what} shows {trace:?}: {text}");
    }
}

/// The signature that `signed` makes.
fn signature() -> String {
    let (endpoint, credentials) = (endpoint(), credentials());
    let request = signed(&endpoint, &credentials);
    request.headers.value("authorization").unwrap().rsplit_once("Signature=").unwrap().1.into()
}

#[test]
fn no_type_shows_what_it_guards() {
    let (endpoint, credentials) = (endpoint(), credentials());
    let signature = signature();
    assert_eq!(signature.len(), 64);
    let key = key(now(), &credentials);
    let mut cache = KeyCache::new();
    cache.key(now(), &credentials, "us-east-1", "firehose").unwrap();

    let request = signed(&endpoint, &credentials);
    let elsewhere = Request::new(Method::Get, format!("https://{SECRET}@h/p?q={TOKEN}#{TOKEN}"));
    let mut headers = Headers::new();
    for name in ["Authorization", "Proxy-Authorization", "X-Amz-Security-Token", "X-aws-ec2-metadata-token"] {
        headers.append(name, TOKEN).unwrap();
    }
    headers.append("x-amz-sso_bearer_token", TOKEN).unwrap();
    let mut response = Response::new(200, DATA.to_vec());
    response.headers = headers.clone();
    let error = ServiceError::read(&Response { body: br#"{"__type":"A"}"#.to_vec(), status: 400, ..response.clone() });

    let mut full = batch();
    full.push(b"more").unwrap();
    full.request(&endpoint).unwrap();
    let single = PutRecordInput::new("s", Record::new(DATA));
    let several = PutRecordBatchInput::new("s", vec![Record::from_vec(DATA.to_vec())]);
    let call = server::parse(&request).unwrap();
    let authorization = Authorization::parse(request.headers.value("authorization").unwrap()).unwrap();
    let mut hasher = Hasher::new();
    hasher.update(DATA);

    let answer = Response::new(200, br#"{"FailedPutCount":0,"RequestResponses":[{"RecordId":"1"}]}"#.to_vec());
    let profiles = format!("[default]\naws_secret_access_key = {SECRET}\n");
    let profiles = Profiles::parse(b"", profiles.as_bytes()).unwrap();

    let types: [(&str, &dyn fmt::Debug); 25] = [
        ("Sensitive", &Sensitive::new(SECRET.to_string())),
        ("Sensitive bytes", &Sensitive::new(SECRET.as_bytes().to_vec())),
        ("Credentials", &credentials),
        ("SigningKey", &key),
        ("KeyCache", &cache),
        ("Signer", &Signer::new(&credentials, &key)),
        ("Verifier", &Verifier::new("firehose")),
        ("Authorization", &authorization),
        ("HmacKey", &HmacKey::new(SECRET.as_bytes())),
        ("Hasher", &hasher),
        ("Request", &request),
        ("Request with secrets in its URI", &elsewhere),
        ("Headers", &headers),
        ("Response", &response),
        ("ServiceError", &error),
        ("Record", &several.records),
        ("PutRecordInput", &single),
        ("PutRecordBatchInput", &several),
        ("Call", &call),
        ("Batch", &full),
        ("PutBatchOutput", &batch().settle(answer).unwrap()),
        ("call::Call", &call::Call::new::<PutRecord>(&Config::new(endpoint.clone()).into(), &single).unwrap()),
        ("Batcher", &Batcher::new("s", Policy::default(), 7).unwrap()),
        ("profile Value", &profiles.profile("default").unwrap().value("aws_secret_access_key").unwrap().unwrap()),
        ("ClientState", &ClientState::new(Config::new(endpoint.clone()), 7)),
    ];
    for (name, value) in types {
        assert!(!format!("{value:?}").is_empty(), "{name} shows nothing at all");
        check(name, &format!("{value:?} {value:#?}"), &signature);
    }
    full.retain(|_| false);
    check("Batch with leftovers", &format!("{full:?}"), &signature);
}

#[test]
fn the_traces_are_what_would_show() {
    let (credentials, endpoint) = (credentials(), endpoint());
    let request = signed(&endpoint, &credentials);
    assert!(str::from_utf8(request.body()).unwrap().contains(ENCODED));
    assert!(request.headers.value("x-amz-security-token").unwrap().contains(TRACES[0]));
    for (prefix, trace) in [("", TRACES[1]), ("x", TRACES[2]), ("xx", TRACES[3])] {
        let data = [prefix.as_bytes(), DATA].concat();
        let mut body = Vec::new();
        PutRecord::write_input(&PutRecordInput::new("s", Record::new(&data)), &mut body);
        assert!(str::from_utf8(&body).unwrap().contains(trace), "{trace}");
    }
    assert!(DATA.iter().map(|byte| format!("{byte:02x}")).collect::<String>().contains(TRACES[4]));
    assert!(format!("{DATA:?}").contains(TRACES[5]));
}

#[test]
fn no_refusal_by_the_server_repeats_the_request() {
    for body in [
        r#"{"DeliveryStreamName":"s","Record":{"Data":"hunter2Data!"}}"#,
        r#"{"DeliveryStreamName":"s","Record":{"Data":["hunter2Data"]}}"#,
        r#"{"DeliveryStreamName":"s","Record":{"Data":"hunter2Data"#,
        r#"{"DeliveryStreamName":"s","Record":"hunter2Data"}"#,
        r#"{"DeliveryStreamName":"a b","Record":{"Data":"aHVudGVyMkRhdGE="}}"#,
        r#"{"DeliveryStreamName":"s","Record":{"hunter2Data":1}}"#,
        "<hunter2Data>",
        "hunter2Data",
    ] {
        for target in [PutRecord::TARGET, PutRecordBatch::TARGET, TOKEN] {
            let mut request = Request::new(Method::Post, "/");
            request.headers.append("X-Amz-Target", target).unwrap();
            request.set_body(body.as_bytes());
            let refusal = server::parse(&request).unwrap_err();
            let sent = String::from_utf8(server::error_response(&refusal).body).unwrap();
            check("the refusal", &format!("{refusal} {refusal:?} {sent}"), SECRET);
        }
    }
}

/// Each error, produced as a caller would, with the part of its `Debug` text that identifies it.
fn errors() -> Vec<(&'static str, Box<dyn Error>)> {
    fn error<T, E: Error + 'static>(result: Result<T, E>) -> Box<dyn Error> {
        Box::new(result.err().expect("each of these ways leads to an error"))
    }
    let (endpoint, text) = (endpoint(), str::from_utf8(DATA).unwrap());
    let mut found: Vec<(&'static str, Box<dyn Error>)> = Vec::new();

    for (variant, document) in [
        ("Empty", b" ".as_slice()),
        ("Html", b"<p>hunter2Data</p>"),
        ("Utf8", b"\"hunter2Data\xff\""),
        ("Syntax", b"\"hunter2Data"),
        ("Type", b"{\"hunter2Data\":1}"),
    ] {
        found.push((variant, error(json::parse::<u8>(document))));
    }
    for (variant, body) in [
        ("Parse(Type", format!(r#"{{"DeliveryStreamName":"s","Record":"{text}"}}"#)),
        ("rule: Base64", format!(r#"{{"DeliveryStreamName":"s","Record":{{"Data":"{text}"}}}}"#)),
        ("Invalid(Violations([Violation", format!(r#"{{"Record":{{"Data":"{ENCODED}"}}}}"#)),
    ] {
        found.push((variant, error(PutRecord::read_input(body.as_bytes()))));
    }

    let input = PutRecordInput::new("s", Record::new(DATA));
    let (big, many) = (DATA.repeat(100_000), vec![Record::new(DATA); 501]);
    let too_large = PutRecordBatchInput::new("s", vec![Record::new(&big); 4]);
    let rule =
        |name, records| error(call::encode::<PutRecordBatch>(&PutRecordBatchInput::new(name, records), &endpoint));
    for (variant, refused) in [
        ("TooShort { actual: 0, min: 1, unit: Members }", rule("s", Vec::new())),
        ("TooLong { actual: 501, max: 500, unit: Members }", rule("s", many)),
        ("TooLong { actual: 1100000, max: 1024000, unit: Bytes }", rule("s", vec![Record::new(&big)])),
        ("RequestTooLarge { bytes: 4400000, max_bytes: 4194304 }", rule("s", too_large.records)),
        ("unit: Characters", error(check_stream_name(""))),
        ("Pattern", error(check_stream_name("a b"))),
        ("Missing", error(PutRecordBatch::read_input(b"{\"Records\":[]}"))),
    ] {
        found.push((variant, refused));
    }

    let mut small = Batch::with_limits("s", Limits { max_record_bytes: DATA.len(), ..Limits::SERVICE }).unwrap();
    found.push(("RecordTooLarge", error(small.push(&DATA.repeat(2)))));
    let mut small = Batch::with_limits("s", Limits { max_records: 0, ..Limits::SERVICE }).unwrap();
    found.push(("Full", error(small.push(DATA))));
    found.push(("EmptyBatch", error(small.request(&endpoint).map(|_| ()))));

    let decode = |status, body: &[u8]| {
        error(call::decode::<PutRecord>(&input, &Response::new(status, body.to_vec())).map(|_| ()))
    };
    found.push(("Refused(ServiceError", decode(400, br#"{"__type":"A"}"#)));
    found.push(("Malformed(Parse(Html", decode(200, b"<hunter2Data>")));
    found.push(("Malformed(Missing", decode(200, br#"{"recordid":"hunter2Data"}"#)));
    found.push(("Malformed(TooLarge", decode(200, &DATA.repeat(MAX_RESPONSE_BYTES / DATA.len() + 1))));
    let two = PutRecordBatchInput::new("s", vec![Record::new(DATA); 1]);
    for (variant, body) in [
        ("WrongCount", r#"{"FailedPutCount":0,"RequestResponses":[]}"#),
        ("FailedPutCount", r#"{"FailedPutCount":1,"RequestResponses":[{"RecordId":"hunter2Data"}]}"#),
        ("Entry", r#"{"FailedPutCount":1,"RequestResponses":[{"ErrorMessage":"hunter2Data"}]}"#),
    ] {
        found.push((variant, error(PutRecordBatch::read_output(&two, body.as_bytes()))));
    }
    found.push(("ServiceError", Box::new(ServiceError::of_status(500))));

    let mut headers = Headers::new();
    found.push(("Name", error(headers.append("hunter2 Token", TOKEN))));
    found.push(("Value", error(headers.append("X", "hunter2Token\n"))));

    for (variant, name) in [("Length", ""), ("Character", "hunter2 "), ("OuterHyphen", "-hunter2"), ("DigitsOnly", "1")]
    {
        found.push((variant, error(Region::parse(name))));
    }
    let custom = |url| Endpoint::custom(url, endpoint.region().clone());
    let configured = |url, fips, dual_stack| {
        let region: Option<Region> = Some(endpoint.region().clone());
        Endpoint::configured(region, Some(url), fips, dual_stack)
    };
    for (variant, result) in [
        ("MissingRegion", Endpoint::configured(None, None, false, false)),
        ("Fips", configured("http://hunter2", true, false)),
        ("DualStack", configured("http://hunter2", false, true)),
        ("Scheme", custom("hunter2://h")),
        ("UserInfo", custom("http://hunter2@h")),
        ("Host", custom("http://hunter2!")),
        ("Port", custom("http://h:hunter2")),
        ("Path", custom("http://h/hunter2 ")),
        ("Query", custom("http://h/?hunter2")),
        ("Fragment", custom("http://h/#hunter2")),
    ] {
        let refused: EndpointError = result.unwrap_err();
        found.push((variant, Box::new(refused)));
    }
    found
}

/// The errors of signing.
fn sign_errors() -> Vec<(&'static str, Box<dyn Error>)> {
    let (endpoint, good) = (endpoint(), credentials());
    let sign = |credentials: &Credentials, key: &SigningKey, now| {
        let mut request = signed(&endpoint, &good);
        Signer::new(credentials, key).sign(now, &mut request).unwrap_err()
    };
    let scope = |region, service| Scope::new(now(), region, service);
    let tomorrow = now() + Duration::from_secs(86_400);
    let mut nowhere = Request::new(Method::Post, "/hunter2");
    let key = key(now(), &good);
    let signer = Signer::new(&good, &key);
    [
        ("AccessKeyId", SigningKey::derive(&Credentials::new("hunter2 ", SECRET), key.scope().clone()).unwrap_err()),
        ("SessionToken", sign(&good.clone().with_session_token("hunter2\n"), &key, now())),
        ("Region", scope("hunter2/", "s").unwrap_err()),
        ("Service", scope("r", "hunter2/").unwrap_err()),
        ("Host", signer.sign(now(), &mut nowhere).unwrap_err()),
        ("KeyOfAnotherDay", sign(&good, &key, tomorrow)),
        ("KeyOfOtherCredentials", sign(&Credentials::new("AKIDOTHER", SECRET), &key, now())),
    ]
    .into_iter()
    .map(|(variant, refused)| (variant, Box::new(refused) as Box<dyn Error>))
    .collect()
}

/// The errors of verifying a request that was signed correctly and then changed.
fn verify_errors() -> Vec<(&'static str, VerifyError)> {
    let (endpoint, credentials) = (endpoint(), credentials());
    let verify_with = |verifier: &Verifier<'_>, now, credentials: &Credentials, change: &dyn Fn(&mut Headers)| {
        let mut request = signed(&endpoint, &self::credentials());
        change(&mut request.headers);
        verifier.verify(now, &request, credentials).unwrap_err()
    };
    let verify = |change: &dyn Fn(&mut Headers)| verify_with(&Verifier::new("firehose"), now(), &credentials, change);
    let swap = |from: &'static str, to: &'static str| {
        verify(&|headers: &mut Headers| {
            let old = headers.value("authorization").unwrap().to_string();
            assert!(old.contains(from), "{from}");
            headers.set("authorization", &old.replacen(from, to, 1)).unwrap();
        })
    };
    let mut elsewhere = Verifier::new("firehose");
    elsewhere.region = Some("eu-west-1");
    let none = |_: &mut Headers| {};
    let minutes = |minutes| now() + time::Duration::minutes(minutes);
    vec![
        ("MissingAuthorization", verify(&|headers| headers.remove("authorization"))),
        ("Authorization(Algorithm", swap("AWS4-HMAC-SHA256", "hunter2")),
        ("Authorization(Parameter", swap("Signature=", "hunter2=")),
        ("Authorization(Repeated", swap("SignedHeaders=", "Credential=hunter2, SignedHeaders=")),
        ("Authorization(NoCredential", swap("Credential=AKIDEXAMPLE/20261122/us-east-1/firehose/aws4_request, ", "")),
        (
            "Authorization(NoSignedHeaders",
            swap("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, ", ""),
        ),
        (
            "Authorization(NoSignature",
            verify(&|headers| {
                let old = headers.value("authorization").unwrap().rsplit_once(", ").unwrap().0.to_string();
                headers.set("authorization", &old).unwrap();
            }),
        ),
        ("Authorization(Credential", swap("AKIDEXAMPLE/", "hunter2")),
        ("Authorization(Terminator", swap("aws4_request", "hunter2")),
        ("Authorization(SignedHeaders", swap("content-type;host", "host;content-type")),
        ("Authorization(Signature", swap("Signature=", "Signature=hunter2")),
        ("Repeated", verify(&|headers| headers.append("X-Amz-Date", TOKEN).unwrap())),
        (
            "MissingDate",
            verify(&|headers| {
                let old = headers.value("authorization").unwrap().replacen(";x-amz-date;", ";", 1);
                headers.set("authorization", &old).unwrap();
                headers.remove("x-amz-date");
            }),
        ),
        ("MalformedDate", verify(&|headers| headers.set("X-Amz-Date", TOKEN).unwrap())),
        ("Unsigned", verify(&|headers| headers.append("X-Amz-New", TOKEN).unwrap())),
        ("Absent", verify(&|headers| headers.remove("content-type"))),
        ("Expired", verify_with(&Verifier::new("firehose"), minutes(6), &credentials, &none)),
        ("NotYetCurrent", verify_with(&Verifier::new("firehose"), minutes(-6), &credentials, &none)),
        ("WrongDate", swap("/20261122/", "/20261121/")),
        ("WrongRegion", verify_with(&elsewhere, now(), &credentials, &none)),
        ("WrongService", verify_with(&Verifier::new("sts"), now(), &credentials, &none)),
        ("UnknownAccessKey", verify_with(&Verifier::new("firehose"), now(), &Credentials::new("B", SECRET), &none)),
        ("SessionToken", verify(&|headers| headers.set("X-Amz-Security-Token", "hunter2").unwrap())),
        ("Mismatch", verify(&|headers| headers.set("Content-Type", "hunter2").unwrap())),
    ]
}

#[test]
fn every_error_says_what_is_wrong_and_nothing_more() {
    let signature = signature();
    let ours = errors().into_iter().chain(sign_errors());
    let verifying = verify_errors().into_iter().map(|(variant, error)| {
        assert!(error.status() >= 400 && !error.code().is_empty());
        (variant, Box::new(error) as Box<dyn Error>)
    });
    for (is_ours, (variant, error)) in ours.map(|error| (true, error)).chain(verifying.map(|error| (false, error))) {
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        assert!(debug.contains(variant), "{variant}: {debug}");
        check(variant, &shown, &signature);
        check(variant, &debug, &signature);
        let mut source = error.source();
        while let Some(cause) = source {
            check(variant, &format!("{cause} {cause:?}"), &signature);
            assert!(!shown.contains(&cause.to_string()), "{variant} repeats its source: {shown}");
            source = cause.source();
        }
        assert!(shown.len() > 5, "{variant}: {shown:?}");
        assert!(!is_ours || !shown.ends_with('.'), "{variant}: {shown}");
    }
}
