//! The client that a command line and the environment describe.

use std::env;

use firehose_blocking::firehose_proto::settings::{Setting, Source};
use firehose_blocking::{BuildError, Client, ClientBuilder};

use crate::console::{self, Exit, Failure};

/// Makes a client, and says in the command line's own terms what it lacks.
pub(crate) fn connect(builder: ClientBuilder) -> Result<Client, Failure> {
    let client = builder.build().map_err(|error| failure(&error))?;
    // Before any input is read: without credentials none of it could go anywhere.
    client.credentials().map_err(|error| Failure::new(Exit::Configuration, console::chain(&error)))?;
    Ok(client)
}

/// A builder with what the command line says.
pub(crate) fn described(
    mut builder: ClientBuilder,
    profile: Option<&str>,
    region: Option<&str>,
    endpoint_url: Option<&str>,
) -> ClientBuilder {
    if let Some(profile) = profile {
        builder = builder.profile(profile);
    }
    if let Some(region) = region {
        builder = builder.region(region);
    }
    if let Some(url) = endpoint_url {
        builder = builder.endpoint_url(url);
    }
    builder.mfa(console::ask_for_code)
}

/// What the configuration lacks, in the command line's own terms.
pub(crate) fn failure(error: &BuildError) -> Failure {
    let message = match error {
        BuildError::MissingRegion { metadata } => {
            let metadata = metadata.as_ref().map(|error| console::chain(error));
            let why = metadata.map(|why| format!("; the instance metadata do not tell it: {why}"));
            let how = "no region: give --region, or set AWS_REGION or one in the profile";
            format!("{how}{}", why.unwrap_or_default())
        }
        // Of what is in code here, only these come from the command line.
        BuildError::Setting { error, .. } if error.source == Source::Code => format!("--region {}", error.rule),
        BuildError::NoSuchProfile { profile: Setting { value, source: Source::Code }, warnings } => {
            let why: String = warnings.iter().map(|warning| format!("; {warning}")).collect();
            format!("--profile: `{value}` is in neither the config file nor the credentials file{why}")
        }
        BuildError::Endpoint { source: Source::Code, conflicts_with: None, error } => {
            format!("--endpoint-url: {error}")
        }
        BuildError::Endpoint { source: Source::Code, conflicts_with: Some(other), error } => {
            format!("--endpoint-url goes against the wish of {other}: {error}")
        }
        other => console::chain(other),
    };
    Failure::new(Exit::Configuration, message)
}

/// Makes sure that the environment's credentials, if there are any, are such that a header can carry them.
pub(crate) fn check_credentials() -> Result<(), Failure> {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        // A blank value counts as none.
        let value = env::var_os(name).filter(|value| !value.to_str().is_some_and(|text| text.trim().is_empty()));
        if value.is_some_and(|value| !value.as_encoded_bytes().iter().all(u8::is_ascii_graphic)) {
            let message = format!("{name} has a blank, a line break or another character that no credentials have");
            return Err(Failure::new(Exit::Configuration, message));
        }
    }
    Ok(())
}
