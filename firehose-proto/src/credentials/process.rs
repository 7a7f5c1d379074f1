//! Reads the output of a
//! [`credential_process`](https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).

use super::Credentials;
use super::document::{self, DocumentError, Names};

/// Reads the output of the process.
///
/// Credentials without an `Expiration` are valid until the process runs again.
///
/// # Errors
///
/// [`DocumentError`], which never quotes the output.
///
/// ```
/// use firehose_proto::internal::process;
///
/// let printed = br#"{"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret"}"#;
/// assert_eq!(process::read(printed)?.access_key_id, "AKIDEXAMPLE");
/// # Ok::<(), firehose_proto::credentials::DocumentError>(())
/// ```
pub fn read(printed: &[u8]) -> Result<Credentials, DocumentError> {
    let object = document::object(printed)?;
    let version = DocumentError::Invalid { member: "Version", rule: "must be the number 1" };
    match object.member::<u64>("Version") {
        Ok(Some(1)) => {}
        Ok(None) => return Err(DocumentError::Missing { member: "Version" }),
        Ok(Some(_)) | Err(_) => return Err(version),
    }
    let names = Names {
        access_key_id: "AccessKeyId",
        secret_access_key: "SecretAccessKey",
        session_token: "SessionToken",
        expiration: "Expiration",
        account_id: "AccountId",
    };
    names.read(&object)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;
    use crate::json::ParseError;
    use crate::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
    use crate::time::IsoDate;

    #[test]
    fn reads_what_a_process_prints() {
        let printed = br#" {"version":1,"accesskeyid":"AKID","SecretAccessKey":"s","SessionToken":"t","AccountId":"1",
            "Expiration":"2030-01-02T03:04:05+00:00","Other":[1]}
"#;
        let credentials = read(printed).unwrap();
        assert_eq!(credentials.access_key_id, "AKID");
        assert_eq!(credentials.secret_access_key.expose(), "s");
        assert_eq!(credentials.session_token.unwrap().expose(), "t");
        assert_eq!(credentials.expires_at, IsoDate::parse("2030-01-02T03:04:05Z"));
        assert_eq!(credentials.account_id.as_deref(), Some("1"));

        let credentials =
            read(br#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":null,"Expiration":""}"#)
                .unwrap();
        assert_eq!((credentials.session_token, credentials.expires_at), (None, None));
    }

    #[test]
    fn names_the_member_that_is_wrong() {
        let missing = |member| DocumentError::Missing { member };
        let invalid = |member, rule| DocumentError::Invalid { member, rule };
        for (members, expected) in [
            ("", missing("Version")),
            (r#""Version":null"#, missing("Version")),
            (r#""Version":2"#, invalid("Version", "must be the number 1")),
            (r#""Version":"1""#, invalid("Version", "must be the number 1")),
            (r#""Version":1"#, missing("AccessKeyId")),
            (r#""Version":1,"AccessKeyId":" ""#, missing("AccessKeyId")),
            (r#""Version":1,"AccessKeyId":7"#, invalid("AccessKeyId", "must be a string")),
            (r#""Version":1,"AccessKeyId":"A""#, missing("SecretAccessKey")),
            (
                r#""Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"tomorrow""#,
                invalid("Expiration", "must be a time such as `2015-08-30T12:36:00Z`"),
            ),
        ] {
            assert_eq!(read(format!("{{{members}}}").as_bytes()), Err(expected), "{members}");
        }
        assert_eq!(read(b"<html>"), Err(DocumentError::Json(ParseError::Html)));
        let bytes = MAX_CREDENTIAL_DOCUMENT_BYTES + 1;
        assert_eq!(read(&vec![b' '; bytes]), Err(DocumentError::TooLarge { bytes }));
    }
}
