//! [`Settings`]: a client's settings, and where each was found.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use super::error::SettingsError;
use super::location::Locations;
use super::proxy::{Proxies, Proxy};
use super::resolver::SettingsResolver;
use super::{RetryMode, Setting, SettingError, SettingSource, shared_files};
use crate::call::Config;
use crate::credentials::CredentialsError;
use crate::credentials::plan;
use crate::credentials::profile::ProfileFile;
use crate::credentials::search::FileError;
use crate::endpoint::{Endpoint, EndpointError};
use crate::region::Region;
use crate::settings;
use crate::transport::{DEFAULT_READ_TIMEOUT, Timeouts};
use crate::user_agent::UserAgent;

/// The settings that a program sets itself. Do not print them: the proxy's URL may contain a password.
#[derive(Default)]
#[non_exhaustive]
pub struct Overrides {
    /// The profile of the shared files.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// An endpoint other than the region's.
    pub endpoint_url: Option<String>,
    /// Whether to use the FIPS endpoint.
    pub use_fips_endpoint: Option<bool>,
    /// Whether to use the dual-stack endpoint (IPv4 and IPv6).
    pub use_dualstack_endpoint: Option<bool>,
    /// How failed attempts are retried.
    pub retry_mode: Option<RetryMode>,
    /// Attempts for each call, including the first.
    pub max_attempts: Option<NonZeroU32>,
    /// Whether to sign by the local clock even when it is wrong.
    pub disable_clock_skew_correction: Option<bool>,
    /// Timeout for connecting, for each attempt.
    pub connect_timeout: Option<Duration>,
    /// Timeout for each later part of an attempt.
    pub read_timeout: Option<Duration>,
    /// Timeout for a whole attempt.
    pub attempt_timeout: Option<Duration>,
    /// Timeout for a whole call.
    pub operation_timeout: Option<Duration>,
    /// A file of certificates.
    pub ca_bundle: Option<String>,
    /// A proxy's URL. It may contain a password.
    pub proxy: Option<String>,
    /// The program's name for the user agent.
    pub app_id: Option<String>,
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, region, .. } = self;
        f.debug_struct("Overrides").field("profile", profile).field("region", region).finish_non_exhaustive()
    }
}

