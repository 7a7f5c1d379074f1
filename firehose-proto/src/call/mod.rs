//! A whole call, from its input to its outcome.

mod error;

pub use self::error::Error;
