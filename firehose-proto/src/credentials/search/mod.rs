//! [`Search`]: finds credentials where AWS's tools look for them, as a machine without I/O.
//!
//! ```text
//! Provider ─▶ Chain ─┬─▶ Environment
//!                    ├─▶ Profile ─▶ keys, process, SSO, login, web identity … ─▶ roles
//!                    ├─▶ WebIdentity ─────────────────────────┐
//!                    ├─▶ Container ───────────────────────────┼─▶ exchange: attempts, clock, backoff
//!                    └─▶ InstanceMetadata ────────────────────┘
//!
//!              ┌──────── ReadFile, WriteFile ──▶ handle_file, handle_written ──┐
//!              ├──────── Transmit ─────────────▶ handle_response ──────────────┤
//! poll ─▶ Need ┼──────── Run ──────────────────▶ handle_process ───────────────┼─▶ poll again
//!              ├──────── MfaCode ──────────────▶ handle_mfa_code ──────────────┤
//!              ├──────── Custom ───────────────▶ handle_custom ────────────────┤
//!              ├──────── Wait(until) ──────────▶ (time passes) ────────────────┘
//!              └──────── Done(result)
//! ```
//!
//! **Do what [`poll`](Search::poll) asks for, pass in the answer, and poll again, until it is done.** A search ignores
//! answers that it did not ask for. A driver [declines](Search::decline) what it cannot do.
//!
//! The searches of one client share a [`SearchState`], for example the token for the instance metadata. The
//! [`CredentialsCache`](super::cache::CredentialsCache) decides when to search again.
//!
//! ```
//! use firehose_proto::credentials::{FileError, Need, Provider, Search, SearchState};
//! use firehose_proto::settings::{Overrides, Settings};
//! use firehose_proto::time::{AmzDate, Now, Tick};
//!
//! let variable = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
//! let read = |path: &str| match path {
//!     "/home/me/.aws/config" => Ok(b"[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s\n".to_vec()),
//!     _ => Err(FileError::NotFound),
//! };
//!
//! let settings = Settings::find(&Overrides::default(), &variable, false, |path, _| read(path))?;
//! let mut shared = SearchState::new(&settings, variable, false, 42);
//! let mut search = Search::new(Provider::standard());
//! let now = Now::new(Tick::default(), AmzDate::parse("20261122T120000Z").unwrap());
//! let found = loop {
//!     match search.poll(now, &mut shared) {
//!         Need::ReadFile { path, .. } => {
//!             let content = read(path);
//!             search.handle_file(now, content);
//!         }
//!         Need::Done(result) => break result.clone()?,
//!         _ => search.decline(now),
//!     }
//! };
//! assert_eq!(found.credentials.access_key_id, "AKIDEXAMPLE");
//! assert_eq!(found.provider, "profile `default` (keys)");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod answer;
mod container;
mod exchange;
mod login;
mod metadata;
mod policy;
mod process;
mod profile;
mod provider;
mod sso;
mod state;
mod step;
mod sts;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::mem;
use core::time::Duration;

pub use self::answer::{FileError, Found, ProcessError};
pub use self::provider::Provider;
pub use self::state::SearchState;
use self::step::{Cx, Step, Then};
use super::CredentialsError;
use super::profile::Profiles;
use crate::http::{Request, Response};
use crate::region::Region;
use crate::sensitive::Sensitive;
use crate::time::{Now, Tick};
use crate::transport::{Timeouts, TransportError, TransportErrorKind};

