//! [`Scope`], [`SigningKey`] and [`KeyCache`]: the scope of a signature, and the key derived for it.

use alloc::string::String;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::SignError;
use super::canonical::{Inline, string_to_sign_parts};
use crate::credentials::Credentials;
use crate::crypto::{self, HexDigest, HmacKey};
use crate::sensitive::Sensitive;
use crate::time::AmzDate;

/// The last part of every scope.
pub(super) const TERMINATOR: &str = "aws4_request";

/// Length of the first part of every scope.
const DATE_BYTES: usize = "YYYYMMDD".len();

const SECONDS_OF_A_DAY: i64 = 86_400;

/// The day, region and service that a signature is valid for, such as `20150830/us-east-1/firehose/aws4_request`.
///
/// ```
/// use firehose_proto::sigv4::Scope;
/// use firehose_proto::time::AmzDate;
///
/// let now = AmzDate::parse("20150830T123600Z").unwrap();
/// let scope = Scope::new(now, "us-east-1", "firehose")?;
/// assert_eq!(scope.as_str(), "20150830/us-east-1/firehose/aws4_request");
/// assert_eq!(scope.region(), "us-east-1");
/// # Ok::<(), firehose_proto::sigv4::SignError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(String);

impl Scope {
    /// The scope of requests signed on the day of `now`, in UTC.
    ///
    /// # Errors
    ///
    /// [`SignError::Region`] or [`SignError::Service`] when a name is empty or looks like several parts.
    pub fn new(now: OffsetDateTime, region: &str, service: &str) -> Result<Self, SignError> {
        if !is_name(region) {
            return Err(SignError::Region);
        }
        if !is_name(service) {
            return Err(SignError::Service);
        }
        Ok(Self([AmzDate::new(now).date_str(), region, service, TERMINATOR].join("/")))
    }

    /// The whole scope.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The day, as `YYYYMMDD`.
    #[must_use]
    pub fn date(&self) -> &str {
        self.0.split_at(DATE_BYTES).0
    }

    /// The region, such as `us-east-1`.
    #[must_use]
    pub fn region(&self) -> &str {
        self.parts().1
    }

    /// The service's signing name, such as `firehose`.
    #[must_use]
    pub fn service(&self) -> &str {
        self.parts().2
    }

    fn parts(&self) -> (&str, &str, &str) {
        let mut parts = self.0.splitn(4, '/');
        let mut next = || parts.next().expect("a scope has four parts, none of which has a slash");
        (next(), next(), next())
    }
}

/// Whether a text can be one part of a credential. Slashes separate its parts, commas the parts of its header.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b',')
}

/// The key that signs all requests of one access key, day, region and service.
///
/// Keys last until midnight UTC, so keep one in a [`KeyCache`] instead of deriving it for each request. The key is
/// wiped from memory when dropped, and `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct SigningKey {
    access_key_id: String,
    scope: Scope,
    key: HmacKey,
}

impl SigningKey {
    /// Derives the key, as [AWS defines it](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#calculate-signature).
    ///
    /// # Errors
    ///
    /// [`SignError::AccessKeyId`] when the access key id is empty or not allowed in a header.
    pub fn derive(credentials: &Credentials, scope: Scope) -> Result<Self, SignError> {
        if !is_name(&credentials.access_key_id) {
            return Err(SignError::AccessKeyId);
        }
        let secret = credentials.secret_access_key.expose();
        // Large enough from the start, so that growing leaves no copy behind.
        let mut first = Zeroizing::new(String::with_capacity("AWS4".len() + secret.len()));
        first.push_str("AWS4");
        first.push_str(secret);
        let mut key = HmacKey::new(first.as_bytes());
        for part in [scope.date(), scope.region(), scope.service(), TERMINATOR] {
            key = HmacKey::new(Zeroizing::new(key.mac(part.as_bytes())).as_slice());
        }
        Ok(Self { access_key_id: credentials.access_key_id.clone(), scope, key })
    }

    /// The access key that this one was derived from.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope of signatures by this key.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Signs the canonical request that has this digest.
    pub(super) fn sign(
        &self,
        date: &AmzDate,
        canonical_request: &[u8; crypto::DIGEST_BYTES],
    ) -> [u8; crypto::DIGEST_BYTES] {
        let digest = HexDigest::new(canonical_request);
        // Collected first: a MAC absorbs one text of this size faster than seven short ones.
        let mut text = Inline::<u8, 256>::new(0);
        for part in string_to_sign_parts(date, self.scope.as_str(), &digest) {
            text.extend(part.as_bytes());
        }
        self.key.mac(text.as_slice())
    }
}

/// Keeps the last signing key while it is valid.
///
/// ```
/// use firehose_proto::credentials::Credentials;
/// use firehose_proto::sigv4::KeyCache;
/// use firehose_proto::time::AmzDate;
///
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// let mut keys = KeyCache::new();
/// let now = AmzDate::parse("20150830T235959Z").unwrap();
/// assert_eq!(keys.key(now, &credentials, "us-east-1", "firehose")?.scope().date(), "20150830");
///
/// let now = AmzDate::parse("20150831T000000Z").unwrap();
/// assert_eq!(keys.key(now, &credentials, "us-east-1", "firehose")?.scope().date(), "20150831");
/// # Ok::<(), firehose_proto::sigv4::SignError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct KeyCache {
    last: Option<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    key: SigningKey,
    /// The day of the key's scope, in days since 1970.
    day: i64,
    secret: Sensitive<String>,
}

