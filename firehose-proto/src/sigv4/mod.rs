//! AWS [Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html): signs requests, and
//! verifies signed ones.
//!
//! Signatures go into headers. Paths are normalized and encoded twice, as all services except S3 require.
//!
//! A [`KeyCache`] supplies a [`SigningKey`], a [`Signer`] signs with it, and a [`Verifier`] is the server's side:
//!
//! ```
//! use firehose_proto::credentials::Credentials;
//! use firehose_proto::http::{Method, Request};
//! use firehose_proto::sigv4::{KeyCache, Signer, Verifier, VerifyError};
//! use firehose_proto::time::AmzDate;
//!
//! let now = AmzDate::parse("20261122T010203Z").unwrap();
//! let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
//! let mut keys = KeyCache::new();
//! let mut request = Request::new(Method::Post, "https://firehose.us-east-1.amazonaws.com/");
//! request.set_body(b"{}".as_slice());
//!
//! let key = keys.key(now, &credentials, "us-east-1", "firehose")?;
//! Signer::new(&credentials, key).sign(now, &mut request)?;
//!
//! let verifier = Verifier::new("firehose");
//! assert_eq!(verifier.verify(now, &request, &credentials), Ok(()));
//! request.set_body(b"[]".as_slice());
//! assert_eq!(verifier.verify(now, &request, &credentials), Err(VerifyError::Mismatch));
//! # Ok::<(), firehose_proto::sigv4::SignError>(())
//! ```

mod authorization;
mod canonical;
mod key;
mod verify;

use core::{fmt, mem};

use time::OffsetDateTime;

pub use self::authorization::{Authorization, AuthorizationError};
use self::canonical::{ALGORITHM, Fields, Names};
pub use self::canonical::{canonical_request, string_to_sign};
pub use self::key::{KeyCache, Scope, SigningKey};
pub use self::verify::{Skew, Verifier, VerifyError};
use crate::credentials::Credentials;
use crate::crypto::{Hasher, HexDigest};
use crate::http::{Headers, Request};
use crate::time::AmzDate;

/// Bytes that signing adds to the headers of any request: names, date, digests and the frame of `Authorization`.
const ADDED_BYTES: usize = 320;

/// Signs requests with one key.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    credentials: &'a Credentials,
    key: &'a SigningKey,
}

impl<'a> Signer<'a> {
    /// A signer. The key must belong to these credentials.
    #[must_use]
    pub const fn new(credentials: &'a Credentials, key: &'a SigningKey) -> Self {
        Self { credentials, key }
    }

    /// Signs a request in its headers.
    ///
    /// Adds `X-Amz-Date` and `Authorization`, with temporary credentials `X-Amz-Security-Token`, and `Host` if it is
    /// missing. These replace the headers of an earlier signing, so call it again to sign a retry.
    ///
    /// It also signs all other headers, except those that change on the way or with each attempt (`User-Agent`,
    /// `X-Amzn-Trace-Id`, `amz-sdk-request`, hop-by-hop fields and the like). Add headers that must stay unsigned
    /// afterwards.
    ///
    /// # Errors
    ///
    /// [`SignError`]. The request is then unchanged.
    ///
    /// ```
    /// use firehose_proto::credentials::Credentials;
    /// use firehose_proto::http::{Method, Request};
    /// use firehose_proto::sigv4::{Scope, Signer, SigningKey};
    /// use firehose_proto::time::AmzDate;
    ///
    /// let mut request = Request::new(Method::Post, "https://firehose.us-east-1.amazonaws.com/");
    /// request.headers.append("Content-Type", "application/x-amz-json-1.1")?;
    /// request.headers.append("X-Amz-Target", "Firehose_20150804.PutRecord")?;
    /// request.set_body(br#"{"DeliveryStreamName":"s","Record":{"Data":"AP9oaQ=="}}"#.as_slice());
    ///
    /// let now = AmzDate::parse("20261122T010203Z").unwrap();
    /// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    /// let key = SigningKey::derive(&credentials, Scope::new(now, "us-east-1", "firehose")?)?;
    /// Signer::new(&credentials, &key).sign(now, &mut request)?;
    ///
    /// assert_eq!(request.headers.value("X-Amz-Date"), Some("20261122T010203Z"));
    /// assert_eq!(
    ///     request.headers.value("Authorization"),
    ///     Some(
    ///         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/firehose/aws4_request, \
    ///          SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
    ///          Signature=1943dc6fb7fb7d5ed748c42582fe00f9b3a3421283d66c5d11559d371e0c0019"
    ///     )
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign(&self, now: OffsetDateTime, request: &mut Request<'_>) -> Result<(), SignError> {
        let date = AmzDate::new(now);
        let session_token = self.check(&date)?;
        let payload = HexDigest::new(&request.body_sha256());
        let mut headers = take_headers(request)?;

        let credential = [self.key.access_key_id(), "/", self.key.scope().as_str()];
        let names_bytes: usize = headers.iter().map(|(name, _)| name.len() + 1).sum();
        headers.reserve(
            4,
            ADDED_BYTES
                + names_bytes
                + session_token.map_or(0, str::len)
                + credential.map(str::len).iter().sum::<usize>(),
        );
        headers.append_with("x-amz-date", |text| text.push_str(date.as_str()));
        if let Some(session_token) = session_token {
            headers.append_with("x-amz-security-token", |text| text.push_str(session_token));
        }

        let fields = Fields::signable(&headers);
        let names = Names::new(&fields);
        let signature = self.signature(&date, request, &fields, &names, &payload);
        headers.append_with("authorization", |text| {
            let [access_key_id, slash, scope] = credential;
            for part in [ALGORITHM, " Credential=", access_key_id, slash, scope, ", SignedHeaders=", names.as_str()] {
                text.push_str(part);
            }
            text.push_str(", Signature=");
            text.push_str(signature.as_str());
        });
        request.headers = headers;
        Ok(())
    }

