//! [`Chain`]: providers that are asked one after the other.

use std::borrow::Cow;
use std::fmt;

use firehose_proto::credentials::{Credentials, environment};

use super::CredentialsError;
use super::container::Container;
use super::context::Context;
use super::imds::InstanceMetadata;
use super::profile::Profile;
use super::web_identity::WebIdentity;
use super::{Found, ProvideCredentials};

/// Asks one provider after the other, until one has credentials or is configured and fails.
///
/// [`Chain::standard`] is what a client uses unless told otherwise. A chain of one's own:
///
/// ```
/// use firehose_blocking::Client;
/// use firehose_blocking::credentials::{Chain, Container, Profile};
///
/// let chain = Chain::new().then(Profile::selected()).then(Container);
/// let client = Client::builder().region("eu-west-1").credentials_provider(chain).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use = "a chain does nothing until it is asked"]
pub struct Chain {
    providers: Vec<Box<dyn ProvideCredentials>>,
}

impl Chain {
    /// A chain without providers.
    pub fn new() -> Self {
        Self::default()
    }

    /// [Where AWS's tools look](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html): the
    /// environment variables, the profile, a web identity, the container's agent, the instance metadata.
    ///
    /// Where the program names the profile itself, keys and web identity of the environment are passed over, as in the
    /// AWS CLI: they would be somebody else.
    pub fn standard() -> Self {
        Self::new()
            .then(EnvironmentVariables)
            .then(Profile::selected())
            .then(WebIdentity)
            .then(Container)
            .then(InstanceMetadata)
    }

    /// The same chain with another provider at its end.
    pub fn then(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.providers.push(Box::new(provider));
        self
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.providers.iter().map(|provider| provider.name())).finish()
    }
}

impl ProvideCredentials for Chain {
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
        self.find(context).map(|found| found.credentials)
    }

    fn name(&self) -> Cow<'static, str> {
        "chain".into()
    }

    fn find(&self, context: &Context) -> Result<Found, CredentialsError> {
        let mut tried = Vec::new();
        for provider in &self.providers {
            match provider.find(context) {
                Ok(found) => {
                    log::debug!("credentials {} from {}", found.credentials.access_key_id, found.provider);
                    return Ok(found);
                }
                Err(error) => {
                    let is_over = !error.is_absent();
                    tried.push((provider.name().into_owned(), error));
                    if is_over {
                        break;
                    }
                }
            }
        }
        Err(CredentialsError::of_chain(tried))
    }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary credentials, `AWS_SESSION_TOKEN` and
/// `AWS_CREDENTIAL_EXPIRATION`.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvironmentVariables;

impl ProvideCredentials for EnvironmentVariables {
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
        context.check_environment_counts()?;
        read_environment(context)
    }

    fn name(&self) -> Cow<'static, str> {
        "environment variables".into()
    }
}

/// Reads the variables, whatever else the program says.
pub(super) fn read_environment(context: &Context) -> Result<Credentials, CredentialsError> {
    match environment::read(|name| context.variable(name)) {
        Ok(Some(credentials)) => Ok(credentials),
        Ok(None) => Err(CredentialsError::absent("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")),
        Err(error) => Err(CredentialsError::failed("cannot use them").with_source(error)),
    }
}
