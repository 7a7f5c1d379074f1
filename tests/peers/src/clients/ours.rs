//! This project's `Client` and its `Producer`.

use std::error::Error;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::batch::Policy;
use firehose_blocking::{Batch, Client, Credentials, Producer, PutRecordInput, Record};

use super::Peer;
use crate::workload::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, STREAM, Workload};

fn client(url: &str) -> Result<Client, Box<dyn Error>> {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    let builder = Client::builder().environment(|_| None).region(REGION).endpoint_url(url).credentials(credentials);
    Ok(builder.build()?)
}

/// Calls on the callers' threads.
pub struct Blocking {
    client: Client,
    /// One for each thread, used again for each call.
    batches: Vec<Batch>,
}

impl Blocking {
    pub fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self { client: client(url)?, batches: Vec::new() })
    }
}

impl Peer for Blocking {
    fn name(&self) -> String {
        "Client".to_owned()
    }

    fn put(&mut self, workload: &Arc<Workload>, calls: usize) {
        let Self { client, batches } = self;
        while batches.len() < workload.in_flight {
            batches.push(Batch::new(STREAM).expect("the name is valid"));
        }
        match &mut batches[..workload.in_flight] {
            [batch] => put(client, batch, workload, calls),
            batches => thread::scope(|scope| {
                let client = &*client;
                for batch in batches {
                    scope.spawn(|| put(client, batch, workload, calls / workload.in_flight));
                }
            }),
        }
    }
}

fn put(client: &Client, batch: &mut Batch, workload: &Workload, calls: usize) {
    for _ in 0..calls {
        if workload.is_batch {
            for record in &workload.records {
                batch.push(record).expect("they fit");
            }
            let output = client.put_batch(batch).expect("the server answers");
            assert_eq!((output.failed_put_count, batch.len()), (0, 0));
        } else {
            let input = PutRecordInput::new(STREAM, Record::new(&workload.records[0][..]));
            let output = client.put_record(&input).expect("the server answers");
            assert!(!output.record_id.is_empty());
        }
    }
}

/// Records handed over one by one; the producer makes the requests, each call's at once or up to four at a time.
pub struct Background {
    producer: Producer,
}

impl Background {
    const TIMEOUT: Duration = Duration::from_secs(60);

    pub fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        let mut policy = Policy::default();
        // A batch leaves when it is full or flushed, and not sooner on a slow machine: requests are as large as the others'.
        policy.linger = Self::TIMEOUT;
        Ok(Self { producer: Producer::builder(client(url)?, STREAM).policy(policy).start()? })
    }

    fn flush(&self) {
        self.producer.flush(Self::TIMEOUT).expect("the server answers");
        let records = self.producer.statistics().records;
        assert_eq!(records.accepted, records.pushed);
    }
}

impl Peer for Background {
    fn name(&self) -> String {
        "Producer".to_owned()
    }

    fn put(&mut self, workload: &Arc<Workload>, calls: usize) {
        for _ in 0..calls {
            for record in &workload.records {
                self.producer.send(record).expect("it is running");
            }
            if workload.in_flight == 1 {
                self.flush();
            }
        }
        self.flush();
    }
}
