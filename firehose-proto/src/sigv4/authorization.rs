//! [`Authorization`]: the header of a signed request, parsed strictly and without copying.

use core::fmt;

use super::canonical::ALGORITHM;
use super::key::TERMINATOR;
use crate::crypto;

/// The contents of an `Authorization` header.
///
/// ```
/// use firehose_proto::sigv4::Authorization;
///
/// let authorization = Authorization::parse(
///     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/firehose/aws4_request, \
///      SignedHeaders=host;x-amz-date, \
///      Signature=9ad893844a39feb24c3d340326d92e483bdfd9e063311a8ab4282006d20d04d7",
/// )?;
/// assert_eq!(authorization.access_key_id(), "AKIDEXAMPLE");
/// assert_eq!(authorization.region(), "us-east-1");
/// # Ok::<(), firehose_proto::sigv4::AuthorizationError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: [u8; crypto::DIGEST_BYTES],
}

impl<'a> Authorization<'a> {
    /// Parses a header value. The parameters may come in any order, with or without blanks around the commas.
    ///
    /// # Errors
    ///
    /// [`AuthorizationError`], which names the first rule that the value breaks.
    pub fn parse(value: &'a str) -> Result<Self, AuthorizationError> {
        const BLANKS: [char; 2] = [' ', '\t'];
        let parameters = value
            .trim_matches(BLANKS)
            .strip_prefix(ALGORITHM)
            .filter(|parameters| parameters.is_empty() || parameters.starts_with(BLANKS))
            .ok_or(AuthorizationError::Algorithm)?;
        let [mut credential, mut signed_headers, mut signature] = [None; 3];
        for parameter in parameters.split(',').map(|parameter| parameter.trim_matches(BLANKS)) {
            let (name, value) = parameter.split_once('=').ok_or(AuthorizationError::Parameter)?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(AuthorizationError::Parameter),
            };
            if place.replace(value).is_some() {
                return Err(AuthorizationError::Repeated);
            }
        }
        let credential = credential.ok_or(AuthorizationError::NoCredential)?;
        let signed_headers = signed_headers.ok_or(AuthorizationError::NoSignedHeaders)?;
        let signature = signature.ok_or(AuthorizationError::NoSignature)?;

        let [access_key_id, date, region, service] = split_credential(credential)?;
        if !is_canonical_list(signed_headers) {
            return Err(AuthorizationError::SignedHeaders);
        }
        let is_lower_case = !signature.bytes().any(|byte| byte.is_ascii_uppercase());
        let signature =
            crypto::parse_digest(signature).filter(|_| is_lower_case).ok_or(AuthorizationError::Signature)?;
        Ok(Self { access_key_id, date, region, service, signed_headers, signature })
    }

    /// The access key that claims to have signed.
    #[must_use]
    pub const fn access_key_id(&self) -> &'a str {
        self.access_key_id
    }

    /// The day of the signature's scope, as `YYYYMMDD`.
    #[must_use]
    pub const fn date(&self) -> &'a str {
        self.date
    }

    /// The region of the signature's scope.
    #[must_use]
    pub const fn region(&self) -> &'a str {
        self.region
    }

    /// The service of the signature's scope.
    #[must_use]
    pub const fn service(&self) -> &'a str {
        self.service
    }

    /// The names of the signed headers, in lower case, sorted and separated by semicolons.
    #[must_use]
    pub const fn signed_headers(&self) -> &'a str {
        self.signed_headers
    }

    pub(super) const fn signature(&self) -> &[u8; crypto::DIGEST_BYTES] {
        &self.signature
    }
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("access_key_id", &self.access_key_id)
            .field("date", &self.date)
            .field("region", &self.region)
            .field("service", &self.service)
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

/// Splits `keyid/date/region/service/aws4_request`, and returns all but the last part.
fn split_credential(credential: &str) -> Result<[&str; 4], AuthorizationError> {
    let mut parts = credential.split('/');
    let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or(AuthorizationError::Credential);
    let (scope, terminator) = ([next()?, next()?, next()?, next()?], next()?);
    if parts.next().is_some() {
        return Err(AuthorizationError::Credential);
    }
    if terminator != TERMINATOR {
        return Err(AuthorizationError::Terminator);
    }
    Ok(scope)
}

/// Whether header names are in lower case, sorted and distinct, at least one, and none empty.
fn is_canonical_list(names: &str) -> bool {
    let is_lower =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase());
    names.split(';').all(is_lower) && names.split(';').is_sorted_by(|a, b| a < b)
}