/// What a search asks its driver to do.
#[derive(Debug)]
pub enum Need<'s, T = Found> {
    /// Send a request, for [`handle_response`](Search::handle_response).
    Transmit {
        /// The request. Use no proxy if it goes to this machine or to the instance metadata.
        request: &'s Request<'static>,
        /// How long it may take.
        timeouts: Timeouts,
    },
    /// Read a file, for [`handle_file`](Search::handle_file).
    ReadFile {
        /// Its path.
        path: &'s str,
        /// The largest size accepted. Read one byte more, to show that the file is too large.
        max_bytes: usize,
    },
    /// Replace a file atomically, readable only by its owner, for [`handle_written`](Search::handle_written). A failure
    /// is reported, and does no harm.
    WriteFile {
        /// Its path.
        path: &'s str,
        /// The content, which is secret.
        content: &'s Sensitive<Vec<u8>>,
    },
    /// Run a command in a shell, without input, for [`handle_process`](Search::handle_process).
    Run {
        /// The command line. No message quotes it.
        command: &'s Sensitive<String>,
        /// How long it may take. After that, end it and everything that it started.
        timeout: Duration,
    },
    /// Ask the user for the code of a device, for [`handle_mfa_code`](Search::handle_mfa_code).
    MfaCode {
        /// The device's serial number or ARN.
        serial: &'s str,
    },
    /// Ask a provider of the driver's own, for [`handle_custom`](Search::handle_custom). Only comes if a
    /// [`Provider::Custom`] was given.
    Custom {
        /// The provider's id.
        id: usize,
    },
    /// Poll again at this time.
    Wait(Tick),
    /// The search is over. Further polls return the same.
    Done(&'s Result<T, CredentialsError>),
}

/// One search for credentials, or for the region of the instance.
///
/// Besides getters it has [`poll`](Self::poll), and one `handle_…` for the answer to each thing that it may ask for.
#[must_use = "a search does nothing until it is polled"]
pub struct Search<T = Found> {
    step: Step<Result<T, CredentialsError>>,
    profiles: Option<Arc<Profiles>>,
    warnings: Vec<String>,
}

impl Search {
    /// A search with this provider.
    pub fn new(provider: Provider) -> Self {
        Self::begin(|cx| provider.find(cx))
    }
}

impl Search<Region> {
    /// Asks the instance metadata for the region that the program runs in.
    pub fn metadata_region() -> Self {
        Self::begin(metadata::region)
    }
}

