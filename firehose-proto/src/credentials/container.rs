//! Credentials from a container's agent on Amazon ECS, EKS Pod Identity or AWS IoT Greengrass
//! ([container credentials](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html)).

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::net::IpAddr;

use super::Credentials;
use super::document::{self, DocumentError, Names};
use crate::endpoint;
use crate::http::{InvalidHeader, Method, Request, Response};

/// The address of the agent of Amazon ECS.
const ECS: &str = "http://169.254.170.2";

/// Addresses that may be asked without encryption, besides loopback: the agents of ECS and of EKS.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// The URL to ask, from `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or else `AWS_CONTAINER_CREDENTIALS_FULL_URI`; `None`
/// when neither is set.
///
/// # Errors
///
/// [`InvalidUri`], so that no authorization token is sent to an unknown host.
pub fn url(relative: Option<&str>, full: Option<&str>) -> Result<Option<String>, InvalidUri> {
    let set = |text: Option<&'_ str>| text.is_some_and(|text| !text.trim().is_empty());
    if set(relative) {
        let path = relative.unwrap_or_default();
        if !path.starts_with('/') {
            return Err(InvalidUri::Relative);
        }
        return if is_printable(path) { Ok(Some(format!("{ECS}{path}"))) } else { Err(InvalidUri::Character) };
    }
    let Some(full) = full.filter(|_| set(full)) else { return Ok(None) };
    let (scheme, _) = full.split_once("://").ok_or(InvalidUri::Scheme)?;
    if !is_printable(full) {
        return Err(InvalidUri::Character);
    }
    let request = Request::new(Method::Get, full);
    let authority = request.authority().filter(|authority| !authority.contains('@')).ok_or(InvalidUri::Host)?;
    let (host, _) = endpoint::split_port(authority).map_err(|_| InvalidUri::Host)?;
    if scheme.eq_ignore_ascii_case("https") {
        return Ok(Some(full.into()));
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(InvalidUri::Scheme);
    }
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse::<IpAddr>().ok();
    let is_agent = |address: IpAddr| AGENTS.iter().any(|agent| agent.parse() == Ok(address));
    let is_allowed = host.eq_ignore_ascii_case("localhost")
        || address.is_some_and(|address| address.is_loopback() || is_agent(address));
    if is_allowed { Ok(Some(full.into())) } else { Err(InvalidUri::Host) }
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Makes the request. The authorization is `AWS_CONTAINER_AUTHORIZATION_TOKEN`, or the content of the file that
/// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` names, read again for every request.
///
/// # Errors
///
/// [`InvalidHeader`] when the authorization has a line break, even at the end of its file.
pub fn request(url: &str, authorization: Option<&str>) -> Result<Request<'static>, InvalidHeader> {
    let mut request = Request::new(Method::Get, String::from(url));
    request.headers.append("Accept", "application/json")?;
    if let Some(authorization) = authorization {
        request.headers.append("Authorization", authorization)?;
    }
    Ok(request)
}

/// Reads the response.
///
/// # Errors
///
/// [`DocumentError`].
pub fn read(response: &Response) -> Result<Credentials, DocumentError> {
    read_coded(response)
}

/// Reads a response of a container's agent or of the instance metadata. It may be a refusal with status 200.
pub(super) fn read_coded(response: &Response) -> Result<Credentials, DocumentError> {
    let object = document::answer(response)?;
    if let Some(code) = document::text(&object, "Code")?.filter(|code| code != "Success") {
        let message = document::text(&object, "Message").ok().flatten().unwrap_or_default();
        return Err(document::refused(response.status, &code, &message));
    }
    let has = |member| matches!(document::text(&object, member), Ok(Some(_)));
    let names = Names {
        access_key_id: "AccessKeyId",
        secret_access_key: "SecretAccessKey",
        session_token: if has("SessionToken") { "SessionToken" } else { "Token" },
        expiration: if has("ExpiresAt") { "ExpiresAt" } else { "Expiration" },
        account_id: "AccountId",
    };
    let credentials = names.read(&object)?;
    if credentials.session_token.is_none() {
        return Err(DocumentError::Missing { member: names.session_token });
    }
    if credentials.expires_at.is_none() {
        return Err(DocumentError::Missing { member: names.expiration });
    }
    Ok(credentials)
}

/// Why a URI must not be asked for credentials. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUri {
    /// The relative URI is not a path.
    Relative,
    /// The full URI is not absolute, or neither `http` nor `https`.
    Scheme,
    /// The full URI is not encrypted, and its host requires encryption.
    Host,
    /// A blank, a line break or another character that is not allowed in a URI.
    Character,
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relative => "`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` must begin with `/`",
            Self::Scheme => "`AWS_CONTAINER_CREDENTIALS_FULL_URI` must begin with `http://` or `https://`",
            Self::Host => {
                "host of `AWS_CONTAINER_CREDENTIALS_FULL_URI` must be `localhost`, a loopback address, 169.254.170.2, \
                 169.254.170.23 or [fd00:ec2::23] unless its scheme is `https`, and come without a user"
            }
            Self::Character => {
                "`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `_FULL_URI` has a character that must be percent-encoded"
            }
        })
    }
}

