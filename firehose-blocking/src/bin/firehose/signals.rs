//! Signals that ask a program to end or to print its statistics.

use std::io;
#[cfg(unix)]
use std::thread;

#[cfg(unix)]
use signal_hook::iterator::Signals;

/// Runs a handler for each signal that asks the program to end, on a thread of its own. One that was ignored when the program
/// began stays ignored, as `nohup` and shells expect that start programs in the background.
#[cfg(unix)]
pub(crate) fn on_termination(handler: impl FnMut() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    on(&[SIGHUP, SIGINT, SIGTERM], handler)
}

/// Runs a handler for each SIGUSR1, on a thread of its own, unless it was ignored when the program began.
#[cfg(unix)]
pub(crate) fn on_statistics_signal(handler: impl FnMut() + Send + 'static) -> io::Result<()> {
    on(&[signal_hook::consts::SIGUSR1], handler)
}

#[cfg(unix)]
fn on(signals: &[i32], mut handler: impl FnMut() + Send + 'static) -> io::Result<()> {
    let ignored = ignored();
    let mut signals = Signals::new(signals.iter().filter(|signal| ignored >> (*signal - 1) & 1 == 0))?;
    thread::Builder::new().name("signals".into()).spawn(move || signals.forever().for_each(|_| handler()))?;
    Ok(())
}

/// A bit for each signal that is ignored, the lowest for signal 1. Linux tells without unsafe code, other systems do not.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Runs a handler for each signal that asks the program to end, on a thread of its own.
#[cfg(not(unix))]
pub(crate) fn on_termination(handler: impl FnMut() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(handler).map_err(io::Error::other)
}

/// There is no such signal here.
#[cfg(not(unix))]
pub(crate) fn on_statistics_signal(_: impl FnMut() + Send + 'static) -> io::Result<()> {
    Ok(())
}
