//! Where credentials come from, how long they are kept, and what is said when there are none.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

mod cache;
mod chain;
mod metadata;
mod profiles;
mod server;
mod services;
mod settings;
mod timeout;
mod world;
