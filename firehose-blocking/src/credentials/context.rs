//! [`Context`]: what credential providers work with; runs the core's search.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use firehose_proto::Region;
use firehose_proto::credentials::{Found, Need, Provider, Search, SearchState};
use firehose_proto::settings::Settings;
use firehose_proto::time::Now;

use super::{CredentialsError, ProvideCredentials, lock, process};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::files;
use crate::transport::Transport;

/// What credential providers work with: the client's clock, and the settings and connections of the standard providers.
pub struct Context {
    pub(crate) environment: Environment,
    pub(crate) clock: Arc<dyn Clock>,
    transport: Arc<dyn Transport>,
    mfa: Option<Mfa>,
    shared: Mutex<SearchState>,
}

/// Asks the user for an MFA code.
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
        let variables = environment.clone();
        let shared = SearchState::new(settings, move |name| variables.variable(name), cfg!(windows), clock.random());
        Self { environment, clock, transport, mfa, shared: Mutex::new(shared) }
    }

    /// The client's clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The current time on both of the client's clocks.
    pub(crate) fn now(&self) -> Now {
        Now::new(self.clock.tick(), self.clock.now())
    }

    /// Runs the core's search for credentials. `custom` holds the chain's own providers.
    pub(super) fn find(
        &self,
        provider: Provider,
        custom: &[Box<dyn ProvideCredentials>],
    ) -> Result<Found, CredentialsError> {
        let found = self.search(Search::new(provider), custom)?;
        log::debug!("credentials {} from {}", found.credentials.access_key_id, found.provider);
        Ok(found)
    }

    /// The region from the instance metadata.
    pub(crate) fn metadata_region(&self) -> Result<Region, CredentialsError> {
        self.search(Search::metadata_region(), &[])
    }

    fn search<T: Clone + 'static>(
        &self,
        mut search: Search<T>,
        custom: &[Box<dyn ProvideCredentials>],
    ) -> Result<T, CredentialsError> {
        let result = loop {
            let mut shared = lock(&self.shared);
            let need = search.poll(self.now(), &mut shared);
            drop(shared);
            match need {
                Need::Transmit { request, timeouts } => {
                    let outcome = self.transport.send(request, &timeouts);
                    search.handle_response(self.now(), outcome);
                }
                Need::ReadFile { path, max_bytes } => {
                    let content = files::content(path, max_bytes);
                    search.handle_file(self.now(), content);
                }
                Need::WriteFile { path, content } => {
                    let written = files::replace(Path::new(path), content.expose(), self.clock.random());
                    search.handle_written(self.now(), written.map_err(files::file_error));
                }
                Need::Run { command, timeout } => {
                    let printed = process::run(command.expose(), timeout);
                    search.handle_process(self.now(), printed);
                }
                Need::MfaCode { serial } => match &self.mfa {
                    Some(mfa) => {
                        let code = (mfa.0)(serial).map_err(Into::into);
                        search.handle_mfa_code(self.now(), code);
                    }
                    None => search.decline(self.now()),
                },
                Need::Custom { id } => match custom.get(id) {
                    Some(provider) => {
                        let found = provider.find(self);
                        search.handle_custom(self.now(), found);
                    }
                    None => search.decline(self.now()),
                },
                Need::Wait(until) => self.clock.sleep(until.since(self.clock.tick())),
                Need::Done(result) => break result.clone(),
            }
        };
        for warning in search.warnings() {
            log::warn!("{warning}");
        }
        result
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("shared", &*lock(&self.shared)).finish_non_exhaustive()
    }
}
