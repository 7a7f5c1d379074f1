//! [`Absent`]: placeholders for required members that a peer other than AWS left out of a response.

use alloc::string::String;
use alloc::vec::Vec;

use ::time::OffsetDateTime;

use crate::sensitive::Sensitive;
use crate::time::Timestamp;

/// A type with a placeholder for a member that AWS always sends and another peer left out.
pub(crate) trait Absent {
    fn absent() -> Self;
    /// Whether this is the placeholder. No peer can have sent it, and it is not written.
    fn is_absent(&self) -> bool;
}

/// Types whose placeholder is their empty value, which a peer may have sent.
macro_rules! absent_as_default {
    ($($type:ty),+) => {
        $(impl Absent for $type {
            fn absent() -> Self {
                Self::default()
            }

            fn is_absent(&self) -> bool {
                false
            }
        })+
    };
}
absent_as_default!(bool, i32);

impl<T> Absent for Vec<T> {
    fn absent() -> Self {
        Self::new()
    }

    fn is_absent(&self) -> bool {
        false
    }
}

impl Absent for Timestamp {
    fn absent() -> Self {
        OffsetDateTime::UNIX_EPOCH.into()
    }

    fn is_absent(&self) -> bool {
        *self == Self::absent()
    }
}

impl Absent for String {
    fn absent() -> Self {
        Self::new()
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for Sensitive<String> {
    fn absent() -> Self {
        String::new().into()
    }

    fn is_absent(&self) -> bool {
        self.expose().is_empty()
    }
}
