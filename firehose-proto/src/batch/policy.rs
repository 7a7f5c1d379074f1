//! [`Policy`]: the limits, timeouts and guarantees of a [`Batcher`](super::Batcher).

use alloc::vec::Vec;
use core::num::{NonZeroU32, NonZeroUsize};
use core::time::Duration;

use crate::limits::Limits;
use crate::validate::{Rule, Unit, Violation};

/// The limits, timeouts and guarantees of a [`Batcher`](super::Batcher).
///
/// ```
/// use core::time::Duration;
/// use firehose_proto::batch::{Delivery, Policy};
///
/// let mut policy = Policy::default();
/// policy.linger = Duration::from_millis(20);
/// policy.delivery = Delivery::AtMostOnce;
/// ```
///
/// The wait between attempts is not configurable: full jitter below a ceiling that doubles with each consecutive
/// failure, from 1 s when the service asks to slow down and from 50 ms otherwise, up to 20 s
/// ([`backoff`](crate::retry::backoff)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Records and bytes in one request. Default: the service's limits, because fewer and larger requests cost least.
    pub limits: Limits,
    /// How long a record waits at most for others to share a request, if there is room in flight. Default: 100 ms. That
    /// is little beside the minute and more for which the service itself buffers, and limits a slow source to ten
    /// requests a second.
    pub linger: Duration,
    /// Requests in flight at once. Default: 4, enough to hide the round trip, and few enough to avoid needless
    /// throttling.
    pub max_in_flight: NonZeroUsize,
    /// Bytes of pushed data to hold until their outcome has been returned. Default: 64 MiB, twelve seconds of a stream
    /// with 5 MiB/s.
    ///
    /// Memory use is higher: base64 adds a third, the JSON frame some 20 bytes and bookkeeping some 60 for each record,
    /// and a buffer may hold twice what it needs.
    pub max_buffered_bytes: usize,
    /// Records to hold, whatever their size. Default: 500,000, a second of the largest stream before its quota is
    /// raised.
    pub max_buffered_records: usize,
    /// Calls for a record, except those that failed only because of another record. Default: 32. Normally the age limit
    /// ends a record first; with the backoff, 32 attempts take longer. This limit is for calls that fail at once.
    pub max_attempts: NonZeroU32,
    /// Consecutive failed calls that stop the batcher. Default: no limit, because a producer in a program that
    /// continues must wait until the service comes back.
    pub max_failed_calls: MaxFailedCalls,
    /// How long to wait while the service refuses every record, for example because the stream or a permission is
    /// missing, before the batcher stops. Default: [`Duration::ZERO`], not at all, so that somebody who can fix the
    /// cause learns of it. [`Duration::MAX`] waits forever.
    ///
    /// Meanwhile one call at a time tests the service, at most half a minute after the last one. These calls do not
    /// count as attempts of a record, and the time does not count for its age.
    pub refusal_timeout: Duration,
    /// The age at which a record is given up. Default: 5 minutes. An outage of that length is worth waiting for, and
    /// after it a buffer has long been full. The age counts from the push, or from the end of the last refusals waited
    /// out.
    pub max_age: Duration,
    /// Whether records may overtake each other. Default: [`Order::Relaxed`], because order costs all concurrency.
    pub order: Order,
    /// What to do with a record that may have been stored. Default: [`Delivery::AtLeastOnce`], because a duplicate can
    /// be found and removed later, and a lost record cannot.
    pub delivery: Delivery,
    /// The stream's quotas, which this producer then keeps by itself. Default: none, as it knows neither them nor the
    /// other producers.
    pub quotas: Quotas,
    /// Whether events share records. Default: no, because consumers must be ready for it.
    pub packing: Option<Packing>,
    /// What to do with a record above the limit. Default: [`Oversize::Refuse`], because only the caller knows what may
    /// be cut.
    pub oversize: Oversize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            limits: Limits::SERVICE,
            linger: Duration::from_millis(100),
            max_in_flight: NonZeroUsize::new(4).expect("four is not zero"),
            max_buffered_bytes: 64 << 20,
            max_buffered_records: 500_000,
            max_attempts: NonZeroU32::new(32).expect("32 is not zero"),
            max_failed_calls: MaxFailedCalls::default(),
            refusal_timeout: Duration::ZERO,
            max_age: Duration::from_secs(300),
            order: Order::Relaxed,
            delivery: Delivery::AtLeastOnce,
            quotas: Quotas::default(),
            packing: None,
            oversize: Oversize::Refuse,
        }
    }
}

impl Policy {
    /// The limits of a request for this order.
    pub(super) const fn request_limits(&self) -> Limits {
        match self.order {
            Order::Relaxed => self.limits,
            Order::Strict => Limits { max_records: 1, ..self.limits },
        }
    }

