//! [`SearchState`]: the settings that one client's searches use, and what one search learns for the next.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use super::policy::Policy;
use crate::credentials::{Credentials, CredentialsError};
use crate::random::Random;
use crate::retry::ClockSkew;
use crate::sensitive::Sensitive;
use crate::settings::Settings;
use crate::settings::location::Locations;
use crate::time::Tick;
use crate::transport::Timeouts;

/// The shortest time between two refreshes of a sign-in.
const SSO_REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// What the searches of one client share.
///
/// The driver keeps one for each client, behind a lock if it has threads, and passes it to each
/// [`poll`](super::Search::poll).
pub struct SearchState {
    pub(super) settings: Settings,
    #[expect(clippy::type_complexity, reason = "named once, here")]
    variable: Box<dyn Fn(&str) -> Option<String> + Send + Sync>,
    pub(super) is_windows: bool,
    random: Random,
    /// How far the clocks of the services are ahead.
    pub(super) skew: ClockSkew,
    pub(super) metadata: MetadataCache,
    /// When a sign-in was last refreshed, and the result.
    pub(super) sso_refresh: Option<(Tick, Result<(), CredentialsError>)>,
}

/// What is kept of the instance metadata between searches.
#[derive(Default)]
pub(super) struct MetadataCache {
    /// The token, and until when it is used.
    pub(super) token: Option<(Sensitive<String>, Tick)>,
    /// The last credentials. They work beyond their expiry while the metadata are down.
    pub(super) last: Option<Credentials>,
}

impl SearchState {
    /// Takes a client's settings, the environment variables (each search looks them up again), and whether paths are
    /// Windows paths. The seed is any number that differs between clients.
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
            metadata: MetadataCache::default(),
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

    /// For an AWS service, by the client's settings.
    pub(super) fn service_policy(&self) -> Policy {
        let Settings { credentials_attempts, .. } = self.settings;
        Policy { timeouts: self.settings.timeouts(), max_attempts: credentials_attempts, must_exist: true }
    }

    /// For the instance metadata, which most machines do not have.
    pub(super) const fn metadata_policy(&self) -> Policy {
        let Settings { metadata_service_timeout: timeout, metadata_service_num_attempts: attempts, .. } =
            &self.settings;
        let timeouts = Timeouts::new(timeout.value, timeout.value);
        Policy { timeouts, max_attempts: attempts.value, must_exist: false }
    }

    /// Which endpoints to use: whether FIPS ones, and whether dual-stack ones.
    pub(super) const fn endpoint_kind(&self) -> (bool, bool) {
        (self.settings.use_fips_endpoint.value, self.settings.use_dualstack_endpoint.value)
    }

    /// The result of the last refresh of a sign-in, while it is too early for another.
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
