//! Tells the crate its compiler and target system, for the user agent.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=FIREHOSE_RUST_VERSION={}", rust_version().unwrap_or_else(|| "unknown".into()));
    println!("cargo:rustc-env=FIREHOSE_TARGET_OS={}", env::var("CARGO_CFG_TARGET_OS").unwrap_or_default());
}

/// The second word of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn rust_version() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1).map(ToOwned::to_owned)
}