    /// Checks that the key fits, and that the session token is allowed in a header; returns the token.
    fn check(&self, date: &AmzDate) -> Result<Option<&'a str>, SignError> {
        if self.key.scope().date() != date.date_str() {
            return Err(SignError::KeyOfAnotherDay);
        }
        if self.key.access_key_id() != self.credentials.access_key_id {
            return Err(SignError::KeyOfOtherCredentials);
        }
        let session_token = self.credentials.session_token.as_ref().map(|token| token.expose().as_str());
        // Tokens are long. Without an early exit, this is vectorised.
        let is_graphic =
            |token: &str| token.bytes().fold(true, |is_graphic, byte| is_graphic & byte.is_ascii_graphic());
        if session_token.is_some_and(|token| !is_graphic(token)) {
            return Err(SignError::SessionToken);
        }
        Ok(session_token.filter(|token| !token.is_empty()))
    }

    /// The signature over a request with these headers, as hexadecimal digits.
    fn signature(
        &self,
        date: &AmzDate,
        request: &Request<'_>,
        fields: &Fields<'_>,
        names: &Names,
        payload: &HexDigest,
    ) -> HexDigest {
        let mut hasher = Hasher::new();
        canonical::write_request(&mut hasher, request, fields, names, payload);
        HexDigest::new(&self.key.sign(date, &hasher.finish()))
    }
}

/// Takes the headers out of a request, removes an earlier signature and adds a `Host`.
fn take_headers(request: &mut Request<'_>) -> Result<Headers, SignError> {
    let mut headers = mem::take(&mut request.headers);
    if headers.value("host").is_none() {
        let Some(host) = host(request) else {
            request.headers = headers;
            return Err(SignError::Host);
        };
        headers.append_with("host", |text| text.extend(host.chars().map(|c| c.to_ascii_lowercase())));
    }
    const OF_A_SIGNATURE: [&str; 3] = ["authorization", "x-amz-date", "x-amz-security-token"];
    if headers.iter().any(|(name, _)| OF_A_SIGNATURE.contains(&name)) {
        OF_A_SIGNATURE.into_iter().for_each(|name| headers.remove(name));
    }
    Ok(headers)
}

/// The value of `Host` for a URI: without the user, and without the default port of the scheme (RFC 9110, section 7.2).
fn host<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    let authority = request.authority()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let scheme = request.uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let implied_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let host = host.strip_suffix(implied_port).or_else(|| host.strip_suffix(':')).unwrap_or(host);
    (!host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic())).then_some(host)
}

/// Why a request was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The access key id is empty or has a character that is not allowed in a credential.
    AccessKeyId,
    /// The session token has a character that AWS does not allow in a header value.
    SessionToken,
    /// The region is empty or has a character that is not allowed in a credential.
    Region,
    /// The service is empty or has a character that is not allowed in a credential.
    Service,
    /// There is no `Host` header, and the URI names no host.
    Host,
    /// The key was derived for another day.
    KeyOfAnotherDay,
    /// The key was derived from another access key.
    KeyOfOtherCredentials,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessKeyId => "access key id is empty or has a blank, comma, slash or unprintable character",
            Self::SessionToken => "session token has a blank, line break or other unprintable character",
            Self::Region => "region is empty or has a blank, comma, slash or unprintable character",
            Self::Service => "service is empty or has a blank, comma, slash or unprintable character",
            Self::Host => "request has no `Host` header and its URI names no host",
            Self::KeyOfAnotherDay => "signing key was derived for another day",
            Self::KeyOfOtherCredentials => "signing key was derived from other credentials",
        })
    }
}

