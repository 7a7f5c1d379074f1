//! The program `firehose`: puts the records of files and pipes into a stream, checks whether it could, calls any operation,
//! shows its configuration, serves a local endpoint, and writes its own completions and manual.
#![forbid(unsafe_code)]

mod advice;
mod args;
mod call;
mod check;
mod config;
mod connect;
mod console;
mod delivery;
mod encoding;
mod fill;
mod follow;
mod generate;
mod input;
mod local;
mod locations;
mod monitor;
mod operations;
mod progress;
mod put;
mod reasons;
mod records;
mod rejects;
mod report;
mod shutdown;
mod signals;
mod skeleton;
mod tail;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use log::Level;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = env_logger::Env::default().default_filter_or("firehose_blocking=warn");
    env_logger::Builder::from_env(filter)
        .format(|out, record| {
            let message = console::sanitize(&record.args().to_string());
            match record.level() {
                // Whoever did not ask for diagnostics need not know which part of the program says it.
                Level::Error | Level::Warn | Level::Info => writeln!(out, "firehose: {message}"),
                level => writeln!(out, "[{level} {}] {message}", record.target()),
            }
        })
        // The program says it by itself.
        .filter_module("firehose_blocking::producer::health", log::LevelFilter::Off)
        .init();
    // At `trace`, `ureq_proto` dumps what goes over the wire, session tokens and records among it.
    log::set_max_level(log::max_level().min(log::LevelFilter::Debug));
    let outcome = match &cli.command {
        Command::Put(args) => put::run(args),
        Command::Call(args) => Ok(call::run(args)),
        Command::Check(args) => check::run(args),
        Command::Config(args) => config::run(args),
        Command::Local(args) => local::run(args),
        Command::Completions(args) => generate::completions(args),
        Command::Man(args) => generate::man(args),
    };
    outcome.unwrap_or_else(|failure| {
        failure.eprint();
        failure.exit.into()
    })
}
