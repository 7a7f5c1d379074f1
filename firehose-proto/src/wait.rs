//! [`Waiter`]: waits for a stream to become active or deleted: when to ask again, and when to stop asking.
//!
//! ```text
//!               ┌──── PollAfter(delay) ◀───┐
//!               ▼                          │ the stream is not there yet
//! DescribeDeliveryStream ─▶ handle_status ─┼─▶ Done     the goal is reached
//!                           handle_absence └─▶ Failed   the goal is out of reach, or the timeout expired
//! ```
//!
//! Ask for the first time at once. The delay then doubles from 0.1 s to at most 5 s. Firehose takes about a minute to
//! create a stream, and allows five such calls a second.
//!
//! For the first 30 s, a stream just created may be missing, and a stream just deleted may still be active: several
//! machines answer for the control plane, and AWS does not document how soon all of them know. 30 s are our choice: it
//! usually takes seconds, and a caller who waits for a stream that does not exist should not wait long.

use core::fmt;
use core::time::Duration;

use crate::model::stream::{DeliveryStreamDescription, DeliveryStreamStatus, FailureDescription};
use crate::time::Tick;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(5);

/// How long the service may take to know of a stream's creation or deletion.
const GRACE: Duration = Duration::from_secs(30);

/// Waits for a stream to become active, or to be gone.
///
/// ```
/// use std::time::Duration;
///
/// use firehose_proto::call::{WaitStep, Waiter};
/// use firehose_proto::model::DeliveryStreamStatus;
/// use firehose_proto::time::Tick;
///
/// let mut now = Tick::default();
/// let mut waiter = Waiter::until_active(now, Duration::from_secs(60));
/// assert_eq!(waiter.handle_status(now, &DeliveryStreamStatus::Creating, None), WaitStep::PollAfter(Duration::from_millis(100)));
/// now = now + Duration::from_millis(100);
/// assert_eq!(waiter.handle_status(now, &DeliveryStreamStatus::Active, None), WaitStep::Done);
/// ```
#[derive(Debug, Clone)]
pub struct Waiter {
    goal: Goal,
    grace_ends: Tick,
    deadline: Tick,
    delay: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Active,
    Deleted,
}

/// What to do after a response.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum WaitStep {
    /// The stream has reached the goal.
    Done,
    /// Ask again after this long.
    PollAfter(Duration),
    /// The stream will not reach the goal.
    Failed(WaitFailure),
}

/// Why a stream did not reach the goal.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum WaitFailure {
    /// Its state never leads to the goal.
    Status {
        /// The state.
        status: DeliveryStreamStatus,
        /// The service's explanation.
        failure: Option<FailureDescription>,
    },
    /// The stream does not exist.
    Absent,
    /// The timeout expired.
    TimedOut {
        /// The last known state.
        status: DeliveryStreamStatus,
    },
}

impl Waiter {
    /// Waits until a stream accepts records, at most this long.
    #[must_use]
    pub fn until_active(now: Tick, timeout: Duration) -> Self {
        Self::new(now, Goal::Active, timeout)
    }

    /// Waits until a stream is deleted, at most this long.
    #[must_use]
    pub fn until_deleted(now: Tick, timeout: Duration) -> Self {
        Self::new(now, Goal::Deleted, timeout)
    }

    fn new(now: Tick, goal: Goal, timeout: Duration) -> Self {
        Self { goal, grace_ends: now + GRACE, deadline: now + timeout, delay: FIRST_DELAY }
    }

    /// Handles a description of the stream.
    pub fn handle_description(&mut self, now: Tick, description: &DeliveryStreamDescription) -> WaitStep {
        let failure = description.failure_description.as_ref();
        self.handle_status(now, &description.delivery_stream_status, failure)
    }

    /// Handles the state of the stream, and the reason if it failed.
    pub fn handle_status(
        &mut self,
        now: Tick,
        status: &DeliveryStreamStatus,
        failure: Option<&FailureDescription>,
    ) -> WaitStep {
        use DeliveryStreamStatus::{Active, Creating, CreatingFailed, Deleting, DeletingFailed};
        match (self.goal, status) {
            (Goal::Active, Active) => WaitStep::Done,
            (Goal::Deleted, Active) if now < self.grace_ends => self.poll(now, status),
            (Goal::Active, CreatingFailed | Deleting | DeletingFailed)
            | (Goal::Deleted, Creating | CreatingFailed | Active | DeletingFailed) => {
                WaitStep::Failed(WaitFailure::Status { status: status.clone(), failure: failure.cloned() })
            }
            // Not there yet, or in a state that this version does not know.
            _ => self.poll(now, status),
        }
    }

    /// Handles the answer that no such stream exists.
    pub fn handle_absence(&mut self, now: Tick) -> WaitStep {
        match self.goal {
            Goal::Active if now < self.grace_ends => self.poll_or(now, || WaitFailure::Absent),
            Goal::Active => WaitStep::Failed(WaitFailure::Absent),
            Goal::Deleted => WaitStep::Done,
        }
    }

