//! The client that a command line and the environment describe.

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
