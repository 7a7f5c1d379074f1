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

/// What the core counts with, the transport gets: each attempt the time that is left for the call.
#[test]
fn gives_each_attempt_the_time_that_is_left() {
    for (attempt, operation) in [(None, None), (Some(30), None), (None, Some(1_000)), (Some(30), Some(100))] {
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
        let seen: Vec<_> = transport.1.lock().unwrap().iter().map(|timeouts| timeouts.attempt).collect();
        let limits = [attempt, operation].map(|limit| limit.map(|milliseconds| milliseconds * MILLISECOND));
        assert_eq!(seen[0], limits.into_iter().flatten().min(), "{attempt:?} {operation:?}");
        let falls = |pair: &[Option<Duration>]| pair[1] <= pair[0];
        assert!(seen.windows(2).all(falls), "{attempt:?} {operation:?}: {seen:?}");
        if let Some(milliseconds) = operation {
            assert!(world.tick().as_duration() <= milliseconds * MILLISECOND, "{attempt:?} {operation:?}");
        }
        let Error::Transport { attempts, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*attempts as usize, seen.len());
        assert!(error.is_ambiguous());
    }
}