    fn poll(&mut self, now: Tick, status: &DeliveryStreamStatus) -> WaitStep {
        self.poll_or(now, || WaitFailure::TimedOut { status: status.clone() })
    }

    fn poll_or(&mut self, now: Tick, failure: impl FnOnce() -> WaitFailure) -> WaitStep {
        let left = self.deadline.since(now);
        if left.is_zero() {
            return WaitStep::Failed(failure());
        }
        let delay = self.delay.min(left);
        self.delay = (self.delay * 2).min(MAX_DELAY);
        WaitStep::PollAfter(delay)
    }
}

impl fmt::Display for WaitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, failure: None } => write!(f, "the stream is in state {status}"),
            Self::Status { status, failure: Some(failure) } => {
                write!(f, "the stream is in state {status}: {}: {}", failure.r#type, failure.details)
            }
            Self::Absent => f.write_str("there is no such stream"),
            Self::TimedOut { status } => write!(f, "timed out; the stream is still in state {status}"),
        }
    }
}

impl core::error::Error for WaitFailure {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;
    use crate::model::stream::DeliveryStreamFailureType;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn polls_ever_slower_and_not_beyond_the_deadline() {
        let mut now = Tick::default();
        let mut waiter = Waiter::until_active(now, Duration::from_secs(10));
        let mut delays = Vec::new();
        loop {
            match waiter.handle_status(now, &DeliveryStreamStatus::Creating, None) {
                WaitStep::PollAfter(delay) => {
                    delays.push(u64::try_from(delay.as_millis()).unwrap());
                    now = now + delay;
                }
                end => {
                    let status = DeliveryStreamStatus::Creating;
                    assert_eq!(end, WaitStep::Failed(WaitFailure::TimedOut { status }));
                    break;
                }
            }
        }
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 3700]);
    }

    #[test]
    fn each_state_ends_the_wait_or_goes_on() {
        use DeliveryStreamStatus::{Active, Creating, CreatingFailed, Deleting, DeletingFailed, Unknown};
        let (start, later) = (Tick::default(), Tick::from_duration(GRACE));
        // `None` means that the stream is absent. Two expectations where the grace period matters.
        for (status, until_active, until_deleted) in [
            (Some(Creating), ["wait"; 2], ["fail"; 2]),
            (Some(CreatingFailed), ["fail"; 2], ["fail"; 2]),
            (Some(Active), ["done"; 2], ["wait", "fail"]),
            (Some(Deleting), ["fail"; 2], ["wait"; 2]),
            (Some(DeletingFailed), ["fail"; 2], ["fail"; 2]),
            (Some(Unknown("MOVING".into())), ["wait"; 2], ["wait"; 2]),
            (None, ["wait", "fail"], ["done"; 2]),
        ] {
            for (mut waiter, expected) in [
                (Waiter::until_active(start, MINUTE), until_active),
                (Waiter::until_deleted(start, MINUTE), until_deleted),
            ] {
                let steps = [start, later].map(|now| match &status {
                    Some(status) => waiter.handle_status(now, status, None),
                    None => waiter.handle_absence(now),
                });
                let shown = steps.map(|step| match step {
                    WaitStep::Done => "done",
                    WaitStep::Failed(WaitFailure::Absent) if status.is_none() => "fail",
                    WaitStep::Failed(WaitFailure::Status { .. }) if status.is_some() => "fail",
                    WaitStep::Failed(other) => panic!("{other}"),
                    WaitStep::PollAfter(_) => "wait",
                });
                assert_eq!(shown, expected, "{status:?} {waiter:?}");
            }
        }
    }

    #[test]
    fn grace_does_not_outlast_the_deadline() {
        let end = Tick::from_duration(Duration::from_secs(3));
        let timeout = Duration::from_secs(3);
        let absent = Waiter::until_active(Tick::default(), timeout).handle_absence(end);
        assert_eq!(absent, WaitStep::Failed(WaitFailure::Absent));
        let status = DeliveryStreamStatus::Active;
        let present = Waiter::until_deleted(Tick::default(), timeout).handle_status(end, &status, None);
        assert_eq!(present, WaitStep::Failed(WaitFailure::TimedOut { status }));
    }

    #[test]
    fn says_why_the_stream_failed() {
        let why = FailureDescription::new(DeliveryStreamFailureType::KmsKeyNotFound, "no such key");
        let status = DeliveryStreamStatus::CreatingFailed;
        let WaitStep::Failed(failure) =
            Waiter::until_active(Tick::default(), MINUTE).handle_status(Tick::default(), &status, Some(&why))
        else {
            panic!("it has failed")
        };
        assert_eq!(failure.to_string(), "the stream is in state CREATING_FAILED: KMS_KEY_NOT_FOUND: no such key");
    }
}
