//! [AWS IAM Identity Center](https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html): the token
//! file of `aws sso login`, the refresh of the token, and the role credentials that it gives access to.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use time::{OffsetDateTime, SignedDuration};

use super::Credentials;
use super::document::{self, DocumentError};
use super::plan::Sso;
use super::service;
use crate::crypto;
use crate::endpoint::Endpoint;
use crate::exception::ErrorCode;
use crate::http::{InvalidHeader, Method, Request, Response};
use crate::json::{self, Object};
use crate::region::Region;
use crate::sensitive::Sensitive;
use crate::time::IsoDate;

/// How long before its expiry a token is refreshed.
const REFRESH_WINDOW: SignedDuration = SignedDuration::minutes(15);

/// The name of a token's file in `~/.aws/sso/cache`, made from the session's name or else from the start URL.
///
/// ```
/// # use firehose_proto::internal::plan::{CredentialPlan, CredentialSource};
/// # use firehose_proto::internal::profile::Profiles;
/// use firehose_proto::internal::sso;
///
/// let config = b"[profile dev]\nsso_session = abc\nsso_account_id = 1\nsso_role_name = r\n
/// [sso-session abc]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n";
/// let plan = CredentialPlan::resolve(&Profiles::parse(config, b"")?, "dev")?;
/// let CredentialSource::Sso(sign_in) = plan.source else { unreachable!() };
/// assert_eq!(sso::cache_file_name(&sign_in), "a9993e364706816aba3e25717850c26c9cd0d89d.json");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn cache_file_name(sso: &Sso) -> String {
    let id = sso.session.as_deref().unwrap_or(&sso.start_url);
    format!("{}.json", crypto::sha1_hex(id.as_bytes()))
}

/// The endpoint that issues role credentials.
#[must_use]
pub fn portal_endpoint(region: Region, fips: bool, dual_stack: bool) -> Endpoint {
    service::endpoint("portal.sso", region, fips, dual_stack)
}

/// The endpoint that refreshes tokens.
#[must_use]
pub fn oidc_endpoint(region: Region, fips: bool, dual_stack: bool) -> Endpoint {
    service::endpoint("oidc", region, fips, dual_stack)
}

/// The token of a sign-in, read from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    access_token: Sensitive<String>,
    expires_at: OffsetDateTime,
    refresh: Option<Refresh>,
    /// The whole file. Unknown members are written back unchanged.
    file: Sensitive<Vec<u8>>,
}

/// What a refresh of the token needs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refresh {
    token: Sensitive<String>,
    client_id: String,
    client_secret: Sensitive<String>,
    registration_expires_at: OffsetDateTime,
}

impl Token {
    /// Reads a token's file.
    ///
    /// # Errors
    ///
    /// [`DocumentError`].
    pub fn parse(file: &[u8]) -> Result<Self, DocumentError> {
        let object = document::object(file)?;
        let missing = |member| DocumentError::Missing { member };
        Ok(Self {
            access_token: document::secret(&object, "accessToken")?.ok_or(missing("accessToken"))?,
            expires_at: document::moment(&object, "expiresAt")?.ok_or(missing("expiresAt"))?,
            refresh: Refresh::read(&object)?,
            file: Sensitive::new(file.to_vec()),
        })
    }

    /// The file's new content: the current token, and everything else unchanged. Anyone who can read it can act as the
    /// user.
    #[must_use]
    pub const fn file(&self) -> &Sensitive<Vec<u8>> {
        &self.file
    }

