//! The process's environment variables: the only file of the library that reads them.

use std::env;

/// The value of the first of these variables that is set to more than white space.
pub(crate) fn first_set(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.trim().is_empty()))
}
