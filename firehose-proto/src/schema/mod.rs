//! The structure of documents: a table for each structure of the API, written once beside its type, and the check of
//! documents against it.
//!
//! ```text
//! structure! { … } ─┬─▶ the type, its serde both ways, `new` and a setter for each optional member
//!                   └─▶ Structure ─▶ check(document) ─▶ every Violation with its path
//! ```
//!
//! A typed input is checked as the document that would be sent, so one check serves both.
//!
//! ```
//! use firehose_proto::internal::schema::{Document, Shape};
//! use firehose_proto::model::BufferingHints;
//!
//! let member = BufferingHints::STRUCTURE.member("SizeInMBs").unwrap();
//! assert!(matches!(member.shape, Shape::Integer { min: 1, max: 128 }));
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use crate::pattern::Pattern;
use crate::time::Timestamp;

#[cfg(feature = "control")]
mod absent;
mod check;
#[cfg(feature = "control")]
pub(crate) mod declare;

pub(crate) use self::check::check;
pub use self::check::nearest;
#[cfg(feature = "control")]
pub(crate) use self::{
    absent::Absent,
    check::check_known,
    declare::{enumeration, structure},
};

/// A structure of the API, under AWS's name.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Structure {
    /// AWS's name.
    pub name: &'static str,
    /// Its members.
    pub members: &'static [Member],
}

/// A member of a structure.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Member {
    /// Its name in documents.
    pub name: &'static str,
    /// Whether AWS requires it.
    pub is_required: bool,
    /// The shape of its value.
    pub shape: Shape,
}

/// The shape of a value.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer {
        /// The minimum.
        min: i32,
        /// The maximum.
        max: i32,
    },
    /// A number.
    Double {
        /// The minimum.
        min: f64,
        /// The maximum.
        max: f64,
    },
    /// Text.
    Text {
        /// Minimum number of characters.
        min: usize,
        /// Maximum number of characters.
        max: usize,
        /// The pattern of the whole text.
        pattern: Option<Pattern>,
        /// Whether the text must not be printed.
        is_sensitive: bool,
    },
    /// One of a few texts.
    Enum(&'static [&'static str]),
    /// Bytes, as base64.
    Blob {
        /// Maximum number of bytes, before base64.
        max: usize,
    },
    /// A time: seconds since 1970, or text as in RFC 3339.
    Timestamp,
    /// Any number of values of one shape.
    List {
        /// The shape of each.
        member: &'static Self,
        /// Minimum number.
        min: usize,
        /// Maximum number.
        max: usize,
    },
    /// Values under keys.
    Map {
        /// The shape of each key.
        key: &'static Self,
        /// The shape of each value.
        value: &'static Self,
    },
    /// An object with members.
    Structure(&'static Structure),
}

impl Structure {
    pub(crate) const fn new(name: &'static str, members: &'static [Member]) -> Self {
        Self { name, members }
    }

    /// The member with a name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

impl Member {
    pub(crate) const fn required(name: &'static str, shape: Shape) -> Self {
        Self { name, is_required: true, shape }
    }

    pub(crate) const fn optional(name: &'static str, shape: Shape) -> Self {
        Self { name, is_required: false, shape }
    }
}

impl Shape {
    /// Text with a number of characters in this range.
    pub(crate) const fn text(min: usize, max: usize) -> Self {
        Self::Text { min, max, pattern: None, is_sensitive: false }
    }

    /// The same text, restricted to a pattern.
    pub(crate) const fn matching(self, pattern: Pattern) -> Self {
        match self {
            Self::Text { min, max, is_sensitive, .. } => Self::Text { min, max, pattern: Some(pattern), is_sensitive },
            other => other,
        }
    }

    /// The same text, never printed.
    #[cfg(feature = "control")]
    pub(crate) const fn sensitive(self) -> Self {
        match self {
            Self::Text { min, max, pattern, .. } => Self::Text { min, max, pattern, is_sensitive: true },
            other => other,
        }
    }

    /// A whole number in a range.
    pub(crate) const fn integer(min: i32, max: i32) -> Self {
        Self::Integer { min, max }
    }

    /// A list of any length.
    pub(crate) const fn list(member: &'static Self) -> Self {
        Self::List { member, min: 0, max: usize::MAX }
    }

    /// A list with a number of members in this range.
    pub(crate) const fn list_of(member: &'static Self, min: usize, max: usize) -> Self {
        Self::List { member, min, max }
    }
}

/// A type that is a structure of the API.
pub trait Document {
    /// The structure of its documents.
    const STRUCTURE: &'static Structure;
}

/// A type that has the same shape in every member.
pub(crate) trait Shaped {
    const SHAPE: Shape;
}

impl Shaped for bool {
    const SHAPE: Shape = Shape::Boolean;
}

impl Shaped for Timestamp {
    const SHAPE: Shape = Shape::Timestamp;
}

impl Shaped for String {
    const SHAPE: Shape = Shape::text(0, usize::MAX);
}

impl<T: Shaped> Shaped for Vec<T> {
    const SHAPE: Shape = Shape::list(&T::SHAPE);
}
