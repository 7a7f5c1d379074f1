//! [`Cache`]: keeps credentials until shortly before they expire, and lets one thread at a time ask for new ones.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firehose_proto::credentials::Credentials;
use firehose_proto::credentials::expiry::{Lifetime, RETRY_INTERVAL, Stage};
use firehose_proto::time::{IsoDate, Tick};
use time::OffsetDateTime;

use super::CredentialsError;
use super::context::Context;
use super::{Found, ProvideCredentials, lock};
use crate::error::Chain;

/// How long to wait until the service's word that credentials are no good has them renewed once more.
const FORCE_INTERVAL: Duration = Duration::from_secs(60);

/// A provider's credentials, kept as long as they are good.
pub(crate) struct Cache {
    provider: Box<dyn ProvideCredentials>,
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Default)]
struct State {
    current: Option<Entry>,
    is_refreshing: bool,
    /// Refreshes that have come to an end.
    flights: u64,
    /// What became of the last one, if it failed.
    failure: Option<CredentialsError>,
    /// When the last one failed.
    failed_at: Option<Tick>,
    forced_at: Option<Tick>,
}

#[derive(Clone)]
struct Entry {
    credentials: Arc<Credentials>,
    lifetime: Lifetime,
}

impl Cache {
    pub(crate) fn new(provider: Box<dyn ProvideCredentials>) -> Self {
        Self { provider, state: Mutex::default(), landed: Condvar::new() }
    }

    /// The access key id of the credentials that are kept, good or not.
    pub(crate) fn access_key_id(&self) -> Option<String> {
        lock(&self.state).current.as_ref().map(|entry| entry.credentials.access_key_id.clone())
    }

    /// Credentials that are good now.
    pub(crate) fn provide(&self, context: &Context) -> Result<Arc<Credentials>, CredentialsError> {
        let state = lock(&self.state);
        let now = context.clock.now();
        let may_try = state.failed_at.is_none_or(|at| context.clock.tick().since(at) >= RETRY_INTERVAL);
        match &state.current {
            Some(Entry { credentials, lifetime }) => {
                let credentials = Arc::clone(credentials);
                match lifetime.stage(now) {
                    Stage::Fresh => Ok(credentials),
                    Stage::Aging if state.is_refreshing || !may_try => Ok(credentials),
                    Stage::Stale if !may_try => Ok(credentials),
                    Stage::Aging | Stage::Stale => Ok(self.refresh(context, state).unwrap_or(credentials)),
                    Stage::Expired => self.refresh(context, state),
                }
            }
            None => self.refresh(context, state),
        }
    }

    /// Other credentials than those that the service has just refused, if there are any.
    pub(crate) fn renew(&self, context: &Context, refused: &Credentials) -> Option<Arc<Credentials>> {
        let mut state = lock(&self.state);
        if let Some(Entry { credentials, .. }) = &state.current
            && **credentials != *refused
        {
            return Some(Arc::clone(credentials));
        }
        // Whoever comes while they are being renewed already waits for that, however recent it is.
        if !state.is_refreshing {
            let now = context.clock.tick();
            if state.forced_at.is_some_and(|at| now.since(at) < FORCE_INTERVAL) {
                return None;
            }
            state.forced_at = Some(now);
        }
        self.refresh(context, state).ok().filter(|credentials| **credentials != *refused)
    }

    /// Asks the provider, or waits for the thread that is asking it already.
    fn refresh(
        &self,
        context: &Context,
        mut state: MutexGuard<'_, State>,
    ) -> Result<Arc<Credentials>, CredentialsError> {
        if state.is_refreshing {
            let flight = state.flights;
            let under_way = |state: &mut State| state.flights == flight;
            state = self.landed.wait_while(state, under_way).unwrap_or_else(PoisonError::into_inner);
            return match (&state.failure, &state.current) {
                (None, Some(Entry { credentials, .. })) => Ok(Arc::clone(credentials)),
                (Some(failure), _) => Err(failure.clone()),
                (None, None) => Err(CredentialsError::failed("the provider panicked")),
            };
        }
        state.is_refreshing = true;
        drop(state);
        let mut flight = Flight { cache: self, context, outcome: None };
        let outcome = self.ask(context);
        flight.outcome = Some(outcome.clone());
        drop(flight);
        outcome.map(|entry| entry.credentials)
    }

    fn ask(&self, context: &Context) -> Result<Entry, CredentialsError> {
        let found = self.provider.find(context)?;
        let now = context.clock.now();
        let lifetime = Lifetime::new(now, found.credentials.expires_at);
        Ok(Entry { credentials: Arc::new(still_good(found, now)?.credentials), lifetime })
    }
}

/// Refuses credentials that have expired before they could be used.
pub(crate) fn still_good(found: Found, now: OffsetDateTime) -> Result<Found, CredentialsError> {
    match found.credentials.expires_at.filter(|&expires_at| expires_at <= now) {
        None => Ok(found),
        Some(expires_at) => {
            let (provider, expired) = (&found.provider, IsoDate::new(expires_at));
            let message = format!("the credentials from {provider} have expired, at {}", expired.as_str());
            Err(CredentialsError::transient(message))
        }
    }
}

/// A refresh under way. However it ends, those who wait for it are told.
struct Flight<'a> {
    cache: &'a Cache,
    context: &'a Context,
    outcome: Option<Result<Entry, CredentialsError>>,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.cache.state);
        state.is_refreshing = false;
        state.flights += 1;
        (state.failure, state.failed_at) = (None, None);
        match self.outcome.take() {
            Some(Ok(renewed)) => state.current = Some(renewed),
            Some(Err(error)) => {
                if state.current.is_some() {
                    log::warn!("cannot renew the credentials: {}", Chain(&error));
                }
                (state.failure, state.failed_at) = (Some(error), Some(self.context.clock.tick()));
            }
            None => {}
        }
        drop(state);
        self.cache.landed.notify_all();
    }
}
