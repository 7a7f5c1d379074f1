//! [`Step`]: what a search asks its driver, and how it continues with the answer.
//!
//! Each source of credentials is one function that reads like blocking code. It returns its first question, together
//! with a closure that takes the answer and returns the next step. Closures capture what the source knows, so no answer
//! can meet the wrong state.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::time::Duration;

use super::answer::{FileError, Found, ProcessError};
use super::state::SearchState;
use crate::credentials::CredentialsError;
use crate::credentials::profile::Profiles;
use crate::http::{Request, Response};
use crate::sensitive::Sensitive;
use crate::settings::SettingSource;
use crate::time::{Now, Tick};
use crate::transport::{Timeouts, TransportError};

/// The next question and what to do with its answer, or the end.
pub(super) enum Step<T> {
    Done(T),
    Transmit(Box<Request<'static>>, Timeouts, Then<Result<Response, TransportError>, T>),
    ReadFile(String, usize, Then<Result<Sensitive<Vec<u8>>, FileError>, T>),
    WriteFile(String, Sensitive<Vec<u8>>, Then<Result<(), FileError>, T>),
    Run(Sensitive<String>, Duration, Then<Result<Sensitive<Vec<u8>>, ProcessError>, T>),
    MfaCode(String, Then<Result<Sensitive<String>, Box<dyn Error + Send + Sync>>, T>),
    Custom(usize, Then<Result<Found, CredentialsError>, T>),
    Wait(Tick, Then<(), T>),
    /// An answer arrived at this moment. The next poll does the rest, because it lends the shared state.
    Answered(Now, Then<(), T>),
}

/// What a step can use.
pub(super) struct Cx<'a> {
    pub(super) now: Now,
    pub(super) shared: &'a mut SearchState,
    /// The shared files, once this search has read them.
    pub(super) profiles: &'a mut Option<Arc<Profiles>>,
    pub(super) warnings: &'a mut Vec<String>,
}

/// How to continue with an answer.
#[expect(clippy::type_complexity, reason = "this very type is the short name for it")]
pub(super) struct Then<A, T>(Box<dyn FnOnce(&mut Cx<'_>, A) -> Step<T> + Send>);

impl<A: 'static, T: 'static> Then<A, T> {
    pub(super) fn new(next: impl FnOnce(&mut Cx<'_>, A) -> Step<T> + Send + 'static) -> Self {
        Self(Box::new(next))
    }

    pub(super) fn resume(self, cx: &mut Cx<'_>, answer: A) -> Step<T> {
        (self.0)(cx, answer)
    }

    fn then<U: 'static>(self, next: impl FnOnce(&mut Cx<'_>, T) -> Step<U> + Send + 'static) -> Then<A, U> {
        Then::new(move |cx, answer| self.resume(cx, answer).then(cx, next))
    }
}

impl<A: Send + 'static, T: 'static> Then<A, T> {
    /// The step that continues with an answer that arrived at this moment.
    pub(super) fn answered(self, now: Now, answer: A) -> Step<T> {
        Step::Answered(now, Then::new(move |cx, ()| self.resume(cx, answer)))
    }
}

impl<T: 'static> Step<T> {
    /// Continues with the result, whatever it is.
    pub(super) fn then<U: 'static>(
        self,
        cx: &mut Cx<'_>,
        next: impl FnOnce(&mut Cx<'_>, T) -> Step<U> + Send + 'static,
    ) -> Step<U> {
        match self {
            Self::Done(result) => next(cx, result),
            Self::Transmit(request, timeouts, then) => Step::Transmit(request, timeouts, then.then(next)),
            Self::ReadFile(path, max_bytes, then) => Step::ReadFile(path, max_bytes, then.then(next)),
            Self::WriteFile(path, content, then) => Step::WriteFile(path, content, then.then(next)),
            Self::Run(command, timeout, then) => Step::Run(command, timeout, then.then(next)),
            Self::MfaCode(serial, then) => Step::MfaCode(serial, then.then(next)),
            Self::Custom(id, then) => Step::Custom(id, then.then(next)),
            Self::Wait(until, then) => Step::Wait(until, then.then(next)),
            Self::Answered(now, then) => Step::Answered(now, then.then(next)),
        }
    }
}

impl<T: 'static, E: 'static> Step<Result<T, E>> {
    /// Continues with the result, unless it is an error.
    pub(super) fn and_then<U: 'static>(
        self,
        cx: &mut Cx<'_>,
        next: impl FnOnce(&mut Cx<'_>, T) -> Step<Result<U, E>> + Send + 'static,
    ) -> Step<Result<U, E>> {
        self.then(cx, move |cx, result| match result {
            Ok(value) => next(cx, value),
            Err(error) => Step::Done(Err(error)),
        })
    }

    /// Changes the result, without another question.
    pub(super) fn map<U: 'static, F: 'static>(
        self,
        cx: &mut Cx<'_>,
        change: impl FnOnce(Result<T, E>) -> Result<U, F> + Send + 'static,
    ) -> Step<Result<U, F>> {
        self.then(cx, move |_, result| Step::Done(change(result)))
    }
}

impl Cx<'_> {
    /// Checks that the environment counts: it does not if the program names a profile.
    pub(super) fn check_environment_counts(&self) -> Result<(), CredentialsError> {
        let profile = &self.shared.settings.profile;
        if profile.source != SettingSource::Code {
            return Ok(());
        }
        Err(CredentialsError::absent(format!("ignored, because the program names profile `{}`", profile.value)))
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
