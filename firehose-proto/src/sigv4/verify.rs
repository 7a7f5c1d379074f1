//! [`Verifier`]: the server's side. It recomputes the signature of a received request.

use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

use time::OffsetDateTime;

use super::canonical::{self, Fields, Names};
use super::{Authorization, AuthorizationError, Scope, SigningKey};
use crate::credentials::Credentials;
use crate::crypto::{self, Hasher, HexDigest};
use crate::http::Request;
use crate::time::AmzDate;

/// Verifies signed requests as an AWS service does.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Verifier<'a> {
    /// The service that signatures must be for.
    pub service: &'a str,
    /// The region that signatures must be for; any region by default.
    pub region: Option<&'a str>,
    /// How far the signer's clock may be off, either way; five minutes by default.
    pub window: Duration,
}

impl<'a> Verifier<'a> {
    /// A verifier for one service, in any region.
    #[must_use]
    pub const fn new(service: &'a str) -> Self {
        Self { service, region: None, window: Duration::from_secs(5 * 60) }
    }

    /// Accepts a request that these credentials signed, within the window around `now`.
    ///
    /// To choose among several credentials, parse [`Authorization::access_key_id`] first.
    ///
    /// # Errors
    ///
    /// [`VerifyError`]. It tells the client what AWS would, and contains no secret, signature or canonical request.
    pub fn verify(
        &self,
        now: OffsetDateTime,
        request: &Request<'_>,
        credentials: &Credentials,
    ) -> Result<(), VerifyError> {
        let authorization = single(request, "authorization")?.ok_or(VerifyError::MissingAuthorization)?;
        let authorization = Authorization::parse(authorization).map_err(VerifyError::Authorization)?;
        check_coverage(request, authorization.signed_headers())?;
        let signed_at = single(request, "x-amz-date")?.ok_or(VerifyError::MissingDate)?;
        let signed_at = AmzDate::parse(signed_at).ok_or(VerifyError::MalformedDate)?;
        self.check_window(now, signed_at)?;
        let scope = self.check_scope(signed_at, &authorization)?;
        check_identity(request, &authorization, credentials)?;

        let key = SigningKey::derive(credentials, scope).map_err(|_| VerifyError::UnknownAccessKey)?;
        let fields = Fields::listed(&request.headers, authorization.signed_headers());
        let payload = HexDigest::new(&crypto::sha256(request.body()));
        let mut hasher = Hasher::new();
        canonical::write_request(&mut hasher, request, &fields, &Names::new(&fields), &payload);
        let expected = key.sign(&AmzDate::new(signed_at), &hasher.finish());
        if crypto::constant_time_eq(&expected, authorization.signature()) { Ok(()) } else { Err(VerifyError::Mismatch) }
    }

    fn check_window(&self, now: OffsetDateTime, signed_at: OffsetDateTime) -> Result<(), VerifyError> {
        // Compares whole seconds, because the message shows whole seconds.
        let now = now.truncate_to_second();
        let window = time::Duration::try_from(self.window).unwrap_or(time::Duration::MAX);
        let (earliest, latest) = (now.saturating_sub(window), now.saturating_add(window));
        let skew = |limit| Skew {
            signed_at: AmzDate::new(signed_at),
            limit: AmzDate::new(limit),
            now: AmzDate::new(now),
            minutes: self.window.as_secs() / 60,
        };
        if signed_at < earliest {
            return Err(VerifyError::Expired(skew(earliest)));
        }
        if signed_at > latest {
            return Err(VerifyError::NotYetCurrent(skew(latest)));
        }
        Ok(())
    }

    fn check_scope(&self, signed_at: OffsetDateTime, authorization: &Authorization<'_>) -> Result<Scope, VerifyError> {
        if self.region.is_some_and(|region| region != authorization.region()) {
            return Err(VerifyError::WrongRegion);
        }
        if authorization.service() != self.service {
            return Err(VerifyError::WrongService { expected: self.service.to_string() });
        }
        // A name that is not allowed in a scope is not a region.
        let scope =
            Scope::new(signed_at, authorization.region(), self.service).map_err(|_| VerifyError::WrongRegion)?;
        if authorization.date() != scope.date() {
            return Err(VerifyError::WrongDate);
        }
        Ok(scope)
    }
}

