//! The world outside the client: its answers, its time, and what the client did.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firehose_blocking::firehose_proto::http::{Headers, Request, Response};
use firehose_blocking::firehose_proto::sigv4::Verifier;
use firehose_blocking::firehose_proto::time::{HttpDate, Tick};
use firehose_blocking::{
    Client, ClientBuilder, Clock, Credentials, Timeouts, Transport, TransportError, TransportErrorKind,
};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const START: OffsetDateTime = datetime!(2026-11-22 12:00:00 UTC);
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(crate) const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE==";

/// What the transport was asked to send.
pub(crate) struct Sent {
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) verified: Result<(), String>,
}

pub(crate) type Answer = Result<Response, TransportErrorKind>;

/// The world outside the client: its answers, its time, and what the client did.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

pub(crate) struct State {
    /// The last one is given again and again.
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) slept: Vec<Duration>,
    pub(crate) now: OffsetDateTime,
    /// What the service's clock is ahead of the client's.
    pub(crate) service_ahead: time::Duration,
    /// Whether what is signed wrongly, or at the wrong time, is refused.
    pub(crate) verifies: bool,
    /// What the header `Date` says in place of the service's time.
    pub(crate) date: Option<&'static str>,
    /// What the header `Age` says, if there is one.
    pub(crate) age: Option<&'static str>,
    /// By how much the local clock is set while the next request is under way.
    pub(crate) set_on_the_way: time::Duration,
}

impl World {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self(Arc::new(Mutex::new(State {
            answers: answers.into_iter().collect(),
            sent: Vec::new(),
            slept: Vec::new(),
            now: START,
            service_ahead: time::Duration::ZERO,
            verifies: false,
            date: None,
            age: None,
            set_on_the_way: time::Duration::ZERO,
        })))
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// A client's settings that lead into this world.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let credentials = Credentials::new("AKIDEXAMPLE", SECRET).with_session_token(TOKEN);
        let builder = Client::builder().region("eu-west-1").endpoint_url("http://127.0.0.1:9").credentials(credentials);
        let builder = builder.environment(|_| None);
        builder.transport(self.clone()).clock(self.clone())
    }

    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn attempts(&self) -> usize {
        self.state().sent.len()
    }
}

impl Transport for World {
    fn send(&self, request: &Request<'_>, _: &Timeouts) -> Result<Response, TransportError> {
        let mut state = self.state();
        let service_now = state.now + state.service_ahead;
        let mut verifier = Verifier::new("firehose");
        verifier.region = Some("eu-west-1");
        let credentials = Credentials::new("AKIDEXAMPLE", SECRET).with_session_token(TOKEN);
        let verified = verifier.verify(service_now, request, &credentials).map_err(|error| error.to_string());
        let (headers, body) = (request.headers.clone(), request.body().to_vec());
        let set = std::mem::take(&mut state.set_on_the_way);
        state.now += set;
        state.service_ahead -= set;
        let wrong = verified.clone().err().filter(|_| state.verifies);
        state.sent.push(Sent { headers, body, verified });
        let answer = if let Some(wrong) = wrong {
            Some(answer(403, &format!(r#"{{"__type":"InvalidSignatureException","message":"{wrong}"}}"#)))
        } else if state.answers.len() > 1 {
            state.answers.pop_front()
        } else {
            state.answers.front().cloned()
        };
        let mut response = answer.expect("the script has an answer").map_err(TransportError::new)?;
        response.headers.append("Date", state.date.unwrap_or(HttpDate::new(service_now).as_str())).unwrap();
        if let Some(age) = state.age {
            response.headers.append("Age", age).unwrap();
        }
        Ok(response)
    }
}

impl World {
    /// Sets the local clock, which moves no other.
    pub(crate) fn set_clock(&self, by: time::Duration) {
        let mut state = self.state();
        state.now += by;
        state.service_ahead -= by;
    }
}

impl Clock for World {
    fn now(&self) -> OffsetDateTime {
        self.state().now
    }

    fn tick(&self) -> Tick {
        Tick::from_duration((self.state().now - START).unsigned_abs())
    }

    fn sleep(&self, duration: Duration) {
        let mut state = self.state();
        state.slept.push(duration);
        state.now += duration;
    }

    /// The largest jitter, so that delays are as long as they may be.
    fn random(&self) -> u64 {
        u64::MAX
    }
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Ok(Response::new(status, body.as_bytes().to_vec()))
}

pub(crate) fn refusal(status: u16, code: &str) -> Answer {
    answer(status, &format!(r#"{{"__type":"{code}","message":"words"}}"#))
}

pub(crate) fn accepted() -> Answer {
    answer(200, r#"{"RecordId":"id-1","Encrypted":true}"#)
}
