//! `rusoto_firehose`, which nobody keeps any more and many still use.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use hyper::client::HttpConnector;
use rusoto_core::credential::StaticProvider;
use rusoto_core::{HttpClient, Region};
use rusoto_firehose::{KinesisFirehose, KinesisFirehoseClient, PutRecordBatchInput, PutRecordInput, Record};

use super::Peer;
use super::on_tokio::OnTokio;
use crate::workload::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, STREAM, Workload};

pub struct Rusoto(OnTokio<KinesisFirehoseClient>);

impl Rusoto {
    pub fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        let client = || {
            let credentials = StaticProvider::new_minimal(ACCESS_KEY_ID.to_owned(), SECRET_ACCESS_KEY.to_owned());
            let region = Region::Custom { name: REGION.to_owned(), endpoint: url.to_owned() };
            // Its own connector refuses what is not encrypted.
            let http = HttpClient::from_connector(HttpConnector::new());
            Ok(KinesisFirehoseClient::new_with(http, credentials, region))
        };
        Ok(Self(OnTokio::new(client)?))
    }
}

impl Peer for Rusoto {
    fn name(&self) -> String {
        super::version("rusoto_firehose")
    }

    fn put(&mut self, workload: &Arc<Workload>, calls: usize) {
        self.0.put(workload, calls, put);
    }
}

async fn put(client: KinesisFirehoseClient, workload: Arc<Workload>, calls: usize) {
    for _ in 0..calls {
        let delivery_stream_name = STREAM.to_owned();
        if workload.is_batch {
            let records = workload.records.iter().map(record).collect();
            let call = client.put_record_batch(PutRecordBatchInput { delivery_stream_name, records });
            let output = call.await.expect("the server answers");
            assert_eq!((output.failed_put_count, output.request_responses.len()), (0, workload.records.len()));
        } else {
            let record = record(&workload.records[0]);
            let call = client.put_record(PutRecordInput { delivery_stream_name, record });
            assert!(!call.await.expect("the server answers").record_id.is_empty());
        }
    }
}

/// It shares bytes with its caller.
fn record(data: &Bytes) -> Record {
    Record { data: data.clone() }
}
