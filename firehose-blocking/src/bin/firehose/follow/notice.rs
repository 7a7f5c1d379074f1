//! [`Notice`]: messages for the user about a log that is followed.

use std::fmt;
use std::path::Path;

use crate::encoding::Encoding;

/// A message for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// There is no file at the path yet.
    Waiting,
    /// What is at the path is not a regular file.
    NotRegular,
    /// A file, or the directory, cannot be read at the moment.
    Unreadable { name: String, why: String },
    /// What was after a byte of a log is lost.
    Lost {
        /// Its number.
        log: u64,
        /// The name that its file had last.
        name: String,
        from: u64,
        /// The greatest length that it had.
        to: u64,
    },
    /// A rotated file is compressed in an encoding that is not supported, and its contents were not read.
    PassedOver { name: String, encoding: Encoding },
    /// A compressed file ends too early.
    CutOff { name: String, bytes: u64, why: String },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("the file does not exist yet; waiting for it"),
            Self::NotRegular => f.write_str("it is not a regular file; waiting for one to replace it"),
            Self::Unreadable { name, why } => write!(f, "cannot read {name}: {why}; trying again"),
            Self::Lost { name, from, to, .. } => {
                let known = to.saturating_sub(*from);
                write!(f, "the log in {name} was removed or truncated: ")?;
                match known {
                    0 => write!(f, "what was after byte {from} is lost, if there was anything"),
                    known => write!(f, "what was after byte {from} is lost, {known} bytes or more"),
                }
            }
            Self::PassedOver { name, encoding } => {
                write!(f, "{name} is compressed and was not read; {}", encoding.hint(Path::new(name)))
            }
            Self::CutOff { name, bytes, why } => {
                write!(f, "{name} ends too early, after {bytes} decompressed bytes: {why}")
            }
        }
    }
}
