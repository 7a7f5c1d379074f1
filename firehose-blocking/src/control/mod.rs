//! Helpers for the operations on streams: lists page by page, and waits for a state.

mod pages;
mod wait;

pub use self::pages::Pages;
pub use self::wait::WaitError;
