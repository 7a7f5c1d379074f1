//! [`Outcome`]: the result for one record; and [`Receipt`], to wait for it.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use firehose_proto::batch::{Event, Failure};

/// Called once, on a thread of the producer.
pub(super) type Callback = Box<dyn FnOnce(Outcome) + Send>;

/// The result for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The service stored it and confirmed it.
    #[non_exhaustive]
    Accepted {
        /// The id that the service assigned. Records packed into one share it.
        record_id: String,
        /// Requests that carried it.
        attempts: u32,
    },
    /// It is not stored: the service refused it, or nothing can be delivered.
    #[non_exhaustive]
    Rejected {
        /// The code of the refusal, if the service refused it.
        code: Option<String>,
        /// Why.
        message: String,
        /// Requests that carried it.
        attempts: u32,
    },
    /// A request that carried it got no answer: it may be stored.
    #[non_exhaustive]
    Unknown {
        /// Requests that carried it.
        attempts: u32,
    },
    /// It is not stored: its time or its attempts ran out.
    #[non_exhaustive]
    Expired {
        /// Requests that carried it.
        attempts: u32,
    },
}

impl Outcome {
    /// The outcome for each of an event's records. `None` if the event concerns no record.
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

/// Waits for the outcome of one record.
#[derive(Debug)]
pub struct Receipt(Receiver<Outcome>);

impl Receipt {
    pub(super) fn new() -> (Callback, Self) {
        let (sender, receiver) = mpsc::channel();
        // The receiver may be gone.
        (Box::new(move |outcome| drop(sender.send(outcome))), Self(receiver))
    }

    /// Waits for the outcome. It always comes, at the latest when the producer is closed or dropped.
    #[must_use]
    pub fn wait(self) -> Outcome {
        self.0.recv().unwrap_or(Outcome::Unknown { attempts: 0 })
    }

    /// Waits for the outcome at most this long.
    ///
    /// # Errors
    ///
    /// The receipt, if there is no outcome yet.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Outcome, Self> {
        self.0.recv_timeout(timeout).map_err(|_| self)
    }
}