impl core::error::Error for SignError {}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::*;
    use crate::http::Method;

    fn now() -> OffsetDateTime {
        AmzDate::parse("20261122T010203Z").unwrap()
    }

    fn credentials() -> Credentials {
        Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    }

    fn key(credentials: &Credentials) -> SigningKey {
        SigningKey::derive(credentials, Scope::new(now(), "us-east-1", "firehose").unwrap()).unwrap()
    }

    fn signed_headers(request: &Request<'_>) -> String {
        Authorization::parse(request.headers.value("authorization").unwrap()).unwrap().signed_headers().to_string()
    }

    #[test]
    fn adds_the_host_that_the_uri_names() {
        for (uri, expected) in [
            ("https://H.example/", Some("h.example")),
            ("https://h:443/", Some("h")),
            ("https://h:80/", Some("h:80")),
            ("http://h:80", Some("h")),
            ("HTTPS://h:443?x", Some("h")),
            ("http://h:8080/", Some("h:8080")),
            ("http://h:/", Some("h")),
            ("http://user:pass@word@h/", Some("h")),
            ("http://[::1]:80/", Some("[::1]")),
            ("https://[::1]:4566/", Some("[::1]:4566")),
            ("https:///", None),
            ("https://:443/", None),
            ("https://user@/", None),
            ("https://a b/", None),
            ("https://h\r\nX: y/", None),
            ("https://\u{fc}.example/", None),
            ("/", None),
            ("", None),
        ] {
            let mut request = Request::new(Method::Get, uri);
            let signed = Signer::new(&credentials(), &key(&credentials())).sign(now(), &mut request);
            assert_eq!(signed.is_ok(), expected.is_some(), "{uri:?}");
            assert_eq!(request.headers.value("host"), expected, "{uri:?}");
        }
    }

    #[test]
    fn leaves_the_request_alone_when_it_refuses() {
        let credentials = credentials();
        let key = key(&credentials);
        let other = Credentials::new("AKIDOTHER", "secret");
        let tomorrow = AmzDate::parse("20261123T000000Z").unwrap();
        let token = |token: &str| credentials.clone().with_session_token(token);
        for (uri, credentials, now, error) in [
            ("/", credentials.clone(), now(), SignError::Host),
            ("https://h/", other, now(), SignError::KeyOfOtherCredentials),
            ("https://h/", credentials.clone(), tomorrow, SignError::KeyOfAnotherDay),
            ("https://h/", token("a\r\nX-Evil: b"), now(), SignError::SessionToken),
            ("https://h/", token("a "), now(), SignError::SessionToken),
            ("https://h/", token("\u{e9}"), now(), SignError::SessionToken),
        ] {
            let mut request = Request::new(Method::Post, uri);
            request.headers.append("Authorization", "old").unwrap();
            let before = request.headers.clone();
            assert_eq!(Signer::new(&credentials, &key).sign(now, &mut request), Err(error));
            assert_eq!(request.headers, before);
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn signs_again_in_place_of_the_earlier_signature() {
        let long_term = credentials();
        let temporary = long_term.clone().with_session_token("token");
        let key = key(&long_term);
        let mut request = Request::new(Method::Post, "https://h/");
        request.headers.append("X-Amz-Target", "T").unwrap();
        Signer::new(&temporary, &key).sign(now(), &mut request).unwrap();
        assert_eq!(signed_headers(&request), "host;x-amz-date;x-amz-security-token;x-amz-target");
        for name in ["amz-sdk-invocation-id", "amz-sdk-request", "User-Agent", "X-Amzn-Trace-Id"] {
            request.headers.append(name, "x").unwrap();
        }
        let later = now() + core::time::Duration::from_secs(7);
        Signer::new(&long_term, &key).sign(later, &mut request).unwrap();
        assert_eq!(signed_headers(&request), "host;x-amz-date;x-amz-target");
        let names: Vec<_> = request.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "x-amz-target",
                "host",
                "amz-sdk-invocation-id",
                "amz-sdk-request",
                "user-agent",
                "x-amzn-trace-id",
                "x-amz-date",
                "authorization"
            ]
        );
        assert_eq!(request.headers.value("x-amz-date"), Some("20261122T010210Z"));
    }

    #[test]
    fn takes_an_empty_session_token_for_none() {
        let credentials = credentials().with_session_token("");
        let mut request = Request::new(Method::Get, "https://h/");
        Signer::new(&credentials, &key(&credentials)).sign(now(), &mut request).unwrap();
        assert_eq!(request.headers.value("x-amz-security-token"), None);
    }
}