impl<T: 'static> Search<T> {
    fn begin(start: impl FnOnce(&mut Cx<'_>) -> Step<Result<T, CredentialsError>> + Send + 'static) -> Self {
        let step = Step::Wait(Tick::default(), Then::new(|cx, ()| start(cx)));
        Self { step, profiles: None, warnings: Vec::new() }
    }

    /// What to do next. It repeats itself until the answer is passed in, or until the wait is over.
    pub fn poll(&mut self, now: Now, shared: &mut SearchState) -> Need<'_, T> {
        loop {
            let (then, now) = match mem::replace(&mut self.step, interrupted()) {
                Step::Answered(at, then) => (then, at),
                Step::Wait(until, then) if until <= now.tick => (then, now),
                step => {
                    self.step = step;
                    break;
                }
            };
            let Self { profiles, warnings, .. } = self;
            self.step = then.resume(&mut Cx { now, shared, profiles, warnings }, ());
        }
        match &self.step {
            Step::Done(result) => Need::Done(result),
            Step::Transmit(request, timeouts, _) => Need::Transmit { request, timeouts: *timeouts },
            Step::ReadFile(path, max_bytes, _) => Need::ReadFile { path, max_bytes: *max_bytes },
            Step::WriteFile(path, content, _) => Need::WriteFile { path, content },
            Step::Run(command, timeout, _) => Need::Run { command, timeout: *timeout },
            Step::MfaCode(serial, _) => Need::MfaCode { serial },
            Step::Custom(id, _) => Need::Custom { id: *id },
            Step::Wait(until, _) => Need::Wait(*until),
            Step::Answered(now, _) => Need::Wait(now.tick),
        }
    }

    /// Problems that did not end the search, as texts for a log.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The result of [`Need::Transmit`].
    pub fn handle_response(&mut self, now: Now, outcome: Result<Response, TransportError>) {
        self.answer(|step| match step {
            Step::Transmit(_, _, then) => then.answered(now, outcome),
            other => other,
        });
    }

    /// The result of [`Need::ReadFile`]: the file's content, up to one byte more than asked for.
    pub fn handle_file(&mut self, now: Now, content: Result<Vec<u8>, FileError>) {
        let content = content.map(Sensitive::new);
        self.answer(|step| match step {
            Step::ReadFile(_, _, then) => then.answered(now, content),
            other => other,
        });
    }

    /// The result of [`Need::WriteFile`].
    pub fn handle_written(&mut self, now: Now, outcome: Result<(), FileError>) {
        self.answer(|step| match step {
            Step::WriteFile(_, _, then) => then.answered(now, outcome),
            other => other,
        });
    }

    /// The result of [`Need::Run`]: the output of the process, if it succeeded. Keep at most one byte more than
    /// [`MAX_CREDENTIAL_DOCUMENT_BYTES`](crate::limits::MAX_CREDENTIAL_DOCUMENT_BYTES).
    pub fn handle_process(&mut self, now: Now, printed: Result<Vec<u8>, ProcessError>) {
        let printed = printed.map(Sensitive::new);
        self.answer(|step| match step {
            Step::Run(_, _, then) => then.answered(now, printed),
            other => other,
        });
    }

    /// The result of [`Need::MfaCode`]: the code that the user typed.
    pub fn handle_mfa_code(&mut self, now: Now, code: Result<String, Box<dyn Error + Send + Sync>>) {
        let code = code.map(Sensitive::new);
        self.answer(|step| match step {
            Step::MfaCode(_, then) => then.answered(now, code),
            other => other,
        });
    }

    /// The result of [`Need::Custom`].
    pub fn handle_custom(&mut self, now: Now, found: Result<Found, CredentialsError>) {
        self.answer(|step| match step {
            Step::Custom(_, then) => then.answered(now, found),
            other => other,
        });
    }

    /// Says that this program cannot do what was asked: whatever needs it fails. A wait stays a wait.
    pub fn decline(&mut self, now: Now) {
        const WHY: &str = "this program does not support that";
        match &self.step {
            Step::Transmit(..) => {
                self.handle_response(now, Err(TransportError::new(TransportErrorKind::Request).with_source(WHY)));
            }
            Step::ReadFile(..) => self.handle_file(now, Err(FileError::Other(WHY.into()))),
            Step::WriteFile(..) => self.handle_written(now, Err(FileError::Other(WHY.into()))),
            Step::Run(..) => self.handle_process(now, Err(ProcessError::Other(WHY.into()))),
            Step::MfaCode(..) => self.handle_mfa_code(now, Err("the program does not ask for it".into())),
            Step::Custom(..) => self.handle_custom(now, Err(CredentialsError::failed(WHY))),
            Step::Wait(..) | Step::Answered(..) | Step::Done(_) => {}
        }
    }

    /// Continues with an answer, if the step waits for one of this kind.
    fn answer(&mut self, take: impl FnOnce(Step<Result<T, CredentialsError>>) -> Step<Result<T, CredentialsError>>) {
        let step = mem::replace(&mut self.step, interrupted());
        self.step = take(step);
    }
}

/// The placeholder while a search's step is being replaced. Only visible after a panic of the driver.
fn interrupted<T>() -> Step<Result<T, CredentialsError>> {
    Step::Done(Err(CredentialsError::failed("the search was interrupted")))
}

impl<T> fmt::Debug for Search<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match &self.step {
            Step::Done(_) => "Done",
            Step::Transmit(..) => "Transmit",
            Step::ReadFile(..) => "ReadFile",
            Step::WriteFile(..) => "WriteFile",
            Step::Run(..) => "Run",
            Step::MfaCode(..) => "MfaCode",
            Step::Custom(..) => "Custom",
            Step::Wait(..) => "Wait",
            Step::Answered(..) => "Answered",
        };
        f.debug_struct("Search").field("step", &step).finish_non_exhaustive()
    }
}
