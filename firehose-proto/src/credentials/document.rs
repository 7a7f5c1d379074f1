//! [`DocumentError`], and what the readers of credential documents share.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use time::{OffsetDateTime, SignedDuration};

use super::Credentials;
use crate::exception::{ErrorCode, ServiceError};
use crate::http::Response;
use crate::json::{self, Object, Text};
use crate::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use crate::retry::RetryClass;
use crate::sensitive::Sensitive;
use crate::time::IsoDate;

/// Why a document yields no credentials. Says what is wrong and where, never the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentError {
    /// More than [`MAX_CREDENTIAL_DOCUMENT_BYTES`].
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not the expected JSON.
    Json(json::ParseError),
    /// Not the expected XML.
    Xml {
        /// The offset at which reading stopped, in bytes.
        offset: usize,
    },
    /// A required member is absent or blank.
    Missing {
        /// The member.
        member: &'static str,
    },
    /// A member breaks a rule.
    Invalid {
        /// The member.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// The peer refused to give credentials.
    Refused(ServiceError),
}

impl DocumentError {
    /// Whether asking again may help. Asking has no side effects, so an unreadable response counts as no response.
    ///
    /// `skew` is the skew measured on the response to a signed request, if any.
    #[must_use]
    pub fn retry_class(&self, skew: Option<SignedDuration>) -> RetryClass {
        match self {
            // AWS's own request to the identity provider failed.
            Self::Refused(error)
                if error.code.as_ref().is_some_and(|code| code.as_str() == "IDPCommunicationError") =>
            {
                RetryClass::Transient
            }
            Self::Refused(error) => error.retry_class(&[], skew),
            _ => RetryClass::Transient,
        }
    }

    /// The status of a refusal, if it came as an HTTP response.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(error) => Some(error.status),
            _ => None,
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => {
                write!(f, "document has {bytes} bytes, must have at most {MAX_CREDENTIAL_DOCUMENT_BYTES}")
            }
            Self::Json(_) => f.write_str("document is not the expected JSON"),
            Self::Xml { offset } => write!(f, "invalid XML at byte {offset}"),
            Self::Missing { member } => write!(f, "missing member `{member}`"),
            Self::Invalid { member, rule } => write!(f, "member `{member}` {rule}"),
            Self::Refused(_) => f.write_str("refused"),
        }
    }
}

impl core::error::Error for DocumentError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// Refuses a text that is too large to be a document.
pub(super) const fn check_size(document: &[u8]) -> Result<(), DocumentError> {
    if document.len() > MAX_CREDENTIAL_DOCUMENT_BYTES {
        return Err(DocumentError::TooLarge { bytes: document.len() });
    }
    Ok(())
}

/// Reads a document that is one JSON object.
pub(super) fn object(document: &[u8]) -> Result<Object<'_>, DocumentError> {
    check_size(document)?;
    json::parse(document).map_err(DocumentError::Json)
}

/// Reads the response to a request. A success is one JSON object.
pub(super) fn answer(response: &Response) -> Result<Object<'_>, DocumentError> {
    if !response.is_success() {
        return Err(DocumentError::Refused(refusal(response)));
    }
    object(&response.body)
}

/// Reads a refusal. It keeps only text from a message member: other text from such a peer may contain secrets.
pub(super) fn refusal(response: &Response) -> ServiceError {
    if object(&response.body).is_ok() {
        return ServiceError::read(response);
    }
    ServiceError::read(&Response { body: b"{}".to_vec(), ..response.clone() })
}

/// A refusal that did not come as an HTTP error.
pub(super) fn refused(status: u16, code: &str, message: &str) -> DocumentError {
    DocumentError::Refused(ServiceError::new(status, ErrorCode::parse(capped(code)), capped(message)))
}

/// Cuts a peer's text to the length that is kept.
pub(super) fn capped(text: &str) -> &str {
    let end = (0..=crate::limits::MAX_ERROR_TEXT_BYTES).rev().find_map(|at| text.get(..at));
    end.unwrap_or_default()
}

/// The text of a member. A blank one counts as absent.
pub(super) fn text<'a>(object: &Object<'a>, member: &'static str) -> Result<Option<Cow<'a, str>>, DocumentError> {
    let text = object
        .member::<Text<'a>>(member)
        .map_err(|_| DocumentError::Invalid { member, rule: "must be a string" })?
        .map(|text| text.0);
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// The text of a required member.
pub(super) fn required<'a>(object: &Object<'a>, member: &'static str) -> Result<Cow<'a, str>, DocumentError> {
    text(object, member)?.ok_or(DocumentError::Missing { member })
}

/// The text of a member, as a secret.
pub(super) fn secret(object: &Object<'_>, member: &'static str) -> Result<Option<Sensitive<String>>, DocumentError> {
    Ok(text(object, member)?.map(|text| Sensitive::new(text.into_owned())))
}

/// The time in a member.
pub(super) fn moment(object: &Object<'_>, member: &'static str) -> Result<Option<OffsetDateTime>, DocumentError> {
    text(object, member)?.map(|text| parse_moment(&text, member)).transpose()
}

pub(super) fn parse_moment(text: &str, member: &'static str) -> Result<OffsetDateTime, DocumentError> {
    let rule = "must be a time such as `2015-08-30T12:36:00Z`";
    IsoDate::parse(text.trim()).ok_or(DocumentError::Invalid { member, rule })
}

/// The names of the members of credentials in one kind of document.
pub(super) struct Names {
    pub(super) access_key_id: &'static str,
    pub(super) secret_access_key: &'static str,
    pub(super) session_token: &'static str,
    pub(super) expiration: &'static str,
    pub(super) account_id: &'static str,
}

impl Names {
    /// Reads the members. The caller checks whether a session token or an expiry is required.
    pub(super) fn read(&self, object: &Object<'_>) -> Result<Credentials, DocumentError> {
        let access_key_id = required(object, self.access_key_id)?;
        let secret_access_key = required(object, self.secret_access_key)?;
        Ok(Credentials {
            access_key_id: access_key_id.into_owned(),
            secret_access_key: Sensitive::new(secret_access_key.into_owned()),
            session_token: secret(object, self.session_token)?,
            expires_at: moment(object, self.expiration)?,
            account_id: text(object, self.account_id)?.map(Cow::into_owned),
        })
    }
}
