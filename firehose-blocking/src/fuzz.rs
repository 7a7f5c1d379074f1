//! What the fuzz targets reach of the inside; there in builds with `--cfg fuzzing` alone, and no part of the API.

pub use crate::local::fuzz::read_definition;
pub use crate::local::http::fuzz::serve;
pub use crate::spool::fuzz::{run as run_spool, walk as walk_segment, walk_damaged as walk_damaged_segment};
