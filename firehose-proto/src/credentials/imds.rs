//! The [instance metadata](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html) of
//! Amazon EC2, only version 2: a token, the role's name, the role's credentials.
//!
//! ```
//! use firehose_proto::http::Response;
//! use firehose_proto::internal::imds;
//!
//! let base = imds::DEFAULT_ENDPOINT;
//! let request = imds::token_request(base);
//! assert_eq!(request.uri, "http://169.254.169.254/latest/api/token");
//!
//! let (token, _valid_for) = imds::read_token(&Response::new(200, b"AQAEAO".to_vec()))?;
//! let request = imds::role_request(base, token.expose())?;
//! assert_eq!(request.uri, "http://169.254.169.254/latest/meta-data/iam/security-credentials/");
//!
//! let role = imds::read_role(&Response::new(200, b"shipper\n".to_vec()))?.unwrap();
//! let request = imds::credentials_request(base, token.expose(), &role)?;
//! assert_eq!(request.uri, "http://169.254.169.254/latest/meta-data/iam/security-credentials/shipper");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::Credentials;
use super::container;
use super::document::{self, DocumentError};
use crate::http::{InvalidHeader, Method, Request, Response};
use crate::region::Region;
use crate::sensitive::Sensitive;

/// The address of the metadata by IPv4.
pub const DEFAULT_ENDPOINT: &str = "http://169.254.169.254";

/// The address of the metadata by IPv6.
pub const IPV6_ENDPOINT: &str = "http://[fd00:ec2::254]";

/// The lifetime to request for a token: the longest allowed.
const TOKEN_SECONDS: u64 = 21_600;

const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// Makes the request for a token. All other requests carry it.
#[must_use]
pub fn token_request(endpoint: &str) -> Request<'static> {
    let mut request = Request::new(Method::Put, url(endpoint, "/latest/api/token"));
    request.headers.append_with(TTL_HEADER, |value| value.push_str(&TOKEN_SECONDS.to_string()));
    request
}

/// Makes the request for the name of the instance's role.
///
/// # Errors
///
/// [`InvalidHeader`] when the token is not allowed in a header.
pub fn role_request(endpoint: &str, token: &str) -> Result<Request<'static>, InvalidHeader> {
    get(url(endpoint, ROLES), token)
}

/// Makes the request for the role's credentials.
///
/// # Errors
///
/// [`InvalidHeader`] when the token is not allowed in a header.
pub fn credentials_request(endpoint: &str, token: &str, role: &str) -> Result<Request<'static>, InvalidHeader> {
    get(format!("{}{role}", url(endpoint, ROLES)), token)
}

/// Makes the request for the region that the instance runs in.
///
/// # Errors
///
/// [`InvalidHeader`] when the token is not allowed in a header.
pub fn region_request(endpoint: &str, token: &str) -> Result<Request<'static>, InvalidHeader> {
    get(url(endpoint, "/latest/meta-data/placement/region"), token)
}

fn url(endpoint: &str, path: &str) -> String {
    format!("{}{path}", endpoint.trim_end_matches('/'))
}

fn get(url: String, token: &str) -> Result<Request<'static>, InvalidHeader> {
    let mut request = Request::new(Method::Get, url);
    request.headers.append("x-aws-ec2-metadata-token", token)?;
    Ok(request)
}

/// Reads a token and its lifetime.
///
/// # Errors
///
/// [`DocumentError`].
pub fn read_token(response: &Response) -> Result<(Sensitive<String>, Duration), DocumentError> {
    let token = line(response, "token")?.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    let token = token.ok_or(DocumentError::Invalid { member: "token", rule: "must be one word" })?;
    let seconds = response.headers.value(TTL_HEADER).and_then(|value| value.trim().parse().ok());
    let valid_for = Duration::from_secs(seconds.unwrap_or(TOKEN_SECONDS).min(TOKEN_SECONDS));
    Ok((Sensitive::new(token.to_string()), valid_for))
}

/// Reads the name of the instance's role; `None` when it has none.
///
/// # Errors
///
/// [`DocumentError`]. Status 401 means that the token is no longer valid.
pub fn read_role(response: &Response) -> Result<Option<String>, DocumentError> {
    if response.status == 404 {
        return Ok(None);
    }
    let Some(role) = line(response, "role")? else { return Ok(None) };
    // The characters that IAM allows in a name. The name becomes part of a path.
    if role.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte)) {
        return Ok(Some(role.to_string()));
    }
    Err(DocumentError::Invalid { member: "role", rule: "must be the name of a role" })
}

