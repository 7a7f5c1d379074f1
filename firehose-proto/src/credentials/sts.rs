//! [AWS STS](https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html): assumes a role, with credentials or
//! with another identity provider's token, and asks who owns credentials.

use alloc::format;
use alloc::string::{String, ToString};

use time::OffsetDateTime;

use super::Credentials;
use super::document::{self, DocumentError};
use super::plan::{Role, WebIdentity};
use super::service;
use super::xml::Texts;
use crate::endpoint::Endpoint;
use crate::exception::{self, ErrorCode, ServiceError};
use crate::http::{Method, Request, Response};
use crate::region::Region;
use crate::sigv4::{Scope, SignError, Signer, SigningKey};

/// The service's endpoint in a region ([endpoints](https://docs.aws.amazon.com/general/latest/gr/sts.html)).
#[must_use]
pub fn endpoint(region: Region, fips: bool, dual_stack: bool) -> Endpoint {
    if region.as_str() == "aws-global" && !fips && !dual_stack {
        let signed_for = Region::parse("us-east-1").expect("the name of a region");
        return Endpoint::of_host("sts.amazonaws.com", signed_for);
    }
    service::endpoint("sts", region, fips, dual_stack)
}

/// Makes the request for a role's credentials, signed with the source credentials
/// ([AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html)).
///
/// `now` is corrected for clock skew. `mfa_code` is the code that the device of [`Role::mfa_serial`] shows now. A
/// session without a name is called `firehose-` and the milliseconds since 1970.
///
/// # Errors
///
/// The errors of [`Signer::sign`].
pub fn assume_role(
    now: OffsetDateTime,
    endpoint: &Endpoint,
    credentials: &Credentials,
    role: &Role,
    mfa_code: Option<&str>,
) -> Result<Request<'static>, SignError> {
    let mut form = form("AssumeRole", now, &role.arn, role.session_name.as_deref(), role.duration_seconds);
    if let Some(external_id) = &role.external_id {
        service::write_pair("ExternalId", external_id, &mut form);
    }
    if let (Some(serial), Some(code)) = (&role.mfa_serial, mfa_code) {
        service::write_pair("SerialNumber", serial, &mut form);
        service::write_pair("TokenCode", code, &mut form);
    }
    signed(now, endpoint, credentials, form)
}

/// Makes the request for a role's credentials with a token; it needs no signature
/// ([AssumeRoleWithWebIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html)).
///
/// The token is the current content of the file, unchanged.
#[must_use]
pub fn assume_role_with_web_identity(
    now: OffsetDateTime,
    endpoint: &Endpoint,
    identity: &WebIdentity,
    token: &str,
) -> Request<'static> {
    let name = identity.session_name.as_deref();
    let mut form = form("AssumeRoleWithWebIdentity", now, &identity.role_arn, name, identity.duration_seconds);
    service::write_pair("WebIdentityToken", token, &mut form);
    request(endpoint, form)
}

/// Makes the request that asks who owns these credentials
/// ([GetCallerIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html)). It needs no
/// permission.
///
/// `now` is corrected for clock skew.
///
/// # Errors
///
/// The errors of [`Signer::sign`].
pub fn get_caller_identity(
    now: OffsetDateTime,
    endpoint: &Endpoint,
    credentials: &Credentials,
) -> Result<Request<'static>, SignError> {
    signed(now, endpoint, credentials, "Action=GetCallerIdentity&Version=2011-06-15".to_string())
}

fn signed(
    now: OffsetDateTime,
    endpoint: &Endpoint,
    credentials: &Credentials,
    form: String,
) -> Result<Request<'static>, SignError> {
    let mut request = request(endpoint, form);
    let scope = Scope::new(now, endpoint.region().as_str(), "sts")?;
    Signer::new(credentials, &SigningKey::derive(credentials, scope)?).sign(now, &mut request)?;
    Ok(request)
}

