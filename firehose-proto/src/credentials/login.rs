//! The cached credentials of a sign-in to the console with `aws login`
//! ([login credentials](https://docs.aws.amazon.com/sdkref/latest/guide/feature-login-credentials.html)).
//!
//! They are only read. When they have expired, run `aws login` again.

use alloc::format;
use alloc::string::String;

use super::Credentials;
use super::document::{self, DocumentError, Names};
use crate::crypto::{self, HexDigest};
use crate::json::Object;

/// The name of the session's file in `~/.aws/login/cache` or in the directory that `AWS_LOGIN_CACHE_DIRECTORY` names.
///
/// ```
/// use firehose_proto::internal::login;
///
/// let name = login::cache_file_name("arn:aws:iam::123456789012:user/me");
/// assert_eq!(name.len(), "0123456789abcdef".len() * 4 + ".json".len());
/// ```
#[must_use]
pub fn cache_file_name(session: &str) -> String {
    format!("{}.json", HexDigest::new(&crypto::sha256(session.trim().as_bytes())).as_str())
}

/// Reads the session's file.
///
/// Check with [`Lifetime`](super::expiry::Lifetime) whether the credentials are still valid.
///
/// # Errors
///
/// [`DocumentError`].
pub fn read(file: &[u8]) -> Result<Credentials, DocumentError> {
    let object = document::object(file)?;
    let member = "accessToken";
    let invalid = |_| DocumentError::Invalid { member, rule: "must be an object" };
    let token: Object<'_> = object.member(member).map_err(invalid)?.ok_or(DocumentError::Missing { member })?;
    let names = Names {
        access_key_id: "accessKeyId",
        secret_access_key: "secretAccessKey",
        session_token: "sessionToken",
        expiration: "expiresAt",
        account_id: "accountId",
    };
    let credentials = names.read(&token)?;
    if credentials.session_token.is_none() {
        return Err(DocumentError::Missing { member: names.session_token });
    }
    if credentials.expires_at.is_none() {
        return Err(DocumentError::Missing { member: names.expiration });
    }
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::IsoDate;

    #[test]
    fn names_the_file_by_the_session() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.json";
        assert_eq!((cache_file_name("abc"), cache_file_name(" abc\n")), (expected.into(), expected.into()));
    }

    #[test]
    fn reads_the_cached_credentials() {
        let file = r#"{"accessToken":{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t","accountId":"1",
            "expiresAt":"2030-01-01T00:00:00Z"},"tokenType":"aws_sigv4","refreshToken":"r","clientId":"c","dpopKey":""}"#;
        let credentials = read(file.as_bytes()).unwrap();
        assert_eq!((&*credentials.access_key_id, credentials.account_id.as_deref()), ("A", Some("1")));
        assert_eq!(credentials.session_token.unwrap().expose(), "t");
        assert_eq!(credentials.expires_at, IsoDate::parse("2030-01-01T00:00:00Z"));
        for (from, to, expected) in [
            ("accessToken", "other", DocumentError::Missing { member: "accessToken" }),
            (
                "{\"accessKeyId\"",
                "7,\"x\":{\"a\"",
                DocumentError::Invalid { member: "accessToken", rule: "must be an object" },
            ),
            ("sessionToken", "other", DocumentError::Missing { member: "sessionToken" }),
            ("expiresAt", "other", DocumentError::Missing { member: "expiresAt" }),
            ("accessKeyId", "other", DocumentError::Missing { member: "accessKeyId" }),
        ] {
            assert_eq!(read(file.replace(from, to).as_bytes()), Err(expected), "{from}");
        }
    }
}
