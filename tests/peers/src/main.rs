//! This client beside others: what puts cost, in one table of one run.
//!
//! ```text
//! cargo run --release --locked --manifest-path tests/peers/Cargo.toml
//! ```
//!
//! All speak to one server in this process, over loopback and without TLS, one call after the other on a kept connection,
//! or four at once. First every request is read back: its records must be those that were given, and its signature good.
//! In each measurement all records must have arrived, in one request for each call.
//!
//! The clients take turns in each round, and the median of the rounds counts: whatever else runs on the machine hits all
//! alike. Processor time and allocations are those of the process without the server's threads.

mod allocations;
mod clients;
mod measure;
mod server;
mod table;
mod workload;

use std::error::Error;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use crate::measure::Measured;
use crate::server::Server;
use crate::workload::Workload;

const ROUNDS: usize = 51;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => ROUNDS,
        ["--rounds", rounds] => {
            rounds.parse::<NonZeroUsize>().map_err(|error| format!("--rounds {rounds}: {error}"))?.get()
        }
        _ => return Err("usage: firehose-peers [--rounds N]".into()),
    };
    let server = Server::start()?;
    let workloads = Workload::all().map(Arc::new);
    let mut peers = clients::all(&server.url())?;
    for peer in &mut peers {
        for workload in &workloads {
            measure::check(&server, &mut **peer, workload)?;
        }
    }
    let mut measured: Vec<Vec<Measured>> = peers.iter().map(|_| vec![Measured::default(); workloads.len()]).collect();
    for round in 0..rounds {
        for (column, workload) in workloads.iter().enumerate() {
            // Nobody always follows the same one.
            for turn in 0..peers.len() {
                let row = (round + turn) % peers.len();
                measure::round(&server, &mut *peers[row], workload, &mut measured[row][column])?;
            }
        }
    }
    for (peer, row) in peers.iter_mut().zip(&mut measured) {
        for (workload, cell) in workloads.iter().zip(row) {
            measure::allocations(&mut **peer, workload, cell);
        }
    }
    let names: Vec<String> = peers.iter().map(|peer| peer.name()).collect();
    table::print(&names, &workloads, &measured, rounds);
    Ok(())
}
