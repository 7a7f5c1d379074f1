//! [`Service`]: stores what it is sent, or not, and answers, or not. It answers with real documents.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firehose_proto::batch::{Batch, Batcher, Policy};
use firehose_proto::call::Error;
use firehose_proto::credentials::CredentialsError;
use firehose_proto::error::{ErrorCode, ServiceError, TransportError, TransportErrorKind};
use firehose_proto::http::Response;
use firehose_proto::op::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry as ResponseEntry};
use firehose_proto::server;
use firehose_proto::time::Tick;

use crate::ledger::Ledger;
use crate::random::Random;
use crate::scenario::Faults;

/// What the driver is going to see of a call.
enum Answer {
    Response(Response),
    Failure(Error),
}

/// What an answer means for the records of its call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Each has its own, if there is an answer that says so.
    Each,
    /// All failed, and may be sent again.
    Failed { is_ambiguous: bool },
    /// Some are to blame.
    Named,
    /// The call had too many of them, or one that is too large.
    TooLarge,
    /// Every other call would fail as well.
    Fatal,
}

/// A call under way.
struct Call {
    id: u64,
    lands_at: Tick,
    batch: Arc<Batch>,
    /// The tickets in each record.
    records: Vec<Vec<usize>>,
    answer: Answer,
    meaning: Meaning,
    /// How often the line had been resumed when it left.
    resumed: u32,
}

#[derive(Default)]
pub(crate) struct Service {
    calls: Vec<Call>,
    /// Records stored, for their ids.
    stored: u64,
    /// Calls taken.
    taken: u64,
}

impl Service {
    /// Takes a call: stores what it stores, and decides what is going to come back and when.
    pub(crate) fn receive(
        &mut self,
        now: Tick,
        (id, batch, attempt): (u64, Arc<Batch>, u32),
        policy: &Policy,
        (faults, max_delay_ms): (&Faults, u64),
        ledger: &mut Ledger,
        random: &mut Random,
    ) {
        let data: Vec<_> =
            (0..batch.len()).map(|index| STANDARD.decode(batch.encoded(index).unwrap()).unwrap()).collect();
        check_limits(policy, &batch, &data);
        let records: Vec<_> = data.iter().map(|data| ledger.read(policy, data)).collect();
        ledger.send(now, policy, attempt, &records, data.iter().map(Vec::len).sum());
        self.taken += 1;
        let none = Faults::default();
        let faults = if faults.end.is_some_and(|end| self.taken > end) { &none } else { faults };
        let bytes = batch.data_bytes();
        let Some((answer, meaning)) = self.answer(policy, faults, bytes, &records, ledger, random) else { return };
        let lands_at = now + Duration::from_millis(random.within(0..=max_delay_ms));
        self.calls.push(Call { id, lands_at, batch, records, answer, meaning, resumed: ledger.resumed });
    }