/// The value of a header that must not be repeated.
fn single<'r>(request: &'r Request<'_>, name: &'static str) -> Result<Option<&'r str>, VerifyError> {
    let mut values = request.headers.iter().filter(|(existing, _)| *existing == name);
    let first = values.next().map(|(_, value)| value);
    if values.next().is_some() { Err(VerifyError::Repeated { header: name }) } else { Ok(first) }
}

/// Checks that all required headers are signed, and that all signed headers are present.
fn check_coverage(request: &Request<'_>, signed_headers: &str) -> Result<(), VerifyError> {
    let is_signed = |name: &str| signed_headers.split(';').any(|signed| signed == name);
    let required = request.headers.iter().map(|(name, _)| name).filter(|name| name.starts_with("x-amz-"));
    if let Some(unsigned) = core::iter::once("host").chain(required).find(|name| !is_signed(name)) {
        return Err(VerifyError::Unsigned { header: unsigned.to_string() });
    }
    match signed_headers.split(';').find(|name| request.headers.value(name).is_none()) {
        Some(absent) => Err(VerifyError::Absent { header: absent.to_string() }),
        None => Ok(()),
    }
}

/// Checks that the request has these credentials' access key and session token.
fn check_identity(
    request: &Request<'_>,
    authorization: &Authorization<'_>,
    credentials: &Credentials,
) -> Result<(), VerifyError> {
    if authorization.access_key_id() != credentials.access_key_id {
        return Err(VerifyError::UnknownAccessKey);
    }
    let sent = single(request, "x-amz-security-token")?.unwrap_or_default();
    let expected = credentials.session_token.as_ref().map_or("", |token| token.expose());
    if crypto::constant_time_eq(sent.as_bytes(), expected.as_bytes()) { Ok(()) } else { Err(VerifyError::SessionToken) }
}

/// How far a signature is outside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    signed_at: AmzDate,
    limit: AmzDate,
    now: AmzDate,
    minutes: u64,
}

/// Why a request is refused.
///
/// `Display` is AWS's own message, so its style is AWS's, not this crate's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no `Authorization` header.
    MissingAuthorization,
    /// The `Authorization` header cannot be read.
    Authorization(AuthorizationError),
    /// A header is repeated, but must not be.
    Repeated {
        /// Its name.
        header: &'static str,
    },
    /// There is no `X-Amz-Date` header.
    MissingDate,
    /// The `X-Amz-Date` header is not of the form `20150830T123600Z`.
    MalformedDate,
    /// A required header is not signed.
    Unsigned {
        /// Its name.
        header: String,
    },
    /// A signed header is missing.
    Absent {
        /// Its name.
        header: String,
    },
    /// The signature is too old.
    Expired(Skew),
    /// The signature is from the future.
    NotYetCurrent(Skew),
    /// The signature is for another day than `X-Amz-Date`.
    WrongDate,
    /// The signature is for another region.
    WrongRegion,
    /// The signature is for another service.
    WrongService {
        /// The required service.
        expected: String,
    },
    /// The access key is not the expected one.
    UnknownAccessKey,
    /// The session token is wrong, missing, or not expected.
    SessionToken,
    /// The signature does not match this request.
    Mismatch,
}

