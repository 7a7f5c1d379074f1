//! A driver and everything around it on virtual time: calls, the search for credentials and the batcher, with a
//! service, a container's agent and a clock that fail until a given time.

use std::sync::Arc;
use std::time::Duration;

use firehose_proto::batch::{Batch, Batcher, EnqueueError, Event, Output, Policy};
use firehose_proto::call::{Action, Call, ClientState};
use firehose_proto::credentials::{
    Credentials, CredentialsError, CredentialsRequest, FileError, Finder, Need, Provider, SearchState,
};
use firehose_proto::error::{ErrorCode, ServiceError, TransportError, TransportErrorKind};
use firehose_proto::http::{Method, Request, Response};
use firehose_proto::op::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry};
use firehose_proto::server::{self, OperationInput as Put};
use firehose_proto::settings::{Overrides, Settings};
use firehose_proto::sigv4::{Authorization, Verifier};
use firehose_proto::time::{AmzDate, HttpDate, IsoDate, Now, Tick};
use time::SignedDuration;

use crate::random::Random;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// More steps than any run needs. A run that takes more is in a loop.
const MAX_STEPS: usize = 200_000;

type Result<T, E = TransportError> = std::result::Result<T, E>;

/// A request in flight, or a call that waits.
struct InFlight {
    id: u64,
    batch: Arc<Batch>,
    call: Call<'static>,
    /// When to act on it, and the response that arrives then, if any.
    due: Tick,
    answer: Option<Result<Response>>,
}

