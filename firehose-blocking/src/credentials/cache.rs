//! [`Cache`]: the core's credentials cache, shared by threads. One thread asks the provider, the others wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use firehose_proto::credentials::{CacheAnswer, Credentials, CredentialsCache, CredentialsRequest};
use firehose_proto::error::WithCauses;

use super::context::Context;
use super::{CredentialsError, Found, ProvideCredentials, lock};

/// Keeps a provider's credentials as long as they are valid.
pub(crate) struct Cache {
    provider: Box<dyn ProvideCredentials>,
    state: Mutex<CredentialsCache>,
    refreshed: Condvar,
}

impl Cache {
    pub(crate) fn new(provider: Box<dyn ProvideCredentials>) -> Self {
        Self { provider, state: Mutex::default(), refreshed: Condvar::new() }
    }

    /// The access key id of the cached credentials, valid or not.
    pub(crate) fn access_key_id(&self) -> Option<String> {
        lock(&self.state).current().map(|credentials| credentials.access_key_id.clone())
    }

    /// Returns valid credentials. If the service refused some, returns others.
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

    /// Asks the provider. A panic counts as a failure: the waiting threads get the error, and later calls ask again.
    fn ask(&self, context: &Context) -> Result<Found, CredentialsError> {
        catch_unwind(AssertUnwindSafe(|| self.provider.find(context)))
            .unwrap_or_else(|_| Err(CredentialsError::transient("the provider of credentials panicked")))
    }
}
