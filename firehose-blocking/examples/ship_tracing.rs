//! Ships what a program traces to the stream of the first argument, an event to a record.
//!
//! `cargo run --example ship_tracing -- my-stream`; region, endpoint URL and credentials are those of the environment.
#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::time::Duration;

use firehose_blocking::{Client, Producer};

fn main() -> Result<(), Box<dyn Error>> {
    let stream = std::env::args().nth(1).ok_or("name a stream")?;
    let producer = Producer::builder(Client::builder().build()?, stream).start()?;

    let shipped = producer.clone();
    // What is traced, not what libraries log with `log`: firehose-blocking's own messages must not be shipped through itself.
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || shipped.writer()).init();

    for order in 0..1000 {
        tracing::info!(order, "taken");
    }

    // Before the end of the program: what is not accepted by then is lost.
    producer.flush(Duration::from_secs(60))?;
    println!("accepted {}", producer.statistics().records.accepted);
    let undelivered = producer.take_undelivered().len();
    if undelivered == 0 { Ok(()) } else { Err(format!("{undelivered} events were not accepted").into()) }
}