pub(crate) struct World {
    random: Random,
    tick: Tick,
    /// How far the local wall clock and the service's are from the true time.
    local_off: SignedDuration,
    service_off: SignedDuration,
    /// When the faults end.
    well_from: Tick,
    /// The number of the key that the service accepts.
    good_key: u32,
    /// Whether credentials have ever been issued.
    has_credentials: bool,
    /// Larger requests are always refused.
    max_body_bytes: usize,
    shared: ClientState,
    finder: Finder,
    batcher: Batcher,
    in_flight: Vec<InFlight>,
    records: u64,
    pushed: u64,
    /// The number of the record behind each ticket.
    numbers: Vec<usize>,
    /// Numbers of records that came back because of a stop, to be pushed again.
    pub(crate) returned: Vec<usize>,
    /// When the producer is resumed, if it has stopped.
    resumes_at: Option<Tick>,
    /// How often each record was stored.
    pub(crate) stored: Vec<u32>,
    pub(crate) accepted: Vec<bool>,
    /// Records that came back undelivered. There should be none.
    pub(crate) undelivered: Vec<String>,
    pub(crate) steps: usize,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let has_metadata = random.chance(500);
        let variable = move |name: &str| match name {
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            "AWS_RETRY_MODE" if seed.is_multiple_of(3) => Some("adaptive".to_owned()),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI" if !has_metadata => Some("http://127.0.0.1/credentials".to_owned()),
            _ => None,
        };
        let settings =
            Settings::find(&Overrides::default(), &variable, false, |_, _| Err(FileError::NotFound)).unwrap();
        let mut policy = Policy::default();
        (policy.max_attempts, policy.max_age) = (u32::MAX.try_into().unwrap(), Duration::MAX);
        policy.max_in_flight = (1 + random.within(0..=3) as usize).try_into().unwrap();
        policy.refusal_timeout = random.one_of(&[0, 1, 60, u64::MAX].map(Duration::from_secs));
        policy.linger = Duration::from_millis(random.within(0..=199));
        let records = 1 + random.within(0..=59);
        Self {
            well_from: Tick::default() + Duration::from_secs(random.within(0..=899)),
            max_body_bytes: if random.chance(333) { 100 + random.within(0..=399) as usize } else { usize::MAX },
            shared: ClientState::new(settings.config(&variable).unwrap(), seed),
            finder: Finder::new(Provider::standard(), SearchState::new(&settings, variable, false, seed)),
            batcher: Batcher::new("s", policy, seed).unwrap(),
            tick: Tick::default(),
            local_off: SignedDuration::ZERO,
            service_off: SignedDuration::ZERO,
            good_key: 1,
            has_credentials: false,
            in_flight: Vec::new(),
            records,
            pushed: 0,
            numbers: Vec::new(),
            returned: Vec::new(),
            resumes_at: None,
            stored: vec![0; records as usize],
            accepted: vec![false; records as usize],
            undelivered: Vec::new(),
            steps: 0,
            random,
        }
    }

    fn is_ill(&self) -> bool {
        self.tick < self.well_from
    }

    fn now(&self) -> Now {
        let start = AmzDate::parse("20261122T120000Z").unwrap();
        Now::new(self.tick, (start + self.tick.as_duration()).saturating_add(self.local_off))
    }

    /// Delivers all records, and returns when the last one has its outcome.
    pub(crate) fn run(&mut self) {
        while self.step() {
            self.steps += 1;
            assert!(self.steps < MAX_STEPS, "turns in circles at {:?}, {} in flight", self.tick, self.in_flight.len());
        }
    }

    fn step(&mut self) -> bool {
        if self.resumes_at.is_some_and(|time| time <= self.tick) {
            self.resumes_at = None;
            self.batcher.resume();
        }
        while let Some(number) = self.returned.pop().or((self.pushed < self.records).then_some(self.pushed as usize)) {
            match self.batcher.push(self.tick, format!("{number:06}").as_bytes()) {
                Ok(_) => {
                    self.numbers.push(number);
                    self.pushed = self.pushed.max(number as u64 + 1);
                }
                Err(EnqueueError::Full | EnqueueError::Stopped(_)) => {
                    if (number as u64) < self.pushed {
                        self.returned.push(number);
                    }
                    break;
                }
                Err(error) => panic!("nothing stops for good: {error}"),
            }
        }
        if self.accepted.iter().all(|accepted| *accepted) {
            self.batcher.close();
        }
        let wait = match self.batcher.poll_output(self.tick) {
            Output::Event(event) => {
                self.settle(&event);
                return true;
            }
            Output::Send { id, batch, .. } => {
                let call = Call::put_shared_batch(self.shared.config(), &batch).unwrap().single_attempt();
                self.in_flight.push(InFlight { id, batch, call, due: self.tick, answer: None });
                return true;
            }
            Output::Wait(wait) => wait,
        };
        let wait = [wait, self.resumes_at].into_iter().flatten().min();
        let next = (0..self.in_flight.len()).min_by_key(|&index| self.in_flight[index].due);
        match (next.map(|index| self.in_flight[index].due), wait) {
            (Some(due), wait) if wait.is_none_or(|wait| due <= wait) => {
                self.pass(due);
                self.attend(next.unwrap());
            }
            (_, Some(wait)) => self.pass(wait),
            (_, None) => return !self.batcher.is_idle(),
        }
        true
    }

    /// Lets time pass. Clocks and keys may change meanwhile.
    fn pass(&mut self, until: Tick) {
        self.tick = self.tick.max(until);
        if self.is_ill() && self.random.chance(83) {
            let minutes = SignedDuration::minutes(self.random.within(0..=119) as i64 - 60);
            match self.random.within(0..=2) {
                0 => self.local_off = minutes,
                1 => self.service_off = minutes,
                _ => self.good_key += 1,
            }
        }
    }

    fn settle(&mut self, event: &Event) {
        match event {
            Event::Accepted(accepted) => {
                for ticket in accepted.tickets.clone() {
                    let number = self.numbers[ticket as usize];
                    assert!(!std::mem::replace(&mut self.accepted[number], true), "{number} twice");
                    assert!(self.stored[number] > 0, "{number} is acknowledged and not stored");
                }
            }
            Event::Undelivered(undelivered) if self.batcher.stopped().is_some() => {
                self.returned.push(self.numbers[undelivered.ticket as usize]);
            }
            Event::Undelivered(undelivered) => self.undelivered.push(format!("{undelivered:?}")),
            Event::Stopped(reason) => {
                assert!(self.batcher.policy().refusal_timeout < Duration::MAX, "{reason}");
                self.resumes_at = Some(self.tick + Duration::from_millis(self.random.within(1..=99_999)));
            }
            Event::Outage(_) | Event::Recovered(_) => {}
        }
    }

    /// Continues a call that is due.
    fn attend(&mut self, index: usize) {
        let mut current = self.in_flight.swap_remove(index);
        if let Some(answer) = current.answer.take() {
            current.call.handle_response(self.now(), answer);
        }
        loop {
            let now = self.now();
            match current.call.poll(now, &mut self.shared) {
                Action::NeedCredentials { refused } => {
                    let wanted = refused.map_or_else(CredentialsRequest::any, |refused| {
                        CredentialsRequest::other_than(Arc::clone(refused))
                    });
                    let found = self.find(wanted);
                    current.call.handle_credentials(found);
                }
                Action::Transmit { request, .. } => {
                    let answer = self.serve(request);
                    current.due = self.tick + Duration::from_millis(1 + self.random.within(0..=49));
                    if self.is_ill() && self.random.chance(25) {
                        // Suspended while the request is in flight.
                        self.local_off += SignedDuration::seconds(self.random.within(0..=1999) as i64);
                    }
                    current.answer = Some(answer);
                    self.in_flight.push(current);
                    return;
                }
                Action::Wait(until) => {
                    assert!(until > self.tick && until < Tick::MAX, "a wait for {until:?} at {:?}", self.tick);
                    current.due = until;
                    self.in_flight.push(current);
                    return;
                }
                Action::Done(outcome) => {
                    let mut response = None;
                    let outcome = match outcome {
                        Ok(answer) => current.batch.decode(response.insert(answer)).map_err(Into::into),
                        Err(error) => Err(error),
                    };
                    self.batcher.handle_outcome(self.tick, current.id, outcome);
                    return;
                }
            }
        }
    }

    /// Searches for credentials while the calls wait.
    fn find(&mut self, mut wanted: CredentialsRequest) -> Result<Arc<Credentials>, CredentialsError> {
        for _ in 0..10_000 {
            let now = self.now();
            let request = match self.finder.poll(now, &mut wanted) {
                Need::Transmit { request, .. } => request.clone(),
                Need::Wait(until) => {
                    assert!(until < Tick::MAX, "a search that waits for nothing");
                    self.pass(until);
                    continue;
                }
                Need::Done(found) => return found.clone(),
                Need::ReadFile { .. } => {
                    self.finder.handle_file(now, Err(FileError::NotFound));
                    continue;
                }
                _ => {
                    self.finder.decline(now);
                    continue;
                }
            };
            let answer = self.grant(&request);
            let latency = Duration::from_millis(1 + self.random.within(0..=19));
            self.pass(self.tick + latency);
            let now = self.now();
            self.finder.handle_response(now, answer);
        }
        panic!("a search that does not end");
    }

    /// The container's agent, or the instance metadata.
    fn grant(&mut self, request: &Request<'_>) -> Result<Response> {
        if self.is_ill() && self.random.chance(500) {
            return match self.random.within(0..=4) {
                // Metadata that never answered may not exist.
                0 if self.has_credentials => Err(TransportError::new(TransportErrorKind::Connect)),
                1 => Err(TransportError::new(TransportErrorKind::Timeout)),
                2 => Ok(Response::new(500, Vec::new())),
                3 => Ok(Response::new(200, b"<html>".to_vec())),
                _ => Err(TransportError::new(TransportErrorKind::Broken)),
            };
        }
        if request.method == Method::Put {
            return Ok(Response::new(200, b"TOKEN==".to_vec()));
        }
        if request.target().ends_with("security-credentials/") {
            return Ok(Response::new(200, b"role".to_vec()));
        }
        // Some lifetimes are so short that the credentials expire on the way.
        let minutes = if self.is_ill() { self.random.within(0..=29) as i64 } else { 360 };
        let expiration = IsoDate::new(self.now().utc.saturating_add(SignedDuration::minutes(minutes)));
        self.has_credentials = true;
        let (key, expiration) = (self.good_key, expiration.as_str());
        let document = format!(
            r#"{{"Code":"Success","AccessKeyId":"AKID{key}","SecretAccessKey":"{SECRET}","Token":"t","Expiration":"{expiration}"}}"#
        );
        Ok(Response::new(200, document.into_bytes()))
    }

    /// Firehose, or a peer on the way.
    fn serve(&mut self, request: &Request<'static>) -> Result<Response> {
        let fate = if self.is_ill() { self.random.within(0..=17) } else { 99 };
        match fate {
            0 => return Err(TransportError::new(TransportErrorKind::Connect)),
            1 => return Err(TransportError::new(TransportErrorKind::Broken)),
            2 => return Ok(Response::new(if self.random.chance(500) { 403 } else { 302 }, b"<html>".to_vec())),
            _ => {}
        }
        let true_time = AmzDate::parse("20261122T120000Z").unwrap() + self.tick.as_duration();
        let service_time = true_time.saturating_add(self.service_off);
        let mut response = self.respond(request, service_time, fate)?;
        // Without a date, nobody can distinguish a wrong clock from a wrong key.
        if response.status == 403 || !self.random.chance(111) {
            response.headers.append("Date", HttpDate::new(service_time).as_str()).unwrap();
        }
        Ok(response)
    }

    fn respond(&mut self, request: &Request<'static>, time: time::OffsetDateTime, fate: u64) -> Result<Response> {
        let refuse = |status, code| Ok(ServiceError::new(status, ErrorCode::parse(code), "words").write());
        if request.body().len() > self.max_body_bytes {
            return Ok(Response::new(413, Vec::new()));
        }
        let id = Authorization::parse(request.headers.value("authorization").unwrap()).unwrap().access_key_id();
        let credentials = Credentials::new(id, SECRET).with_session_token("t");
        if id != format!("AKID{}", self.good_key) {
            return refuse(
                403,
                if self.random.chance(500) { "ExpiredTokenException" } else { "UnrecognizedClientException" },
            );
        }
        if Verifier::new("firehose").verify(time, request, &credentials).is_err() {
            return refuse(403, "InvalidSignatureException");
        }
        let Ok(Put::PutRecordBatch(input)) = server::parse(request) else { panic!("no PutRecordBatch") };
        let numbers: Vec<usize> =
            input.records.iter().map(|record| str::from_utf8(&record.data).unwrap().parse().unwrap()).collect();
        match fate {
            3 => return refuse(400, "ThrottlingException"),
            4 => return refuse(503, "ServiceUnavailableException"),
            5 => return refuse(500, "InternalFailure"),
            6 => return Ok(Response::new(502, b"<html>".to_vec())),
            16 => return refuse(400, "ResourceNotFoundException"),
            17 => return refuse(400, "AccessDeniedException"),
            _ => {}
        }
        let mut entries = Vec::new();
        for &number in &numbers {
            let is_failed = fate == 7 || (fate == 8 && self.random.chance(500));
            if is_failed {
                entries.push(PutRecordBatchResponseEntry::failed("ServiceUnavailableException", "Slow down."));
            } else {
                self.stored[number] += 1;
                entries.push(PutRecordBatchResponseEntry::accepted(number.to_string()));
            }
        }
        match fate {
            9 => Err(TransportError::new(TransportErrorKind::Timeout)),
            10 => Ok(Response::new(200, b"<html>".to_vec())),
            11 => Ok(server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(entries.split_off(1)))),
            _ => Ok(server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(entries))),
        }
    }
}
