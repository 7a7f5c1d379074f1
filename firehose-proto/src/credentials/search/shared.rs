//! [`Shared`]: what the searches of one client go by, and what one of them learns for the next.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use super::exchange::Policy;
use super::step::Cx;
use crate::credentials::{Credentials, CredentialsError};
use crate::random::Random;
use crate::region::Region;
use crate::retry::ClockSkew;
use crate::sensitive::Sensitive;
use crate::settings::location::Locations;
use crate::settings::{Setting, Source};
use crate::time::Tick;
use crate::transport::Timeouts;

/// How long to leave the service alone that refreshes sign-ins.
const SSO_REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// What of a client's settings the search for credentials goes by.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name of the profile.
    pub profile: Setting<String>,
    /// Of the client; the security token service is asked there.
    pub region: Option<Region>,
    /// Whether to use FIPS endpoints.
    pub fips: bool,
    /// Whether to use endpoints with both IPv4 and IPv6 addresses.
    pub dual_stack: bool,
    /// How long AWS's own services may take.
    pub timeouts: Timeouts,
    /// How often they are asked.
    pub max_attempts: NonZeroU32,
    /// Where the instance metadata are, or what turns them off.
    pub metadata_endpoint: Result<String, Source>,
    /// How long the instance metadata may take.
    pub metadata_timeout: Duration,
    /// How often they are asked.
    pub metadata_attempts: NonZeroU32,
    /// Whether requests are signed by the clock that the services show.
    pub corrects_clock: bool,
}

/// What the searches of one client have in common.
///
/// The driver keeps one for each client, behind a lock if it has threads, and lends it to each
/// [`poll`](super::Search::poll).
pub struct Shared {
    pub(super) config: Config,
    #[expect(clippy::type_complexity, reason = "named once, here")]
    variable: Box<dyn Fn(&str) -> Option<String> + Send + Sync>,
    pub(super) is_windows: bool,
    random: Random,
    /// How far the clocks of those who are asked are ahead.
    pub(super) skew: ClockSkew,
    pub(super) metadata: MetadataMemory,
    sso_refreshed_at: Option<Tick>,
}

/// What is known of the instance metadata from one search to the next.
#[derive(Default)]
pub(super) struct MetadataMemory {
    /// The token, and until when it is used.
    pub(super) token: Option<(Sensitive<String>, Tick)>,
    /// What they gave last: it works beyond its expiry while they are down.
    pub(super) last: Option<Credentials>,
}

impl Shared {
    /// What the searches of a client go by: its settings, the environment variables, looked up anew by each search, and
    /// whether paths are those of Windows. The seed is any number that differs from client to client.
    pub fn new(
        config: Config,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        is_windows: bool,
        seed: u64,
    ) -> Self {
        Self {
            skew: if config.corrects_clock { ClockSkew::new() } else { ClockSkew::disabled() },
            config,
            variable: Box::new(variable),
            is_windows,
            random: Random::new(seed),
            metadata: MetadataMemory::default(),
            sso_refreshed_at: None,
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)
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
    pub(super) const fn service_policy(&self) -> Policy {
        Policy { timeouts: self.config.timeouts, max_attempts: self.config.max_attempts, must_exist: true }
    }

    /// For the instance metadata, which are not there on most machines.
    pub(super) const fn metadata_policy(&self) -> Policy {
        let timeouts = Timeouts::new(self.config.metadata_timeout, self.config.metadata_timeout);
        Policy { timeouts, max_attempts: self.config.metadata_attempts, must_exist: false }
    }

    /// Whether a sign-in may be refreshed now; counts as one that is.
    pub(super) fn may_refresh_sso(&mut self, now: Tick) -> bool {
        let may = self.sso_refreshed_at.is_none_or(|last| now.since(last) >= SSO_REFRESH_INTERVAL);
        if may {
            self.sso_refreshed_at = Some(now);
        }
        may
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Cx<'_> {
    /// Says that the environment does not count where the program names a profile.
    pub(super) fn check_environment_counts(&self) -> Result<(), CredentialsError> {
        let profile = &self.shared.config.profile;
        if profile.source != Source::Code {
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