/// A client's settings: from code, else the environment, else the profile, else the default.
///
/// The names are those in the shared files
/// ([settings reference](https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html)).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The path of the configuration file, `AWS_CONFIG_FILE`; `None` when the user's home is unknown.
    pub config_file: Option<Setting<String>>,
    /// The path of the credentials file, `AWS_SHARED_CREDENTIALS_FILE`; `None` when the user's home is unknown.
    pub shared_credentials_file: Option<Setting<String>>,
    /// The name of the profile, `AWS_PROFILE`.
    pub profile: Setting<String>,
    /// `AWS_REGION`, then `AWS_DEFAULT_REGION`.
    pub region: Option<Setting<Region>>,
    /// `AWS_ENDPOINT_URL_FIREHOSE`, then `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<Setting<String>>,
    /// `AWS_ENDPOINT_URL_STS`, then `AWS_ENDPOINT_URL`: the service for roles and identities.
    pub sts_endpoint_url: Option<Setting<String>>,
    /// `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`
    pub ignore_configured_endpoint_urls: Setting<bool>,
    /// `AWS_USE_FIPS_ENDPOINT`
    pub use_fips_endpoint: Setting<bool>,
    /// `AWS_USE_DUALSTACK_ENDPOINT`
    pub use_dualstack_endpoint: Setting<bool>,
    /// `AWS_RETRY_MODE`
    pub retry_mode: Setting<RetryMode>,
    /// `AWS_MAX_ATTEMPTS`
    pub max_attempts: Setting<NonZeroU32>,
    /// `AWS_DISABLE_CLOCK_SKEW_CORRECTION`
    pub disable_clock_skew_correction: Setting<bool>,
    /// By `AWS_DEFAULTS_MODE`.
    pub connect_timeout: Setting<Duration>,
    /// Only code can set it.
    pub read_timeout: Setting<Duration>,
    /// Only code can set it.
    pub attempt_timeout: Option<Setting<Duration>>,
    /// Only code can set it.
    pub operation_timeout: Option<Setting<Duration>>,
    /// The path of `AWS_CA_BUNDLE`, else of `REQUESTS_CA_BUNDLE`.
    pub ca_bundle: Option<Setting<String>>,
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    pub proxies: Proxies,
    /// `AWS_SDK_UA_APP_ID`
    pub sdk_ua_app_id: Option<Setting<String>>,
    /// `AWS_EC2_METADATA_DISABLED`
    pub ec2_metadata_disabled: Setting<bool>,
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`, or by `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`.
    pub ec2_metadata_service_endpoint: Setting<String>,
    /// `AWS_METADATA_SERVICE_TIMEOUT`
    pub metadata_service_timeout: Setting<Duration>,
    /// `AWS_METADATA_SERVICE_NUM_ATTEMPTS`
    pub metadata_service_num_attempts: Setting<NonZeroU32>,
    /// Warnings: missing files, and lines and settings without effect.
    pub warnings: Vec<String>,
    /// Attempts for requests to credential services. The value from code is only for calls.
    pub(crate) credentials_attempts: NonZeroU32,
    /// Why the instance metadata did not give the region, if they were asked.
    pub(crate) no_metadata_region: Option<CredentialsError>,
}

impl Settings {
    /// Looks up everything: in code, in the environment variables, and in the shared files. A function reads the files.
    /// It gets a path and the largest size accepted; it should return one byte more to show that a file is too large.
    ///
    /// # Errors
    ///
    /// [`SettingsError`](super::SettingsError), which names the setting and its place.
    pub fn find(
        code: &Overrides,
        variable: &dyn Fn(&str) -> Option<String>,
        is_windows: bool,
        read: impl FnMut(&str, usize) -> Result<Vec<u8>, FileError>,
    ) -> Result<Self, SettingsError> {
        let environment = &Locations::new(variable, is_windows);
        let mut warnings = Vec::new();
        let profiles = shared_files::read(environment, read, |warning| warnings.push(warning));
        let profiles = profiles.map_err(SettingsError::Profiles)?;
        warnings.extend(profiles.ignored().iter().map(ToString::to_string));
        let variable = |name: &str| environment.variable(name);
        let profile = settings::profile(code.profile.as_deref(), variable);
        // Only the default profile may be missing.
        if profile.source != SettingSource::Default && profiles.profile(&profile.value).is_none() {
            return Err(SettingsError::NoSuchProfile { profile, warnings });
        }
        let resolver = SettingsResolver::new(&variable, &profiles, &profile.value);
        let without_effect = plan::without_effect(&profiles, &profile.value);
        warnings.extend(without_effect.iter().map(ToString::to_string));
        if let Some(source) = resolver.legacy_retry_mode().filter(|_| code.retry_mode.is_none()) {
            warnings.push(format!("{source} asks for `legacy`, which is treated as `standard`"));
        }
        let mut invalid = InvalidSettings::default();
        let found = Self::look_up(code, environment, &resolver, profile.clone(), &mut invalid);
        let errors = invalid.errors(environment);
        match found {
            Some(settings) if errors.is_empty() => Ok(Self { warnings, ..settings }),
            _ => Err(SettingsError::Several { errors, warnings }),
        }
    }

    /// Looks up everything except the warnings; `None` when something is invalid.
    fn look_up(
        code: &Overrides,
        environment: &Locations<'_>,
        resolver: &SettingsResolver<'_>,
        profile: Setting<String>,
        invalid: &mut InvalidSettings,
    ) -> Option<Self> {
        let variable = |name: &str| environment.variable(name);
        // Looks up all of them before it returns, to report all errors together.
        let region = invalid.collect(resolver.region(code.region.as_deref()));
        let endpoint_url = invalid.collect(resolver.endpoint_url(code.endpoint_url.as_deref(), "firehose"));
        let sts_endpoint_url = invalid.collect(resolver.endpoint_url(None, "sts"));
        let ignore_configured_endpoint_urls = invalid.collect(resolver.ignore_configured_endpoint_urls());
        let use_fips_endpoint =
            invalid.collect(resolver.use_fips_endpoint(code.use_fips_endpoint, code.region.as_deref()));
        let use_dualstack_endpoint = invalid.collect(resolver.use_dualstack_endpoint(code.use_dualstack_endpoint));
        let retry_mode = invalid.collect(resolver.retry_mode(code.retry_mode));
        let max_attempts = invalid.collect(resolver.max_attempts(code.max_attempts));
        let credentials_attempts = invalid.collect(resolver.max_attempts(None));
        let skew = invalid.collect(resolver.disable_clock_skew_correction(code.disable_clock_skew_correction));
        let connect_timeout = invalid.collect(resolver.connect_timeout(code.connect_timeout));
        let ca_bundle = invalid.collect(resolver.ca_bundle(code.ca_bundle.as_deref()));
        let proxies = invalid.collect(code.proxy.as_deref().map_or_else(|| Ok(Proxies::read(variable)), Proxies::new));
        let sdk_ua_app_id = invalid.collect(resolver.sdk_ua_app_id(code.app_id.as_deref()));
        let metadata_endpoint = invalid.collect(resolver.ec2_metadata_service_endpoint(None));
        let metadata_timeout = invalid.collect(resolver.metadata_service_timeout(None));
        let metadata_attempts = invalid.collect(resolver.metadata_service_num_attempts(None));
        if let Some(Some(url)) = &endpoint_url {
            invalid.check_url(url);
        }
        Some(Self {
            config_file: environment.profile_file(ProfileFile::Config),
            shared_credentials_file: environment.profile_file(ProfileFile::Credentials),
            profile,
            region: region?,
            endpoint_url: endpoint_url?,
            sts_endpoint_url: sts_endpoint_url?,
            ignore_configured_endpoint_urls: ignore_configured_endpoint_urls?,
            use_fips_endpoint: use_fips_endpoint?,
            use_dualstack_endpoint: use_dualstack_endpoint?,
            retry_mode: retry_mode?,
            max_attempts: max_attempts?,
            disable_clock_skew_correction: skew?,
            connect_timeout: connect_timeout?,
            read_timeout: match code.read_timeout {
                Some(timeout) => Setting::code(timeout),
                None => Setting { value: DEFAULT_READ_TIMEOUT, source: SettingSource::Default },
            },
            attempt_timeout: code.attempt_timeout.map(Setting::code),
            operation_timeout: code.operation_timeout.map(Setting::code),
            ca_bundle: ca_bundle?,
            proxies: proxies?,
            sdk_ua_app_id: sdk_ua_app_id?,
            ec2_metadata_disabled: resolver.ec2_metadata_disabled(None),
            ec2_metadata_service_endpoint: metadata_endpoint?,
            metadata_service_timeout: metadata_timeout?,
            metadata_service_num_attempts: metadata_attempts?,
            warnings: Vec::new(),
            credentials_attempts: credentials_attempts?.value,
            no_metadata_region: None,
        })
    }

    /// Sets the region that the instance metadata gave, if none is set, or else why they gave none.
    pub fn take_metadata_region(&mut self, answer: Result<Region, CredentialsError>) {
        if self.region.is_some() {
            return;
        }
        match answer {
            Ok(region) => self.region = Some(Setting { value: region, source: SettingSource::InstanceMetadata }),
            Err(error) => self.no_metadata_region = Some(error),
        }
    }

    /// The settings of a client's calls. The environment variables say where the program runs.
    ///
    /// # Errors
    ///
    /// As [`endpoint`](Self::endpoint).
    pub fn config(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config, SettingsError> {
        let execution_environment = variable("AWS_EXECUTION_ENV");
        let user_agent = UserAgent {
            execution_environment: execution_environment.as_deref().filter(|text| !text.trim().is_empty()),
            app_id: self.sdk_ua_app_id.as_ref().map(|id| &*id.value),
            ..UserAgent::default()
        };
        Ok(Config {
            timeouts: self.timeouts(),
            operation_timeout: self.operation_timeout.as_ref().map(|timeout| timeout.value),
            max_attempts: self.max_attempts.value,
            retry_mode: self.retry_mode.value,
            disable_clock_skew_correction: self.disable_clock_skew_correction.value,
            user_agent: user_agent.to_string(),
            ..Config::new(self.endpoint()?)
        })
    }

    /// The timeouts of one attempt.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        let mut timeouts = Timeouts::new(self.connect_timeout.value, self.read_timeout.value);
        timeouts.attempt = self.attempt_timeout.as_ref().map(|timeout| timeout.value);
        timeouts
    }

    /// Where requests go.
    ///
    /// # Errors
    ///
    /// [`SettingsError`](super::SettingsError) when there is no region, or the endpoint URL cannot be used.
    pub fn endpoint(&self) -> Result<Endpoint, SettingsError> {
        let missing = || SettingsError::MissingRegion { metadata: self.no_metadata_region.clone() };
        let region = self.region.as_ref().ok_or_else(missing)?.value.clone();
        let url = self.endpoint_url.as_ref();
        let (fips, dual_stack) = (self.use_fips_endpoint.value, self.use_dualstack_endpoint.value);
        Endpoint::configured(Some(region), url.map(|url| &*url.value), fips, dual_stack).map_err(|error| {
            let source = url.map_or(SettingSource::Default, |url| url.source.clone());
            let conflicts_with = match error {
                EndpointError::Fips => Some(self.use_fips_endpoint.source.clone()),
                EndpointError::DualStack => Some(self.use_dualstack_endpoint.source.clone()),
                _ => None,
            };
            SettingsError::Endpoint { source, conflicts_with, error }
        })
    }

    /// The proxy for an endpoint.
    ///
    /// # Errors
    ///
    /// [`SettingsError`](super::SettingsError) when the proxy cannot be used.
    pub fn proxy(&self, endpoint: &Endpoint) -> Result<Option<&Setting<Proxy>>, SettingsError> {
        self.proxies.for_url(endpoint.url()).map_err(|error| SettingsError::Setting { error, path: None })
    }
}

/// The settings that are invalid, each once.
#[derive(Default)]
struct InvalidSettings {
    settings: Vec<SettingError>,
    url: Option<SettingsError>,
}

impl InvalidSettings {
    fn collect<T>(&mut self, found: Result<T, SettingError>) -> Option<T> {
        found
            .map_err(|error| {
                if !self.settings.contains(&error) {
                    self.settings.push(error);
                }
            })
            .ok()
    }

    /// Checks whether an endpoint URL can be used at all. An invalid one may still contain a password.
    fn check_url(&mut self, url: &Setting<String>) {
        let any = Region::parse("us-east-1").expect("the name of a region");
        let error = Endpoint::custom(&url.value, any).err();
        let source = url.source.clone();
        self.url = error.map(|error| SettingsError::Endpoint { source, conflicts_with: None, error });
    }

    fn errors(self, environment: &Locations<'_>) -> Vec<SettingsError> {
        let settings = self.settings.into_iter().map(|error| {
            let file = error.source.place().and_then(|place| environment.profile_file(place.file));
            SettingsError::Setting { error, path: file.map(|file| file.value) }
        });
        settings.chain(self.url).collect()
    }
}
