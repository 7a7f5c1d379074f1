//! Puts one line with this client; region and credentials are those that the AWS CLI would use.

use std::error::Error;

use firehose_blocking::{Client, PutRecordInput, Record};

fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder().build()?;
    let output = client.put_record(&PutRecordInput::new("my-stream", Record::new(b"one line\n")))?;
    println!("{}", output.record_id);
    Ok(())
}
