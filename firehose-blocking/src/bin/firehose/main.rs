//! The program `firehose`: puts the records of files and pipes into a stream, checks whether it could, calls any operation,
//! shows its configuration, and serves a local endpoint.
#![forbid(unsafe_code)]

mod advice;
mod args;
mod call;
mod check;
mod config;
mod connect;
mod console;
mod delivery;
mod fill;
mod follow;
mod input;
mod local;
mod progress;
mod put;
mod records;
mod rejects;
mod report;
mod skeleton;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("firehose_blocking=warn")).init();
    // At `trace`, `ureq_proto` dumps what goes over the wire, session tokens and records among it.
    log::set_max_level(log::max_level().min(log::LevelFilter::Debug));
    let outcome = match &cli.command {
        Command::Put(args) => put::run(args),
        Command::Call(args) => Ok(call::run(args)),
        Command::Check(args) => check::run(args),
        Command::Config(args) => config::run(args),
        Command::Local(args) => local::run(args),
    };
    outcome.unwrap_or_else(|failure| {
        failure.tell();
        failure.exit.into()
    })
}