impl VerifyError {
    /// The error code that AWS answers with.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingAuthorization => "MissingAuthenticationTokenException",
            Self::Authorization(_) | Self::Repeated { .. } | Self::MissingDate | Self::MalformedDate => {
                "IncompleteSignature"
            }
            Self::UnknownAccessKey | Self::SessionToken => "UnrecognizedClientException",
            Self::Unsigned { .. }
            | Self::Absent { .. }
            | Self::Expired(_)
            | Self::NotYetCurrent(_)
            | Self::WrongDate
            | Self::WrongRegion
            | Self::WrongService { .. }
            | Self::Mismatch => "InvalidSignatureException",
        }
    }

    /// The HTTP status that AWS answers with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::MissingAuthorization => 403,
            _ => 400,
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingAuthorization => f.write_str("Missing Authentication Token"),
            Self::Authorization(error) => error.fmt(f),
            Self::Repeated { header } => write!(f, "Header '{header}' must not be repeated."),
            Self::MissingDate => f.write_str("Authorization header requires existence of 'X-Amz-Date' header."),
            Self::MalformedDate => f.write_str("Date must be in ISO-8601 'basic format'."),
            Self::Unsigned { header } => {
                write!(f, "'{header}' must be a 'SignedHeader' in the AWS Authorization.")
            }
            Self::Absent { header } => write!(f, "SignedHeader '{header}' is not in the request."),
            Self::Expired(Skew { signed_at, limit, now, minutes }) => {
                write!(f, "Signature expired: {signed_at:?} is now earlier than {limit:?} ({now:?} - {minutes} min.)")
            }
            Self::NotYetCurrent(Skew { signed_at, limit, now, minutes }) => write!(
                f,
                "Signature not yet current: {signed_at:?} is still later than {limit:?} ({now:?} + {minutes} min.)"
            ),
            Self::WrongDate => f.write_str("Date in Credential scope does not match the date of 'X-Amz-Date'."),
            Self::WrongRegion => f.write_str("Credential should be scoped to a valid region."),
            Self::WrongService { expected } => {
                write!(f, "Credential should be scoped to correct service: '{expected}'.")
            }
            Self::UnknownAccessKey | Self::SessionToken => {
                f.write_str("The security token included in the request is invalid.")
            }
            Self::Mismatch => f.write_str(
                "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
            ),
        }
    }
}

