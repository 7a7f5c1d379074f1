//! Puts one line with aws-sdk-firehose alone: two variables for the credentials, and no other place to find them in.

use std::env;
use std::error::Error;

use aws_sdk_firehose::Client;
use aws_sdk_firehose::config::{Config, Credentials, Region};
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;

fn main() -> Result<(), Box<dyn Error>> {
    let keys = Credentials::new(env::var("AWS_ACCESS_KEY_ID")?, env::var("AWS_SECRET_ACCESS_KEY")?, None, None, "env");
    let region = Region::new(env::var("AWS_REGION")?);
    let config = Config::builder().behavior_version_latest().region(region).credentials_provider(keys);
    let client = Client::from_conf(config.build());
    let record = Record::builder().data(Blob::new("one line\n")).build()?;
    let put = client.put_record().delivery_stream_name("my-stream").record(record).send();
    let output = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(put)?;
    println!("{}", output.record_id());
    Ok(())
}
