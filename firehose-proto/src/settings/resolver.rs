//! [`SettingsResolver`]: finds settings one by one. Its methods are named after the keys of a profile.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use super::setting::{first_variable, set_variable};
use super::{RetryMode, Setting, SettingError, SettingSource};
use crate::credentials::imds;
use crate::credentials::profile::{Ignored, Profiles};
use crate::endpoint;
use crate::region::Region;
use crate::retry::DEFAULT_MAX_ATTEMPTS;
use crate::transport::DEFAULT_CONNECT_TIMEOUT;

/// A retry mode of AWS's older tools.
const LEGACY: &str = "legacy";

/// Finds settings: code overrides the environment, which overrides the profile.
///
/// ```
/// use firehose_proto::internal::profile::Profiles;
/// use firehose_proto::internal::settings::SettingsResolver;
///
/// let profiles = Profiles::parse(b"[profile dev]\nregion = eu-west-1\nmax_attempts = 0\n", b"")?;
/// let variable = |name: &str| (name == "AWS_REGION").then(|| "us-east-2".to_owned());
/// let resolver = SettingsResolver::new(&variable, &profiles, "dev");
///
/// let region = resolver.region(None)?.unwrap();
/// assert_eq!(region.value.as_str(), "us-east-2");
/// assert_eq!(region.source.to_string(), "environment variable `AWS_REGION`");
/// assert_eq!(
///     resolver.max_attempts(None).unwrap_err().to_string(),
///     "`max_attempts` of profile `dev` (line 3 of the config file) must be a whole number from 1"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct SettingsResolver<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    profiles: &'a Profiles,
    profile: &'a str,
}

