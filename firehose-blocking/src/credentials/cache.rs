//! [`Cache`]: the core's cache of credentials for threads: one asks the provider, and the others wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use firehose_proto::credentials::{CacheAnswer, Credentials, CredentialsCache, CredentialsRequest};

use super::context::Context;
use super::{CredentialsError, Found, ProvideCredentials, lock};
use firehose_proto::error::WithCauses;

/// A provider's credentials, kept as long as they are good.
pub(crate) struct Cache {
    provider: Box<dyn ProvideCredentials>,
    state: Mutex<CredentialsCache>,
    refreshed: Condvar,
}

impl Cache {
    pub(crate) fn new(provider: Box<dyn ProvideCredentials>) -> Self {
        Self { provider, state: Mutex::default(), refreshed: Condvar::new() }
    }

    /// The access key id of the credentials that are kept, good or not.
    pub(crate) fn access_key_id(&self) -> Option<String> {
        lock(&self.state).current().map(|credentials| credentials.access_key_id.clone())
    }

    /// Credentials that are good now: others than those that the service has just refused.
    pub(crate) fn provide(
        &self,
        context: &Context,
        refused: Option<&Arc<Credentials>>,
    ) -> Result<Arc<Credentials>, CredentialsError> {
        let mut want =
            refused.map_or_else(CredentialsRequest::any, |refused| CredentialsRequest::other_than(Arc::clone(refused)));
        let mut cache = lock(&self.state);
        loop {
            match cache.poll(context.now(), &mut want) {
                CacheAnswer::Use(credentials) => return Ok(credentials),
                CacheAnswer::Failed { error, .. } => return Err(error),
                CacheAnswer::WaitForRefresh => {
                    cache = self.refreshed.wait(cache).unwrap_or_else(PoisonError::into_inner);
                }
                CacheAnswer::Refresh => {
                    drop(cache);
                    let found = self.ask(context);
                    cache = lock(&self.state);
                    if let (Some(_), Err(error)) = (cache.current(), &found) {
                        log::warn!("cannot renew the credentials: {}", WithCauses(error));
                    }
                    cache.handle_refresh(context.now(), found);
                    self.refreshed.notify_all();
                }
            }
        }
    }

    /// Asks the provider. That it panics is a failure like any other: the threads that wait are told, and it is asked again.
    fn ask(&self, context: &Context) -> Result<Found, CredentialsError> {
        catch_unwind(AssertUnwindSafe(|| self.provider.find(context)))
            .unwrap_or_else(|_| Err(CredentialsError::transient("the provider of credentials panicked")))
    }
}
