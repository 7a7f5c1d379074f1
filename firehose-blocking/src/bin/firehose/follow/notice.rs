//! [`Notice`]: what people have to know of a log that is followed.

use std::fmt;
use std::path::Path;

use crate::encoding::Encoding;

/// What people have to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// There is no file at the path yet.
    Waiting,
    /// There is something else at the path.
    NotRegular,
    /// A file, or the directory, cannot be read at the moment.
    Unreadable { name: String, why: String },
    /// What stood after a byte of a log is gone.
    Lost {
        /// Its number.
        log: u64,
        /// The name that its file had last.
        name: String,
        from: u64,
        /// The longest that it was seen to be.
        to: u64,
    },
    /// A rotated file is compressed in a way that is not read here, and nobody has read what is in it.
    PassedOver { name: String, encoding: Encoding },
    /// A compressed file ends before its end.
    CutOff { name: String, bytes: u64, why: String },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("there is no such file yet; waiting for it"),
            Self::NotRegular => f.write_str("it is no regular file; waiting for one to take its place"),
            Self::Unreadable { name, why } => write!(f, "cannot read {name}: {why}; trying again"),
            Self::Lost { name, from, to, .. } => {
                let known = to.saturating_sub(*from);
                write!(f, "the log that was in {name} is gone, or was cut: what stood after byte {from} of it ")?;
                match known {
                    0 => f.write_str("is lost, if anything did"),
                    known => write!(f, "is lost, {known} bytes or more"),
                }
            }
            Self::PassedOver { name, encoding } => {
                write!(f, "{name} is compressed and was not read; {}", encoding.hint(Path::new(name)))
            }
            Self::CutOff { name, bytes, why } => {
                write!(f, "{name} breaks off after {bytes} bytes of what is compressed in it: {why}")
            }
        }
    }
}
