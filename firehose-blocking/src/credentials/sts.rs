//! Roles, assumed through the security token service.

use firehose_proto::credentials::plan::{Role, WebIdentity};
use firehose_proto::credentials::{Credentials, sts};
use firehose_proto::endpoint::Endpoint;

use super::CredentialsError;
use super::container::read_token;
use super::context::Context;
use super::exchange::ask;

/// Assumes a role with credentials.
pub(super) fn assume_role(
    context: &Context,
    credentials: &Credentials,
    role: &Role,
) -> Result<Credentials, CredentialsError> {
    let endpoint = endpoint(context)?;
    // A code is good once: it must not be asked for again with each attempt.
    let code = role.mfa_serial.as_deref().map(|serial| mfa_code(context, role, serial)).transpose()?;
    let question = |now| {
        sts::assume_role(now, &endpoint, credentials, role, code.as_deref())
            .map_err(|error| CredentialsError::failed("cannot sign").with_source(error))
    };
    ask(context, &context.patience, question, sts::read)
        .map_err(|error| error.while_doing(format!("cannot assume role {} of profile `{}`", role.arn, role.profile)))
}

/// Assumes a role with the token of another identity provider.
pub(super) fn assume_role_with_web_identity(
    context: &Context,
    identity: &WebIdentity,
) -> Result<Credentials, CredentialsError> {
    let endpoint = endpoint(context)?;
    let question = |now| {
        let token = read_token(&identity.token_file)?;
        Ok(sts::assume_role_with_web_identity(now, &endpoint, identity, token.reveal()))
    };
    ask(context, &context.patience, question, sts::read).map_err(|error| {
        error.while_doing(format!("cannot assume role {} with the token in {}", identity.role_arn, identity.token_file))
    })
}

fn endpoint(context: &Context) -> Result<Endpoint, CredentialsError> {
    let region = context.region.as_ref().ok_or_else(|| {
        let message = "the security token service has an endpoint in each region, and no region is set";
        CredentialsError::failed(message)
    })?;
    context.endpoint("sts", region, sts::endpoint)
}

fn mfa_code(context: &Context, role: &Role, serial: &str) -> Result<String, CredentialsError> {
    let why = format!("role {} of profile `{}` needs the code of device {serial}", role.arn, role.profile);
    let Some(mfa) = &context.mfa else {
        return Err(CredentialsError::failed(format!("{why}, and the program does not ask for it")));
    };
    match (mfa.0)(serial) {
        Ok(code) => Ok(code.trim().to_owned()),
        Err(error) => Err(CredentialsError::failed(why).with_source(error)),
    }
}
