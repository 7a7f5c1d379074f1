//! [`Outcome`]: what became of one record, and [`Receipt`], to wait for it with.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use firehose_proto::batch::{Event, Failure};

/// Told once, on a thread of the producer.
pub(super) type Callback = Box<dyn FnOnce(Outcome) + Send>;

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The service stored it and said so.
    #[non_exhaustive]
    Accepted {
        /// The id that the service gave it. Records packed into one share it.
        record_id: String,
        /// Requests that carried it.
        attempts: u32,
    },
    /// It is not stored: the service refused it, or nothing can be delivered.
    #[non_exhaustive]
    Rejected {
        /// The code of the refusal, if it was one.
        code: Option<String>,
        /// Why.
        message: String,
        /// Requests that carried it.
        attempts: u32,
    },
    /// The answer to a request that carried it never came: it may be stored.
    #[non_exhaustive]
    Unknown {
        /// Requests that carried it.
        attempts: u32,
    },
    /// It is not stored: its time ran out, or its attempts.
    #[non_exhaustive]
    Expired {
        /// Requests that carried it.
        attempts: u32,
    },
}

impl Outcome {
    /// The outcome of one of an event's records; none, if it is about no record.
    pub(super) fn new(event: &Event, ticket: u64) -> Option<Self> {
        Some(match event {
            Event::Outage(_) | Event::Recovered(_) | Event::Stopped(_) => return None,
            Event::Accepted(accepted) => Self::Accepted {
                record_id: accepted.record_id(ticket).unwrap_or_default().into(),
                attempts: accepted.attempts,
            },
            Event::Undelivered(undelivered) => {
                let attempts = undelivered.attempts;
                match undelivered.failure {
                    Failure::Unknown => Self::Unknown { attempts },
                    Failure::Expired => Self::Expired { attempts },
                    _ => {
                        let reason = undelivered.reason.as_deref();
                        let code = reason.and_then(|reason| reason.code.clone());
                        let message = reason.map(|reason| reason.message.clone()).unwrap_or_default();
                        Self::Rejected { code, message, attempts }
                    }
                }
            }
        })
    }

    /// Whether the record is stored.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }
}

/// A record's outcome, to be waited for.
#[derive(Debug)]
pub struct Receipt(Receiver<Outcome>);

impl Receipt {
    pub(super) fn new() -> (Callback, Self) {
        let (sender, receiver) = mpsc::channel();
        // Nobody may be waiting any more.
        (Box::new(move |outcome| drop(sender.send(outcome))), Self(receiver))
    }

    /// Waits for the outcome. There always is one: at the latest when the producer is closed or dropped.
    #[must_use]
    pub fn wait(self) -> Outcome {
        self.0.recv().unwrap_or(Outcome::Unknown { attempts: 0 })
    }

    /// Waits for the outcome, but not longer than this.
    ///
    /// # Errors
    ///
    /// The receipt, when there is no outcome yet.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Outcome, Self> {
        self.0.recv_timeout(timeout).map_err(|_| self)
    }
}
