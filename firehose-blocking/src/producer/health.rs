//! Log messages about the health of calls. Their log target is this module's path, so that a program with messages of
//! its own can turn them off.

use firehose_proto::batch::{Event, Outage, Recovered};

/// Logs an event that concerns all calls.
pub(super) fn log(event: &Event) {
    match event {
        Event::Outage(Outage { reason, is_refusal, elapsed, waiting_records, waiting_bytes, .. }) => {
            let what = if *is_refusal { "every record is refused" } else { "no call succeeds" };
            log::warn!(
                "{what}, for {elapsed:.1?} so far: {reason}; {waiting_records} records ({waiting_bytes} bytes) wait for a retry"
            );
        }
        Event::Recovered(Recovered { elapsed, .. }) => log::info!("calls succeed again, after {elapsed:.1?}"),
        Event::Stopped(reason) => log::error!("the producer has stopped, nothing can be delivered: {reason}"),
        Event::Accepted(_) | Event::Undelivered(_) => {}
    }
}
