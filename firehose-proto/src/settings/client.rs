//! [`Settings`]: what a client goes by, and where each of it was found.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use super::error::SettingsError as BuildError;
use super::location::Locations;
use super::proxy::Proxies;
use super::{DEFAULT_READ_TIMEOUT, Lookup, RetryMode, Setting, SettingError, Source, shared_files};
use crate::credentials::CredentialsError;
use crate::credentials::profile::{ProfileFile, Profiles};
use crate::credentials::search::FileError;
use crate::endpoint::{Endpoint, EndpointError};
use crate::region::Region;
use crate::settings;
use crate::transport::Timeouts;

/// What a program sets itself. Not to be shown: the proxy's URL may hold a password.
#[derive(Default)]
#[non_exhaustive]
pub struct InCode {
    /// The profile of the shared files.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Another endpoint than the region's.
    pub endpoint_url: Option<String>,
    /// Whether to use the FIPS endpoint.
    pub use_fips_endpoint: Option<bool>,
    /// Whether to use the endpoint that has both IPv4 and IPv6 addresses.
    pub use_dualstack_endpoint: Option<bool>,
    /// How failed attempts are made again.
    pub retry_mode: Option<RetryMode>,
    /// Attempts for a call, the first included.
    pub max_attempts: Option<NonZeroU32>,
    /// Whether to sign by the local clock even when it is off.
    pub disable_clock_skew_correction: Option<bool>,
    /// How long one attempt may take to connect.
    pub connect_timeout: Option<Duration>,
    /// How long each part of one attempt may take after that.
    pub read_timeout: Option<Duration>,
    /// How long one attempt may take as a whole.
    pub attempt_timeout: Option<Duration>,
    /// How long a call may take as a whole.
    pub operation_timeout: Option<Duration>,
    /// A file of certificates.
    pub ca_bundle: Option<String>,
    /// A proxy's URL, which may hold a password.
    pub proxy: Option<String>,
    /// What the program calls itself.
    pub app_id: Option<String>,
}

impl fmt::Debug for InCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, region, .. } = self;
        f.debug_struct("InCode").field("profile", profile).field("region", region).finish_non_exhaustive()
    }
}

/// What a client goes by: from code, else the environment, else the profile, else the default.
///
/// Each is named as in the shared files ([settings reference](https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html)).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The path of the configuration file, `AWS_CONFIG_FILE`; `None` when the user's home is not known.
    pub config_file: Option<Setting<String>>,
    /// The path of the credentials file, `AWS_SHARED_CREDENTIALS_FILE`; `None` when the user's home is not known.
    pub shared_credentials_file: Option<Setting<String>>,
    /// The name of the profile, `AWS_PROFILE`.
    pub profile: Setting<String>,
    /// `AWS_REGION`, then `AWS_DEFAULT_REGION`.
    pub region: Option<Setting<Region>>,
    /// `AWS_ENDPOINT_URL_FIREHOSE`, then `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<Setting<String>>,
    /// `AWS_ENDPOINT_URL_STS`, then `AWS_ENDPOINT_URL`: of the service that is asked for roles and identities.
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
    /// The path of `AWS_CA_BUNDLE`.
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
    /// What may explain that a setting is not found: a file that is not there, a line that was passed over.
    pub warnings: Vec<String>,
    /// How often those are asked who give out credentials: what code says is about calls.
    pub(crate) credentials_attempts: NonZeroU32,
    /// Why the instance metadata did not tell the region, if they were asked.
    pub(crate) no_metadata_region: Option<CredentialsError>,
}

impl Settings {
    /// Looks everything up: in code, in the environment variables, and in the shared files, which are read by means of a
    /// function that is told a path and how much of the file is wanted; one byte more shows that it is too large.
    ///
    /// # Errors
    ///
    /// [`SettingsError`](super::SettingsError), naming what is wrong and where it stands.
    pub fn find(
        code: &InCode,
        variable: &dyn Fn(&str) -> Option<String>,
        is_windows: bool,
        read: impl FnMut(&str, usize) -> Result<Vec<u8>, FileError>,
    ) -> Result<Self, BuildError> {
        let environment = &Locations::new(variable, is_windows);
        let mut warnings = Vec::new();
        let profiles = shared_files::read(environment, read, |warning| warnings.push(warning));
        let profiles = profiles.map_err(BuildError::Profiles)?;
        warnings.extend(profiles.ignored().iter().map(ToString::to_string));
        let variable = |name: &str| environment.variable(name);
        let profile = settings::profile(code.profile.as_deref(), variable);
        // The default profile alone need not exist.
        if profile.source != Source::Default && profiles.profile(&profile.value).is_none() {
            return Err(BuildError::NoSuchProfile { profile, warnings });
        }
        let found = Self::look_up(code, environment, &profiles, profile, warnings);
        let settings = found.map_err(|error| {
            let file = error.source.place().and_then(|place| environment.profile_file(place.file));
            BuildError::Setting { error, path: file.map(|file| file.value) }
        })?;
        if let Some(Setting { value: url, source }) = &settings.endpoint_url {
            // Any region will do: this is about the URL alone, which may hold a password while it is wrong.
            let any = Region::parse("us-east-1").expect("the name of a region");
            Endpoint::custom(url, any).map_err(|error| BuildError::Endpoint {
                source: source.clone(),
                conflicts_with: None,
                error,
            })?;
        }
        Ok(settings)
    }

