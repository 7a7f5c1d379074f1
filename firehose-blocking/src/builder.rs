//! [`ClientBuilder`]: settings of a client; what is not set comes from the environment.

use std::fmt;
use std::num::NonZeroU32;

use firehose_proto::credentials::Credentials;
use firehose_proto::endpoint::{Endpoint, EndpointError};
use firehose_proto::region::{InvalidRegion, Region};
use firehose_proto::retry::DEFAULT_MAX_ATTEMPTS;

use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::environment;
use crate::transport::{Timeouts, Transport, Ureq};

const REGION: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
const ENDPOINT_URL: [&str; 2] = ["AWS_ENDPOINT_URL_FIREHOSE", "AWS_ENDPOINT_URL"];
const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Builds a [`Client`].
///
/// | setting | in code | else, the first that is set of |
/// |---|---|---|
/// | region | [`region`](Self::region) | `AWS_REGION`, `AWS_DEFAULT_REGION` |
/// | endpoint URL | [`endpoint_url`](Self::endpoint_url) | `AWS_ENDPOINT_URL_FIREHOSE`, `AWS_ENDPOINT_URL`, the region's own |
/// | credentials | [`credentials`](Self::credentials) | `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` and, if set, `AWS_SESSION_TOKEN` |
#[derive(Default)]
#[must_use = "a builder does nothing until it builds"]
pub struct ClientBuilder {
    region: Option<String>,
    endpoint_url: Option<String>,
    credentials: Option<Credentials>,
    timeouts: Timeouts,
    max_attempts: Option<NonZeroU32>,
    skips_validation: bool,
    transport: Option<Box<dyn Transport>>,
    clock: Option<Box<dyn Clock>>,
}

/// What a client needs of its settings for each call.
pub(crate) struct Settings {
    pub(crate) timeouts: Timeouts,
    pub(crate) max_attempts: NonZeroU32,
    pub(crate) validates: bool,
    pub(crate) user_agent: String,
}

impl ClientBuilder {
    /// A builder without settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The AWS region, such as `eu-west-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Another endpoint than the region's: `http://127.0.0.1:4566`, a VPC endpoint. A path in it is kept.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// The credentials that sign every request.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// How long one attempt may take to connect; 3.1 s unless set.
    pub fn connect_timeout(mut self, timeout: std::time::Duration) -> Self {
        self.timeouts.connect = timeout;
        self
    }

    /// How long each part of one attempt may take after that; 30 s unless set, see [`Timeouts::read`].
    pub fn read_timeout(mut self, timeout: std::time::Duration) -> Self {
        self.timeouts.read = timeout;
        self
    }

    /// Attempts for a call, the first included; 3 unless set.
    pub fn max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Whether inputs are held to the API's limits and rules before they are sent, which they are unless this is set to
    /// `false`: for the day on which the service allows more. The limits of the puts hold in any case.
    pub fn parameter_validation(mut self, validates: bool) -> Self {
        self.skips_validation = !validates;
        self
    }

    /// Another way to carry requests than [`Ureq`].
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Box::new(transport));
        self
    }

    /// Another source of time and chance than [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`], naming the setting that is missing or wrong and where it came from.
    pub fn build(self) -> Result<Client, BuildError> {
        let name = self.region.or_else(|| environment::first_set(&REGION)).ok_or(BuildError::MissingRegion)?;
        let region = Region::parse(&name).map_err(|error| BuildError::Region { name, error })?;
        let url = self.endpoint_url.or_else(|| environment::first_set(&ENDPOINT_URL));
        let endpoint = match url {
            Some(url) => Endpoint::custom(&url, region).map_err(BuildError::Endpoint)?,
            None => Endpoint::resolve(region, false, false),
        };
        let credentials = self.credentials.map_or_else(credentials_from_environment, Ok)?;
        let settings = Settings {
            timeouts: self.timeouts,
            max_attempts: self.max_attempts.unwrap_or(DEFAULT_MAX_ATTEMPTS),
            validates: !self.skips_validation,
            user_agent: user_agent(),
        };
        let transport = self.transport.unwrap_or_else(|| Box::new(Ureq::new()));
        let clock = self.clock.unwrap_or_else(|| Box::new(SystemClock));
        Ok(Client::new(endpoint, credentials, transport, clock, settings))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("region", &self.region)
            .field("credentials", &self.credentials)
            .field("timeouts", &self.timeouts)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}

fn credentials_from_environment() -> Result<Credentials, BuildError> {
    let key = environment::first_set(&[ACCESS_KEY_ID]);
    let secret = environment::first_set(&[SECRET_ACCESS_KEY]);
    let credentials = match (key, secret) {
        (Some(key), Some(secret)) => Credentials::new(key, secret),
        (Some(_), None) => return Err(BuildError::PartialCredentials { missing: SECRET_ACCESS_KEY }),
        (None, Some(_)) => return Err(BuildError::PartialCredentials { missing: ACCESS_KEY_ID }),
        (None, None) => return Err(BuildError::MissingCredentials),
    };
    Ok(match environment::first_set(&[SESSION_TOKEN]) {
        Some(token) => credentials.with_session_token(token),
        None => credentials,
    })
}

/// What we call ourselves, in the form that AWS's own clients use.
fn user_agent() -> String {
    let os = match std::env::consts::OS {
        known @ ("windows" | "linux" | "macos" | "android" | "ios") => known,
        _ => "other",
    };
    format!(
        "firehose-rs/{} ua/2.1 api/firehose/2015-08-04 os/{os} lang/rust/{}",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_RUST_VERSION"),
    )
}

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// No region, neither in code nor in the environment.
    MissingRegion,
    /// The region cannot be one.
    Region {
        /// What was given.
        name: String,
        /// The rule it breaks.
        error: InvalidRegion,
    },
    /// The endpoint URL cannot be used.
    Endpoint(EndpointError),
    /// No credentials, neither in code nor in the environment.
    MissingCredentials,
    /// Half of an access key.
    PartialCredentials {
        /// The variable that is not set although its other half is.
        missing: &'static str,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingRegion => write!(f, "no region: set one in code, or {}, or {}", REGION[0], REGION[1]),
            Self::Region { name, .. } => write!(f, "{name:?} is not a region"),
            Self::Endpoint(_) => f.write_str("the endpoint URL cannot be used"),
            Self::MissingCredentials => {
                write!(f, "no credentials: set them in code, or {ACCESS_KEY_ID} and {SECRET_ACCESS_KEY}")
            }
            Self::PartialCredentials { missing } => write!(f, "incomplete credentials: {missing} is not set"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Region { error, .. } => Some(error),
            Self::Endpoint(error) => Some(error),
            _ => None,
        }
    }
}
