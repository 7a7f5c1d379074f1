//! [`Provider`]: a source of credentials, or a chain of sources, as a value.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::{self, Vec};

use super::answer::Found;
use super::step::{Cx, Step, Then};
use super::{container, metadata, profile, sts};
use crate::credentials::{Credentials, CredentialsError, environment};

/// Where to look for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary credentials, `AWS_SESSION_TOKEN` and
    /// `AWS_CREDENTIAL_EXPIRATION`.
    Environment,
    /// A profile of the shared files. Without a name, the one that the settings select; for it, a web identity in the
    /// environment counts as well, see
    /// [`CredentialPlan::resolve_in`](crate::credentials::plan::CredentialPlan::resolve_in).
    Profile(Option<String>),
    /// The role that `AWS_ROLE_ARN` names, with the token in the file that `AWS_WEB_IDENTITY_TOKEN_FILE` names.
    WebIdentity,
    /// The agent of the container that the program runs in.
    Container,
    /// The metadata of the Amazon EC2 instance that the program runs on.
    InstanceMetadata,
    /// Each in turn, until one has credentials or fails although configured.
    Chain(Vec<Self>),
    /// A provider of the driver's own, asked by [`Need::Custom`](super::Need::Custom).
    Custom {
        /// The driver's id for it.
        id: usize,
        /// Its name in messages.
        name: Cow<'static, str>,
    },
}

impl Provider {
    /// [The order of AWS's tools](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html):
    /// environment variables, profile, web identity, the container's agent, instance metadata.
    ///
    /// If the program itself names the profile, keys and web identity in the environment are ignored, as in the AWS
    /// CLI: they may be another identity.
    #[must_use]
    pub fn standard() -> Self {
        let members =
            [Self::Environment, Self::Profile(None), Self::WebIdentity, Self::Container, Self::InstanceMetadata];
        Self::Chain(members.into())
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Environment => "environment variables".into(),
            Self::Profile(None) => "profile".into(),
            Self::Profile(Some(name)) => format!("profile `{name}`").into(),
            Self::WebIdentity => "web identity".into(),
            Self::Container => "container".into(),
            Self::InstanceMetadata => "instance metadata".into(),
            Self::Chain(_) => "chain".into(),
            Self::Custom { name, .. } => name.clone(),
        }
    }

    /// Searches there.
    pub(super) fn find(self, cx: &mut Cx<'_>) -> Step<Result<Found, CredentialsError>> {
        let name = self.name();
        let credentials = match self {
            Self::Environment => Step::Done(cx.check_environment_counts().and_then(|()| environment(cx))),
            Self::Profile(name) => return profile::find(cx, name),
            Self::WebIdentity => web_identity(cx),
            Self::Container => container::credentials(cx),
            Self::InstanceMetadata => metadata::credentials(cx),
            Self::Chain(members) => return chain(cx, members.into_iter(), Vec::new()),
            Self::Custom { id, .. } => return Step::Custom(id, Then::new(|_, found| Step::Done(found))),
        };
        credentials.map(cx, |result| result.map(|credentials| Found { credentials, provider: name }))
    }
}

fn chain(
    cx: &mut Cx<'_>,
    mut rest: vec::IntoIter<Provider>,
    mut tried: Vec<(String, CredentialsError)>,
) -> Step<Result<Found, CredentialsError>> {
    let Some(provider) = rest.next() else { return Step::Done(Err(CredentialsError::of_chain(tried))) };
    let name = provider.name().into_owned();
    provider.find(cx).then(cx, move |cx, result| {
        let error = match result {
            Ok(found) => return Step::Done(Ok(found)),
            Err(error) => error,
        };
        let is_over = !error.is_absent();
        tried.push((name, error));
        if is_over { Step::Done(Err(CredentialsError::of_chain(tried))) } else { chain(cx, rest, tried) }
    })
}

/// Reads the variables, even if the program names a profile.
pub(super) fn environment(cx: &Cx<'_>) -> Result<Credentials, CredentialsError> {
    match environment::read(|name| cx.shared.variable(name)) {
        Ok(Some(credentials)) => Ok(credentials),
        Ok(None) => Err(CredentialsError::absent("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")),
        Err(error) => Err(CredentialsError::failed("cannot use them").with_source(error)),
    }
}

fn web_identity(cx: &mut Cx<'_>) -> Step<Result<Credentials, CredentialsError>> {
    if let Err(error) = cx.check_environment_counts() {
        return Step::Done(Err(error));
    }
    match environment::read_web_identity(|name| cx.shared.variable(name)) {
        Ok(Some(identity)) => sts::assume_role_with_web_identity(cx, identity),
        Ok(None) => Step::Done(Err(CredentialsError::absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set"))),
        Err(error) => Step::Done(Err(CredentialsError::failed("invalid setting").with_source(error))),
    }
}