    /// When the token expires.
    #[must_use]
    pub const fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }

    /// Whether the token has expired.
    #[must_use]
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        now >= self.expires_at
    }

    /// Makes the request for a new token, if it is time and the file has what is needed. A failure does no harm until
    /// the token has expired. Only the token of a session can be refreshed.
    ///
    /// Ask at most once a minute
    /// ([CreateToken](https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html)).
    #[must_use]
    pub fn refresh_request(&self, now: OffsetDateTime, oidc: &Endpoint) -> Option<Request<'static>> {
        let is_due = now.saturating_add(REFRESH_WINDOW) >= self.expires_at;
        let refresh = self.refresh.as_ref().filter(|refresh| is_due && now < refresh.registration_expires_at)?;
        let mut body = Vec::new();
        for (before, value) in [
            ("{\"clientId\":", &refresh.client_id),
            (",\"clientSecret\":", refresh.client_secret.expose()),
            (",\"grantType\":\"refresh_token\",\"refreshToken\":", refresh.token.expose()),
        ] {
            body.extend_from_slice(before.as_bytes());
            json::write_string(value, &mut body);
        }
        body.push(b'}');
        let mut request = Request::new(Method::Post, service::url(oidc, "/token"));
        request.headers.append_with("content-type", |value| value.push_str("application/json"));
        request.set_body(body);
        Some(request)
    }

    /// Reads the new token from the response to [`refresh_request`](Self::refresh_request). The old one stays
    /// unchanged.
    ///
    /// # Errors
    ///
    /// [`DocumentError`].
    pub fn refreshed(&self, now: OffsetDateTime, response: &Response) -> Result<Self, DocumentError> {
        let answer = document::answer(response).map_err(|error| with_oauth_code(error, response))?;
        let access_token = document::required(&answer, "accessToken")?;
        let member = "expiresIn";
        let invalid = DocumentError::Invalid { member, rule: "must be a number of seconds" };
        let seconds: i64 =
            answer.member(member).map_err(|_| invalid.clone())?.ok_or(DocumentError::Missing { member })?;
        let expires_at = now.checked_add(SignedDuration::seconds(seconds)).filter(|_| seconds > 0).ok_or(invalid)?;
        let refresh_token = document::text(&answer, "refreshToken")?;

        let old = document::object(self.file.expose())?;
        let expiry = IsoDate::new(expires_at);
        let new = [
            ("accessToken", Some(access_token)),
            ("expiresAt", Some(Cow::Borrowed(expiry.as_str()))),
            ("refreshToken", refresh_token),
        ]
        .map(|(name, value)| value.map(|value| (name, value)));
        Self::parse(replaced(&old, new.iter().flatten()).expose())
    }

    /// Makes the request for the credentials of an account's role
    /// ([GetRoleCredentials](https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html)).
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] when the token is not allowed in a header.
    pub fn credentials_request(&self, portal: &Endpoint, sso: &Sso) -> Result<Request<'static>, InvalidHeader> {
        let mut url = service::url(portal, "/federation/credentials?");
        service::write_pair("account_id", &sso.account_id, &mut url);
        service::write_pair("role_name", &sso.role_name, &mut url);
        let mut request = Request::new(Method::Get, url);
        request.headers.append("x-amz-sso_bearer_token", self.access_token.expose())?;
        Ok(request)
    }
}

impl Refresh {
    /// Reads the members that a refresh needs; `None` unless all are present.
    fn read(object: &Object<'_>) -> Result<Option<Self>, DocumentError> {
        let token = document::secret(object, "refreshToken")?;
        let client_id = document::text(object, "clientId")?;
        let client_secret = document::secret(object, "clientSecret")?;
        // A registration with an unreadable expiry counts as absent. The token itself stays valid.
        let registration_expires_at = document::moment(object, "registrationExpiresAt").ok().flatten();
        Ok(match (token, client_id, client_secret, registration_expires_at) {
            (Some(token), Some(client_id), Some(client_secret), Some(registration_expires_at)) => {
                Some(Self { token, client_id: client_id.into_owned(), client_secret, registration_expires_at })
            }
            _ => None,
        })
    }
}

