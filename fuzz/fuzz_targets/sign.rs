//! Whatever can be signed can be verified, and not once it was changed.
#![no_main]

use firehose_proto::credentials::Credentials;
use firehose_proto::http::{Method, Request};
use firehose_proto::sigv4::{KeyCache, Signer, Verifier, VerifyError};
use firehose_proto::time::AmzDate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, Vec<(&str, &str)>, [&str; 4], u32, &[u8])| {
    let (uri, headers, [access_key_id, secret, token, region], seconds, body) = input;
    let mut request = Request::new(Method::Post, uri);
    for (name, value) in headers {
        let _ = request.headers.append(name, value);
    }
    request.set_body(body);
    let now = AmzDate::parse("20150830T123600Z").unwrap() + std::time::Duration::from_secs(seconds.into());
    let credentials = Credentials::new(access_key_id, secret).with_session_token(token);
    let mut keys = KeyCache::new();
    let Ok(key) = keys.key(now, &credentials, region, "firehose") else { return };
    let signer = Signer::new(&credentials, key);
    if signer.sign(now, &mut request).is_err() {
        return;
    }
    let mut verifier = Verifier::new("firehose");
    verifier.region = Some(region);
    assert_eq!(verifier.verify(now, &request, &credentials), Ok(()));
    let before = request.clone();
    signer.sign(now, &mut request).unwrap();
    assert_eq!(request, before);
    let mut changed = body.to_vec();
    match changed.get_mut(seconds as usize % body.len().max(1)) {
        Some(byte) => *byte ^= 1,
        None => changed.push(0),
    }
    request.set_body(changed);
    assert_eq!(verifier.verify(now, &request, &credentials), Err(VerifyError::Mismatch));
});
