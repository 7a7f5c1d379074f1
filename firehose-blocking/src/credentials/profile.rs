//! [`Profile`]: what a profile of the shared files asks for.

use std::borrow::Cow;

use firehose_proto::credentials::Credentials;
use firehose_proto::credentials::plan::{Plan, Source};

use super::CredentialsError;
use super::chain::read_environment;
use super::container::Container;
use super::context::Context;
use super::imds::InstanceMetadata;
use super::{Found, ProvideCredentials, login, process, sso, sts};

/// A profile of the [shared files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html): keys, a program,
/// a sign-in, a web identity, and roles assumed with any of them. The files are read anew each time.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    name: Option<String>,
}

impl Profile {
    /// The client's profile: the one that its builder, `AWS_PROFILE` or else `AWS_DEFAULT_PROFILE` names, or `default`.
    #[must_use]
    pub const fn selected() -> Self {
        Self { name: None }
    }

    /// The profile of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()) }
    }
}

impl ProvideCredentials for Profile {
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
        self.find(context).map(|found| found.credentials)
    }

    fn name(&self) -> Cow<'static, str> {
        self.name.as_ref().map_or("profile".into(), |name| format!("profile `{name}`").into())
    }

    fn find(&self, context: &Context) -> Result<Found, CredentialsError> {
        let name = self.name.as_ref().unwrap_or(&context.profile.value);
        let profiles = context.profiles()?;
        let plan = Plan::resolve(&profiles, name)
            .map_err(|error| context.plan_error(&error, &profiles, self.name.is_some()))?;
        let (mut credentials, mut origin) = first(context, &plan.source).map_err(CredentialsError::settled)?;
        for role in &plan.roles {
            credentials = sts::assume_role(context, &credentials, role)?;
            origin = "role";
        }
        Ok(Found { credentials, provider: format!("profile `{name}` ({origin})").into() })
    }
}

/// The credentials that a profile begins with, and what to call their origin.
fn first(context: &Context, source: &Source) -> Result<(Credentials, &'static str), CredentialsError> {
    Ok(match source {
        Source::Static(credentials) => (credentials.clone(), "keys"),
        Source::Environment => (read_environment(context)?, "environment variables"),
        Source::InstanceMetadata => (InstanceMetadata.provide(context)?, "instance metadata"),
        Source::Container => (Container.provide(context)?, "container"),
        Source::WebIdentity(identity) => (sts::assume_role_with_web_identity(context, identity)?, "web identity"),
        Source::Sso(sso) => (sso::credentials(context, sso)?, "single sign-on"),
        Source::Process(process) => (process::credentials(context, process)?, "credential process"),
        Source::Login { session } => (login::credentials(context, session)?, "login"),
        _ => unreachable!("the core has no other source"),
    })
}
