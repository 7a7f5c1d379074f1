//! [`ClientBuilder`]: the settings of a client. What is not set comes from the environment and the profile.

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
/// A setting that is not set here comes from the environment variables, then from the profile, then from the default;
/// [`Settings`] lists all three. Credentials come from [`Chain::standard`](credentials::Chain::standard).
#[derive(Default)]
#[must_use = "a builder does nothing until it builds"]
pub struct ClientBuilder {
    code: Overrides,
    has_region_of_metadata: bool,
    /// The region from the instance metadata, asked for once, however often the settings are resolved.
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

    /// Sets the AWS region, such as `eu-west-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.code.region = Some(region.into());
        self
    }

    /// Whether to ask the instance metadata for a region that nothing else sets, as the AWS CLI does. Off by default,
    /// as in most SDKs: outside Amazon EC2 nobody answers, which takes a second.
    pub fn region_from_metadata(mut self, yes: bool) -> Self {
        self.has_region_of_metadata = yes;
        self
    }

    /// Sets another endpoint than the region's, such as `http://127.0.0.1:4566` or a VPC endpoint. A path in it is
    /// kept.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.code.endpoint_url = Some(url.into());
        self
    }

    /// Whether to use the FIPS endpoint.
    pub fn use_fips_endpoint(mut self, yes: bool) -> Self {
        self.code.use_fips_endpoint = Some(yes);
        self
    }

    /// Whether to use the dual-stack endpoint, which has IPv4 and IPv6 addresses.
    pub fn use_dualstack_endpoint(mut self, yes: bool) -> Self {
        self.code.use_dualstack_endpoint = Some(yes);
        self
    }

    /// Sets the profile of the shared files for settings and credentials. Keys and web identity in the environment are
    /// then ignored.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.code.profile = Some(name.into());
        self
    }

    /// Sets the credentials that sign every request.
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.credentials_provider(credentials)
    }

    /// Sets where credentials come from, instead of [`Chain::standard`](credentials::Chain::standard).
    pub fn credentials_provider(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.provider = Some(Box::new(provider));
        self
    }

    /// Sets how to ask the user for an MFA code, for roles with `mfa_serial`. The function gets the serial number or
    /// ARN of the device.
    pub fn mfa(mut self, ask: impl Fn(&str) -> io::Result<String> + Send + Sync + 'static) -> Self {
        self.mfa = Some(Mfa(Arc::new(ask)));
        self
    }

    /// Limits how long one attempt may take to connect. The default is 3.1 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.code.connect_timeout = Some(timeout);
        self
    }

    /// Limits how long each part of an attempt may take after connecting. The default is 30 s; see
    /// [`Timeouts::read`](crate::Timeouts::read).
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.code.read_timeout = Some(timeout);
        self
    }

    /// Limits how long one whole attempt may take. No limit by default.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.code.attempt_timeout = Some(timeout);
        self
    }

    /// Limits how long a call may take, with all its attempts and the waits between them. No limit by default. After
    /// that time no attempt begins, and a running one is given up. The time to find credentials is extra.
    ///
    /// A [`Producer`](crate::Producer) ignores this limit: its policy says how long it retries records.
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.code.operation_timeout = Some(timeout);
        self
    }

    /// Sets the number of attempts for a call, including the first. The default is 3. For calls to credential services
    /// the environment or the profile decides.
    pub fn max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.code.max_attempts = Some(attempts);
        self
    }

    /// Sets how failed attempts are retried. [`RetryMode::Adaptive`] also limits the client's own rate while the
    /// service throttles it, for all its streams together.
    pub fn retry_mode(mut self, mode: RetryMode) -> Self {
        self.code.retry_mode = Some(mode);
        self
    }

    /// Whether to sign with the local clock even if the service's answers show that it is wrong.
    pub fn disable_clock_skew_correction(mut self, yes: bool) -> Self {
        self.code.disable_clock_skew_correction = Some(yes);
        self
    }

    /// Sets a PEM file of certificates to trust instead of Mozilla's.
    pub fn ca_bundle(mut self, path: impl Into<String>) -> Self {
        self.code.ca_bundle = Some(path.into());
        self
    }

    /// Sets a proxy for all requests, such as `http://user:password@proxy:3128`, instead of the environment's. Loopback
    /// addresses, instance metadata and containers' agents are reached without it.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.code.proxy = Some(url.into());
        self
    }

    /// Sets the program's name in the user agent.
    pub fn app_id(mut self, id: impl Into<String>) -> Self {
        self.code.app_id = Some(id.into());
        self
    }

    /// Whether to check inputs against the API's limits and rules before they are sent. On by default; turn it off if
    /// the service allows more than this version knows. The limits of the puts always apply.
    pub fn parameter_validation(mut self, validates: bool) -> Self {
        self.skips_validation = !validates;
        self
    }

    /// Sets another transport than [`Ureq`](crate::Ureq). It then handles certificates and proxies itself.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Sets another source of time and random numbers than [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Sets other environment variables than the process's, for tests and for programs that serve several users.
    pub fn environment(mut self, variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.environment = Environment::new(variable);
        self
    }

    /// Resolves the settings that a client would use, each with its source.
    ///
    /// # Errors
    ///
    /// [`BuildError`], which names what is wrong and where it is set.
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

    /// The context that credential providers work with.
    fn context(&self, settings: &Settings) -> Result<Context, BuildError> {
        let transport = match &self.transport {
            Some(transport) => Arc::clone(transport),
            None => default_transport(settings, MAX_CREDENTIAL_DOCUMENT_BYTES)?,
        };
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        Ok(Context::new(self.environment.clone(), clock, transport, settings, self.mfa.clone()))
    }

    /// Finds the credentials that a client would use now, and the name of their provider.
    ///
    /// # Errors
    ///
    /// [`BuildError`], also if there are no credentials or they have expired.
    pub fn find_credentials(&self) -> Result<Found, BuildError> {
        let context = self.context(&self.settings()?)?;
        let found = self
            .provider
            .as_ref()
            .map_or_else(|| credentials::Chain::standard().find(&context), |it| it.find(&context));
        found.and_then(|found| found.unless_expired(context.now())).map_err(BuildError::Credentials)
    }

    /// Makes the client. Sends nothing yet, except perhaps a request to the instance metadata for the region.
    ///
    /// # Errors
    ///
    /// [`BuildError`], which names the setting that is missing or wrong, and its source.
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

/// A missing or invalid setting, or missing credentials.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting is missing or wrong.
    Settings(SettingsError),
    /// The certificate file cannot be used.
    CaBundle {
        /// The file.
        path: String,
        /// The setting that names the file.
        source: SettingSource,
        /// What is wrong with the file.
        error: InvalidCaBundle,
    },
    /// There are no credentials.
    Credentials(CredentialsError),
    /// No transport was given, and the feature `ureq`, which provides one, is off.
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
            // This error's message already includes theirs.
            Self::Settings(error) => error.source(),
            Self::Credentials(error) => error.source(),
            Self::NoTransport => None,
        }
    }
}
