//! A driver on virtual time: it sends a call's requests to a service that answers from a script.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use firehose_proto::call::{Action, Call, ClientState, Config, Error, Timeouts};
use firehose_proto::credentials::{Credentials, CredentialsError};
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::http::{Headers, Request, Response};
use firehose_proto::sigv4::Verifier;
use firehose_proto::time::{AmzDate, HttpDate, Now, Tick};
use firehose_proto::{Endpoint, Region};
use time::{OffsetDateTime, SignedDuration};

pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pub(crate) type Answer = Result<Response, TransportErrorKind>;

/// A request that was sent.
pub(crate) struct Sent {
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) timeouts: Timeouts,
    pub(crate) at: Tick,
    /// Whether the service accepts the signature by its own clock.
    pub(crate) is_verified: bool,
}

/// Everything around a call.
pub(crate) struct World {
    pub(crate) shared: ClientState,
    pub(crate) tick: Tick,
    pub(crate) utc: OffsetDateTime,
    /// How far the service's clock is ahead.
    pub(crate) service_ahead: SignedDuration,
    /// The service's responses. The last one is repeated.
    pub(crate) answers: VecDeque<Answer>,
    /// Whether the service refuses signatures that are wrong or made for another time.
    pub(crate) is_strict: bool,
    /// How long the process is suspended between signing and sending, one entry for each request.
    pub(crate) suspensions: VecDeque<SignedDuration>,
    /// How long an exchange takes.
    pub(crate) exchange: Duration,
    /// The credentials that are found, the last one repeatedly.
    pub(crate) credentials: VecDeque<Result<Credentials, CredentialsError>>,
    pub(crate) wanted: Vec<bool>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) waits: Vec<Duration>,
    /// What the call said, at each wait, of the attempt before.
    pub(crate) failures: Vec<Option<String>>,
}

pub(crate) fn key(id: &str) -> Credentials {
    Credentials::new(id, SECRET)
}

pub(crate) fn config() -> Config {
    Config::new(Endpoint::resolve(Region::parse("eu-west-1").unwrap(), false, false))
}

impl World {
    pub(crate) fn new(config: Config, answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            shared: ClientState::new(config, 7),
            tick: Tick::default(),
            utc: AmzDate::parse("20261122T120000Z").unwrap(),
            service_ahead: SignedDuration::ZERO,
            answers: answers.into_iter().collect(),
            is_strict: false,
            suspensions: VecDeque::new(),
            exchange: Duration::from_millis(20),
            credentials: [Ok(key("AKID1"))].into(),
            wanted: Vec::new(),
            sent: Vec::new(),
            waits: Vec::new(),
            failures: Vec::new(),
        }
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(self.shared.config())
    }

    fn now(&self) -> Now {
        Now::new(self.tick, self.utc)
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.tick = self.tick + time;
        self.utc += time;
    }

    /// Drives a call to its end.
    pub(crate) fn drive(&mut self, mut call: Call<'_>) -> Result<Response, Error> {
        for _ in 0..1_000 {
            let now = self.now();
            match call.poll(now, &mut self.shared) {
                Action::NeedCredentials { refused } => {
                    self.wanted.push(refused.is_some());
                    call.handle_credentials(next(&mut self.credentials).map(Arc::new));
                }
                Action::Transmit { request, timeouts } => {
                    let result = self.carry(request, timeouts);
                    let now = self.now();
                    call.handle_response(now, result);
                }
                Action::Wait(until) => {
                    assert!(until > self.tick, "a wait that is over");
                    let wait = until.since(self.tick);
                    self.waits.push(wait);
                    self.failures.push(call.last_failure().map(ToString::to_string));
                    self.pass(wait);
                }
                Action::Done(outcome) => return outcome,
            }
        }
        panic!("the call does not end")
    }

    fn carry(&mut self, request: &Request<'_>, timeouts: Timeouts) -> Result<Response, TransportError> {
        // Suspending the process or setting the clock does not change the monotonic clock.
        self.utc += self.suspensions.pop_front().unwrap_or_default();
        let service_now = self.utc + self.service_ahead;
        let id = request.headers.value("authorization").and_then(|it| it.split(['=', '/']).nth(1)).unwrap_or_default();
        let is_verified = Verifier::new("firehose").verify(service_now, request, &key(id)).is_ok();
        self.sent.push(Sent {
            headers: request.headers.clone(),
            body: request.body().to_vec(),
            timeouts,
            at: self.tick,
            is_verified,
        });
        self.pass(self.exchange);
        let answer = if is_verified || !self.is_strict {
            next(&mut self.answers)
        } else {
            refusal(403, "InvalidSignatureException")
        };
        let mut response = answer.map_err(TransportError::new)?;
        response.headers.append("Date", HttpDate::new(service_now).as_str()).unwrap();
        Ok(response)
    }
}

fn next<T: Clone>(script: &mut VecDeque<T>) -> T {
    if script.len() > 1 { script.pop_front() } else { script.front().cloned() }.expect("the script has an entry")
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Ok(Response::new(status, body.as_bytes().to_vec()))
}

pub(crate) fn refusal(status: u16, code: &str) -> Answer {
    answer(status, &format!(r#"{{"__type":"{code}","message":"words"}}"#))
}

pub(crate) fn accepted() -> Answer {
    answer(200, r#"{"RecordId":"id-1"}"#)
}
