//! [`SearchState`]: what the searches of one client go by, and what one of them learns for the next.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use super::exchange::Policy;
use super::step::Cx;
use crate::credentials::{Credentials, CredentialsError};
use crate::random::Random;
use crate::retry::ClockSkew;
use crate::sensitive::Sensitive;
use crate::settings::location::Locations;
use crate::settings::{SettingSource, Settings};
use crate::time::Tick;
use crate::transport::Timeouts;

/// How long to leave the service alone that refreshes sign-ins.
const SSO_REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// What the searches of one client have in common.
///
/// The driver keeps one for each client, behind a lock if it has threads, and lends it to each
/// [`poll`](super::Search::poll).
pub struct SearchState {
    pub(super) settings: Settings,
    #[expect(clippy::type_complexity, reason = "named once, here")]
    variable: Box<dyn Fn(&str) -> Option<String> + Send + Sync>,
    pub(super) is_windows: bool,
    random: Random,
    /// How far the clocks of those who are asked are ahead.
    pub(super) skew: ClockSkew,
    pub(super) metadata: MetadataMemory,
    /// When a sign-in was last refreshed, and what became of it.
    pub(super) sso_refresh: Option<(Tick, Result<(), CredentialsError>)>,
}

/// What is known of the instance metadata from one search to the next.
#[derive(Default)]
pub(super) struct MetadataMemory {
    /// The token, and until when it is used.
    pub(super) token: Option<(Sensitive<String>, Tick)>,
    /// What they gave last: it works beyond its expiry while they are down.
    pub(super) last: Option<Credentials>,
}

impl SearchState {
    /// What the searches of a client go by: its settings, the environment variables, looked up anew by each search, and
    /// whether paths are those of Windows. The seed is any number that differs from client to client.
    pub fn new(
        settings: &Settings,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        is_windows: bool,
        seed: u64,
    ) -> Self {
        Self {
            skew: if settings.disable_clock_skew_correction.value { ClockSkew::disabled() } else { ClockSkew::new() },
            settings: settings.clone(),
            variable: Box::new(variable),
            is_windows,
            random: Random::new(seed),
            metadata: MetadataMemory::default(),
            sso_refresh: None,
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.locations().variable(name)
    }

    pub(super) fn variables(&self) -> &dyn Fn(&str) -> Option<String> {
        &*self.variable
    }

    pub(super) fn locations(&self) -> Locations<'_> {
        Locations::new(self.variables(), self.is_windows)
    }

    pub(super) const fn random(&mut self) -> u64 {
        self.random.next()
    }

    /// For a service of AWS's, as the client's settings say.
    pub(super) fn service_policy(&self) -> Policy {
        let Settings { credentials_attempts, .. } = self.settings;
        Policy { timeouts: self.settings.timeouts(), max_attempts: credentials_attempts, must_exist: true }
    }

    /// For the instance metadata, which are not there on most machines.
    pub(super) const fn metadata_policy(&self) -> Policy {
        let Settings { metadata_service_timeout: timeout, metadata_service_num_attempts: attempts, .. } =
            &self.settings;
        let timeouts = Timeouts::new(timeout.value, timeout.value);
        Policy { timeouts, max_attempts: attempts.value, must_exist: false }
    }

    /// Where services are asked: whether at their FIPS endpoints, and whether at those with IPv4 and IPv6 addresses.
    pub(super) const fn endpoint_kind(&self) -> (bool, bool) {
        (self.settings.use_fips_endpoint.value, self.settings.use_dualstack_endpoint.value)
    }

    /// What became of the last attempt to refresh a sign-in, as long as it is too early for another.
    pub(super) fn sso_refresh(&self, now: Tick) -> Option<Result<(), CredentialsError>> {
        let (at, outcome) = self.sso_refresh.as_ref()?;
        (now.since(*at) < SSO_REFRESH_INTERVAL).then(|| outcome.clone())
    }
}

impl fmt::Debug for SearchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchState").field("profile", &self.settings.profile).finish_non_exhaustive()
    }
}

impl Cx<'_> {
    /// Says that the environment does not count where the program names a profile.
    pub(super) fn check_environment_counts(&self) -> Result<(), CredentialsError> {
        let profile = &self.shared.settings.profile;
        if profile.source != SettingSource::Code {
            return Ok(());
        }
        Err(CredentialsError::absent(format!("passed over, as the program names profile `{}`", profile.value)))
    }

    /// A file in one of the user's directories.
    pub(super) fn file_in(&self, directory: Option<String>, name: &str) -> Result<String, CredentialsError> {
        let mut path = directory.ok_or_else(|| CredentialsError::failed("the user's home is not known: set HOME"))?;
        if !path.ends_with(['/', '\\']) {
            path.push(if self.shared.is_windows { '\\' } else { '/' });
        }
        path.push_str(name);
        Ok(path)
    }
}
