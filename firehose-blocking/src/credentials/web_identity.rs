//! [`WebIdentity`]: a role for whom another identity provider vouches.

use std::borrow::Cow;

use firehose_proto::credentials::{Credentials, environment};

use super::CredentialsError;
use super::context::Context;
use super::{ProvideCredentials, sts};

/// The role that `AWS_ROLE_ARN` names, with the token in the file that `AWS_WEB_IDENTITY_TOKEN_FILE` names: service
/// accounts on Amazon EKS, and jobs of build services with OpenID Connect.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebIdentity;

impl ProvideCredentials for WebIdentity {
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
        context.check_environment_counts()?;
        match environment::read_web_identity(|name| context.variable(name)) {
            Ok(Some(identity)) => sts::assume_role_with_web_identity(context, &identity),
            Ok(None) => Err(CredentialsError::absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set")),
            Err(error) => Err(CredentialsError::failed("wrong setting").with_source(error)),
        }
    }

    fn name(&self) -> Cow<'static, str> {
        "web identity".into()
    }
}