fn form(action: &str, now: OffsetDateTime, arn: &str, session: Option<&str>, seconds: Option<u32>) -> String {
    let default_session = || format!("firehose-{}", now.unix_timestamp_nanos() / 1_000_000);
    let session = session.map_or_else(default_session, ToString::to_string);
    let mut form = format!("Action={action}&Version=2011-06-15");
    service::write_pair("RoleArn", arn, &mut form);
    service::write_pair("RoleSessionName", &session, &mut form);
    if let Some(seconds) = seconds {
        service::write_pair("DurationSeconds", &seconds.to_string(), &mut form);
    }
    form
}

fn request(endpoint: &Endpoint, form: String) -> Request<'static> {
    let mut request = Request::new(Method::Post, endpoint.url().to_string());
    request.headers.append_with("content-type", |value| value.push_str("application/x-www-form-urlencoded"));
    request.headers.append_with("host", |value| value.push_str(endpoint.host()));
    request.set_body(form.into_bytes());
    request
}

/// Reads the response to either request for credentials.
///
/// # Errors
///
/// [`DocumentError`].
pub fn read(response: &Response) -> Result<Credentials, DocumentError> {
    if !response.is_success() {
        return Err(DocumentError::Refused(refusal(response)));
    }
    let texts = texts(&response.body)?;
    let required = |member: &'static str, path| texts.at(path).ok_or(DocumentError::Missing { member });
    let expiration = required("Expiration", "/Credentials/Expiration")?;
    let access_key_id = required("AccessKeyId", "/Credentials/AccessKeyId")?;
    let mut credentials = Credentials::new(access_key_id, required("SecretAccessKey", "/Credentials/SecretAccessKey")?)
        .with_session_token(required("SessionToken", "/Credentials/SessionToken")?);
    credentials.expires_at = Some(document::parse_moment(expiration, "Expiration")?);
    let arn = texts.at("/AssumedRoleUser/Arn").unwrap_or_default();
    credentials.account_id = arn.split(':').nth(4).filter(|id| !id.is_empty()).map(ToString::to_string);
    Ok(credentials)
}

/// The owner of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The number of the account.
    pub account: String,
    /// The user, or the role and the name of its session.
    pub arn: String,
}

/// Reads the response to [`get_caller_identity`].
///
/// # Errors
///
/// [`DocumentError`].
pub fn read_identity(response: &Response) -> Result<Identity, DocumentError> {
    if !response.is_success() {
        return Err(DocumentError::Refused(refusal(response)));
    }
    let texts = texts(&response.body)?;
    let required =
        |member: &'static str, path| texts.at(path).map(ToString::to_string).ok_or(DocumentError::Missing { member });
    Ok(Identity {
        account: required("Account", "/GetCallerIdentityResult/Account")?,
        arn: required("Arn", "/GetCallerIdentityResult/Arn")?,
    })
}

fn refusal(response: &Response) -> ServiceError {
    let mut error = document::refusal(response);
    if let Ok(texts) = texts(&response.body) {
        error.code = texts.at("/Error/Code").map(|code| ErrorCode::parse(document::capped(code))).or(error.code);
        error.message = texts.at("/Error/Message").unwrap_or_default().to_string();
        exception::redact(&mut error.message);
        error.message.truncate(document::capped(&error.message).len());
        let capped = |path| texts.at(path).map(|text| document::capped(text).to_string());
        error.fault = capped("/Error/Type");
        error.request_id = capped("ErrorResponse/RequestId").or(error.request_id);
    }
    error
}

