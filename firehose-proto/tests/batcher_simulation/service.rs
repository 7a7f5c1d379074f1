//! [`Service`]: stores what it is sent, or not, and answers, or not. It answers with real documents.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firehose_proto::batch::{Batch, Batcher, Policy};
use firehose_proto::call::Error;
use firehose_proto::credentials::CredentialsError;
use firehose_proto::exception::{ErrorCode, ServiceError};
use firehose_proto::http::Response;
use firehose_proto::op::put_record_batch::{
    PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry as ResponseEntry,
};
use firehose_proto::server;
use firehose_proto::time::Tick;
use firehose_proto::transport::{TransportError, TransportErrorKind};

use crate::ledger::Ledger;
use crate::random::Random;
use crate::scenario::Faults;

/// What the driver is going to see of a call.
enum Answer {
    Response(Response),
    Failure(Error),
}

/// A call under way.
struct Call {
    id: u64,
    lands_at: Tick,
    batch: Arc<Batch>,
    /// The tickets in each record.
    records: Vec<Vec<usize>>,
    answer: Answer,
}

#[derive(Default)]
pub(crate) struct Service {
    calls: Vec<Call>,
    /// Records stored, for their ids.
    stored: u64,
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
        let Some(answer) = self.answer(policy, faults, &records, ledger, random) else { return };
        let lands_at = now + Duration::from_millis(random.within(0..=max_delay_ms));
        self.calls.push(Call { id, lands_at, batch, records, answer });
    }

    fn answer(
        &mut self,
        policy: &Policy,
        faults: &Faults,
        records: &[Vec<usize>],
        ledger: &mut Ledger,
        random: &mut Random,
    ) -> Option<Answer> {
        let refusal = |status, code, message: &str| {
            let error = ServiceError::new(status, code, message);
            Some(Answer::Response(error.write()))
        };
        if random.chance(faults.throttle) {
            return refusal(400, ErrorCode::ThrottlingException, "Rate exceeded");
        }
        if random.chance(faults.fatal) {
            return match random.within(0..=2) {
                0 => refusal(400, ErrorCode::ResourceNotFoundException, "Firehose s under account 1 not found."),
                1 => refusal(400, ErrorCode::AccessDeniedException, "not authorized"),
                _ => Some(Answer::Failure(Error::Credentials(CredentialsError::absent("no credentials")))),
            };
        }
        if random.chance(faults.naming) {
            let named: Vec<_> = (1..=records.len()).filter(|_| random.chance(300)).collect();
            let named = if named.is_empty() { vec![random.size(1..=records.len())] } else { named };
            let one = |place| format!("Value 'x' at 'records.{place}.member.data' failed to satisfy constraint: …");
            let message = named.into_iter().map(one).collect::<Vec<_>>().join("; ");
            return refusal(400, ErrorCode::ValidationException, &message);
        }
        if random.chance(faults.cut_before) {
            return Some(no_answer(TransportErrorKind::Connect));
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
            return match random.within(0..=1) {
                0 => refusal(500, ErrorCode::InternalFailure, ""),
                _ => refusal(503, ErrorCode::ServiceUnavailableException, "Slow down."),
            };
        }
        if random.chance(faults.cut_after) {
            return Some(no_answer(TransportErrorKind::Broken));
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
        }
        Some(Answer::Response(response))
    }

    /// When the next answer lands.
    pub(crate) fn next_time(&self) -> Option<Tick> {
        self.calls.iter().map(|call| call.lands_at).min()
    }

    /// Hands the batcher one answer that has landed by now, and tells the ledger what it means.
    pub(crate) fn land(&mut self, now: Tick, batcher: &mut Batcher, ledger: &mut Ledger, random: &mut Random) {
        let Some(at) = self.calls.iter().position(|call| call.lands_at <= now) else { return };
        let Call { id, batch, records, answer, .. } = self.calls.swap_remove(at);
        let all: Vec<_> = records.iter().flatten().copied().collect();
        ledger.land(&all);
        let response = match answer {
            Answer::Failure(failure) => {
                let has_failed = matches!(failure, Error::Transport { .. });
                if has_failed {
                    ledger.fail(&all, failure.is_ambiguous());
                } else {
                    ledger.is_stopped |= !ledger.is_abandoned;
                }
                drop(batch);
                batcher.handle_outcome(now, id, Err(failure));
                return ledger.note_call(has_failed, batcher);
            }
            Answer::Response(response) => response,
        };
        let decoded = batch.decode(&response);
        let mut has_failed = false;
        if let (Ok(output), false) = (&decoded, ledger.is_abandoned) {
            for (entry, tickets) in output.request_responses.iter().zip(&records) {
                match &entry.record_id {
                    Some(id) => ledger.acknowledge(tickets, id),
                    None => ledger.fail(tickets, false),
                }
            }
        } else if response.status == 400 {
            let body = String::from_utf8_lossy(&response.body);
            if body.contains("Throttling") {
                ledger.fail(&all, false);
                has_failed = true;
            } else if !body.contains("records.") {
                ledger.is_stopped |= !ledger.is_abandoned;
            }
        } else {
            ledger.fail(&all, true);
            has_failed = true;
        }
        // A driver may be late to let go of the batch: it is copied then.
        let late = random.chance(100).then(|| Arc::clone(&batch));
        drop(batch);
        batcher.handle_outcome(now, id, decoded.map_err(Error::from));
        drop(late);
        ledger.note_call(has_failed, batcher);
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
