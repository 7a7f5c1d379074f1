//! [`Finder`]: a [cache](CredentialsCache) and the [`Search`] that fills it, as one machine, for drivers that run one
//! search at a time.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;

use super::cache::{CacheAnswer, CredentialsCache, CredentialsRequest};
use super::search::{FileError, Found, Need, ProcessError, Provider, Search, SearchState};
use super::{Credentials, CredentialsError};
use crate::http::Response;
use crate::time::{Now, Tick};
use crate::transport::TransportError;

/// Supplies credentials: from the cache while they are valid, else by a search.
///
/// **Poll it with a request, do what it asks for, pass in the answer, and poll again, until it is done.** When several
/// calls need credentials, the driver lets one poll until it is done, then the next.
///
/// ```
/// use firehose_proto::credentials::{Finder, Need, Provider, SearchState, CredentialsRequest};
/// use firehose_proto::settings::{Overrides, Settings};
/// use firehose_proto::time::{AmzDate, Now, Tick};
///
/// let variable = |name: &str| {
///     let value = match name {
///         "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE",
///         "AWS_SECRET_ACCESS_KEY" => "secret",
///         _ => return None,
///     };
///     Some(value.to_owned())
/// };
/// let now = Now::new(Tick::default(), AmzDate::parse("20261122T120000Z").unwrap());
/// let settings = Settings::find(&Overrides::default(), &variable, false, |_, _| Ok(Vec::new()))?;
/// let mut finder = Finder::new(Provider::standard(), SearchState::new(&settings, variable, false, 7));
///
/// let mut wanted = CredentialsRequest::any();
/// let Need::Done(Ok(credentials)) = finder.poll(now, &mut wanted) else { panic!("nothing has to be asked for") };
/// assert_eq!(credentials.access_key_id, "AKIDEXAMPLE");
/// # Ok::<(), firehose_proto::settings::SettingsError>(())
/// ```
#[derive(Debug)]
pub struct Finder {
    provider: Provider,
    shared: SearchState,
    cache: CredentialsCache,
    search: Option<Search>,
    outcome: Result<Arc<Credentials>, CredentialsError>,
}

impl Finder {
    /// Finds credentials with this provider.
    #[must_use]
    pub fn new(provider: Provider, shared: SearchState) -> Self {
        let outcome = Err(CredentialsError::transient("not searched for yet"));
        Self { provider, shared, cache: CredentialsCache::new(), search: None, outcome }
    }

    /// What to do next about a request for credentials.
    pub fn poll(&mut self, now: Now, wanted: &mut CredentialsRequest) -> Need<'_, Arc<Credentials>> {
        loop {
            if let Some(search) = &mut self.search {
                let Need::Done(result) = search.poll(now, &mut self.shared) else { break };
                self.cache.handle_refresh(now, result.clone());
                self.search = None;
            }
            match self.cache.poll(now, wanted) {
                CacheAnswer::Use(credentials) => self.outcome = Ok(credentials),
                CacheAnswer::Failed { error, .. } => self.outcome = Err(error),
                CacheAnswer::Refresh => {
                    self.search = Some(Search::new(self.provider.clone()));
                    continue;
                }
                // The caller that searched gave up.
                CacheAnswer::WaitForRefresh => {
                    self.cache.handle_refresh(now, Err(CredentialsError::transient("the search was interrupted")));
                    continue;
                }
            }
            return Need::Done(&self.outcome);
        }
        match self.search.as_mut().map(|search| search.poll(now, &mut self.shared)) {
            Some(Need::Transmit { request, timeouts }) => Need::Transmit { request, timeouts },
            Some(Need::ReadFile { path, max_bytes }) => Need::ReadFile { path, max_bytes },
            Some(Need::WriteFile { path, content }) => Need::WriteFile { path, content },
            Some(Need::Run { command, timeout }) => Need::Run { command, timeout },
            Some(Need::MfaCode { serial }) => Need::MfaCode { serial },
            Some(Need::Custom { id }) => Need::Custom { id },
            Some(Need::Wait(until)) => Need::Wait(until),
            Some(Need::Done(_)) | None => Need::Wait(Tick::MAX),
        }
    }

    /// Problems of the current search that did not end it.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        self.search.as_ref().map_or(&[], Search::warnings)
    }
}

/// Passes the answers to the current search.
macro_rules! answers {
    ($($name:ident($answer:ty);)+) => {
        impl Finder {
            $(
                #[doc = concat!("See [`Search::", stringify!($name), "`].")]
                pub fn $name(&mut self, now: Now, answer: $answer) {
                    if let Some(search) = &mut self.search {
                        search.$name(now, answer);
                    }
                }
            )+

            /// See [`Search::decline`].
            pub fn decline(&mut self, now: Now) {
                if let Some(search) = &mut self.search {
                    search.decline(now);
                }
            }
        }
    };
}

answers! {
    handle_response(Result<Response, TransportError>);
    handle_file(Result<Vec<u8>, FileError>);
    handle_written(Result<(), FileError>);
    handle_process(Result<Vec<u8>, ProcessError>);
    handle_mfa_code(Result<String, Box<dyn Error + Send + Sync>>);
    handle_custom(Result<Found, CredentialsError>);
}
