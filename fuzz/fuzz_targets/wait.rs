//! Whatever is told of a stream, a wait for it asks again in time, and not beyond it.
#![no_main]

use std::time::Duration;

use firehose_proto::call::{WaitStep, Waiter};
use firehose_proto::model::DeliveryStreamStatus;
use firehose_proto::time::Tick;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, u16, Vec<(u8, &str)>)| {
    let (is_for_active, seconds, answers) = input;
    let timeout = Duration::from_secs(seconds.into());
    let mut now = Tick::default();
    let deadline = now + timeout;
    let until = if is_for_active { Waiter::until_active } else { Waiter::until_deleted };
    let mut waiter = until(now, timeout);
    for (kind, other) in answers {
        use DeliveryStreamStatus::{Active, Creating, CreatingFailed, Deleting, DeletingFailed};
        let status = match kind % 8 {
            0..2 => Creating,
            2 => Active,
            3 => Deleting,
            4 => CreatingFailed,
            5 => DeletingFailed,
            _ => DeliveryStreamStatus::parse(other),
        };
        let is_absent = kind % 8 == 6;
        let step = if is_absent { waiter.handle_absence(now) } else { waiter.handle_status(now, &status, None) };
        match step {
            WaitStep::PollAfter(delay) => {
                assert!(delay > Duration::ZERO && now + delay <= deadline);
                now = now + delay;
            }
            WaitStep::Done => return assert!(is_absent != is_for_active && (is_absent || status == Active)),
            WaitStep::Failed(failure) => return assert!(!failure.to_string().is_empty()),
            step => panic!("{step:?}"),
        }
    }
});
