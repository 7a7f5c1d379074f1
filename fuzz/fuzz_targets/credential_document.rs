//! No document brings its reader down, `Debug` shows no secret, and a token's file survives being written and read.
#![no_main]

use firehose_proto::credentials::{Credentials, Sensitive};
use firehose_proto::http::Response;
use firehose_proto::internal::sso::{self, Token};
use firehose_proto::internal::{container, imds, login, process, sts};
use firehose_proto::time::IsoDate;
use libfuzzer_sys::fuzz_target;

/// What `Debug` shows depends on nothing secret.
fn check(credentials: &Credentials) {
    let mut others = credentials.clone();
    others.secret_access_key = Sensitive::new("another".to_owned());
    others.session_token = credentials.session_token.as_ref().map(|_| Sensitive::new("another".to_owned()));
    assert_eq!(format!("{credentials:?}"), format!("{others:?}"));
}

fuzz_target!(|text: &[u8]| {
    let response = firehose_fuzz::response(text);
    let read = [
        process::read(&response.body),
        login::read(&response.body),
        container::read(&response),
        imds::read_credentials(&response),
        sts::read(&response),
        sso::read_credentials(&response),
    ];
    for result in &read {
        match result {
            Ok(credentials) => check(credentials),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if let Ok(Some(role)) = imds::read_role(&response) {
        assert!(imds::credentials_request("http://h", "t", &role).is_ok_and(|request| request.path().ends_with(&role)));
    }
    if let Ok((token, _)) = imds::read_token(&response) {
        assert!(imds::role_request("http://h", token.expose()).is_ok());
    }
    let _ = imds::read_region(&response);
    if let Ok(identity) = sts::read_identity(&response) {
        assert!(!identity.account.is_empty() && !identity.arn.is_empty());
    }

    let Ok(token) = Token::parse(&response.body) else { return };
    assert_eq!(Token::parse(token.file().expose()).as_ref(), Ok(&token));
    let now = IsoDate::parse("2030-01-01T00:00:00Z").unwrap();
    let answer = Response::new(200, br#"{"accessToken":"new","expiresIn":60}"#.to_vec());
    let new = token.refreshed(now, &answer).unwrap();
    assert_eq!(IsoDate::new(new.expires_at()).as_str(), "2030-01-01T00:01:00Z");
    let _ = token.refreshed(now, &response);
});
