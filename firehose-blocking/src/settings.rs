//! [`Settings`]: what a client goes by, and where each of it was found.

use std::num::NonZeroU32;
use std::time::Duration;

use firehose_proto::credentials::profile::{ProfileFile, Profiles};
use firehose_proto::endpoint::{Endpoint, EndpointError};
use firehose_proto::region::Region;
use firehose_proto::settings::proxy::{Proxies, Proxy};
use firehose_proto::settings::{self, DEFAULT_READ_TIMEOUT, Lookup, RetryMode, Setting, SettingError, Source};

use crate::builder::BuildError;
use crate::credentials::CredentialsError;
use crate::environment::Environment;
use crate::files;
use crate::transport::Timeouts;

/// What a program sets itself. Not to be shown: the proxy's URL may hold a password.
#[derive(Default)]
pub(crate) struct InCode {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) use_fips_endpoint: Option<bool>,
    pub(crate) use_dualstack_endpoint: Option<bool>,
    pub(crate) retry_mode: Option<RetryMode>,
    pub(crate) max_attempts: Option<NonZeroU32>,
    pub(crate) disable_clock_skew_correction: Option<bool>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) operation_timeout: Option<Duration>,
    pub(crate) ca_bundle: Option<String>,
    pub(crate) proxy: Option<String>,
    pub(crate) app_id: Option<String>,
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
    /// What may explain that a setting is not found: a file that is not there, a line that was passed over.
    pub warnings: Vec<String>,
    /// How often those are asked who give out credentials: what code says is about calls.
    pub(crate) credentials_attempts: NonZeroU32,
    /// Why the instance metadata did not tell the region, if they were asked.
    pub(crate) no_metadata_region: Option<CredentialsError>,
}

impl Settings {
    /// Looks everything up.
    pub(crate) fn find(code: &InCode, environment: &Environment) -> Result<Self, BuildError> {
        let mut warnings = Vec::new();
        let profiles = files::profiles(environment, |warning| warnings.push(warning)).map_err(BuildError::Profiles)?;
        warnings.extend(profiles.ignored().iter().map(ToString::to_string));
        let variable = |name: &str| environment.variable(name);
        let profile = settings::profile(code.profile.as_deref(), variable);
        // The default profile alone need not exist.
        if profile.source != Source::Default && profiles.profile(&profile.value).is_none() {
            return Err(BuildError::NoSuchProfile { profile, warnings });
        }
        let found = Self::look_up(code, environment, &profiles, profile, warnings);
        let settings = found.map_err(|error| {
            let file = error.source.place().and_then(|place| files::location(environment, place.file));
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
        environment: &Environment,
        profiles: &Profiles,
        profile: Setting<String>,
        warnings: Vec<String>,
    ) -> Result<Self, SettingError> {
        let variable = |name: &str| environment.variable(name);
        let lookup = Lookup::new(&variable, profiles, &profile.value);
        let proxies = code.proxy.as_deref().map_or_else(|| Ok(Proxies::read(variable)), Proxies::new)?;
        Ok(Self {
            config_file: files::location(environment, ProfileFile::Config),
            shared_credentials_file: files::location(environment, ProfileFile::Credentials),
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

    /// How long one attempt may take.
    pub(crate) fn timeouts(&self) -> Timeouts {
        let mut timeouts = Timeouts::new(self.connect_timeout.value, self.read_timeout.value);
        timeouts.attempt = self.attempt_timeout.as_ref().map(|timeout| timeout.value);
        timeouts
    }

    /// Where requests go.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when there is no region, or the endpoint URL cannot be used.
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

    /// The proxy on the way to an endpoint.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when it is none that can be used.
    pub fn proxy(&self, endpoint: &Endpoint) -> Result<Option<&Setting<Proxy>>, BuildError> {
        self.proxies.for_url(endpoint.url()).map_err(|error| BuildError::Setting { error, path: None })
    }
}