/// Reads the response to [`Token::credentials_request`].
///
/// # Errors
///
/// [`DocumentError`]. Status 401 means that the user must run `aws sso login` again.
pub fn read_credentials(response: &Response) -> Result<Credentials, DocumentError> {
    let object = document::answer(response)?;
    let member = "roleCredentials";
    let invalid = |_| DocumentError::Invalid { member, rule: "must be an object" };
    let object: Object<'_> = object.member(member).map_err(invalid)?.ok_or(DocumentError::Missing { member })?;
    let member = "expiration";
    let invalid = DocumentError::Invalid { member, rule: "must be a number of milliseconds since 1970" };
    let milliseconds: i64 =
        object.member(member).map_err(|_| invalid.clone())?.ok_or(DocumentError::Missing { member })?;
    let expires_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000);
    let session_token = document::required(&object, "sessionToken")?;
    let access_key_id = document::required(&object, "accessKeyId")?;
    let mut credentials = Credentials::new(access_key_id, document::required(&object, "secretAccessKey")?)
        .with_session_token(session_token);
    credentials.expires_at = Some(expires_at.map_err(|_| invalid)?);
    Ok(credentials)
}

/// Takes the code of a refusal from OAuth's form (RFC 6749, section 5.2) if there is no other.
fn with_oauth_code(error: DocumentError, response: &Response) -> DocumentError {
    let DocumentError::Refused(mut error) = error else { return error };
    if let (None, Ok(object)) = (&error.code, document::object(&response.body)) {
        let text = |member| document::text(&object, member).ok().flatten();
        error.code = text("error").map(|code| ErrorCode::parse(document::capped(&code)));
        if error.message.is_empty() {
            error.message = document::capped(&text("error_description").unwrap_or_default()).to_owned();
        }
    }
    DocumentError::Refused(error)
}

