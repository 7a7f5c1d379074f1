//! Every pattern of the API decides by hand what a regex engine decides by AWS's source of it.
#![no_main]

use std::sync::LazyLock;

use fancy_regex::Regex;
use firehose_proto::internal::pattern::{self, Pattern};
use libfuzzer_sys::fuzz_target;

/// The engine backtracks where AWS's sources look around.
const MAX_BYTES: usize = 256;

#[path = "../../firehose-proto/tests/oracle/mod.rs"]
mod oracle;

static ORACLES: LazyLock<Vec<(Pattern, Regex)>> =
    LazyLock::new(|| pattern::ALL.iter().map(|pattern| (*pattern, oracle::regex(*pattern))).collect());

fuzz_target!(|text: &str| {
    // The letters of other scripts are another matter, see the module's documentation.
    if text.len() > MAX_BYTES || !text.chars().all(|it| it.is_ascii() || !it.is_alphabetic()) {
        return;
    }
    for (pattern, oracle) in ORACLES.iter() {
        // It gives up where it would have to go back too often.
        if let Ok(expected) = oracle.is_match(text) {
            assert_eq!(pattern.matches(text), expected, "{pattern:?} {text:?}");
        }
    }
});
