//! The service and the way to it: stores, throttles, refuses, fails, and is not there, as the schedule has it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firehose_blocking::firehose_proto::batch::{Batch, Batcher};
use firehose_blocking::firehose_proto::call::Error;
use firehose_blocking::firehose_proto::error::{ErrorCode, ServiceError, TransportError, TransportErrorKind};
use firehose_blocking::firehose_proto::http::Response;
use firehose_blocking::firehose_proto::op::{
    PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry as Entry,
};
use firehose_blocking::firehose_proto::server;
use firehose_blocking::firehose_proto::time::Tick;

use super::files::number;

/// Lines of which the service refuses each by itself, for as long as it exists.
const REFUSED: u64 = 41;

/// What the service is like for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Condition {
    Normal,
    /// There is no way to it.
    Unreachable,
    /// Connections break, before or after it has stored what was sent.
    Breaking,
    /// It asks for less, by whole calls or by records.
    Throttling,
    /// It fails inside.
    Failing,
    /// Every call is refused: there is no such stream.
    Refusing,
    /// Answers make no sense.
    Malformed,
}

impl Condition {
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        use Condition::{Breaking, Failing, Malformed, Normal, Refusing, Throttling, Unreachable};
        random
            .choice([Normal, Normal, Unreachable, Breaking, Throttling, Failing, Refusing, Malformed])
            .unwrap_or(Normal)
    }
}

/// A call under way.
pub(crate) struct Call {
    id: u64,
    lands_at: Duration,
    batch: Arc<Batch>,
    answer: Result<Response, TransportErrorKind>,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) condition: Condition,
    /// Lines that it has stored.
    pub(crate) stored: BTreeSet<u64>,
    /// How many records it has stored, those that came twice included.
    pub(crate) records: usize,
}

/// Whether the service refuses a line by itself.
pub(crate) fn is_refused(number: u64) -> bool {
    number % REFUSED == REFUSED - 1
}

impl Service {
    pub(crate) fn new() -> Self {
        Self { condition: Condition::Normal, stored: BTreeSet::new(), records: 0 }
    }

    /// Takes a call, and decides what is going to come back, and when.
    pub(crate) fn receive(&mut self, now: Duration, id: u64, batch: Arc<Batch>, random: &mut fastrand::Rng) -> Call {
        let decode = |index| STANDARD.decode(batch.encoded(index).unwrap()).unwrap();
        let records: Vec<Vec<u8>> = (0..batch.len()).map(decode).collect();
        let answer = self.answer(&records, random);
        let longest = if self.condition == Condition::Normal { 50 } else { 3_000 };
        Call { id, lands_at: now + Duration::from_millis(random.u64(0..longest)), batch, answer }
    }

    fn answer(&mut self, records: &[Vec<u8>], random: &mut fastrand::Rng) -> Result<Response, TransportErrorKind> {
        let named: Vec<usize> =
            (1..=records.len()).filter(|place| number(&records[place - 1]).is_some_and(is_refused)).collect();
        match self.condition {
            Condition::Unreachable => Err(TransportErrorKind::Connect),
            Condition::Refusing => Ok(refusal(400, "ResourceNotFoundException", "no such stream")),
            Condition::Throttling if random.bool() => Ok(refusal(400, "ThrottlingException", "Slow down.")),
            _ if !named.is_empty() => {
                let one = |place| format!("Value at 'records.{place}.member.data' failed to satisfy constraint");
                let words: Vec<String> = named.into_iter().map(one).collect();
                Ok(refusal(400, "ValidationException", &words.join("; ")))
            }
            Condition::Breaking => {
                if random.bool() {
                    self.store(records);
                }
                Err(random.choice([TransportErrorKind::Broken, TransportErrorKind::Timeout]).unwrap())
            }
            Condition::Failing => {
                if random.bool() {
                    self.store(records);
                }
                Ok(refusal(500, "InternalFailure", ""))
            }
            Condition::Malformed => {
                self.store(records);
                Ok(Response::new(200, b"{}".to_vec()))
            }
            Condition::Throttling => Ok(self.answer_each(records, fastrand::Rng::bool, random)),
            Condition::Normal => Ok(self.answer_each(records, |_| true, random)),
        }
    }

    fn answer_each(
        &mut self,
        records: &[Vec<u8>],
        takes: impl Fn(&mut fastrand::Rng) -> bool,
        random: &mut fastrand::Rng,
    ) -> Response {
        let mut entries = Vec::new();
        for record in records {
            if takes(random) {
                self.store(std::slice::from_ref(record));
                entries.push(Entry::accepted(format!("{}", self.records)));
            } else {
                entries.push(Entry::failed("ServiceUnavailableException", "Slow down."));
            }
        }
        server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(entries))
    }

    fn store(&mut self, records: &[Vec<u8>]) {
        self.stored.extend(records.iter().filter_map(|record| number(record)));
        self.records += records.len();
    }
}

impl Call {
    pub(crate) fn has_landed(&self, now: Duration) -> bool {
        self.lands_at <= now
    }

    /// Tells the batcher what came of it.
    pub(crate) fn land(self, now: Tick, batcher: &mut Batcher) {
        let Self { id, batch, answer, .. } = self;
        let outcome = match &answer {
            Ok(response) => batch.decode(response).map_err(Error::from),
            Err(kind) => Err(Error::Transport { error: TransportError::new(*kind), attempts: 1 }),
        };
        drop(batch);
        batcher.handle_outcome(now, id, outcome);
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    ServiceError::new(status, ErrorCode::parse(code), message).write()
}
