//! [`ClientBuilder`]: settings of a client; what is not set comes from the environment and the profile.

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use firehose_proto::Region;
use firehose_proto::credentials::Credentials;
use firehose_proto::limits::{MAX_CREDENTIAL_DOCUMENT_BYTES, MAX_RESPONSE_BYTES};
use firehose_proto::settings::{Overrides, RetryMode, SettingSource, Settings, SettingsError};

use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::credentials::{self, Cache, Context, CredentialsError, Found, Mfa, ProvideCredentials};
use crate::environment::Environment;
use crate::files;
use crate::transport::{InvalidCaBundle, Transport, default_transport};

/// Builds a [`Client`].
///
/// What is not set here comes from the environment variables, then from the profile, and else is the default, as
/// [`Settings`] lists it. Credentials come from [`Chain::standard`](credentials::Chain::standard).
#[derive(Default)]
#[must_use = "a builder does nothing until it builds"]
pub struct ClientBuilder {
    code: Overrides,
    has_region_of_metadata: bool,
    /// What the instance metadata said: they are asked once, however often the settings are looked up.
    metadata_region: OnceLock<Result<Region, CredentialsError>>,
    skips_validation: bool,
    provider: Option<Box<dyn ProvideCredentials>>,
    mfa: Option<Mfa>,
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Arc<dyn Clock>>,
    environment: Environment,
}

impl Client {
    /// Begins a client with the settings of the environment.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }
}

