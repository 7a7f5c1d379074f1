//! Virtual time, made-up variables, and answers from a script.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::firehose_proto::time::Tick;
use firehose_blocking::{Client, ClientBuilder, Clock, Timeouts, Transport, TransportError};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const START: OffsetDateTime = datetime!(2026-11-22 12:00:00 UTC);

/// What must show in no message.
pub(crate) const SECRET: &str = "HushHushHushHushHush";

/// A clock that only moves when somebody waits or turns it.
#[derive(Clone)]
pub(crate) struct Virtual(Arc<Mutex<OffsetDateTime>>);

impl Virtual {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(START)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    /// Turns the clock to so long after the start.
    pub(crate) fn set(&self, since_start: Duration) {
        *self.0.lock().unwrap() = START + since_start;
    }
}

impl Clock for Virtual {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }

    fn tick(&self) -> Tick {
        Tick::from_duration((self.now() - START).unsigned_abs())
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }

    fn random(&self) -> u64 {
        1 << 63
    }
}

/// What was asked, and what to answer.
type Script = dyn Fn(&Request<'_>) -> Response + Send + Sync;

/// Answers by a function, and remembers the requests: method, URL, headers and body as text.
#[derive(Clone)]
pub(crate) struct Scripted {
    answer: Arc<Script>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(crate) fn new(answer: impl Fn(&Request<'_>) -> Response + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> MutexGuard<'_, Vec<String>> {
        self.asked.lock().unwrap()
    }
}

impl Transport for Scripted {
    fn send(&self, request: &Request<'_>, _: &Timeouts) -> Result<Response, TransportError> {
        let mut text = format!("{} {}", request.method.as_str(), request.uri);
        for (name, value) in request.headers.iter() {
            text.push_str(&format!("\n{name}: {value}"));
        }
        text.push_str(&format!("\n\n{}", String::from_utf8_lossy(request.body())));
        self.asked().push(text);
        Ok((self.answer)(request))
    }
}

/// A builder that knows these variables and no others, on virtual time.
pub(crate) fn builder(variables: &[(&str, &str)]) -> ClientBuilder {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Client::builder().environment(move |name| variables.get(name).cloned()).clock(Virtual::new()).region("eu-west-1")
}

/// The whole story of an error.
pub(crate) fn story(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
