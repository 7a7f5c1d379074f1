//! [`Absent`]: what stands in answers for members that a peer which is not AWS left out.

use alloc::string::String;
use alloc::vec::Vec;

use ::time::OffsetDateTime;

use crate::sensitive::Sensitive;
use crate::time::Timestamp;

/// A type with a value for what AWS always sends and a peer that is not AWS left out.
pub(crate) trait Absent {
    fn absent() -> Self;
    /// Whether the value cannot have been sent, and so is not to be written.
    fn is_absent(&self) -> bool;
}

/// Types whose empty value may have been sent.
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
