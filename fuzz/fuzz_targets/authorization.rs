//! A header that can be read says the same when it is written anew, and no header brings the verifier down.
#![no_main]

use firehose_proto::credentials::Credentials;
use firehose_proto::http::{Method, Request};
use firehose_proto::sigv4::{Authorization, Verifier};
use firehose_proto::time::AmzDate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    // The first line is the header, each further one another header of the request.
    let mut lines = data.lines();
    let value = lines.next().unwrap_or_default();
    let mut request = Request::new(Method::Post, "/a?b=c");
    let _ = request.headers.append("Authorization", value);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let _ = request.headers.append(name, value);
    }
    let now = AmzDate::parse("20150830T123600Z").unwrap();
    let parsed = Authorization::parse(value);
    let key = parsed.map_or("AKIDEXAMPLE", |authorization| authorization.access_key_id());
    let error = Verifier::new("firehose").verify(now, &request, &Credentials::new(key, "SECRET")).unwrap_err();
    // In capitals: an error may name a header of the request, and those are in lower case.
    assert!(!format!("{error} {error:?} {} {}", error.code(), error.status()).contains("SECRET"));
    let Ok(authorization) = parsed else { return };
    let (_, parameters) = value.split_once("AWS4-HMAC-SHA256").unwrap();
    let signature = parameters.split(',').find_map(|part| part.trim().strip_prefix("Signature=")).unwrap();
    let again = format!(
        "AWS4-HMAC-SHA256 Credential={}/{}/{}/{}/aws4_request, SignedHeaders={}, Signature={signature}",
        authorization.access_key_id(),
        authorization.date(),
        authorization.region(),
        authorization.service(),
        authorization.signed_headers(),
    );
    assert_eq!(Authorization::parse(&again), Ok(authorization));
});