impl Entry {
    fn is_for(&self, day: i64, credentials: &Credentials, region: &str, service: &str) -> bool {
        let (_, names) = self.key.scope.as_str().split_at(DATE_BYTES);
        let expected = ["/", region, "/", service, "/", TERMINATOR];
        let rest = expected.iter().try_fold(names, |rest, part| rest.strip_prefix(part));
        self.day == day
            && rest == Some("")
            && self.key.access_key_id == credentials.access_key_id
            && crypto::constant_time_eq(
                self.secret.expose().as_bytes(),
                credentials.secret_access_key.expose().as_bytes(),
            )
    }
}

impl KeyCache {
    /// An empty cache.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// The key for signing at `now`: the cached one, or else a new one that replaces it.
    ///
    /// # Errors
    ///
    /// As [`Scope::new`] and [`SigningKey::derive`].
    pub fn key(
        &mut self,
        now: OffsetDateTime,
        credentials: &Credentials,
        region: &str,
        service: &str,
    ) -> Result<&SigningKey, SignError> {
        let day = now.unix_timestamp().div_euclid(SECONDS_OF_A_DAY);
        if !self.last.as_ref().is_some_and(|entry| entry.is_for(day, credentials, region, service)) {
            self.last = None;
            let key = SigningKey::derive(credentials, Scope::new(now, region, service)?)?;
            self.last = Some(Entry { key, day, secret: credentials.secret_access_key.clone() });
        }
        Ok(&self.last.as_ref().expect("an entry that does not fit was just replaced").key)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn at(date: &str) -> OffsetDateTime {
        AmzDate::parse(date).unwrap()
    }

    /// The worked example of AWS's documentation on deriving the key.
    #[test]
    fn derives_the_documented_key() {
        let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let scope = Scope::new(at("20150830T000000Z"), "us-east-1", "iam").unwrap();
        let key = SigningKey::derive(&credentials, scope).unwrap();
        let digest = crypto::parse_digest("f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59").unwrap();
        let signature = key.sign(&AmzDate::new(at("20150830T123600Z")), &digest);
        assert_eq!(
            HexDigest::new(&signature).as_str(),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn takes_a_scope_apart() {
        let scope = Scope::new(at("20240229T235959Z"), "eu-west-1", "sts").unwrap();
        assert_eq!((scope.date(), scope.region(), scope.service()), ("20240229", "eu-west-1", "sts"));
    }

    #[test]
    fn refuses_names_that_would_break_the_credential() {
        let now = at("20150830T123600Z");
        for bad in ["", " ", "a b", "a/b", "a,b", "a\r\nb", "\u{e9}"] {
            assert_eq!(Scope::new(now, bad, "sts"), Err(SignError::Region), "{bad:?}");
            assert_eq!(Scope::new(now, "eu-west-1", bad), Err(SignError::Service), "{bad:?}");
            let scope = Scope::new(now, "eu-west-1", "sts").unwrap();
            assert_eq!(
                SigningKey::derive(&Credentials::new(bad, "s"), scope).unwrap_err(),
                SignError::AccessKeyId,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn keeps_a_key_until_any_of_its_inputs_changes() {
        let sign = |key: &SigningKey| key.sign(&AmzDate::new(at("20150830T123600Z")), &[0; 32]);
        let mut keys = KeyCache::new();
        let credentials = Credentials::new("AKID", "secret");
        let first = sign(keys.key(at("20150830T000000Z"), &credentials, "r", "s").unwrap());
        let rotated = Credentials::new("AKID", "Secret");
        let renamed = Credentials::new("AKIE", "secret");
        for (date, credentials, region, service, is_kept, is_same_signature) in [
            ("20150830T235959Z", &credentials, "r", "s", true, true),
            ("20150831T000000Z", &credentials, "r", "s", false, false),
            ("20150830T000000Z", &rotated, "r", "s", false, false),
            ("20150830T000000Z", &credentials, "r2", "s", false, false),
            ("20150830T000000Z", &credentials, "r", "s2", false, false),
            ("20150830T000000Z", &renamed, "r", "s", false, true),
        ] {
            let mut marked = keys.clone();
            marked.last.as_mut().unwrap().key.key = HmacKey::new(b"a mark");
            let mark = sign(&marked.last.as_ref().unwrap().key);
            let is_marked = sign(marked.key(at(date), credentials, region, service).unwrap()) == mark;
            assert_eq!(is_marked, is_kept, "{date} {region} {service}");
            let key = keys.key(at(date), credentials, region, service).unwrap();
            assert_eq!(key.access_key_id(), credentials.access_key_id);
            assert_eq!(key.scope(), &Scope::new(at(date), region, service).unwrap());
            assert_eq!(sign(key) == first, is_same_signature, "{date} {region} {service}");
        }
    }

    #[test]
    fn shows_no_secret() {
        let mut keys = KeyCache::new();
        keys.key(at("20150830T000000Z"), &Credentials::new("AKID", "hunter2"), "r", "s").unwrap();
        let text = format!("{keys:?}");
        assert!(!text.contains("hunter2") && text.contains("AKID"), "{text}");
    }
}