    fn look_up(
        code: &InCode,
        environment: &Locations<'_>,
        profiles: &Profiles,
        profile: Setting<String>,
        warnings: Vec<String>,
    ) -> Result<Self, SettingError> {
        let variable = |name: &str| environment.variable(name);
        let lookup = Lookup::new(&variable, profiles, &profile.value);
        let proxies = code.proxy.as_deref().map_or_else(|| Proxies::read(variable), Proxies::new)?;
        Ok(Self {
            config_file: environment.profile_file(ProfileFile::Config),
            shared_credentials_file: environment.profile_file(ProfileFile::Credentials),
            ignore_configured_endpoint_urls: lookup.ignore_configured_endpoint_urls()?,
            ec2_metadata_disabled: lookup.ec2_metadata_disabled(None),
            ec2_metadata_service_endpoint: lookup.ec2_metadata_service_endpoint(None)?,
            metadata_service_timeout: lookup.metadata_service_timeout(None)?,
            metadata_service_num_attempts: lookup.metadata_service_num_attempts(None)?,
            credentials_attempts: lookup.max_attempts(None)?.value,
            no_metadata_region: None,
            warnings,
            region: lookup.region(code.region.as_deref())?,
            endpoint_url: lookup.endpoint_url(code.endpoint_url.as_deref(), "firehose")?,
            sts_endpoint_url: lookup.endpoint_url(None, "sts")?,
            use_fips_endpoint: lookup.use_fips_endpoint(code.use_fips_endpoint, code.region.as_deref())?,
            use_dualstack_endpoint: lookup.use_dualstack_endpoint(code.use_dualstack_endpoint)?,
            retry_mode: lookup.retry_mode(code.retry_mode)?,
            max_attempts: lookup.max_attempts(code.max_attempts)?,
            disable_clock_skew_correction: lookup.disable_clock_skew_correction(code.disable_clock_skew_correction)?,
            connect_timeout: lookup.connect_timeout(code.connect_timeout)?,
            read_timeout: match code.read_timeout {
                Some(timeout) => Setting::code(timeout),
                None => Setting { value: DEFAULT_READ_TIMEOUT, source: Source::Default },
            },
            attempt_timeout: code.attempt_timeout.map(Setting::code),
            operation_timeout: code.operation_timeout.map(Setting::code),
            ca_bundle: lookup.ca_bundle(code.ca_bundle.as_deref()),
            sdk_ua_app_id: lookup.sdk_ua_app_id(code.app_id.as_deref()),
            proxies,
            profile,
        })
    }

    /// Takes the region that the instance metadata told, where none is set, or else why they did not.
    pub fn take_metadata_region(&mut self, answer: Result<Region, CredentialsError>) {
        if self.region.is_some() {
            return;
        }
        match answer {
            Ok(region) => self.region = Some(Setting { value: region, source: Source::InstanceMetadata }),
            Err(error) => self.no_metadata_region = Some(error),
        }
    }

    /// How long one attempt may take.
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
    pub fn endpoint(&self) -> Result<Endpoint, BuildError> {
        let missing = || BuildError::MissingRegion { metadata: self.no_metadata_region.clone() };
        let region = self.region.as_ref().ok_or_else(missing)?.value.clone();
        let url = self.endpoint_url.as_ref();
        let (fips, dual_stack) = (self.use_fips_endpoint.value, self.use_dualstack_endpoint.value);
        Endpoint::configured(Some(region), url.map(|url| &*url.value), fips, dual_stack).map_err(|error| {
            let source = url.map_or(Source::Default, |url| url.source.clone());
            let conflicts_with = match error {
                EndpointError::Fips => Some(self.use_fips_endpoint.source.clone()),
                EndpointError::DualStack => Some(self.use_dualstack_endpoint.source.clone()),
                _ => None,
            };
            BuildError::Endpoint { source, conflicts_with, error }
        })
    }
}
