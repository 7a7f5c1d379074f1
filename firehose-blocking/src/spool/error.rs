//! [`SpoolError`]: what the spool could not do, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::target::SpoolTarget;

/// Why the spool did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpoolError {
    /// The bound would be passed. Nothing was written; completing records makes room.
    Full {
        /// Bytes that the records need.
        needed: u64,
        /// Bytes that are left.
        free: u64,
    },
    /// The records would not fit into an empty spool. Nothing was written.
    TooLarge {
        /// Bytes that the records need.
        needed: u64,
        /// The bound.
        max_bytes: u64,
    },
    /// Another process, or another spool of this one, has the directory.
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// It has records for another stream, or for one of this name elsewhere. Nothing is delivered to a stream that it was not
    /// sent to, unless [`SpoolOptions::redirect`](super::SpoolOptions::redirect) says so.
    OtherTarget {
        /// The directory.
        dir: PathBuf,
        /// What the records are meant for.
        known: SpoolTarget,
        /// What they would be delivered to.
        wanted: SpoolTarget,
    },
    /// A file holds bytes that are not what was written.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it the bad bytes began.
        offset: u64,
        /// How many there were.
        bytes: u64,
        /// The file that they were added to.
        kept: Option<PathBuf>,
    },
    /// A segment lacks records that it had: cut off, lost with the machine's power, or found corrupt earlier.
    Missing {
        /// The file.
        path: PathBuf,
        /// How many.
        records: u64,
    },
    /// A sync failed earlier. What the disk has is unknown, so nothing more is promised until the spool is opened again.
    Unsynced {
        /// The directory.
        dir: PathBuf,
    },
    /// The file system said no.
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Its answer.
        error: io::Error,
    },
}

impl SpoolError {
    /// Whether it is for want of room that comes back with outcomes.
    pub(crate) const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { needed, free } => {
                write!(f, "spool is full: {needed} bytes needed, {free} free; wait for outcomes")
            }
            Self::TooLarge { needed, max_bytes } => {
                write!(f, "{needed} bytes never fit into a spool of {max_bytes}; raise its bound or send less at once")
            }
            Self::Locked { dir } => write!(f, "spool {} is in use; give each producer its own", dir.display()),
            Self::OtherTarget { dir, known, wanted } => {
                write!(f, "spool {} has records for {known}, which are not sent to {wanted} unasked", dir.display())
            }
            Self::Corrupt { path, offset, bytes, kept } => {
                write!(f, "{bytes} bytes of {} from byte {offset} are corrupt", path.display())?;
                match kept {
                    Some(kept) => write!(f, "; set aside in {}", kept.display()),
                    None => Ok(()),
                }
            }
            Self::Missing { path, records } => write!(f, "{records} records are missing from {}", path.display()),
            Self::Unsynced { dir } => write!(f, "a sync of spool {} failed earlier; open it again", dir.display()),
            Self::Io { action, path, error } => {
                write!(f, "cannot {action} {}", path.display())?;
                // Nothing that the spool has made, and may set aside.
                let is_foreign = error.kind() == io::ErrorKind::IsADirectory;
                f.write_str(if is_foreign {
                    "; the spool has a file of that name, so move what is there away"
                } else {
                    ""
                })
            }
        }
    }
}

impl std::error::Error for SpoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
