//! [`ProducerBuilder`]: the settings of a producer, and its start.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use firehose_proto::Endpoint;
use firehose_proto::batch::{Batcher, Event, Policy, Undelivered};
use firehose_proto::error::Violation;
use firehose_proto::time::Tick;

use super::{Handle, Handlers, Producer, Shared, State};
use crate::client::Client;
use crate::spool::{Replay, Spool, SpoolError};

/// How long a drop waits for outcomes by default.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the spool of a stream.
pub(super) type OpenSpool = Box<dyn FnOnce(&str, &Endpoint) -> Result<(Spool, Replay), SpoolError> + Send + Sync>;

/// Settings of a [`Producer`].
#[must_use = "a builder does nothing until it starts"]
pub struct ProducerBuilder {
    client: Client,
    delivery_stream_name: String,
    policy: Policy,
    drop_timeout: Duration,
    handlers: Handlers,
    pub(super) spool: Option<OpenSpool>,
}

impl ProducerBuilder {
    pub(super) fn new(client: Client, delivery_stream_name: String) -> Self {
        let (policy, handlers) = (Policy::default(), Handlers::default());
        Self { client, delivery_stream_name, policy, drop_timeout: DROP_TIMEOUT, handlers, spool: None }
    }

    /// Sets the limits, timeouts and guarantees of the delivery.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Limits how long the drop of the last handle waits for outcomes. The default is 5 s.
    pub fn drop_timeout(mut self, timeout: Duration) -> Self {
        self.drop_timeout = timeout;
        self
    }

    /// Gives each undelivered record to this handler instead of [`Producer::take_undelivered`]. The handler runs on a
    /// thread of the producer and blocks that thread.
    pub fn on_undelivered(mut self, handler: impl Fn(Undelivered) + Send + Sync + 'static) -> Self {
        self.handlers.on_undelivered = Some(Box::new(handler));
        self
    }

    /// Reports each event to this handler, for metrics and alarms. Accepted records come in runs; other events say that
    /// calls begin to fail, succeed again, or have stopped for good. The handler runs on a thread of the producer.
    pub fn on_outcome(mut self, handler: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.handlers.on_outcome = Some(Box::new(handler));
        self
    }

    /// Starts the producer, with one thread for each request in flight.
    ///
    /// # Errors
    ///
    /// [`ProducerError`]: the stream's name or the policy is invalid, or the system cannot start a thread.
    pub fn start(self) -> Result<Producer, ProducerError> {
        let Self { client, delivery_stream_name, policy, drop_timeout, handlers, spool } = self;
        let threads = policy.max_in_flight.get();
        let seed = client.clock().random();
        let batcher = Batcher::new(&delivery_stream_name, policy, seed).map_err(ProducerError::Invalid)?;
        let opened = spool
            .map(|open| open(&delivery_stream_name, client.endpoint()))
            .transpose()
            .map_err(ProducerError::Spool)?;
        let (spool, replay) = opened.unzip();
        let sync_interval = spool.as_ref().and_then(Spool::sync_interval);
        let state = State {
            batcher,
            receipts: super::Receipts::default(),
            latencies: super::Latencies::default(),
            undelivered: super::Held::default(),
            spool: spool.map(Arc::new),
            positions: super::Positions::default(),
            is_replaying: replay.is_some(),
            is_resumed: false,
            is_closing: false,
            is_woken: false,
            idle_workers: 0,
            watchers: 0,
            latest: Tick::default(),
            is_left_to_spool: false,
        };
        let (work, changed) = (Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { client, state: Mutex::new(state), work, changed, handlers });
        let workers = Mutex::new(Vec::with_capacity(threads));
        let producer = Producer(Arc::new(Handle { shared, workers, drop_timeout, closed: Mutex::default() }));
        for _ in 0..threads {
            producer.spawn(Shared::work)?;
        }
        if let Some(replay) = replay {
            producer.spawn(move |shared| shared.replay(replay))?;
        }
        if let Some(interval) = sync_interval {
            producer.spawn(move |shared| shared.keep_synced(interval))?;
        }
        Ok(producer)
    }
}

impl Producer {
    /// Starts a thread. After an error the caller drops the producer, which ends the threads already started.
    fn spawn(&self, run: impl FnOnce(&Shared) + Send + 'static) -> Result<(), ProducerError> {
        let shared = Arc::clone(&self.0.shared);
        let thread = thread::Builder::new().name("firehose-producer".into());
        let worker = thread
            .spawn(move || {
                shared.own_thread();
                run(&shared);
            })
            .map_err(ProducerError::Thread)?;
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        Ok(())
    }
}

impl fmt::Debug for ProducerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerBuilder")
            .field("delivery_stream_name", &self.delivery_stream_name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Why a producer did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProducerError {
    /// The stream's name or the policy breaks a rule.
    Invalid(Violation),
    /// The system cannot start a thread.
    Thread(io::Error),
    /// The spool cannot be opened.
    Spool(SpoolError),
}

impl fmt::Display for ProducerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid(_) => "the producer's settings are not valid",
            Self::Thread(_) => "cannot start the producer's threads",
            Self::Spool(_) => "cannot use the spool",
        })
    }
}

impl std::error::Error for ProducerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Invalid(error) => error,
            Self::Thread(error) => error,
            Self::Spool(error) => error,
        })
    }
}