/// Writes an object with new texts for some of its members. New members come last.
fn replaced<'v>(
    old: &Object<'_>,
    new: impl Iterator<Item = &'v (&'static str, Cow<'v, str>)> + Clone,
) -> Sensitive<Vec<u8>> {
    // Large enough from the start: growing would leave copies of secrets in memory.
    let old_bytes: usize = old.iter().map(|(name, value)| 2 * name.len() + value.len() + 8).sum();
    let new_bytes: usize = new.clone().map(|(name, value)| name.len() + 6 * value.len() + 8).sum();
    let mut out = Vec::with_capacity(old_bytes + new_bytes + 2);
    out.push(b'{');
    let mut member = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
        out.extend_from_slice(if out.len() > 1 { b",".as_slice() } else { b"" });
        json::write_string(name, &mut out);
        out.push(b':');
        write(&mut out);
    };
    for (name, value) in old.iter() {
        if !new.clone().any(|(replaced, _)| name.eq_ignore_ascii_case(replaced)) {
            member(name, &|out| out.extend_from_slice(value.as_bytes()));
        }
    }
    for (name, value) in new {
        member(name, &|out| json::write_string(value, out));
    }
    out.push(b'}');
    Sensitive::new(out)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::exception::ServiceError;

    const FILE: &str = r#"{"startUrl": "https://x/start", "region": "us-east-1", "accessToken": "hunter2", "expiresAt": "2030-01-01T00:00:00Z",
        "clientId": "c", "clientSecret": "hunter2\"", "registrationExpiresAt": "2031-01-01T00:00:00UTC", "refreshToken": "hunter2", "new": [1, null]}"#;

    fn at(text: &str) -> OffsetDateTime {
        IsoDate::parse(text).unwrap()
    }

    fn region() -> Region {
        Region::parse("us-east-1").unwrap()
    }

    fn sso() -> Sso {
        Sso { session: None, start_url: "u".into(), region: region(), account_id: "1".into(), role_name: "a b".into() }
    }

    #[test]
    fn names_the_file_by_the_session_or_else_the_start_url() {
        // SHA-1 of "abc" (FIPS 180-1, appendix A) and of "u".
        let session = Sso { session: Some("abc".into()), ..sso() };
        assert_eq!(cache_file_name(&session), "a9993e364706816aba3e25717850c26c9cd0d89d.json");
        assert_eq!(cache_file_name(&sso()), "51e69892ab49df85c6230ccc57f8e1d1606caccc.json");
    }

    #[test]
    fn refreshes_when_it_is_time_and_the_file_has_what_it_takes() {
        let oidc = oidc_endpoint(region(), false, false);
        let token = Token::parse(FILE.as_bytes()).unwrap();
        for (now, is_due) in [
            ("2029-12-31T23:44:59Z", false),
            ("2029-12-31T23:45:00Z", true),
            ("2030-06-01T00:00:00Z", true),
            ("2031-01-01T00:00:00Z", false),
        ] {
            assert_eq!(token.refresh_request(at(now), &oidc).is_some(), is_due, "{now}");
        }
        assert!(token.is_expired(at("2030-01-01T00:00:00Z")) && !token.is_expired(at("2029-12-31T23:59:59Z")));
        for member in ["clientId", "clientSecret", "registrationExpiresAt", "refreshToken"] {
            let token = Token::parse(FILE.replace(member, "other").as_bytes()).unwrap();
            assert!(token.refresh_request(at("2030-01-01T00:00:00Z"), &oidc).is_none(), "{member}");
        }
        let request = token.refresh_request(token.expires_at(), &oidc).unwrap();
        assert_eq!((request.method, &*request.uri), (Method::Post, "https://oidc.us-east-1.amazonaws.com/token"));
        assert_eq!(request.headers.value("content-type"), Some("application/json"));
        assert_eq!(
            core::str::from_utf8(request.body()).unwrap(),
            r#"{"clientId":"c","clientSecret":"hunter2\"","grantType":"refresh_token","refreshToken":"hunter2"}"#
        );
    }

    #[test]
    fn writes_back_what_changed_and_all_that_it_does_not_know() {
        let token = Token::parse(FILE.as_bytes()).unwrap();
        assert_eq!(token.file().expose(), FILE.as_bytes());
        let now = at("2030-01-01T00:00:00Z");
        for (answer, refresh_token) in [
            (r#"{"accessToken":"new\u0021","expiresIn":3600,"tokenType":"Bearer"}"#, "hunter2"),
            (r#"{"accessToken":"new!","expiresIn":3600,"refreshToken":"newer"}"#, "newer"),
        ] {
            let new = token.refreshed(now, &Response::new(200, answer.into())).unwrap();
            assert_eq!((new.access_token.expose().as_str(), new.expires_at()), ("new!", at("2030-01-01T01:00:00Z")));
            let file: Object<'_> = json::parse(new.file().expose()).unwrap();
            let members: Vec<_> = file.iter().collect();
            let refresh_token = format!("\"{refresh_token}\"");
            let mut expected = alloc::vec![
                ("startUrl", "\"https://x/start\""),
                ("region", "\"us-east-1\""),
                ("clientId", "\"c\""),
                ("clientSecret", r#""hunter2\"""#),
                ("registrationExpiresAt", "\"2031-01-01T00:00:00UTC\""),
                ("refreshToken", refresh_token.as_str()),
                ("new", "[1, null]"),
                ("accessToken", "\"new!\""),
                ("expiresAt", "\"2030-01-01T01:00:00Z\""),
            ];
            if refresh_token.contains("newer") {
                let moved = expected.remove(5);
                expected.push(moved);
            }
            assert_eq!(members, expected);
        }
    }

    #[test]
    fn says_why_there_is_no_token() {
        let missing = |member| DocumentError::Missing { member };
        for (file, expected) in [
            ("{}", missing("accessToken")),
            (r#"{"accessToken":"t"}"#, missing("expiresAt")),
            (r#"{"accessToken":["t"]}"#, DocumentError::Invalid { member: "accessToken", rule: "must be a string" }),
            ("", DocumentError::Json(json::ParseError::Empty)),
        ] {
            assert_eq!(Token::parse(file.as_bytes()), Err(expected), "{file}");
        }
        let token = Token::parse(FILE.as_bytes()).unwrap();
        let seconds = DocumentError::Invalid { member: "expiresIn", rule: "must be a number of seconds" };
        let grant = ServiceError::new(400, ErrorCode::parse("invalid_grant"), "expired");
        for (status, answer, expected) in [
            (200, "{}", missing("accessToken")),
            (200, r#"{"accessToken":"t"}"#, missing("expiresIn")),
            (200, r#"{"accessToken":"t","expiresIn":0}"#, seconds.clone()),
            (200, r#"{"accessToken":"t","expiresIn":9223372036854775807}"#, seconds.clone()),
            (200, r#"{"accessToken":"t","expiresIn":"x"}"#, seconds),
            (400, r#"{"error":"invalid_grant","error_description":"expired"}"#, DocumentError::Refused(grant)),
            (500, "hunter2", DocumentError::Refused(ServiceError::of_status(500))),
        ] {
            let error = token.refreshed(token.expires_at(), &Response::new(status, answer.into()));
            assert_eq!(error, Err(expected), "{answer}");
        }
        assert!(!format!("{token:?}").contains("hunter2"));
    }

    #[test]
    fn asks_for_the_credentials_of_the_role() {
        let token = Token::parse(FILE.as_bytes()).unwrap();
        let request = token.credentials_request(&portal_endpoint(region(), false, false), &sso()).unwrap();
        assert_eq!(
            (request.method, &*request.uri),
            (
                Method::Get,
                "https://portal.sso.us-east-1.amazonaws.com/federation/credentials?account_id=1&role_name=a%20b"
            )
        );
        assert_eq!(request.headers.value("x-amz-sso_bearer_token"), Some("hunter2"));
        let broken = Token::parse(FILE.replace("\"hunter2\"", "\"hunter2\\n\"").as_bytes()).unwrap();
        let error = broken.credentials_request(&portal_endpoint(region(), false, false), &sso()).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn reads_role_credentials() {
        let body = r#"{"roleCredentials":{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t","expiration":1893456000123}}"#;
        let credentials = read_credentials(&Response::new(200, body.into())).unwrap();
        assert_eq!((&*credentials.access_key_id, credentials.secret_access_key.expose().as_str()), ("A", "s"));
        assert_eq!(credentials.session_token.unwrap().expose(), "t");
        assert_eq!(credentials.expires_at, Some(at("2030-01-01T00:00:00.123Z")));
        let milliseconds =
            DocumentError::Invalid { member: "expiration", rule: "must be a number of milliseconds since 1970" };
        for (from, to, expected) in [
            ("roleCredentials", "x", DocumentError::Missing { member: "roleCredentials" }),
            ("accessKeyId", "x", DocumentError::Missing { member: "accessKeyId" }),
            ("secretAccessKey", "x", DocumentError::Missing { member: "secretAccessKey" }),
            ("sessionToken", "x", DocumentError::Missing { member: "sessionToken" }),
            ("expiration", "x", DocumentError::Missing { member: "expiration" }),
            ("1893456000123", "\"2030\"", milliseconds.clone()),
            ("1893456000123", "9223372036854775807", milliseconds),
        ] {
            let answer = Response::new(200, body.replace(from, to).into());
            assert_eq!(read_credentials(&answer), Err(expected), "{from} {to}");
        }
        let mut answer = Response::new(401, br#"{"message":"Session token not found or invalid"}"#.to_vec());
        answer.headers.append("x-amzn-ErrorType", "UnauthorizedException:").unwrap();
        let DocumentError::Refused(error) = read_credentials(&answer).unwrap_err() else { panic!() };
        assert_eq!(error.to_string(), "UnauthorizedException (status 401): Session token not found or invalid");
    }
}
