//! [`Tag`]: a key and a value of a stream.

use alloc::string::String;

use super::constraints::{TAG_KEY, TAG_VALUE};
use crate::schema::structure;

structure! {
    /// A key and a value of a stream.
    Tag {
        required {
            /// The key. It must not begin with `aws:`.
            key: String = "Key" as TAG_KEY,
        }
        optional {
            /// The value.
            value: String = "Value" as TAG_VALUE,
        }
    }
}