    fn answer(
        &mut self,
        policy: &Policy,
        faults: &Faults,
        bytes: usize,
        records: &[Vec<usize>],
        ledger: &mut Ledger,
        random: &mut Random,
    ) -> Option<(Answer, Meaning)> {
        let refusal = |status, code: &str, message: &str| {
            let error = ServiceError::new(status, ErrorCode::parse(code), message);
            Answer::Response(error.write())
        };
        let failed = |answer, is_ambiguous| Some((answer, Meaning::Failed { is_ambiguous }));
        if random.chance(faults.throttle) {
            let (status, code, message) = random.one_of(&[
                (400, "ThrottlingException", "Rate exceeded"),
                (400, "LimitExceededException", ""),
                (400, "ServiceUnavailableException", "Slow down."),
            ]);
            return failed(refusal(status, code, message), false);
        }
        if random.chance(faults.credentials) {
            let (status, code) = random.one_of(&[
                (403, "ExpiredTokenException"),
                (400, "ExpiredToken"),
                (400, "UnrecognizedClientException"),
                (403, "InvalidClientTokenId"),
                (400, "InvalidToken"),
            ]);
            let away = Error::Credentials(CredentialsError::transient("the instance metadata is away"));
            return failed(if random.chance(300) { Answer::Failure(away) } else { refusal(status, code, "") }, false);
        }
        if random.chance(faults.foreign) {
            let status = random.one_of(&[301, 302, 400, 403, 404, 407, 429]);
            return failed(Answer::Response(Response::new(status, b"<html>Sign in".to_vec())), false);
        }
        if faults.max_request_bytes.is_some_and(|max| bytes > max) {
            let says = random.chance(500);
            let empty = Answer::Response(Response::new(413, Vec::new()));
            let words = "Records size exceeds 4 MB limit";
            let answer = if says { refusal(400, "InvalidArgumentException", words) } else { empty };
            return Some((answer, Meaning::TooLarge));
        }
        if random.chance(faults.fatal) {
            let answer = match random.within(0..=3) {
                0 => refusal(400, "ResourceNotFoundException", "Firehose s under account 1 not found."),
                1 => refusal(400, "AccessDeniedException", "not authorized"),
                2 => no_answer(random.one_of(&[TransportErrorKind::Proxy, TransportErrorKind::Tls])),
                _ => Answer::Failure(Error::Credentials(CredentialsError::absent("no credentials"))),
            };
            return Some((answer, Meaning::Fatal));
        }
        if random.chance(faults.naming) {
            let named: Vec<_> = (1..=records.len()).filter(|_| random.chance(300)).collect();
            let named = if named.is_empty() { vec![random.size(1..=records.len())] } else { named };
            let one = |place| format!("Value 'x' at 'records.{place}.member.data' failed to satisfy constraint: …");
            let message = named.into_iter().map(one).collect::<Vec<_>>().join("; ");
            return Some((refusal(400, "ValidationException", &message), Meaning::Named));
        }
        if random.chance(faults.cut_before) {
            return failed(no_answer(TransportErrorKind::Connect), false);
        }
        let entries: Vec<_> = records.iter().map(|_| random.chance(faults.partial)).collect();
        let is_server_error = random.chance(faults.server_error);
        let stores = !is_server_error || random.chance(500);
        let mut output = Vec::new();
        for (tickets, is_failed) in records.iter().zip(entries) {
            if is_failed {
                let entry = [("ServiceUnavailableException", "Slow down."), ("InternalFailure", "Internal failure.")];
                let (code, message) = random.one_of(&entry);
                output.push(ResponseEntry::failed(code, message));
            } else {
                if stores {
                    ledger.store(policy, tickets);
                    self.stored += 1;
                }
                output.push(ResponseEntry::accepted(format!("id-{}", self.stored)));
            }
        }
        if is_server_error {
            let page = Answer::Response(Response::new(502, b"<html>".to_vec()));
            let answer = match random.within(0..=2) {
                0 => refusal(500, "InternalFailure", ""),
                1 => refusal(503, "ServiceUnavailableException", "Slow down."),
                _ => page,
            };
            return failed(answer, true);
        }
        if random.chance(faults.cut_after) {
            use TransportErrorKind::{Broken, ResponseTooLarge, Timeout};
            return failed(no_answer(random.one_of(&[Broken, ResponseTooLarge, Timeout])), true);
        }
        if random.chance(faults.hang) {
            return None;
        }
        let mut response = server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(output.clone()));
        if random.chance(faults.malformed) {
            match random.within(0..=2) {
                0 => response.body.truncate(response.body.len() / 2),
                1 => response.body = b"{}".to_vec(),
                _ => {
                    output.push(ResponseEntry::accepted("one too many"));
                    response = server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(output));
                }
            }
            return failed(Answer::Response(response), true);
        }
        Some((Answer::Response(response), Meaning::Each))
    }

    /// When the next answer lands.
    pub(crate) fn next_time(&self) -> Option<Tick> {
        self.calls.iter().map(|call| call.lands_at).min()
    }

    /// Hands the batcher one answer that has landed by now, and tells the ledger what it means.
    pub(crate) fn land(&mut self, now: Tick, batcher: &mut Batcher, ledger: &mut Ledger, random: &mut Random) {
        let Some(at) = self.calls.iter().position(|call| call.lands_at <= now) else { return };
        let Call { id, batch, records, answer, meaning, resumed, .. } = self.calls.swap_remove(at);
        let is_news = resumed == ledger.resumed && !ledger.is_abandoned;
        let all: Vec<_> = records.iter().flatten().copied().collect();
        ledger.land(&all);
        if matches!(&answer, Answer::Failure(error) if error.is_unsent()) && !ledger.is_abandoned {
            ledger.take_back(&all);
        }
        let outcome = match &answer {
            Answer::Failure(_) => None,
            Answer::Response(response) => Some(batch.decode(response).map_err(Error::from)),
        };
        match (meaning, &outcome) {
            (Meaning::Each, Some(Ok(output))) if !ledger.is_abandoned => {
                for (entry, tickets) in output.request_responses.iter().zip(&records) {
                    match &entry.record_id {
                        Some(id) => ledger.acknowledge(tickets, id),
                        None => ledger.fail(tickets, false),
                    }
                }
            }
            (Meaning::Each | Meaning::Named, _) => {}
            (Meaning::Failed { is_ambiguous }, _) => ledger.fail(&all, is_ambiguous),
            (Meaning::TooLarge, _) if records.len() == 1 => ledger.find_too_large(&all),
            (Meaning::TooLarge, _) => {}
            (Meaning::Fatal, _) if is_news => ledger.refuse_all(now, batcher.policy()),
            (Meaning::Fatal, _) => {}
        }
        if let Some(Err(Error::Refused { error, .. })) = &outcome
            && matches!(
                error.code,
                Some(
                    ErrorCode::ThrottlingException
                        | ErrorCode::LimitExceededException
                        | ErrorCode::ServiceUnavailableException
                )
            )
        {
            ledger.is_proven = true;
        }
        // A driver may be late to let go of the batch: it is copied then.
        let late = random.chance(100).then(|| Arc::clone(&batch));
        drop(batch);
        if let Some(outcome) = outcome {
            batcher.handle_outcome(now, id, outcome);
        } else if let Answer::Failure(error) = answer {
            batcher.handle_outcome(now, id, Err(error));
        }
        drop(late);
        match meaning {
            // It is told apart from all other failures.
            Meaning::Fatal => {}
            Meaning::Failed { .. } if !is_news => {}
            Meaning::Failed { .. } => ledger.note_call(now, true, batcher),
            Meaning::Each | Meaning::Named | Meaning::TooLarge => ledger.note_call(now, false, batcher),
        }
    }
}

fn no_answer(kind: TransportErrorKind) -> Answer {
    Answer::Failure(Error::Transport { error: TransportError::new(kind), attempts: 1 })
}

fn check_limits(policy: &Policy, batch: &Batch, data: &[Vec<u8>]) {
    assert!((1..=policy.limits.max_records).contains(&data.len()), "{} records", data.len());
    assert!(data.iter().all(|data| data.len() <= policy.limits.max_record_bytes));
    let bytes: usize = data.iter().map(Vec::len).sum();
    assert_eq!(batch.data_bytes(), bytes);
    assert!(bytes <= policy.limits.max_request_bytes, "{bytes} bytes");
}
