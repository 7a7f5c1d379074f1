//! Shapes that several operations share, under AWS's names.

pub mod record;
