//! How long a call may take.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::{
    Clock, Error, PutRecordInput, Record, Timeouts, Transport, TransportError, TransportErrorKind,
};

use crate::world::World;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Does not answer, and takes as long for that as it may, but no longer than 80 ms.
#[derive(Clone)]
struct Silent(World, Arc<Mutex<Vec<Timeouts>>>);

impl Transport for Silent {
    fn send(&self, _: &Request<'_>, timeouts: &Timeouts) -> Result<Response, TransportError> {
        self.1.lock().unwrap().push(*timeouts);
        self.0.sleep(timeouts.attempt.unwrap_or(Duration::MAX).min(80 * MILLISECOND));
        Err(TransportError::new(TransportErrorKind::Timeout))
    }
}

/// Waits of 50 and 100 ms come between the attempts.
#[test]
fn ends_with_the_attempts_or_with_the_time() {
    for (attempt, operation, expected, took) in [
        (None, None, &[None, None, None][..], 390),
        (Some(30), None, &[Some(30); 3], 240),
        (None, Some(1_000), &[Some(1_000), Some(870), Some(690)], 390),
        (Some(30), Some(100), &[Some(30), Some(20)], 100),
        (Some(30), Some(181), &[Some(30), Some(30)], 110),
        (None, Some(131), &[Some(131), Some(1)], 131),
        (None, Some(129), &[Some(129)], 80),
        (None, Some(10), &[Some(10)], 10),
    ] {
        let world = World::new([]);
        let transport = Silent(world.clone(), Arc::default());
        let mut builder = world.builder().transport(transport.clone());
        if let Some(milliseconds) = attempt {
            builder = builder.attempt_timeout(milliseconds * MILLISECOND);
        }
        if let Some(milliseconds) = operation {
            builder = builder.operation_timeout(milliseconds * MILLISECOND);
        }
        let error = builder.build().unwrap().put_record(&PutRecordInput::new("s", Record::new(b"x"))).unwrap_err();
        let round = |time: Duration| (time.as_micros() + 500) / 1000;
        let seen: Vec<_> = transport.1.lock().unwrap().iter().map(|timeouts| timeouts.attempt.map(round)).collect();
        assert_eq!(seen, expected, "{attempt:?} {operation:?}");
        assert_eq!(round(world.tick().as_duration()), took, "{attempt:?} {operation:?}");
        let Error::Transport { attempts, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*attempts as usize, expected.len());
        assert!(error.is_ambiguous());
    }
}
