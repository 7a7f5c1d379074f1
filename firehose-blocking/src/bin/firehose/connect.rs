//! The client that a command line and the environment describe.

use std::env;

use firehose_blocking::{BuildError, Client, ClientBuilder};

use crate::console::{self, Exit, Failure};

/// Makes a client, and says in the command line's own terms what it lacks.
pub(crate) fn connect(
    mut builder: ClientBuilder,
    region: Option<&str>,
    endpoint_url: Option<&str>,
) -> Result<Client, Failure> {
    if let Some(region) = region {
        builder = builder.region(region);
    }
    if let Some(url) = endpoint_url {
        builder = builder.endpoint_url(url);
    }
    builder.build().map_err(|error| {
        let message = match error {
            BuildError::MissingRegion => "no region: give --region, or set AWS_REGION".into(),
            BuildError::MissingCredentials => {
                "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; put --local DIR needs none".into()
            }
            other => console::chain(&other),
        };
        Failure::new(Exit::Configuration, message)
    })
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
