//! Credentials of roles, assumed through AWS STS.

use alloc::format;
use alloc::string::{String, ToString};

use time::OffsetDateTime;

use super::exchange::{Question, ask};
use super::profile::endpoint;
use super::step::{Cx, Step, Then};
use crate::credentials::plan::{Role, WebIdentity};
use crate::credentials::{Credentials, CredentialsError, DocumentError, sts};
use crate::endpoint::Endpoint;
use crate::http::{Request, Response};
use crate::sensitive::Sensitive;

/// Assumes a role with credentials.
pub(super) fn assume_role(
    cx: &mut Cx<'_>,
    credentials: Credentials,
    role: Role,
) -> Step<Result<Credentials, CredentialsError>> {
    sts_endpoint(cx).and_then(cx, move |cx, endpoint| {
        // A code works once, so it must not be asked for again with each attempt.
        mfa_code(&role).and_then(cx, move |cx, mfa_code| {
            let what = format!("cannot assume role {} of profile `{}`", role.arn, role.profile);
            let policy = cx.shared.service_policy();
            ask(cx, policy, AssumeRole { endpoint, credentials, role, mfa_code })
                .map(cx, |result| result.map_err(|error| error.while_doing(what)))
        })
    })
}

/// Assumes a role with the token of another identity provider.
pub(super) fn assume_role_with_web_identity(
    cx: &mut Cx<'_>,
    identity: WebIdentity,
) -> Step<Result<Credentials, CredentialsError>> {
    sts_endpoint(cx).and_then(cx, move |cx, endpoint| {
        let what = format!("cannot assume role {} with the token in {}", identity.role_arn, identity.token_file);
        let policy = cx.shared.service_policy();
        ask(cx, policy, AssumeRoleWithWebIdentity { endpoint, identity })
            .map(cx, |result| result.map_err(|error| error.while_doing(what)))
    })
}

struct AssumeRole {
    endpoint: Endpoint,
    credentials: Credentials,
    role: Role,
    mfa_code: Option<Sensitive<String>>,
}

impl Question for AssumeRole {
    type Answer = Credentials;

    fn request(&self, signed_at: OffsetDateTime, _: Option<&str>) -> Result<Request<'static>, CredentialsError> {
        let code = self.mfa_code.as_ref().map(|code| code.expose().trim());
        sts::assume_role(signed_at, &self.endpoint, &self.credentials, &self.role, code)
            .map_err(|error| CredentialsError::failed("cannot sign").with_source(error))
    }

    fn read(&self, _: OffsetDateTime, response: &Response) -> Result<Credentials, DocumentError> {
        sts::read(response)
    }
}

struct AssumeRoleWithWebIdentity {
    endpoint: Endpoint,
    identity: WebIdentity,
}

impl Question for AssumeRoleWithWebIdentity {
    type Answer = Credentials;

    fn token_file(&self) -> Option<&str> {
        Some(&self.identity.token_file)
    }

    fn request(&self, now: OffsetDateTime, token: Option<&str>) -> Result<Request<'static>, CredentialsError> {
        let token = token.unwrap_or_default();
        Ok(sts::assume_role_with_web_identity(now, &self.endpoint, &self.identity, token))
    }

    fn read(&self, _: OffsetDateTime, response: &Response) -> Result<Credentials, DocumentError> {
        sts::read(response)
    }
}

fn sts_endpoint(cx: &mut Cx<'_>) -> Step<Result<Endpoint, CredentialsError>> {
    let Some(region) = cx.shared.settings.region.as_ref().map(|region| region.value.clone()) else {
        let message = "AWS STS has an endpoint in each region, and no region is set";
        return Step::Done(Err(CredentialsError::failed(message)));
    };
    endpoint(cx, "sts", region, sts::endpoint)
}

/// Asks the user for the code of the role's device, if it has one.
fn mfa_code(role: &Role) -> Step<Result<Option<Sensitive<String>>, CredentialsError>> {
    let Some(serial) = &role.mfa_serial else { return Step::Done(Ok(None)) };
    let why = format!("role {} of profile `{}` needs the code of device {serial}", role.arn, role.profile);
    let answered = |_: &mut Cx<'_>, code: Result<Sensitive<String>, _>| {
        Step::Done(code.map(Some).map_err(|error| CredentialsError::failed(why).with_source(error)))
    };
    Step::MfaCode(serial.to_string(), Then::new(answered))
}
