//! [`Scenario`]: the policy, the faults and the pushes of one run, drawn from its seed.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use firehose_proto::batch::{Delivery, Order, Oversize, Packing, Policy};

use crate::random::Random;

/// How often each fault happens, in a thousand calls or records.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// A record is not taken.
    pub(crate) partial: u64,
    /// A call is throttled; nothing is stored.
    pub(crate) throttle: u64,
    /// A call is answered with a 5xx; it may be stored.
    pub(crate) server_error: u64,
    /// The connection ends before the request has arrived.
    pub(crate) cut_before: u64,
    /// The connection ends after everything was stored.
    pub(crate) cut_after: u64,
    /// An answer of the wrong form, after everything was stored.
    pub(crate) malformed: u64,
    /// A refusal that names records.
    pub(crate) naming: u64,
    /// A refusal that is about every call.
    pub(crate) fatal: u64,
    /// No answer, ever.
    pub(crate) hang: u64,
    /// A refusal that is about the credentials, or none to be had for now.
    pub(crate) credentials: u64,
    /// An answer of something between here and the service.
    pub(crate) foreign: u64,
    /// What the service takes in one request, and does not tell beforehand.
    pub(crate) max_request_bytes: Option<usize>,
    /// After how many calls all of this ends.
    pub(crate) end: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) policy: Policy,
    pub(crate) faults: Faults,
    pub(crate) max_delay_ms: u64,
    /// Pushes, and the longest time between two of them.
    pub(crate) pushes: usize,
    pub(crate) max_gap_ms: u64,
    pub(crate) max_data_bytes: usize,
    pub(crate) flush: u64,
    /// How long after the close whatever is left is abandoned; needed when answers may never come.
    pub(crate) timeout: Option<Duration>,
    /// How often, in a thousand turns, the application goes on after a stop.
    pub(crate) resume: u64,
    /// Whether it pushes again what came back.
    pub(crate) pushes_again: bool,
}

impl Scenario {
    pub(crate) fn draw(random: &mut Random, order: Order, delivery: Delivery) -> Self {
        let policy = policy(random, order, delivery);
        let mut faults = Faults::default();
        let most_fatal = if policy.refusal_timeout > Duration::ZERO { 300 } else { 20 };
        if random.chance(850) {
            for (rate, most) in [
                (&mut faults.partial, 600),
                (&mut faults.throttle, 200),
                (&mut faults.server_error, 200),
                (&mut faults.cut_before, 200),
                (&mut faults.cut_after, 200),
                (&mut faults.malformed, 100),
                (&mut faults.naming, 150),
                (&mut faults.fatal, most_fatal),
                (&mut faults.hang, 50),
                (&mut faults.credentials, 200),
                (&mut faults.foreign, 200),
            ] {
                if random.chance(400) {
                    *rate = random.within(0..=most);
                }
            }
        }
        faults.max_request_bytes = random.chance(300).then(|| random.size(4..=150));
        let needs_timeout = faults.hang > 0 || random.chance(200);
        Self {
            max_delay_ms: random.one_of(&[0, 5, 200]),
            pushes: random.size(1..=40),
            max_gap_ms: random.one_of(&[0, 0, 3, 40, 400]),
            max_data_bytes: policy.limits.max_record_bytes + random.one_of(&[0, 0, 4, 60]),
            flush: random.one_of(&[0, 0, 100]),
            timeout: needs_timeout.then(|| Duration::from_millis(random.within(0..=5000))),
            resume: random.one_of(&[0, 0, 100, 900]),
            pushes_again: false,
            policy,
            faults,
        }
    }
}

impl Scenario {
    /// Faults of every kind that passes or is mended, as often as they like, which then end; and a policy that lets time and
    /// tries heal what they can. Where that is not enough, the application goes on after each stop, and pushes again what
    /// came back.
    pub(crate) fn draw_transient(random: &mut Random, order: Order) -> Self {
        let mut scenario = Self::draw(random, order, Delivery::AtLeastOnce);
        let policy = &mut scenario.policy;
        (policy.max_age, policy.max_attempts) = (Duration::MAX, NonZeroU32::MAX);
        if policy.oversize == Oversize::Reject {
            policy.oversize = Oversize::Refuse;
        }
        let mut often = || if random.chance(600) { random.one_of(&[100, 500, 900, 1000]) } else { 0 };
        scenario.faults = Faults {
            partial: often(),
            throttle: often(),
            server_error: often(),
            cut_before: often(),
            cut_after: often(),
            malformed: often(),
            credentials: often(),
            foreign: often(),
            fatal: often(),
            ..Faults::default()
        };
        let record = policy.limits.max_record_bytes.min(policy.limits.max_request_bytes);
        scenario.faults.max_request_bytes = random.chance(500).then(|| record + random.size(0..=60));
        scenario.faults.end = Some(random.within(0..=60));
        scenario.timeout = None;
        (scenario.resume, scenario.pushes_again) = (random.one_of(&[100, 1000]), true);
        scenario
    }
}

fn policy(random: &mut Random, order: Order, delivery: Delivery) -> Policy {
    let mut policy = Policy::default();
    (policy.order, policy.delivery) = (order, delivery);
    policy.limits.max_records = random.one_of(&[1, 2, 3, 8, 500]);
    policy.limits.max_record_bytes = random.size(8..=40);
    policy.limits.max_request_bytes = random.size(8..=200);
    policy.linger = Duration::from_millis(random.one_of(&[0, 1, 20, 200]));
    policy.max_in_flight = NonZeroUsize::new(random.size(1..=4)).unwrap();
    let least = policy.limits.max_record_bytes.min(policy.limits.max_request_bytes);
    policy.max_buffered_bytes = least + random.size(0..=400);
    policy.max_buffered_records = random.one_of(&[1, 3, 10, 1000]);
    policy.max_attempts = NonZeroU32::new(random.one_of(&[1, 2, 5, 32])).unwrap();
    let failed_calls = |random: &mut Random| NonZeroU32::new(random.one_of(&[0, 0, 1, 3, 10]));
    (policy.max_failed_calls.at_first, policy.max_failed_calls.later) = (failed_calls(random), failed_calls(random));
    policy.refusal_timeout = random.one_of(&[0, 0, 500, 30_000, u64::MAX].map(Duration::from_millis));
    policy.max_age = Duration::from_millis(random.one_of(&[1, 100, 2000, 60_000]));
    let rate = |random: &mut Random, rate| random.chance(150).then(|| NonZeroU32::new(rate).unwrap());
    policy.quotas.records_per_second = rate(random, 50);
    policy.quotas.requests_per_second = rate(random, 10);
    policy.quotas.bytes_per_second = rate(random, 500);
    policy.packing = random.chance(400).then(|| {
        let mut packing = Packing::new(random.one_of(&["\n", "\n", "", "||"]));
        packing.target_bytes = random.size(1..=60);
        packing.max_events = random.one_of(&[None, NonZeroU32::new(1), NonZeroU32::new(3)]);
        packing
    });
    policy.oversize = match random.within(0..=3) {
        0 => Oversize::Refuse,
        1 => Oversize::Split { delimiter: b"\n".to_vec() },
        2 => Oversize::Truncate,
        _ => Oversize::Reject,
    };
    policy
}
