//! [`Chain`]: asks several credential providers in order.

use std::borrow::Cow;
use std::fmt;

use firehose_proto::credentials::{Credentials, Found, Provider};

use super::context::Context;
use super::providers::{Container, EnvironmentVariables, InstanceMetadata, Profile, WebIdentity};
use super::{CredentialsError, ProvideCredentials};

/// Asks providers in order, until one has credentials or is configured but fails.
///
/// A client uses [`Chain::standard`] by default. To build another chain:
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

    /// The chain of [AWS's tools](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html):
    /// environment variables, profile, web identity, container agent, instance metadata.
    ///
    /// If the program names the profile itself, keys and web identity in the environment are ignored, as in the AWS
    /// CLI: they may belong to another identity.
    pub fn standard() -> Self {
        Self::new()
            .then(EnvironmentVariables)
            .then(Profile::selected())
            .then(WebIdentity)
            .then(Container)
            .then(InstanceMetadata)
    }

    /// Adds a provider at the end of the chain.
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
        let members = self.providers.iter().enumerate().map(|(id, provider)| {
            provider.standard().unwrap_or_else(|| Provider::Custom { id, name: provider.name() })
        });
        let members = members.collect();
        context.find(Provider::Chain(members), &self.providers)
    }

    fn standard(&self) -> Option<Provider> {
        self.providers.iter().map(|provider| provider.standard()).collect::<Option<_>>().map(Provider::Chain)
    }
}
