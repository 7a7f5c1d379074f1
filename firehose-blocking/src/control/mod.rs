//! What the operations on streams themselves come with: lists page by page, and waits for streams.

mod pages;
mod wait;

pub use self::pages::Pages;
pub use self::wait::WaitError;
