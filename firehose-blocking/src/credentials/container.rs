//! [`Container`]: the role of the task or pod that the program runs in.

use std::borrow::Cow;

use firehose_proto::credentials::{Credentials, container};
use firehose_proto::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use firehose_proto::sensitive::Sensitive;

use super::CredentialsError;
use super::ProvideCredentials;
use super::context::Context;
use super::exchange::{Patience, ask};
use crate::files;

/// The role of a task on Amazon ECS, of a pod on Amazon EKS, or of a component on AWS IoT Greengrass, from the
/// [container's agent](https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Container;

impl ProvideCredentials for Container {
    fn provide(&self, context: &Context) -> Result<Credentials, CredentialsError> {
        let (relative, full) = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let url = container::url(context.variable(relative).as_deref(), context.variable(full).as_deref())
            .map_err(|error| CredentialsError::failed("wrong setting").with_source(error))?;
        let Some(url) = url else {
            return Err(CredentialsError::absent(format!("neither {relative} nor {full} is set")));
        };
        let question = |_| {
            let (authorization, origin) = authorization(context)?.unzip();
            container::request(&url, authorization.as_ref().map(|value| value.reveal().as_str())).map_err(|error| {
                let origin = origin.unwrap_or_default();
                CredentialsError::failed(format!("the authorization in {origin} has a line break or the like"))
                    .with_source(error)
            })
        };
        ask(context, &Patience::AGENT, question, container::read)
            .map_err(|error| error.while_doing("cannot get the credentials of the container"))
    }

    fn name(&self) -> Cow<'static, str> {
        "container".into()
    }
}

/// What authorizes the request, and where it comes from. A file is read anew for each request.
fn authorization(context: &Context) -> Result<Option<(Sensitive<String>, String)>, CredentialsError> {
    let (file, text) = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    let set = |name: &str| context.variable(name).filter(|value| !value.trim().is_empty());
    let Some(path) = set(file) else {
        return Ok(set(text).map(|token| (Sensitive::new(token), text.to_owned())));
    };
    read_token(&path).map(|token| Some((token, path)))
}

/// Reads a file that holds a token.
pub(super) fn read_token(path: &str) -> Result<Sensitive<String>, CredentialsError> {
    let cannot = || CredentialsError::failed(format!("cannot read the token file {path}"));
    let content = files::read(path, MAX_CREDENTIAL_DOCUMENT_BYTES).map_err(|error| cannot().with_source(error))?;
    if content.reveal().len() > MAX_CREDENTIAL_DOCUMENT_BYTES {
        return Err(cannot().with_source(format!("it has more than {MAX_CREDENTIAL_DOCUMENT_BYTES} bytes")));
    }
    match std::str::from_utf8(content.reveal()) {
        Ok(token) => Ok(Sensitive::from(token)),
        Err(_) => Err(cannot().with_source("it is not text")),
    }
}
