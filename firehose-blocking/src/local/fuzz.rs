//! Entry point of the fuzz target `definitions`.
#![expect(clippy::unwrap_used, reason = "a fuzz target fails at what is wrong")]

use firehose_proto::internal::json;

use super::definitions::Known;

/// Parses a stream's definition file: what parses is encoded to the same meaning.
pub fn read_definition(document: &[u8]) {
    if let Ok(known) = json::parse::<Known>(document) {
        let written = serde_json::to_vec(&known).unwrap();
        let again = json::parse::<Known>(&written).unwrap();
        // Not by `==`: a number in an unknown member may change in its last digit.
        assert_eq!(format!("{again:?}"), format!("{known:?}"));
    }
}
