//! Puts the lines of standard input into the stream of the first argument, and sends again what fails.
//!
//! `cargo run --example put_lines -- my-stream < FILE`; region, endpoint URL and credentials are those of the environment.

use std::error::Error;
use std::io::{self, BufRead};

use firehose_blocking::{Batch, Client, PushError};

fn main() -> Result<(), Box<dyn Error>> {
    let stream = std::env::args().nth(1).ok_or("name a stream")?;
    let client = Client::builder().build()?;
    let mut batch = Batch::new(&stream)?;
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        // A full batch makes room by being sent; what fails stays in it, first in line.
        while let Err(error) = batch.push(&line) {
            match error {
                PushError::Full => client.put_batch(&mut batch)?,
                refused => return Err(refused.into()),
            };
        }
    }
    while !batch.is_empty() {
        client.put_batch(&mut batch)?;
    }
    Ok(())
}
