//! The standard providers, as values of their own: each has the core search in one place.

use std::borrow::Cow;

use firehose_proto::credentials::{Credentials, Found, Provider};

use super::context::Context;
use super::{CredentialsError, ProvideCredentials};

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary credentials, `AWS_SESSION_TOKEN` and
/// `AWS_CREDENTIAL_EXPIRATION`.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvironmentVariables;

/// The role that `AWS_ROLE_ARN` names, with the token in the file that `AWS_WEB_IDENTITY_TOKEN_FILE` names: service
/// accounts on Amazon EKS, and jobs of build services with OpenID Connect.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebIdentity;

/// The role of a task on Amazon ECS, of a pod on Amazon EKS, or of a component on AWS IoT Greengrass, from the
/// [container's agent](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Container;

/// The role of the Amazon EC2 instance, from its
/// [metadata](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html), version 2 alone.
///
/// While the metadata fail, the last credentials stay in use, even beyond their expiry: AWS's services take them for
/// longer when its own machinery is down. `AWS_EC2_METADATA_DISABLED=true` turns this provider off.
#[derive(Debug, Clone, Copy, Default)]
pub struct InstanceMetadata;

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