/// Why an `Authorization` header cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// It does not begin with `AWS4-HMAC-SHA256`.
    Algorithm,
    /// A part between commas is none of the three parameters.
    Parameter,
    /// A parameter comes twice.
    Repeated,
    /// There is no `Credential`.
    NoCredential,
    /// There is no `SignedHeaders`.
    NoSignedHeaders,
    /// There is no `Signature`.
    NoSignature,
    /// `Credential` does not have five parts.
    Credential,
    /// `Credential` does not end in `aws4_request`.
    Terminator,
    /// `SignedHeaders` is empty, unsorted, not in lower case, or names a header twice.
    SignedHeaders,
    /// `Signature` is not 64 lower-case hexadecimal digits.
    Signature,
}

impl fmt::Display for AuthorizationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'.",
            Self::Parameter => {
                "Authorization header has a part that is not a 'Credential', 'SignedHeaders' or 'Signature' parameter."
            }
            Self::Repeated => "Authorization header has a parameter more than once.",
            Self::NoCredential => "Authorization header requires 'Credential' parameter.",
            Self::NoSignedHeaders => "Authorization header requires 'SignedHeaders' parameter.",
            Self::NoSignature => "Authorization header requires 'Signature' parameter.",
            Self::Credential => {
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
            }
            Self::Terminator => "Credential should be scoped with a valid terminator: 'aws4_request'.",
            Self::SignedHeaders => "SignedHeaders must be lower-case header names, sorted, each once.",
            Self::Signature => "Signature must be 64 lower-case hexadecimal digits.",
        })
    }
}

impl core::error::Error for AuthorizationError {}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    const SIGNATURE: &str = "9ad893844a39feb24c3d340326d92e483bdfd9e063311a8ab4282006d20d04d7";

    #[test]
    fn reads_parameters_in_any_order_and_spacing() {
        let credential = "Credential=A/20150830/r/s/aws4_request";
        let names = "SignedHeaders=a;b";
        for value in [
            format!("AWS4-HMAC-SHA256 {credential}, {names}, Signature={SIGNATURE}"),
            format!("AWS4-HMAC-SHA256 {credential},{names},Signature={SIGNATURE}"),
            format!(" AWS4-HMAC-SHA256\t Signature={SIGNATURE} \t,  {names} ,{credential} "),
        ] {
            let authorization = Authorization::parse(&value).unwrap();
            assert_eq!(authorization.access_key_id(), "A");
            assert_eq!(authorization.date(), "20150830");
            assert_eq!((authorization.region(), authorization.service()), ("r", "s"));
            assert_eq!(authorization.signed_headers(), "a;b");
            assert!(!format!("{authorization:?}").contains("9ad8"));
        }
    }

    #[test]
    fn tells_each_malformation_apart() {
        let good = format!(
            "AWS4-HMAC-SHA256 Credential=A/20150830/r/s/aws4_request, SignedHeaders=a;b, Signature={SIGNATURE}"
        );
        for (from, to, error) in [
            ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512", AuthorizationError::Algorithm),
            ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", AuthorizationError::Algorithm),
            ("AWS4", "aws4", AuthorizationError::Algorithm),
            (", Sig", ",, Sig", AuthorizationError::Parameter),
            ("SignedHeaders=", "SignedHeaders", AuthorizationError::Parameter),
            ("Signature=", "signature=", AuthorizationError::Parameter),
            (", Sig", ", SignedHeaders=a, Sig", AuthorizationError::Repeated),
            ("Credential=A/20150830/r/s/aws4_request, ", "", AuthorizationError::NoCredential),
            ("SignedHeaders=a;b, ", "", AuthorizationError::NoSignedHeaders),
            (
                ", Signature=9ad893844a39feb24c3d340326d92e483bdfd9e063311a8ab4282006d20d04d7",
                "",
                AuthorizationError::NoSignature,
            ),
            ("=A/", "=", AuthorizationError::Credential),
            ("=A/", "=/", AuthorizationError::Credential),
            ("=A/", "=A/A/", AuthorizationError::Credential),
            ("aws4_request", "aws4_reply", AuthorizationError::Terminator),
            ("a;b", "", AuthorizationError::SignedHeaders),
            ("a;b", "b;a", AuthorizationError::SignedHeaders),
            ("a;b", "a;a", AuthorizationError::SignedHeaders),
            ("a;b", "A;b", AuthorizationError::SignedHeaders),
            ("a;b", "a;b;", AuthorizationError::SignedHeaders),
            ("a;b", "a; b", AuthorizationError::SignedHeaders),
            ("9ad8", "9AD8", AuthorizationError::Signature),
            ("9ad8", "9ad", AuthorizationError::Signature),
            ("9ad8", "9adg", AuthorizationError::Signature),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_eq!(Authorization::parse(&bad), Err(error), "{bad}");
            assert!(error.to_string().ends_with('.'));
        }
        assert_eq!(Authorization::parse("AWS4-HMAC-SHA256"), Err(AuthorizationError::Parameter));
    }
}
