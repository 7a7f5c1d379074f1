//! Guides: one task each, with an example that runs.

#[doc = include_str!("../docs/drive_a_call.md")]
pub mod drive_a_call {}

#[doc = include_str!("../docs/drive_a_batcher.md")]
pub mod drive_a_batcher {}

#[doc = include_str!("../docs/find_credentials.md")]
pub mod find_credentials {}

#[doc = include_str!("../docs/handle_errors.md")]
pub mod handle_errors {}

#[doc = include_str!("../docs/delivery_guarantees.md")]
pub mod delivery_guarantees {}

#[doc = include_str!("../docs/fuzz_it.md")]
pub mod fuzz_it {}

#[doc = include_str!("../docs/write_a_server.md")]
pub mod write_a_server {}
