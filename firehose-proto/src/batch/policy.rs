//! [`Policy`]: what a [`Batcher`](super::Batcher) may use, how long it tries, and what it promises.

use alloc::vec::Vec;
use core::num::{NonZeroU32, NonZeroUsize};
use core::time::Duration;

use crate::limits::Limits;
use crate::validate::{Rule, Unit, Violation};

/// What a [`Batcher`](super::Batcher) may use, how long it tries, and what it promises.
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
/// How long it waits between attempts is not among the settings: full jitter below a ceiling that doubles with each
/// failure in a row, from 1 s when the service asks for less and 50 ms otherwise, up to 20 s
/// ([`backoff`](crate::retry::backoff)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Records and bytes in one request. The service's, as fewer and larger requests cost the least.
    pub limits: Limits,
    /// Longest that a record waits for others to share a request with, when there is room in flight for it. 100 ms:
    /// unnoticed beside the minute and more for which the service itself buffers, and ten requests a second at most
    /// from a slow source.
    pub linger: Duration,
    /// Requests under way at once. 4: enough to hide the round trip, few enough not to run into throttling blindly.
    pub max_in_flight: NonZeroUsize,
    /// Bytes of data that are held, counted as they were pushed, until their outcome has been handed out. 64 MiB:
    /// twelve seconds of a stream with 5 MiB/s.
    ///
    /// Memory is more: base64 adds a third, the frame some 20 bytes and the books some 60 for each record, and a
    /// buffer may hold as much again as it needs.
    pub max_buffered_bytes: usize,
    /// Records that are held, whatever their size. 500,000: a second of the largest stream before its quota is raised.
    pub max_buffered_records: usize,
    /// Calls made for a record, but those not counted that failed only because of another record. 32: with the
    /// backoff more than the default age allows, so that it is age that ends a record, and this a call that fails
    /// in no time.
    pub max_attempts: NonZeroU32,
    /// Failed calls in a row that stop the line. None do: a producer in a program that goes on has to wait for a service
    /// that comes back.
    pub max_failed_calls: MaxFailedCalls,
    /// How long refusals of every record are waited out, such as for want of the stream or of the permission, until they
    /// stop the line. [`Duration::ZERO`], which is not at all: somebody has to mend them, who should hear of it;
    /// [`Duration::MAX`] is for good.
    ///
    /// Meanwhile one call at a time tests the service, half a minute after the last one at most. These calls do not count
    /// among a record's attempts, nor does the time count for its age.
    pub refusal_timeout: Duration,
    /// Age at which a record is given up. 5 minutes: an outage of that length is worth waiting for, and a buffer has
    /// long been full by then. It is counted from the push, or from the end of the last refusals that were waited out.
    pub max_age: Duration,
    /// Whether a record may overtake another. [`Order::Relaxed`]: order costs all of the concurrency.
    pub order: Order,
    /// What becomes of a record that may have been stored. [`Delivery::AtLeastOnce`]: a duplicate can be found and
    /// removed later, a lost record cannot.
    pub delivery: Delivery,
    /// The stream's quotas, to be kept by this producer on its own. None: it cannot know them, nor who else writes.
    pub quotas: Quotas,
    /// Whether events share records. They do not: consumers have to be ready for it.
    pub packing: Option<Packing>,
    /// What to do with a record above the limit. [`Oversize::Refuse`]: only the caller knows what may be cut.
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
    /// The limits of a request, as the order leaves them.
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

    /// Finds what could never work: a request that takes nothing, a buffer smaller than one record.
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

/// Whether a record may overtake another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Records leave in the order in which they came, but one that has to be sent again may arrive after later ones.
    #[default]
    Relaxed,
    /// A later record is never accepted before an earlier one.
    ///
    /// The service may accept any part of a request, so this takes one record to a request and one request at a time:
    /// a round trip for each. [`Packing`] makes up for it, as a record is accepted or refused as a whole.
    Strict,
}

/// What becomes of a record whose request may or may not have been carried out. The service has no token by which it
/// would know a record again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// It is sent again, and may be stored twice.
    #[default]
    AtLeastOnce,
    /// It is not sent again, and may be lost; its outcome is [`Failure::Unknown`](super::Failure::Unknown).
    AtMostOnce,
}

/// Calls that may fail in a row, as a whole, until the line stops. An answer about each record is no failure, even when it
/// is that all of them failed.
///
/// For programs that have nothing else to do than to deliver, and should rather end than wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MaxFailedCalls {
    /// While no call has got through, nor been throttled: the service is more likely to be somewhere else than to be down.
    pub at_first: Option<NonZeroU32>,
    /// After one has.
    pub later: Option<NonZeroU32>,
}

/// A stream's [quotas](https://docs.aws.amazon.com/firehose/latest/dev/limits.html), each kept by a token bucket.
///
/// When the service throttles all the same, to less than it was told to allow, rates fall by three tenths and come back
/// within half a minute: other producers may be using the same stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Quotas {
    /// Records in a second: 500,000 or 100,000, by region.
    pub records_per_second: Option<NonZeroU32>,
    /// Requests in a second: 2,000 or 1,000.
    pub requests_per_second: Option<NonZeroU32>,
    /// Bytes of data in a second: 5 MiB or 1 MiB.
    pub bytes_per_second: Option<NonZeroU32>,
}

/// Several events in one record, each followed by a delimiter.
///
/// Records are billed in [steps of 5 KB](https://aws.amazon.com/firehose/pricing/), so small events cost a fraction
/// when they share one. Consumers must split them again, and the stream must not add delimiters of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packing {
    /// What follows each event, unless the event ends with it already. May be empty, as for JSON objects.
    pub delimiter: Vec<u8>,
    /// Bytes up to which a record is filled. 100 KiB: twenty steps, so that rounding costs a fortieth on average, and
    /// little is sent again when one record fails. A multiple of 5,120 wastes nothing.
    pub target_bytes: usize,
    /// Most events in a record, if there is a limit. The service's own
    /// [de-aggregation](https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html)
    /// reads [`MAX_DEAGGREGATED_EVENTS`](Self::MAX_DEAGGREGATED_EVENTS) and silently stops there.
    pub max_events: Option<NonZeroU32>,
}

impl Packing {
    /// Most events in a record that the service takes apart itself.
    pub const MAX_DEAGGREGATED_EVENTS: NonZeroU32 = NonZeroU32::new(500).expect("500 is not zero");

    /// Packing with a delimiter.
    pub fn new(delimiter: impl Into<Vec<u8>>) -> Self {
        Self { delimiter: delimiter.into(), target_bytes: 20 * super::pack::BILLING_STEP, max_events: None }
    }
}

/// What to do with a record that no request can carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Oversize {
    /// It is not taken.
    #[default]
    Refuse,
    /// It becomes several records, each ending with the delimiter and as long as possible; not taken when the
    /// delimiter is not there often enough.
    Split {
        /// Where a record may be cut, which is after it.
        delimiter: Vec<u8>,
    },
    /// It loses what is too much, but no part of a character in UTF-8.
    Truncate,
    /// It is taken, and comes back as rejected: with everything else that was not delivered.
    Reject,
}
