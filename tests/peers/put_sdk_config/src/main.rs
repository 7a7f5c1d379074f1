//! Puts one line with aws-sdk-firehose as its guide says, with aws-config, which finds settings and credentials.

use std::error::Error;

use aws_config::BehaviorVersion;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;

async fn put() -> Result<(), Box<dyn Error>> {
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let record = Record::builder().data(Blob::new("one line\n")).build()?;
    let output = client.put_record().delivery_stream_name("my-stream").record(record).send().await?;
    println!("{}", output.record_id());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(put())
}
