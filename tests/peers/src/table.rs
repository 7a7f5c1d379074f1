//! The figures, and the ratios that count.

use std::sync::Arc;

use crate::measure::Measured;
use crate::workload::Workload;

/// Who `Client` is compared with, by the start of the name, and the most that each workload is to take of the other's time.
const TARGETS: [(&str, [Option<f64>; 4]); 3] = [
    ("ureq", [Some(1.15), None, None, None]),
    ("aws-sdk-firehose", [Some(0.6), Some(0.5), Some(0.8), None]),
    ("rusoto_firehose", [None; 4]),
];
const NAME: usize = 26;
const FIGURE: usize = 8;
const COLUMN: usize = 3 * FIGURE;

pub fn print(names: &[String], workloads: &[Arc<Workload>], measured: &[Vec<Measured>], rounds: usize) {
    println!("Loopback, no TLS, one server in this process; medians of {rounds} interleaved rounds, for each call.");
    println!("CPU is user's and system's time of all threads but the server's; so are allocations.\n");
    let titles = workloads.iter().map(|workload| format!("{:>COLUMN$}", workload.name));
    println!("{:NAME$}{}", "", titles.collect::<String>());
    let units = workloads.iter().map(|workload| {
        let first = if workload.in_flight == 1 { "us" } else { "k rec/s" };
        format!("{first:>FIGURE$}{:>FIGURE$}{:>FIGURE$}", "CPU us", "allocs")
    });
    println!("{:NAME$}{}", "", units.collect::<String>());
    for (name, row) in names.iter().zip(measured) {
        let cells = workloads.iter().zip(row).map(|(workload, cell)| figures(workload, cell));
        println!("{name:NAME$}{}", cells.collect::<String>());
    }
    println!("\n`Client` against others, medians of the rounds' ratios; in brackets, what its time is to reach:");
    let Some(ours) = names.iter().position(|name| name == "Client") else { return };
    for (start, targets) in TARGETS {
        let Some(other) = names.iter().position(|name| name.starts_with(start)) else { continue };
        let pairs = measured[ours].iter().zip(&measured[other]);
        let times = pairs.clone().zip(targets).map(|((ours, other), target)| {
            let target = target.map(|target| format!(" (<= {target})")).unwrap_or_default();
            let ratio = format!("{:.2}{target}", ratio(&ours.seconds, &other.seconds));
            format!("{ratio:>COLUMN$}")
        });
        println!("{:NAME$}{}", format!("time / {start}"), times.collect::<String>());
        let cpu = pairs.map(|(ours, other)| format!("{:>COLUMN$.2}", ratio(&ours.cpu_seconds, &other.cpu_seconds)));
        println!("{:NAME$}{}", format!("CPU / {start}"), cpu.collect::<String>());
    }
}

/// Time or rate, processor time, allocations.
fn figures(workload: &Workload, measured: &Measured) -> String {
    let seconds = median(measured.seconds.iter().copied());
    let first = match workload.in_flight {
        1 => seconds * 1e6,
        _ => workload.records.len() as f64 / seconds / 1e3,
    };
    let cpu = median(measured.cpu_seconds.iter().copied()) * 1e6;
    format!("{first:>FIGURE$.0}{cpu:>FIGURE$.0}{:>FIGURE$.0}", measured.allocations)
}

fn ratio(ours: &[f64], other: &[f64]) -> f64 {
    median(ours.iter().zip(other).map(|(ours, other)| ours / other))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