impl ClientBuilder {
    /// A builder without settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The AWS region, such as `eu-west-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.code.region = Some(region.into());
        self
    }

    /// Whether a region that is set nowhere is asked of the instance metadata, as the AWS CLI does. Off unless it is set, as
    /// in most SDKs: away from Amazon EC2 nobody answers, and that takes a second.
    pub fn region_from_metadata(mut self, yes: bool) -> Self {
        self.has_region_of_metadata = yes;
        self
    }

    /// Another endpoint than the region's: `http://127.0.0.1:4566`, a VPC endpoint. A path in it is kept.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.code.endpoint_url = Some(url.into());
        self
    }

    /// Whether to use the FIPS endpoint.
    pub fn use_fips_endpoint(mut self, yes: bool) -> Self {
        self.code.use_fips_endpoint = Some(yes);
        self
    }

    /// Whether to use the endpoint that has both IPv4 and IPv6 addresses.
    pub fn use_dualstack_endpoint(mut self, yes: bool) -> Self {
        self.code.use_dualstack_endpoint = Some(yes);
        self
    }

    /// The profile of the shared files that settings and credentials come from. Keys and web identity of the environment
    /// are then passed over.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.code.profile = Some(name.into());
        self
    }

    /// The credentials that sign every request.
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.credentials_provider(credentials)
    }

    /// Where credentials come from, in place of [`Chain::standard`](credentials::Chain::standard).
    pub fn credentials_provider(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.provider = Some(Box::new(provider));
        self
    }

    /// Asks the user for the code that a device shows, whose serial number or ARN is given: for roles with
    /// `mfa_serial`.
    pub fn mfa(mut self, ask: impl Fn(&str) -> io::Result<String> + Send + Sync + 'static) -> Self {
        self.mfa = Some(Mfa(Arc::new(ask)));
        self
    }

    /// How long one attempt may take to connect; 3.1 s unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.code.connect_timeout = Some(timeout);
        self
    }

    /// How long each part of one attempt may take after that; 30 s unless set, see
    /// [`Timeouts::read`](crate::Timeouts::read).
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.code.read_timeout = Some(timeout);
        self
    }

    /// How long one attempt may take as a whole; without limit unless set.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.code.attempt_timeout = Some(timeout);
        self
    }

    /// How long a call may take with all its attempts and the waits between them; without limit unless set. No attempt
    /// begins after that, and one under way is given up. What it takes to find credentials comes on top.
    ///
    /// A [`Producer`](crate::Producer) does not go by it: it tries its records again for as long as it is told to.
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.code.operation_timeout = Some(timeout);
        self
    }

    /// Attempts for a call, the first included; 3 unless set. Those who give out credentials are asked as often as the
    /// environment or the profile says.
    pub fn max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.code.max_attempts = Some(attempts);
        self
    }

    /// How failed attempts are made again. [`RetryMode::Adaptive`] also limits the client's own rate while it is
    /// throttled: all its streams are then slowed down together.
    pub fn retry_mode(mut self, mode: RetryMode) -> Self {
        self.code.retry_mode = Some(mode);
        self
    }

    /// Whether to sign by the local clock even when the service's answers show that it is off.
    pub fn disable_clock_skew_correction(mut self, yes: bool) -> Self {
        self.code.disable_clock_skew_correction = Some(yes);
        self
    }

    /// A file of certificates in PEM form to trust in place of Mozilla's.
    pub fn ca_bundle(mut self, path: impl Into<String>) -> Self {
        self.code.ca_bundle = Some(path.into());
        self
    }

    /// A proxy for all requests in place of those of the environment, such as `http://user:password@proxy:3128`. The
    /// machine itself, instance metadata and containers' agents are reached without.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.code.proxy = Some(url.into());
        self
    }

    /// What the program calls itself in the user agent.
    pub fn app_id(mut self, id: impl Into<String>) -> Self {
        self.code.app_id = Some(id.into());
        self
    }

    /// Whether inputs are held to the API's limits and rules before they are sent, which they are unless this is set to
    /// `false`: for the day on which the service allows more. The limits of the puts hold in any case.
    pub fn parameter_validation(mut self, validates: bool) -> Self {
        self.skips_validation = !validates;
        self
    }

    /// Another way to carry requests than [`Ureq`](crate::Ureq); certificates and proxies are then its own concern.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Another source of time and chance than [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Other environment variables than the process's: for tests, and for programs that serve several users.
    pub fn environment(mut self, variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.environment = Environment::new(variable);
        self
    }

    /// What a client would go by, and where each of it was found.
    ///
    /// # Errors
    ///
    /// [`BuildError`], naming what is wrong and where it stands.
    pub fn settings(&self) -> Result<Settings, BuildError> {
        let variable = |name: &str| self.environment.variable(name);
        let mut settings = Settings::find(&self.code, &variable, cfg!(windows), files::content)?;
        if settings.region.is_none() && self.has_region_of_metadata {
            let context = self.context(&settings)?;
            let answer = self.metadata_region.get_or_init(|| context.metadata_region());
            settings.take_metadata_region(answer.clone());
        }
        Ok(settings)
    }

    /// What providers of credentials have to work with.
    fn context(&self, settings: &Settings) -> Result<Context, BuildError> {
        let transport = match &self.transport {
            Some(transport) => Arc::clone(transport),
            None => default_transport(settings, MAX_CREDENTIAL_DOCUMENT_BYTES)?,
        };
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        Ok(Context::new(self.environment.clone(), clock, transport, settings, self.mfa.clone()))
    }

    /// The credentials that a client would use now, and which provider has them.
    ///
    /// # Errors
    ///
    /// [`BuildError`], also when there are none, or only some that have expired.
    pub fn find_credentials(&self) -> Result<Found, BuildError> {
        let context = self.context(&self.settings()?)?;
        let found = self
            .provider
            .as_ref()
            .map_or_else(|| credentials::Chain::standard().find(&context), |it| it.find(&context));
        found.and_then(|found| found.unless_expired(context.now())).map_err(BuildError::Credentials)
    }

    /// Makes the client. Nothing is sent yet, but that the instance metadata are asked for a region that is set nowhere.
    ///
    /// # Errors
    ///
    /// [`BuildError`], naming the setting that is missing or wrong and where it came from.
    pub fn build(self) -> Result<Client, BuildError> {
        let settings = self.settings()?;
        for warning in &settings.warnings {
            log::warn!("{warning}");
        }
        let mut config = settings.config(&|name| self.environment.variable(name))?;
        config.parameter_validation = !self.skips_validation;
        let context = self.context(&settings)?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => {
                settings.proxy(&config.endpoint)?;
                default_transport(&settings, MAX_RESPONSE_BYTES)?
            }
        };
        let provider = self.provider.unwrap_or_else(|| Box::new(credentials::Chain::standard()));
        Ok(Client::new(config, transport, Cache::new(provider), context))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = self.provider.as_ref().map(|provider| provider.name());
        let (region, profile) = (&self.code.region, &self.code.profile);
        let mut f = f.debug_struct("ClientBuilder");
        f.field("region", region).field("profile", profile).field("credentials", &provider).finish_non_exhaustive()
    }
}

/// A setting that is missing or wrong, or no credentials.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting is missing or wrong.
    Settings(SettingsError),
    /// The file of certificates cannot be used.
    CaBundle {
        /// The file.
        path: String,
        /// Where its name comes from.
        source: SettingSource,
        /// What is wrong with it.
        error: InvalidCaBundle,
    },
    /// There are no credentials.
    Credentials(CredentialsError),
    /// No transport was given, and the feature `ureq`, which has one, is off.
    NoTransport,
}

impl From<SettingsError> for BuildError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(error) => error.fmt(f),
            Self::CaBundle { path, source, .. } => {
                write!(f, "the certificates in {path} cannot be used (from {source})")
            }
            Self::Credentials(error) => error.fmt(f),
            Self::NoTransport => f.write_str(
                "there is no transport: give the client one with `transport`, or turn on the feature `ureq` of firehose-blocking",
            ),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::CaBundle { error, .. } => Some(error),
            // Their words are this error's own.
            Self::Settings(error) => error.source(),
            Self::Credentials(error) => error.source(),
            Self::NoTransport => None,
        }
    }
}