impl core::error::Error for InvalidUri {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::exception::{ErrorCode, ServiceError};
    use crate::time::IsoDate;

    #[test]
    fn asks_only_where_it_is_safe_to() {
        let ok = |text: &str| Ok(Some(text.to_string()));
        for (relative, full, expected) in [
            (None, None, Ok(None)),
            (Some(" "), Some(""), Ok(None)),
            (Some("/v2/x?y=z"), None, ok("http://169.254.170.2/v2/x?y=z")),
            (Some("/x"), Some("http://evil.example/"), ok("http://169.254.170.2/x")),
            (Some("@evil.example/"), None, Err(InvalidUri::Relative)),
            (Some(".evil.example/"), None, Err(InvalidUri::Relative)),
            (Some("/x\r\nHost: y"), None, Err(InvalidUri::Character)),
            (None, Some("http://localhost:8080/x?y"), ok("http://localhost:8080/x?y")),
            (None, Some("http://127.0.0.1/x"), ok("http://127.0.0.1/x")),
            (None, Some("http://127.9.9.9/x"), ok("http://127.9.9.9/x")),
            (None, Some("http://[::1]:80/x"), ok("http://[::1]:80/x")),
            (None, Some("HTTP://169.254.170.2/x"), ok("HTTP://169.254.170.2/x")),
            (None, Some("http://169.254.170.23/x"), ok("http://169.254.170.23/x")),
            (None, Some("http://[fd00:ec2::23]/x"), ok("http://[fd00:ec2::23]/x")),
            (None, Some("https://any.example/x"), ok("https://any.example/x")),
            (None, Some("http://169.254.169.254/x"), Err(InvalidUri::Host)),
            (None, Some("http://192.168.1.1/x"), Err(InvalidUri::Host)),
            (None, Some("http://any.example/x"), Err(InvalidUri::Host)),
            (None, Some("http://localhost.evil.example/x"), Err(InvalidUri::Host)),
            (None, Some("http://127.0.0.1@evil.example/x"), Err(InvalidUri::Host)),
            (None, Some("http://2130706433/x"), Err(InvalidUri::Host)),
            (None, Some("http://[::ffff:1.2.3.4]/x"), Err(InvalidUri::Host)),
            (None, Some("http:///x"), Err(InvalidUri::Host)),
            (None, Some("http://localhost\\@evil.example/"), Err(InvalidUri::Host)),
            (None, Some("https://a@b/"), Err(InvalidUri::Host)),
            (None, Some("http://localhost/a b"), Err(InvalidUri::Character)),
            (None, Some("ftp://localhost/"), Err(InvalidUri::Scheme)),
            (None, Some("localhost/"), Err(InvalidUri::Scheme)),
        ] {
            assert_eq!(url(relative, full), expected, "{relative:?} {full:?}");
        }
    }

    #[test]
    fn sends_the_authorization_as_it_is() {
        let request = |authorization| request("http://localhost/x", authorization);
        let with = request(Some("Basic hunter2")).unwrap();
        assert_eq!(with.headers.value("authorization"), Some("Basic hunter2"));
        assert_eq!(with.headers.value("accept"), Some("application/json"));
        assert_eq!(request(None).unwrap().headers.iter().len(), 1);
        let error = request(Some("hunter2\n")).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn reads_what_agents_answer() {
        for body in [
            r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-01T00:00:00Z","AccountId":"1"}"#,
            r#"{"Code":"Success","accessKeyId":"A","secretAccessKey":"s","SessionToken":"t","ExpiresAt":"2030-01-01T00:00:00Z","accountId":"1"}"#,
        ] {
            let credentials = read(&Response::new(200, body.into())).unwrap();
            assert_eq!((&*credentials.access_key_id, credentials.secret_access_key.expose().as_str()), ("A", "s"));
            assert_eq!(credentials.session_token.unwrap().expose(), "t");
            assert_eq!(credentials.expires_at, IsoDate::parse("2030-01-01T00:00:00Z"));
            assert_eq!(credentials.account_id.as_deref(), Some("1"));
        }
        let missing = |member| DocumentError::Missing { member };
        let refused =
            |status, code, message| DocumentError::Refused(ServiceError::new(status, ErrorCode::parse(code), message));
        for (status, body, expected) in [
            (200, "{}", missing("AccessKeyId")),
            (200, r#"{"AccessKeyId":"A","SecretAccessKey":"s"}"#, missing("Token")),
            (200, r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t"}"#, missing("Expiration")),
            (200, r#"{"Code":"Failed","Message":"no role"}"#, refused(200, "Failed", "no role")),
            (400, r#"{"code":"InvalidIdToken","message":"m"}"#, refused(400, "InvalidIdToken", "m")),
            (404, "hunter2", DocumentError::Refused(ServiceError::of_status(404))),
        ] {
            assert_eq!(read(&Response::new(status, body.into())), Err(expected), "{status} {body}");
        }
    }
}