impl core::error::Error for VerifyError {}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::http::Method;
    use crate::sigv4::Signer;

    const INVALID_TOKEN: &str = "The security token included in the request is invalid.";

    fn at(date: &str) -> OffsetDateTime {
        AmzDate::parse(date).unwrap()
    }

    fn credentials() -> Credentials {
        Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").with_session_token("hunter2")
    }

    fn signed(now: OffsetDateTime) -> Request<'static> {
        let credentials = credentials();
        let key = SigningKey::derive(&credentials, Scope::new(now, "us-east-1", "firehose").unwrap()).unwrap();
        let mut request = Request::new(Method::Post, "https://h/");
        request.headers.append("X-Amz-Target", "T").unwrap();
        request.set_body(b"{}".as_slice());
        Signer::new(&credentials, &key).sign(now, &mut request).unwrap();
        request
    }

    /// The verifier's result for a changed request.
    fn after(change: impl FnOnce(&mut Request<'static>)) -> Result<(), VerifyError> {
        let now = at("20150830T123600Z");
        let mut request = signed(now);
        change(&mut request);
        let verifier = Verifier { region: Some("us-east-1"), ..Verifier::new("firehose") };
        verifier.verify(now, &request, &credentials())
    }

    fn edit_authorization(request: &mut Request<'_>, from: &str, to: &str) {
        let edited = request.headers.value("authorization").unwrap().replace(from, to);
        request.headers.set("authorization", &edited).unwrap();
    }

    #[test]
    fn answers_as_aws_does() {
        assert_eq!(after(|_| ()), Ok(()));
        let cases: [(VerifyError, Result<(), VerifyError>, &str, &str); 15] = [
            (
                VerifyError::MissingAuthorization,
                after(|r| r.headers.remove("authorization")),
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            (
                VerifyError::Authorization(AuthorizationError::Algorithm),
                after(|r| r.headers.set("authorization", "Bearer x").unwrap()),
                "IncompleteSignature",
                "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'.",
            ),
            (
                VerifyError::Repeated { header: "x-amz-date" },
                after(|r| r.headers.append("x-amz-date", "20150830T123600Z").unwrap()),
                "IncompleteSignature",
                "Header 'x-amz-date' must not be repeated.",
            ),
            (
                VerifyError::MissingDate,
                after(|r| {
                    r.headers.remove("x-amz-date");
                    edit_authorization(r, "x-amz-date;", "");
                }),
                "IncompleteSignature",
                "Authorization header requires existence of 'X-Amz-Date' header.",
            ),
            (
                VerifyError::MalformedDate,
                after(|r| r.headers.set("x-amz-date", "2015-08-30T12:36:00Z").unwrap()),
                "IncompleteSignature",
                "Date must be in ISO-8601 'basic format'.",
            ),
            (
                VerifyError::Unsigned { header: "host".into() },
                after(|r| edit_authorization(r, "host;", "")),
                "InvalidSignatureException",
                "'host' must be a 'SignedHeader' in the AWS Authorization.",
            ),
            (
                VerifyError::Unsigned { header: "x-amz-new".into() },
                after(|r| r.headers.append("X-Amz-New", "").unwrap()),
                "InvalidSignatureException",
                "'x-amz-new' must be a 'SignedHeader' in the AWS Authorization.",
            ),
            (
                VerifyError::Absent { header: "x-amz-target".into() },
                after(|r| r.headers.remove("x-amz-target")),
                "InvalidSignatureException",
                "SignedHeader 'x-amz-target' is not in the request.",
            ),
            (
                VerifyError::WrongDate,
                after(|r| edit_authorization(r, "/20150830/", "/20150831/")),
                "InvalidSignatureException",
                "Date in Credential scope does not match the date of 'X-Amz-Date'.",
            ),
            (
                VerifyError::WrongRegion,
                after(|r| edit_authorization(r, "us-east-1", "us-east-2")),
                "InvalidSignatureException",
                "Credential should be scoped to a valid region.",
            ),
            (
                VerifyError::WrongService { expected: "firehose".into() },
                after(|r| edit_authorization(r, "/firehose/", "/kinesis/")),
                "InvalidSignatureException",
                "Credential should be scoped to correct service: 'firehose'.",
            ),
            (
                VerifyError::UnknownAccessKey,
                after(|r| edit_authorization(r, "AKIDEXAMPLE", "AKIDOTHER")),
                "UnrecognizedClientException",
                INVALID_TOKEN,
            ),
            (
                VerifyError::SessionToken,
                after(|r| r.headers.set("x-amz-security-token", "hunter3").unwrap()),
                "UnrecognizedClientException",
                INVALID_TOKEN,
            ),
            (
                VerifyError::SessionToken,
                after(|r| {
                    r.headers.remove("x-amz-security-token");
                    edit_authorization(r, "x-amz-security-token;", "");
                }),
                "UnrecognizedClientException",
                INVALID_TOKEN,
            ),
            (
                VerifyError::Mismatch,
                after(|r| r.set_body(b"{ }".as_slice())),
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            ),
        ];
        for (expected, result, code, message) in cases {
            let error = result.unwrap_err();
            assert_eq!(error, expected);
            assert_eq!((error.code(), error.to_string().as_str()), (code, message));
            assert_eq!(error.status(), if error == VerifyError::MissingAuthorization { 403 } else { 400 });
            assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
        }
    }

    #[test]
    fn reads_a_session_token_only_where_one_is_expected() {
        let now = at("20150830T123600Z");
        let long_term = Credentials { session_token: None, ..credentials() };
        assert_eq!(Verifier::new("firehose").verify(now, &signed(now), &long_term), Err(VerifyError::SessionToken));
    }

    #[test]
    fn names_the_window_that_a_signature_misses() {
        let signed_at = at("20190609T232013Z");
        for (now, message) in [
            ("20190609T232513Z", None),
            ("20190609T231513Z", None),
            (
                "20190609T232531Z",
                Some(
                    "Signature expired: 20190609T232013Z is now earlier than 20190609T232031Z (20190609T232531Z - 5 min.)",
                ),
            ),
            (
                "20190609T231512Z",
                Some(
                    "Signature not yet current: 20190609T232013Z is still later than 20190609T232012Z (20190609T231512Z + 5 min.)",
                ),
            ),
        ] {
            let result = Verifier::new("firehose").verify(at(now), &signed(signed_at), &credentials());
            assert_eq!(result.err().map(|error| error.to_string()).as_deref(), message, "{now}");
        }
        let verifier = Verifier { window: Duration::MAX, ..Verifier::new("firehose") };
        assert_eq!(verifier.verify(at("20990101T000000Z"), &signed(signed_at), &credentials()), Ok(()));
    }

    #[test]
    fn counts_the_window_in_whole_seconds() {
        let signed_at = at("20190609T232013Z");
        let now = signed_at + Duration::from_secs(300) + Duration::from_millis(999);
        assert_eq!(Verifier::new("firehose").verify(now, &signed(signed_at), &credentials()), Ok(()));
    }
}
