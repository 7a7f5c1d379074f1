//! AWS's own `aws-sdk-firehose`.

use std::error::Error;
use std::sync::Arc;

use aws_sdk_firehose::Client;
use aws_sdk_firehose::config::{Config, Credentials, Region};
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;
use bytes::Bytes;

use super::Peer;
use super::on_tokio::OnTokio;
use crate::workload::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, STREAM, Workload};

pub struct AwsSdk(OnTokio<Client>);

impl AwsSdk {
    pub fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        let client = || {
            let config = Config::builder()
                .behavior_version_latest()
                .region(Region::from_static(REGION))
                .endpoint_url(url)
                .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "static"));
            Ok(Client::from_conf(config.build()))
        };
        Ok(Self(OnTokio::new(client)?))
    }
}

impl Peer for AwsSdk {
    fn name(&self) -> String {
        super::version("aws-sdk-firehose")
    }

    fn put(&mut self, workload: &Arc<Workload>, calls: usize) {
        self.0.put(workload, calls, put);
    }
}

async fn put(client: Client, workload: Arc<Workload>, calls: usize) {
    for _ in 0..calls {
        if workload.is_batch {
            let records = workload.records.iter().map(record).collect();
            let call = client.put_record_batch().delivery_stream_name(STREAM).set_records(Some(records));
            let output = call.send().await.expect("the server answers");
            assert_eq!((output.failed_put_count(), output.request_responses().len()), (0, workload.records.len()));
        } else {
            let call = client.put_record().delivery_stream_name(STREAM).record(record(&workload.records[0]));
            let output = call.send().await.expect("the server answers");
            assert!(!output.record_id().is_empty());
        }
    }
}

/// It wants bytes of its own.
fn record(data: &Bytes) -> Record {
    Record::builder().data(Blob::new(&data[..])).build().expect("it has its data")
}
