//! Puts one line with rusoto_firehose, which finds region and credentials in environment and profile.

use std::error::Error;

use rusoto_core::Region;
use rusoto_firehose::{KinesisFirehose, KinesisFirehoseClient, PutRecordInput, Record};

fn main() -> Result<(), Box<dyn Error>> {
    let client = KinesisFirehoseClient::new(Region::default());
    let record = Record { data: "one line\n".into() };
    let put = client.put_record(PutRecordInput { delivery_stream_name: "my-stream".to_owned(), record });
    let output = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(put)?;
    println!("{}", output.record_id);
    Ok(())
}
