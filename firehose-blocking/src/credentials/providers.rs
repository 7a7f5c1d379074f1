//! The standard credential providers as separate types; each runs the core's search in one place.

use std::borrow::Cow;

use firehose_proto::credentials::{Credentials, Found, Provider};

use super::context::Context;
use super::{CredentialsError, ProvideCredentials};

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary credentials, `AWS_SESSION_TOKEN` and
/// `AWS_CREDENTIAL_EXPIRATION`.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvironmentVariables;

/// The role named by `AWS_ROLE_ARN`, with the token file named by `AWS_WEB_IDENTITY_TOKEN_FILE`. Used by service
/// accounts on Amazon EKS, and by build services with OpenID Connect.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebIdentity;

/// The role of an Amazon ECS task, an Amazon EKS pod or an AWS IoT Greengrass component, from the [container
/// agent](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Container;

/// The role of the Amazon EC2 instance, from its
/// [metadata](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html), version 2 only.
///
/// If the metadata service fails, the last credentials stay in use even after they expire: during an outage of that
/// service AWS's other services accept them longer. `AWS_EC2_METADATA_DISABLED=true` turns this provider off.
#[derive(Debug, Clone, Copy, Default)]
pub struct InstanceMetadata;

/// A profile of the [shared files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html): keys, a program,
/// a sign-in, a web identity, or a role assumed with any of these. The files are read again each time.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    name: Option<String>,
}

impl Profile {
    /// The client's profile: set by its builder, by `AWS_PROFILE`, by `AWS_DEFAULT_PROFILE`, or else `default`.
    #[must_use]
    pub const fn selected() -> Self {
        Self { name: None }
    }

    /// The profile with this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()) }
    }
}

macro_rules! standard {
    ($($type:ty, $provider:expr;)*) => {$(
        impl ProvideCredentials for $type {
            fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
                self.find(context).map(|found| found.credentials)
            }

            fn name(&self) -> Cow<'static, str> {
                $provider(self).name()
            }

            fn find(&self, context: &Context) -> Result<Found, CredentialsError> {
                context.find($provider(self), &[])
            }

            fn standard(&self) -> Option<Provider> {
                Some($provider(self))
            }
        }
    )*};
}

standard! {
    EnvironmentVariables, |_: &Self| Provider::Environment;
    WebIdentity, |_: &Self| Provider::WebIdentity;
    Container, |_: &Self| Provider::Container;
    InstanceMetadata, |_: &Self| Provider::InstanceMetadata;
    Profile, |profile: &Self| Provider::Profile(profile.name.clone());
}