fn texts(document: &[u8]) -> Result<Texts, DocumentError> {
    document::check_size(document)?;
    let text = core::str::from_utf8(document).map_err(|error| DocumentError::Xml { offset: error.valid_up_to() })?;
    Texts::read(text)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::credentials::plan::{CredentialPlan, CredentialSource};
    use crate::credentials::profile::Profiles;
    use crate::retry::RetryClass;
    use crate::sigv4::Verifier;
    use crate::time::{AmzDate, IsoDate};

    fn now() -> OffsetDateTime {
        AmzDate::parse("20261122T010203Z").unwrap()
    }

    fn plan(config: &str) -> CredentialPlan {
        CredentialPlan::resolve(&Profiles::parse(config.as_bytes(), b"").unwrap(), "a").unwrap()
    }

    fn body<'r>(request: &'r Request<'_>) -> &'r str {
        core::str::from_utf8(request.body()).unwrap()
    }

    #[test]
    fn asks_for_a_role_with_the_credentials_of_its_source() {
        let endpoint = endpoint(Region::parse("eu-west-1").unwrap(), false, false);
        let credentials = Credentials::new("AKID", "secret").with_session_token("token");
        for (members, mfa_code, expected) in [
            ("", None, "RoleArn=arn%3Ar%2Fa&RoleSessionName=firehose-1795309323000"),
            (
                "role_session_name = n@m\nexternal_id = e\nduration_seconds = 900\nmfa_serial = arn:m",
                Some("123456"),
                "RoleArn=arn%3Ar%2Fa&RoleSessionName=n%40m&DurationSeconds=900&ExternalId=e&SerialNumber=arn%3Am&TokenCode=123456",
            ),
        ] {
            let plan = plan(&format!("[profile a]\nrole_arn = arn:r/a\ncredential_source = Environment\n{members}"));
            let request = assume_role(now(), &endpoint, &credentials, &plan.roles[0], mfa_code).unwrap();
            assert_eq!((request.method, &*request.uri), (Method::Post, "https://sts.eu-west-1.amazonaws.com/"));
            assert_eq!(body(&request), format!("Action=AssumeRole&Version=2011-06-15&{expected}"));
            assert_eq!(Verifier::new("sts").verify(now(), &request, &credentials), Ok(()));
        }
    }

    #[test]
    fn asks_for_a_role_with_a_token_and_no_signature() {
        let endpoint = Endpoint::custom("http://localhost:5000/sts", Region::parse("eu-west-1").unwrap()).unwrap();
        let plan = plan(
            "[profile a]\nrole_arn = r\nweb_identity_token_file = f\nrole_session_name = n\nduration_seconds = 900",
        );
        let CredentialSource::WebIdentity(identity) = plan.source else { panic!("{:?}", plan.source) };
        let request = assume_role_with_web_identity(now(), &endpoint, &identity, "a.b+c\n");
        assert_eq!(request.uri, "http://localhost:5000/sts");
        assert_eq!(
            body(&request),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r&RoleSessionName=n&DurationSeconds=900&WebIdentityToken=a.b%2Bc%0A"
        );
        let headers: Vec<_> = request.headers.iter().collect();
        assert_eq!(headers, [("content-type", "application/x-www-form-urlencoded"), ("host", "localhost:5000")]);
    }

    #[test]
    fn asks_and_reads_whose_credentials_these_are() {
        let endpoint = endpoint(Region::parse("eu-west-1").unwrap(), false, false);
        let credentials = Credentials::new("AKID", "secret").with_session_token("token");
        let request = get_caller_identity(now(), &endpoint, &credentials).unwrap();
        assert_eq!((request.method, &*request.uri), (Method::Post, "https://sts.eu-west-1.amazonaws.com/"));
        assert_eq!(body(&request), "Action=GetCallerIdentity&Version=2011-06-15");
        assert_eq!(Verifier::new("sts").verify(now(), &request, &credentials), Ok(()));

        // From the operation's page.
        let answer = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">
            <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Alice</Arn><UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>
            <Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata>
            <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId></ResponseMetadata></GetCallerIdentityResponse>";
        let read = |status, answer: &str| read_identity(&Response::new(status, answer.into()));
        let identity = Identity { account: "123456789012".into(), arn: "arn:aws:iam::123456789012:user/Alice".into() };
        assert_eq!(read(200, answer), Ok(identity));
        for (from, to, member) in [("123456789012</Account", "</Account", "Account"), ("Arn>", "Other>", "Arn")] {
            assert_eq!(read(200, &answer.replace(from, to)), Err(DocumentError::Missing { member }));
        }
        let refused =
            "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>";
        let Err(DocumentError::Refused(error)) = read(403, refused) else { panic!("a refusal is an answer") };
        assert_eq!(error.code, Some(ErrorCode::parse("InvalidClientTokenId")));
    }

    #[test]
    fn signs_for_a_region_also_where_the_endpoint_is_global() {
        let global = Region::parse("aws-global").unwrap();
        let endpoint = endpoint(global, false, false);
        assert_eq!((endpoint.url(), endpoint.region().as_str()), ("https://sts.amazonaws.com/", "us-east-1"));
    }

    const ANSWER: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>
        <AssumedRoleUser><AssumedRoleId>x</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/r/n</Arn></AssumedRoleUser>
        <Credentials><SessionToken>hunter2&#43;</SessionToken><AccessKeyId>ASIA</AccessKeyId>
        <SecretAccessKey>hunter2</SecretAccessKey><Expiration>2026-11-22T02:02:03Z</Expiration></Credentials>
        </AssumeRoleResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></AssumeRoleResponse>";

    #[test]
    fn reads_credentials_in_any_order() {
        let credentials = read(&Response::new(200, ANSWER.into())).unwrap();
        assert_eq!(credentials.access_key_id, "ASIA");
        assert_eq!(credentials.secret_access_key.expose(), "hunter2");
        assert_eq!(credentials.session_token.unwrap().expose(), "hunter2+");
        assert_eq!(credentials.expires_at, IsoDate::parse("2026-11-22T02:02:03Z"));
        assert_eq!(credentials.account_id.as_deref(), Some("123456789012"));
    }

    #[test]
    fn says_what_is_missing_or_refused() {
        let missing = |member| DocumentError::Missing { member };
        for (from, to, expected) in [
            ("<AccessKeyId>ASIA</AccessKeyId>", "", missing("AccessKeyId")),
            ("<SecretAccessKey>hunter2<", "<SecretAccessKey><", missing("SecretAccessKey")),
            ("SessionToken", "Other", missing("SessionToken")),
            ("Expiration", "Other", missing("Expiration")),
            (
                "2026",
                "soon",
                DocumentError::Invalid { member: "Expiration", rule: "must be a time such as `2015-08-30T12:36:00Z`" },
            ),
            ("</AssumeRoleResponse>", "", DocumentError::Xml { offset: ANSWER.len() - 21 }),
        ] {
            assert_eq!(read(&Response::new(200, ANSWER.replace(from, to).into())), Err(expected), "{from}");
        }
        for (status, code, class) in [
            (403, "AccessDenied", RetryClass::None),
            (400, "IDPCommunicationError", RetryClass::Transient),
            (400, "Throttling", RetryClass::Throttling),
            (503, "ServiceUnavailable", RetryClass::Transient),
        ] {
            let document = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>not &amp; now</Message></Error><RequestId>id</RequestId></ErrorResponse>"
            );
            let error = read(&Response::new(status, document.into())).unwrap_err();
            assert_eq!(error.retry_class(None), class, "{code}");
            let DocumentError::Refused(refused) = error else { panic!("{error}") };
            assert_eq!(refused.to_string(), format!("{code} (status {status}, request id id): not & now"));
        }
        let quoting = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>no match\n\nThe Canonical String for \
                       this request should have been\n'POST\nx-amz-security-token:hunter2</Message></Error></ErrorResponse>";
        let DocumentError::Refused(error) = read(&Response::new(403, quoting.into())).unwrap_err() else { panic!() };
        assert_eq!(error.message, "no match", "the request is not quoted, for the session token is in it");
        let DocumentError::Refused(error) = read(&Response::new(502, "<html>hunter2".into())).unwrap_err() else {
            panic!()
        };
        assert_eq!(error, ServiceError::of_status(502));
    }
}
