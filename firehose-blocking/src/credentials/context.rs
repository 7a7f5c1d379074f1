//! [`Context`]: what providers have to work with: time, variables, files, and a way to ask others.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firehose_proto::credentials::plan::PlanError;
use firehose_proto::credentials::profile::Profiles;
use firehose_proto::endpoint::Endpoint;
use firehose_proto::region::Region;
use firehose_proto::retry::ClockSkew;
use firehose_proto::settings::{Lookup, Setting, SettingError, Source};
use firehose_proto::time::Tick;

use super::CredentialsError;
use super::exchange::Patience;
use super::imds::Memory;
use super::lock;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::files;
use crate::settings::Settings;
use crate::transport::Transport;

/// How long a credential process may take: somebody may have to touch a key or to type a code.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to leave the service alone that refreshes sign-ins.
const SSO_REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// What providers have to work with: the client's clock, and the settings and connections that the standard ones need.
pub struct Context {
    pub(crate) environment: Environment,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
    /// The name of the profile.
    pub(crate) profile: Setting<String>,
    /// Of the client; the security token service is asked there.
    pub(super) region: Option<Region>,
    pub(super) fips: bool,
    pub(super) dual_stack: bool,
    pub(super) mfa: Option<Mfa>,
    /// How long and how often AWS's own services are asked.
    pub(super) patience: Patience,
    /// Where the instance metadata are, unless they are not to be asked; and how long and how often they are.
    pub(super) metadata_endpoint: Result<String, Source>,
    pub(super) metadata_patience: Patience,
    pub(super) process_timeout: Duration,
    /// How far the clocks of those who are asked are ahead.
    pub(super) skew: Mutex<ClockSkew>,
    pub(super) metadata: Mutex<Memory>,
    sso_refreshed_at: Mutex<Option<Tick>>,
}

/// Asks the user for the code that a device shows.
#[derive(Clone)]
#[expect(clippy::type_complexity, reason = "this very type is the short name for it")]
pub(crate) struct Mfa(pub(crate) Arc<dyn Fn(&str) -> io::Result<String> + Send + Sync>);

impl Context {
    pub(crate) fn new(
        environment: Environment,
        clock: Arc<dyn Clock>,
        transport: Arc<dyn Transport>,
        settings: &Settings,
        mfa: Option<Mfa>,
    ) -> Self {
        let is_skew_corrected = !settings.disable_clock_skew_correction.value;
        Self {
            environment,
            clock,
            transport,
            profile: settings.profile.clone(),
            region: settings.region.as_ref().map(|region| region.value.clone()),
            fips: settings.use_fips_endpoint.value,
            dual_stack: settings.use_dualstack_endpoint.value,
            mfa,
            patience: Patience::service(settings.timeouts(), settings.credentials_attempts),
            metadata_endpoint: if settings.ec2_metadata_disabled.value {
                Err(settings.ec2_metadata_disabled.source.clone())
            } else {
                Ok(settings.ec2_metadata_service_endpoint.value.clone())
            },
            metadata_patience: Patience::metadata(
                settings.metadata_service_timeout.value,
                settings.metadata_service_num_attempts.value,
            ),
            process_timeout: PROCESS_TIMEOUT,
            skew: Mutex::new(if is_skew_corrected { ClockSkew::new() } else { ClockSkew::disabled() }),
            metadata: Mutex::new(Memory::default()),
            sso_refreshed_at: Mutex::new(None),
        }
    }

    /// The client's clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.environment.variable(name)
    }

    /// Whether the profile was chosen by somebody, so that it must exist.
    pub(super) fn is_profile_named(&self) -> bool {
        self.profile.source != Source::Default
    }

    /// Says that the environment does not count where the program names a profile.
    pub(super) fn check_environment_counts(&self) -> Result<(), CredentialsError> {
        if self.profile.source != Source::Code {
            return Ok(());
        }
        Err(CredentialsError::absent(format!("passed over, as the program names profile `{}`", self.profile.value)))
    }

    /// The shared files as they are now.
    pub(super) fn profiles(&self) -> Result<Profiles, CredentialsError> {
        let profiles = files::profiles(&self.environment, |warning| log::debug!("{warning}"));
        profiles.map_err(|error| CredentialsError::failed("no profiles").with_source(error))
    }

    /// Looks settings up that only providers need.
    pub(super) fn setting<T>(
        &self,
        find: impl FnOnce(&Lookup<'_>) -> Result<T, SettingError>,
    ) -> Result<T, CredentialsError> {
        let profiles = self.profiles()?;
        let variable = |name: &str| self.environment.variable(name);
        find(&Lookup::new(&variable, &profiles, &self.profile.value))
            .map_err(|error| CredentialsError::failed("wrong setting").with_source(error))
    }

    /// Where a service is that gives out credentials, unless the settings say otherwise.
    pub(super) fn endpoint(
        &self,
        service: &str,
        region: &Region,
        own: fn(Region, bool, bool) -> Endpoint,
    ) -> Result<Endpoint, CredentialsError> {
        let Some(url) = self.setting(|lookup| lookup.endpoint_url(None, service))? else {
            return Ok(own(region.clone(), self.fips, self.dual_stack));
        };
        Endpoint::configured(Some(region.clone()), Some(&url.value), self.fips, self.dual_stack).map_err(|error| {
            CredentialsError::failed(format!("cannot use the {service} endpoint of {}", url.source)).with_source(error)
        })
    }

    /// Whether a sign-in may be refreshed now; counts as one that is.
    pub(super) fn may_refresh_sso(&self) -> bool {
        let now = self.clock.tick();
        let mut last = lock(&self.sso_refreshed_at);
        let may = last.is_none_or(|last| now.since(last) >= SSO_REFRESH_INTERVAL);
        if may {
            *last = Some(now);
        }
        may
    }

    pub(super) fn plan_error(&self, error: &PlanError, profiles: &Profiles, is_named: bool) -> CredentialsError {
        if error.is_absence(is_named || self.is_profile_named()) {
            return CredentialsError::absent(error.to_string());
        }
        let place = error.place(profiles);
        let path = place.and_then(|place| files::location(&self.environment, place.file));
        CredentialsError::failed(match (place, path, error) {
            // It tells the line itself.
            (_, Some(path), PlanError::Invalid { .. }) => format!("cannot use {}: {error}", path.value),
            (Some(place), Some(path), _) => format!("cannot use {}: {error} ({place})", path.value),
            _ => error.to_string(),
        })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("profile", &self.profile).field("region", &self.region).finish_non_exhaustive()
    }
}