impl fmt::Debug for SettingsResolver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsResolver").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl<'a> SettingsResolver<'a> {
    /// Looks in these variables and in the profile of this name, which need not exist.
    #[must_use]
    pub const fn new(variable: &'a dyn Fn(&str) -> Option<String>, profiles: &'a Profiles, profile: &'a str) -> Self {
        Self { variable, profiles, profile }
    }

    /// The region: `AWS_REGION`, then `AWS_DEFAULT_REGION`, then the profile's.
    ///
    /// An old pseudo-region such as `fips-us-east-1` counts as the region in it, see
    /// [`use_fips_endpoint`](Self::use_fips_endpoint).
    ///
    /// # Errors
    ///
    /// [`SettingError`] when the name cannot be a region.
    pub fn region(&self, code: Option<&str>) -> Result<Option<Setting<Region>>, SettingError> {
        Ok(self.named_region(code)?.map(|found| Setting { value: found.value.0, source: found.source }))
    }

    /// The region, and whether its name asks for FIPS.
    fn named_region(&self, code: Option<&str>) -> Result<Option<Setting<(Region, bool)>>, SettingError> {
        let found = match code {
            Some(name) => Some(Setting::code(name.to_owned())),
            None => self.find(&["AWS_REGION", "AWS_DEFAULT_REGION"], "region")?,
        };
        let rule = "must be the name of a region, such as `us-east-1`";
        found.map(|found| found.parse(rule, |name| Region::parse_with_fips(name).ok())).transpose()
    }

    /// Whether to use FIPS endpoints. A pseudo-region may ask for it, too.
    ///
    /// # Errors
    ///
    /// [`SettingError`], also for the region's name.
    pub fn use_fips_endpoint(&self, code: Option<bool>, region: Option<&str>) -> Result<Setting<bool>, SettingError> {
        if let Some(Setting { value: (_, true), source }) = self.named_region(region)? {
            return Ok(Setting { value: true, source });
        }
        self.boolean(code, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
    }

    /// Whether to use dual-stack endpoints (IPv4 and IPv6).
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn use_dualstack_endpoint(&self, code: Option<bool>) -> Result<Setting<bool>, SettingError> {
        self.boolean(code, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")
    }

    /// Whether [`endpoint_url`](Self::endpoint_url) uses only the value from code.
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn ignore_configured_endpoint_urls(&self) -> Result<Setting<bool>, SettingError> {
        self.boolean(None, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")
    }

    /// The URL that replaces a service's own endpoint. Name the service as in a profile: `firehose`, `sts`, `sso` or
    /// `sso_oidc` ([service identifiers](https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html)).
    ///
    /// In this order: the service's variable, such as `AWS_ENDPOINT_URL_FIREHOSE`; `AWS_ENDPOINT_URL`; the service's
    /// block in the `services` section that the profile names; the profile's `endpoint_url`.
    /// `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` turns all of them off.
    /// [`Endpoint::custom`](crate::endpoint::Endpoint::custom) checks the URL.
    ///
    /// # Errors
    ///
    /// [`SettingError`] when the switch is neither true nor false, or when the profile names a section that does not
    /// exist.
    pub fn endpoint_url(&self, code: Option<&str>, service: &str) -> Result<Option<Setting<String>>, SettingError> {
        if let Some(url) = code {
            return Ok(Some(Setting::code(url.to_owned())));
        }
        if self.ignore_configured_endpoint_urls()?.value {
            return Ok(None);
        }
        let of_service = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
        let variables = [Cow::Owned(of_service), Cow::Borrowed("AWS_ENDPOINT_URL")];
        if let Some(found) = variables.into_iter().find_map(|name| set_variable(self.variable, name)) {
            return Ok(Some(found));
        }
        if let Some(Setting { value: name, source }) = self.find(&[], "services")? {
            let rule = "must be the name of a section `[services …]` of the config file";
            let section = self.profiles.services(&name).ok_or(SettingError { source, rule, hint: None })?;
            let of_section = |place| SettingSource::Services { services: name, place };
            match section.nested(service, "endpoint_url") {
                Ok(Some(url)) => {
                    let source = of_section(url.place());
                    return Ok(Some(Setting { value: url.as_str().to_owned(), source }));
                }
                Ok(None) => {}
                Err(Ignored { place, reason }) => {
                    return Err(SettingError { source: of_section(place), rule: reason.rule(), hint: None });
                }
            }
        }
        self.find(&[], "endpoint_url")
    }

    /// How failed attempts are retried. `legacy` is not supported and counts as `standard`, see
    /// [`legacy_retry_mode`](Self::legacy_retry_mode).
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn retry_mode(&self, code: Option<RetryMode>) -> Result<Setting<RetryMode>, SettingError> {
        let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
            "standard" | LEGACY => Some(RetryMode::Standard),
            "adaptive" => Some(RetryMode::Adaptive),
            _ => None,
        };
        let rule = "must be `standard` or `adaptive`";
        self.parsed(code, "AWS_RETRY_MODE", "retry_mode", rule, parse, RetryMode::Standard)
    }

    /// Where the mode `legacy` is set, if it is. It was the default of boto3 and of the AWS CLI's version 1.
    #[must_use]
    pub fn legacy_retry_mode(&self) -> Option<SettingSource> {
        let found = self.find(&["AWS_RETRY_MODE"], "retry_mode").ok()??;
        found.value.eq_ignore_ascii_case(LEGACY).then_some(found.source)
    }

    /// Attempts for each operation, including the first.
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn max_attempts(&self, code: Option<NonZeroU32>) -> Result<Setting<NonZeroU32>, SettingError> {
        let rule = "must be a whole number from 1";
        self.parsed(code, "AWS_MAX_ATTEMPTS", "max_attempts", rule, whole_number, DEFAULT_MAX_ATTEMPTS)
    }

    /// Whether to leave the local clock uncorrected, see [`ClockSkew::disabled`](crate::retry::ClockSkew::disabled).
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn disable_clock_skew_correction(&self, code: Option<bool>) -> Result<Setting<bool>, SettingError> {
        self.boolean(code, "AWS_DISABLE_CLOCK_SKEW_CORRECTION", "disable_clock_skew_correction")
    }

    /// The file of certificates, in PEM form, to trust instead of the usual ones: `AWS_CA_BUNDLE`, then the profile's,
    /// then, as in the AWS CLI, `REQUESTS_CA_BUNDLE`.
    ///
    /// # Errors
    ///
    /// [`SettingError`] when the profile's line is malformed.
    pub fn ca_bundle(&self, code: Option<&str>) -> Result<Option<Setting<String>>, SettingError> {
        let of_aws = self.text(code, "AWS_CA_BUNDLE", "ca_bundle")?;
        Ok(of_aws.or_else(|| first_variable(self.variable, &["REQUESTS_CA_BUNDLE"])))
    }

    /// The program's name in the user agent.
    ///
    /// # Errors
    ///
    /// [`SettingError`] when the profile's line is malformed.
    pub fn sdk_ua_app_id(&self, code: Option<&str>) -> Result<Option<Setting<String>>, SettingError> {
        self.text(code, "AWS_SDK_UA_APP_ID", "sdk_ua_app_id")
    }

    /// The timeout for connecting, by
    /// [`defaults_mode`](https://docs.aws.amazon.com/sdkref/latest/guide/feature-smart-config-defaults.html).
    ///
    /// `auto` counts as `standard`: to know where the program runs, it would have to ask the instance metadata.
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn connect_timeout(&self, code: Option<Duration>) -> Result<Setting<Duration>, SettingError> {
        let parse = |mode: &str| match mode.to_ascii_lowercase().as_str() {
            "auto" | "standard" | "cross-region" | "legacy" => Some(DEFAULT_CONNECT_TIMEOUT),
            "in-region" => Some(Duration::from_millis(1_100)),
            "mobile" => Some(Duration::from_secs(30)),
            _ => None,
        };
        let rule = "must be `auto`, `standard`, `in-region`, `cross-region`, `mobile` or `legacy`";
        self.parsed(code, "AWS_DEFAULTS_MODE", "defaults_mode", rule, parse, DEFAULT_CONNECT_TIMEOUT)
    }

    /// Whether not to use the instance metadata. Only `true` in `AWS_EC2_METADATA_DISABLED` sets it.
    #[must_use]
    pub fn ec2_metadata_disabled(&self, code: Option<bool>) -> Setting<bool> {
        if let Some(disabled) = code {
            return Setting::code(disabled);
        }
        let found = first_variable(self.variable, &["AWS_EC2_METADATA_DISABLED"]);
        found.map_or_else(
            || Setting::default(false),
            |Setting { value, source }| Setting { value: value.eq_ignore_ascii_case("true"), source },
        )
    }

    /// The URL of the instance metadata: the one set, else the one of the mode, IPv4 or IPv6.
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn ec2_metadata_service_endpoint(&self, code: Option<&str>) -> Result<Setting<String>, SettingError> {
        let variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        if let Some(found) = self.text(code, variable, "ec2_metadata_service_endpoint")? {
            let rule = "must be a URL such as `http://169.254.169.254`, without a user, a query or a fragment";
            return found.parse(rule, |text| endpoint::check_url(text).ok().map(|_| text.to_owned()));
        }
        let parse = |mode: &str| match mode.to_ascii_lowercase().as_str() {
            "ipv4" => Some(imds::DEFAULT_ENDPOINT.to_owned()),
            "ipv6" => Some(imds::IPV6_ENDPOINT.to_owned()),
            _ => None,
        };
        let (variable, key) = ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
        self.parsed(None, variable, key, "must be `IPv4` or `IPv6`", parse, imds::DEFAULT_ENDPOINT.to_owned())
    }

    /// The timeout for the instance metadata.
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn metadata_service_timeout(&self, code: Option<Duration>) -> Result<Setting<Duration>, SettingError> {
        let (variable, key) = ("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout");
        let rule = "must be a whole number of seconds from 1";
        let parse = |text: &str| whole_number(text).map(|seconds| Duration::from_secs(seconds.get().into()));
        self.parsed(code, variable, key, rule, parse, Duration::from_secs(1))
    }

    /// Attempts for requests to the instance metadata.
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn metadata_service_num_attempts(&self, code: Option<NonZeroU32>) -> Result<Setting<NonZeroU32>, SettingError> {
        let (variable, key) = ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts");
        self.parsed(code, variable, key, "must be a whole number from 1", whole_number, DEFAULT_MAX_ATTEMPTS)
    }

    /// The first of these variables that is set, else the profile's key.
    fn find(&self, variables: &[&'static str], key: &'static str) -> Result<Option<Setting<String>>, SettingError> {
        if let Some(found) = first_variable(self.variable, variables) {
            return Ok(Some(found));
        }
        let Some(profile) = self.profiles.profile(self.profile) else { return Ok(None) };
        let source = |place| SettingSource::Profile { profile: self.profile.to_owned(), key, place };
        match profile.value(key) {
            Ok(value) => {
                Ok(value.map(|value| Setting { value: value.as_str().to_owned(), source: source(value.place()) }))
            }
            Err(Ignored { place, reason }) => {
                Err(SettingError { source: source(place), rule: reason.rule(), hint: None })
            }
        }
    }

    fn text(
        &self,
        code: Option<&str>,
        variable: &'static str,
        key: &'static str,
    ) -> Result<Option<Setting<String>>, SettingError> {
        code.map_or_else(|| self.find(&[variable], key), |text| Ok(Some(Setting::code(text.to_owned()))))
    }

    fn boolean(
        &self,
        code: Option<bool>,
        variable: &'static str,
        key: &'static str,
    ) -> Result<Setting<bool>, SettingError> {
        let parse = |text: &str| match text {
            _ if text.eq_ignore_ascii_case("true") => Some(true),
            _ if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        self.parsed(code, variable, key, "must be `true` or `false`", parse, false)
    }

    fn parsed<T>(
        &self,
        code: Option<T>,
        variable: &'static str,
        key: &'static str,
        rule: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
        default: T,
    ) -> Result<Setting<T>, SettingError> {
        if let Some(value) = code {
            return Ok(Setting::code(value));
        }
        self.find(&[variable], key)?.map_or_else(|| Ok(Setting::default(default)), |found| found.parse(rule, parse))
    }
}

/// Only digits: no sign.
fn whole_number(text: &str) -> Option<NonZeroU32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
