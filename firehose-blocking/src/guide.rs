//! Guides: one task each, with an example that runs.

#[doc = include_str!("../docs/ship_records.md")]
pub mod ship_records {}

#[doc = include_str!("../docs/produce_from_many_threads.md")]
pub mod produce_from_many_threads {}

#[doc = include_str!("../docs/run_as_a_service.md")]
pub mod run_as_a_service {}

#[doc = include_str!("../docs/test_without_aws.md")]
pub mod test_without_aws {}

#[doc = include_str!("../docs/bring_a_transport.md")]
pub mod bring_a_transport {}

#[doc = include_str!("../docs/credentials_and_settings.md")]
pub mod credentials_and_settings {}

#[doc = include_str!("../docs/the_program.md")]
pub mod the_program {}
