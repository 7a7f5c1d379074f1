//! Puts a table into the stream of the first argument, a row to a record: what `csv` writes goes to a producer.
//!
//! `cargo run --example put_csv -- my-stream`; region, endpoint URL and credentials are those of the environment.
#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::time::Duration;

use firehose_blocking::{Client, Producer};

#[derive(serde::Serialize)]
struct Reading {
    sensor: &'static str,
    celsius: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let stream = std::env::args().nth(1).ok_or("name a stream")?;
    let producer = Producer::builder(Client::builder().build()?, stream).start()?;

    // Without the line of names, which would be a record among the others.
    let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(producer.writer());
    for row in 0..1000 {
        csv.serialize(Reading { sensor: "roof", celsius: f64::from(row) / 10.0 })?;
    }
    // Also tells what could not be written, which a drop would not.
    csv.flush()?;

    let closed = producer.close(Duration::from_secs(60));
    println!("accepted {}", closed.statistics.records.accepted);
    if closed.undelivered.is_empty() { Ok(()) } else { Err("some rows were not accepted".into()) }
}
