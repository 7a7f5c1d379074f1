//! Presigning: the signature as query parameters, for a URL that somebody else will request.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::time::Duration;

use time::OffsetDateTime;

use super::canonical::{ALGORITHM, Fields, Names, is_unreserved, write_encoded};
use super::{SignError, Signer, take_headers};
use crate::crypto::HexDigest;
use crate::http::Request;
use crate::time::AmzDate;

/// The parameters of a signature, which replace those of an earlier one.
const PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];

/// The longest that a presigned URL may be valid.
const MAX_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Signer<'_> {
    /// Signs a request in its query, so that its URL is good until it [expires](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html#using-presigned-urls).
    ///
    /// The request must be sent with the headers it then has, `Host` among them, and with its body. Header and query
    /// signatures of an earlier signing are removed. Firehose has no use for presigned URLs; other services do.
    ///
    /// # Errors
    ///
    /// [`SignError`], and the request is as it was.
    pub fn presign(&self, now: OffsetDateTime, request: &mut Request<'_>, expires: Duration) -> Result<(), SignError> {
        if expires < Duration::from_secs(1) || expires > MAX_EXPIRY {
            return Err(SignError::Expiry);
        }
        let date = AmzDate::new(now);
        let session_token = self.check(&date)?;
        let payload = HexDigest::new(&request.body_sha256());
        let headers = take_headers(request)?;
        let fields = Fields::signable(&headers);
        let names = Names::new(&fields);

        let credential = [self.key.access_key_id(), "/", self.key.scope().as_str()].concat();
        let mut uri = without_signature(&request.uri);
        for (name, value) in [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", date.as_str()),
            ("X-Amz-Expires", &expires.as_secs().to_string()),
            ("X-Amz-Security-Token", session_token.unwrap_or_default()),
            ("X-Amz-SignedHeaders", names.as_str()),
        ] {
            if !value.is_empty() {
                push_parameter(&mut uri, name, value);
            }
        }
        request.uri = Cow::Owned(uri);
        let signature = self.signature(&date, request, &fields, &names, &payload);
        push_parameter(request.uri.to_mut(), "X-Amz-Signature", signature.as_str());
        request.headers = headers;
        Ok(())
    }
}

/// The URI without its fragment and without the parameters of an earlier signature.
fn without_signature(uri: &str) -> String {
    let uri = uri.split_once('#').map_or(uri, |(uri, _)| uri);
    let (target, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut kept = target.to_string();
    for parameter in query.split('&') {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        if !parameter.is_empty() && !PARAMETERS.contains(&name) {
            push_separator(&mut kept);
            kept.push_str(parameter);
        }
    }
    kept
}

fn push_parameter(uri: &mut String, name: &str, value: &str) {
    push_separator(uri);
    uri.push_str(name);
    uri.push('=');
    write_encoded(uri, value.bytes(), is_unreserved);
}

fn push_separator(uri: &mut String) {
    uri.push(if uri.contains('?') { '&' } else { '?' });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;
    use crate::http::Method;
    use crate::sigv4::{Scope, SigningKey};

    fn now() -> OffsetDateTime {
        AmzDate::parse("20150830T123600Z").unwrap()
    }

    fn presigned(uri: &str, credentials: &Credentials, expires: Duration) -> Result<String, SignError> {
        let scope = Scope::new(now(), "us-east-1", "service").unwrap();
        let key = SigningKey::derive(credentials, scope).unwrap();
        let mut request = Request::new(Method::Get, uri);
        Signer::new(credentials, &key).presign(now(), &mut request, expires)?;
        Ok(request.uri.into_owned())
    }

    #[test]
    fn replaces_an_earlier_signature_and_drops_the_fragment() {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret").with_session_token("a/b=");
        let hour = Duration::from_secs(3600);
        let once = presigned("https://h?b=1&&a#fragment", &credentials, hour).unwrap();
        assert_eq!(presigned(&once, &credentials, hour).unwrap(), once);
        let (frame, _) = once.split_once("&X-Amz-Signature=").unwrap();
        assert_eq!(
            frame,
            "https://h?b=1&a&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request\
             &X-Amz-Date=20150830T123600Z&X-Amz-Expires=3600\
             &X-Amz-Security-Token=a%2Fb%3D&X-Amz-SignedHeaders=host"
        );
    }

    #[test]
    fn refuses_expiries_that_aws_does() {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret");
        for (seconds, is_fine) in [(0, false), (1, true), (604_800, true), (604_801, false), (u64::MAX, false)] {
            let result = presigned("https://h/", &credentials, Duration::from_secs(seconds));
            assert_eq!(result.err(), (!is_fine).then_some(SignError::Expiry), "{seconds}");
        }
    }
}