    /// The largest record that a request can carry.
    pub(super) const fn max_record_bytes(&self) -> usize {
        let Limits { max_record_bytes, max_request_bytes, .. } = self.limits;
        if max_record_bytes < max_request_bytes { max_record_bytes } else { max_request_bytes }
    }

    /// Finds settings that could never work: a request that takes nothing, a buffer smaller than one record.
    pub(super) fn check(&self) -> Result<(), Violation> {
        let bytes = self.max_record_bytes();
        let delimiter = self.packing.as_ref().map_or(0, |packing| packing.delimiter.len());
        for (path, actual, min, unit) in [
            ("Policy.limits.max_records", self.limits.max_records, 1, Unit::Members),
            ("Policy.max_buffered_records", self.max_buffered_records, 1, Unit::Members),
            ("Policy.max_buffered_bytes", self.max_buffered_bytes, bytes, Unit::Bytes),
            ("Policy.limits.max_record_bytes", bytes, delimiter, Unit::Bytes),
        ] {
            if actual < min {
                return Err(Violation::new(path, Rule::TooShort { actual, min, unit }));
            }
        }
        Ok(())
    }
}

/// Whether records may overtake each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Records leave in the order of their pushes, but a retried one may arrive after later ones.
    #[default]
    Relaxed,
    /// A later record is never accepted before an earlier one.
    ///
    /// The service may accept any part of a request, so each request has one record, and one request is in flight at a
    /// time: a round trip for each record. [`Packing`] compensates for that, because a record is accepted or refused as
    /// a whole.
    Strict,
}

/// What to do with a record whose request may or may not have been carried out. The service has no token by which it
/// would recognize a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Send it again; it may be stored twice.
    #[default]
    AtLeastOnce,
    /// Do not send it again; it may be lost. Its outcome is [`Failure::Unknown`](super::Failure::Unknown).
    AtMostOnce,
}

/// Consecutive calls that may fail as a whole before the batcher stops. An answer with an entry for each record is not
/// a failure, even if all of them failed.
///
/// For programs that only deliver, and should end rather than wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MaxFailedCalls {
    /// Before any call has succeeded or been throttled: then the endpoint is more likely wrong than down.
    pub at_first: Option<NonZeroU32>,
    /// After a call has succeeded or been throttled.
    pub later: Option<NonZeroU32>,
}

/// A stream's [quotas](https://docs.aws.amazon.com/firehose/latest/dev/limits.html), each kept by a token bucket.
///
/// If the service throttles even requests within the quotas, the rates fall by three tenths and recover within half a
/// minute: other producers may use the same stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Quotas {
    /// Records per second: 500,000 or 100,000, depending on the region.
    pub records_per_second: Option<NonZeroU32>,
    /// Requests per second: 2,000 or 1,000.
    pub requests_per_second: Option<NonZeroU32>,
    /// Bytes of data per second: 5 MiB or 1 MiB.
    pub bytes_per_second: Option<NonZeroU32>,
}

/// Several events in one record, each followed by a delimiter.
///
/// Records are billed in [steps of 5 KB](https://aws.amazon.com/firehose/pricing/), so small events cost a fraction
/// when they share one. Consumers must split them again, and the stream must not add delimiters of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packing {
    /// What follows each event, unless the event already ends with it. May be empty, for example with JSON objects.
    pub delimiter: Vec<u8>,
    /// The size up to which a record is filled. Default: 100 KiB, twenty steps, so that rounding costs a fortieth on
    /// average and a failed record resends little. A multiple of 5,120 wastes nothing.
    pub target_bytes: usize,
    /// The most events in a record, if limited. The service's own
    /// [de-aggregation](https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html)
    /// reads [`MAX_DEAGGREGATED_EVENTS`](Self::MAX_DEAGGREGATED_EVENTS) and silently ignores the rest.
    pub max_events: Option<NonZeroU32>,
}

impl Packing {
    /// The most events in a record that the service itself de-aggregates.
    pub const MAX_DEAGGREGATED_EVENTS: NonZeroU32 = NonZeroU32::new(500).expect("500 is not zero");

    /// Packs events with a delimiter.
    pub fn new(delimiter: impl Into<Vec<u8>>) -> Self {
        Self { delimiter: delimiter.into(), target_bytes: 20 * super::pack::BILLING_STEP, max_events: None }
    }
}

/// What to do with a record that no request can carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Oversize {
    /// Refuse it.
    #[default]
    Refuse,
    /// Split it into records that end with the delimiter, each as long as possible. Refuse it if the delimiter is too
    /// rare.
    Split {
        /// The delimiter; a record may be cut after it.
        delimiter: Vec<u8>,
    },
    /// Cut off its end, between two UTF-8 characters.
    Truncate,
    /// Take it, and return it as rejected, like every other undelivered record.
    Reject,
}
