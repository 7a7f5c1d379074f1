//! Puts the lines of standard input into the stream of the first argument.
//!
//! `cargo run --example put_lines -- my-stream < FILE`; region, endpoint URL and credentials are those of the environment.

use std::error::Error;
use std::io::{self, BufRead};
use std::time::Duration;

use firehose_blocking::{Batch, Client, PushError};

/// How long a batch is tried.
const TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let stream = std::env::args().nth(1).ok_or("name a stream")?;
    let client = Client::builder().build()?;
    let mut batch = Batch::new(&stream)?;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    // The newline stays: consumers see the records one after the other.
    while input.read_until(b'\n', &mut line)? > 0 {
        while let Err(error) = batch.push(&line) {
            match error {
                PushError::Full => put(&client, &mut batch)?,
                refused => return Err(refused.into()),
            }
        }
        line.clear();
    }
    if batch.is_empty() { Ok(()) } else { put(&client, &mut batch) }
}

/// Sends what fails again, and only that, after waits that grow; and gives up in time.
fn put(client: &Client, batch: &mut Batch) -> Result<(), Box<dyn Error>> {
    client.put_all(batch, TIMEOUT).map_err(|error| format!("{} records were not accepted: {error}", batch.len()).into())
}
