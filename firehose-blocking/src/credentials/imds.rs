//! [`InstanceMetadata`]: the role of the Amazon EC2 instance that the program runs on.

use std::borrow::Cow;
use std::time::Duration;

use firehose_proto::credentials::{Credentials, DocumentError, expiry, imds};
use firehose_proto::http::{InvalidHeader, Request, Response};
use firehose_proto::region::Region;
use firehose_proto::sensitive::Sensitive;
use firehose_proto::time::Tick;

use super::CredentialsError;
use super::context::Context;
use super::exchange::{AskError, Patience, ask};
use super::{ProvideCredentials, lock};
use crate::error::Chain;

/// How long before its end a token is no longer used.
const TOKEN_MARGIN: Duration = Duration::from_secs(120);

/// The role of the Amazon EC2 instance, from its
/// [metadata](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html), version 2 alone.
///
/// While the metadata fail, the last credentials stay in use, even beyond their expiry: AWS's services take them for
/// longer when its own machinery is down. `AWS_EC2_METADATA_DISABLED=true` turns this provider off.
#[derive(Debug, Clone, Copy, Default)]
pub struct InstanceMetadata;

impl ProvideCredentials for InstanceMetadata {
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
        let metadata = Metadata::configured(context)?;
        let (now, random) = (context.clock.now(), context.clock.random());
        let credentials = match metadata.credentials() {
            Ok(credentials) => credentials,
            Err(error) => {
                let Some(last) = lock(&context.metadata).last.clone() else { return Err(error) };
                log::warn!("going on with the credentials that the instance metadata gave last: {}", Chain(&error));
                last
            }
        };
        let credentials = expiry::extend(now, credentials, random);
        lock(&context.metadata).last = Some(credentials.clone());
        Ok(credentials)
    }

    fn name(&self) -> Cow<'static, str> {
        "instance metadata".into()
    }
}

/// The region that the instance is in.
pub(crate) fn region(context: &Context) -> Result<Region, CredentialsError> {
    let metadata = Metadata::configured(context)?;
    let answer = metadata.ask(imds::region_request, imds::read_region);
    answer.map_err(|error| error.while_doing("cannot ask for the region"))
}

/// What is known of the metadata from one question to the next.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    token: Option<(Sensitive<String>, Tick)>,
    last: Option<Credentials>,
}

struct Metadata<'a> {
    context: &'a Context,
    endpoint: &'a str,
    patience: Patience,
}

impl<'a> Metadata<'a> {
    fn configured(context: &'a Context) -> Result<Self, CredentialsError> {
        match &context.metadata_endpoint {
            Ok(endpoint) => Ok(Self { context, endpoint, patience: context.metadata_patience }),
            Err(source) => Err(CredentialsError::absent(format!("turned off by {source}"))),
        }
    }

    fn credentials(&self) -> Result<Credentials, CredentialsError> {
        match self.credentials_of_role(&self.role()?) {
            // The instance has been given another role in between.
            Err(error) if error.status() == Some(404) => self.credentials_of_role(&self.role()?),
            result => result,
        }
        .map_err(|error| error.while_doing("cannot get the credentials of the instance's role"))
    }

    fn role(&self) -> Result<String, CredentialsError> {
        match self.ask(imds::role_request, imds::read_role) {
            Ok(Some(role)) => Ok(role),
            Ok(None) => Err(CredentialsError::absent("the instance has no role")),
            Err(error) if error.is_out_of_reach() => {
                let message = format!("{} cannot be reached", self.endpoint);
                Err(error.while_doing(message).into_absent())
            }
            Err(error) => Err(error.while_doing("cannot ask for the instance's role")),
        }
    }

    fn credentials_of_role(&self, role: &str) -> Result<Credentials, AskError> {
        self.ask(|endpoint, token| imds::credentials_request(endpoint, token, role), imds::read_credentials)
    }

    /// Asks with a token; with a new one if the metadata no longer know it.
    fn ask<T>(
        &self,
        request: impl Fn(&str, &str) -> Result<Request<'static>, InvalidHeader>,
        read: impl Fn(&Response) -> Result<T, DocumentError>,
    ) -> Result<T, AskError> {
        let ask_once = || {
            let token = self.token()?;
            let question = |_| {
                request(self.endpoint, token.reveal())
                    .map_err(|error| CredentialsError::failed("unusable token").with_source(error))
            };
            ask(self.context, &self.patience, question, &read)
        };
        match ask_once() {
            Err(error) if error.status() == Some(401) => {
                lock(&self.context.metadata).token = None;
                ask_once()
            }
            result => result,
        }
    }

    fn token(&self) -> Result<Sensitive<String>, AskError> {
        let now = self.context.clock.tick();
        if let Some((token, until)) = &lock(&self.context.metadata).token
            && now < *until
        {
            return Ok(token.clone());
        }
        let question = |_| Ok(imds::token_request(self.endpoint));
        let (token, valid_for) = match ask(self.context, &self.patience, question, imds::read_token) {
            // The answer to this request alone does not pass a router more than the instance's metadata options allow.
            Err(error) if error.is_time_out() => {
                let message = format!(
                    "{} gives no token; in a container the instance's HttpPutResponseHopLimit must be 2 at least",
                    self.endpoint
                );
                return Err(error.while_doing(message).into());
            }
            result => result?,
        };
        let until = now + valid_for.saturating_sub(TOKEN_MARGIN);
        lock(&self.context.metadata).token = Some((token.clone(), until));
        Ok(token)
    }
}