/// Reads the role's credentials.
///
/// # Errors
///
/// [`DocumentError`]. Status 401 means that the token is no longer valid, 404 that the role's name has changed.
pub fn read_credentials(response: &Response) -> Result<Credentials, DocumentError> {
    container::read_coded(response)
}

/// Reads the region that the instance runs in.
///
/// # Errors
///
/// [`DocumentError`].
pub fn read_region(response: &Response) -> Result<Region, DocumentError> {
    let region = line(response, "region")?.and_then(|region| Region::parse(region).ok());
    region.ok_or(DocumentError::Invalid { member: "region", rule: "must be the name of a region" })
}

/// The first line of a response; `None` when it is blank.
fn line<'r>(response: &'r Response, member: &'static str) -> Result<Option<&'r str>, DocumentError> {
    if !response.is_success() {
        return Err(DocumentError::Refused(document::refusal(response)));
    }
    document::check_size(&response.body)?;
    let text = core::str::from_utf8(&response.body);
    let text = text.map_err(|_| DocumentError::Invalid { member, rule: "must be text" })?;
    Ok(text.lines().next().map(str::trim).filter(|line| !line.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exception::ServiceError;

    fn answer(status: u16, body: &str) -> Response {
        Response::new(status, body.into())
    }

    #[test]
    fn asks_with_the_token_in_a_header() {
        let request = token_request("http://[fd00:ec2::254]/");
        assert_eq!((request.method, &*request.uri), (Method::Put, "http://[fd00:ec2::254]/latest/api/token"));
        assert_eq!(request.headers.value(TTL_HEADER), Some("21600"));
        for request in
            [role_request("http://h", "t"), credentials_request("http://h", "t", "r"), region_request("http://h", "t")]
        {
            let request = request.unwrap();
            assert_eq!(request.method, Method::Get);
            assert_eq!(request.headers.iter().collect::<alloc::vec::Vec<_>>(), [("x-aws-ec2-metadata-token", "t")]);
        }
        assert_eq!(region_request("http://h", "t").unwrap().uri, "http://h/latest/meta-data/placement/region");
        assert!(role_request("http://h", "a\r\nb: c").is_err());
    }

    #[test]
    fn reads_a_token_and_how_long_it_lives() {
        for (header, seconds) in [(None, 21_600), (Some("60"), 60), (Some("x"), 21_600), (Some("99999999"), 21_600)] {
            let mut response = answer(200, "AQ==");
            if let Some(value) = header {
                response.headers.append(TTL_HEADER, value).unwrap();
            }
            let (token, valid_for) = read_token(&response).unwrap();
            assert_eq!((token.expose().as_str(), valid_for.as_secs()), ("AQ==", seconds), "{header:?}");
        }
        let invalid = DocumentError::Invalid { member: "token", rule: "must be one word" };
        for body in ["", " ", "<html lang=\"en\">", "\u{e9}"] {
            assert_eq!(read_token(&answer(200, body)).unwrap_err(), invalid, "{body}");
        }
        let refused = DocumentError::Refused(ServiceError::of_status(403));
        assert_eq!(read_token(&answer(403, "<html>hunter2")).unwrap_err(), refused);
    }

    #[test]
    fn takes_the_first_line_for_the_role() {
        let invalid = DocumentError::Invalid { member: "role", rule: "must be the name of a role" };
        for (status, body, expected) in [
            (200, "my-role_1@x", Ok(Some("my-role_1@x".to_string()))),
            (200, " my-role \r\nother\n", Ok(Some("my-role".to_string()))),
            (200, "", Ok(None)),
            (404, "<html>", Ok(None)),
            (200, "<html>", Err(invalid.clone())),
            (200, "../../x", Err(invalid)),
            (401, "", Err(DocumentError::Refused(ServiceError::of_status(401)))),
        ] {
            assert_eq!(read_role(&answer(status, body)), expected, "{status} {body:?}");
        }
    }

    #[test]
    fn reads_the_region_and_the_credentials() {
        assert_eq!(read_region(&answer(200, "eu-west-1\n")).unwrap().as_str(), "eu-west-1");
        assert!(read_region(&answer(200, "<html>")).is_err());
        let body = r#"{"Code":"Success","LastUpdated":"x","Type":"AWS-HMAC","AccessKeyId":"A","SecretAccessKey":"s",
            "Token":"t","Expiration":"2030-01-01T00:00:00Z"}"#;
        assert_eq!(read_credentials(&answer(200, body)).unwrap().access_key_id, "A");
        let error =
            read_credentials(&answer(200, r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"m"}"#)).unwrap_err();
        assert_eq!(error.status(), Some(200));
        assert_eq!(read_credentials(&answer(401, "")).unwrap_err().status(), Some(401));
    }
}
