//! [`SpoolError`]: what the spool could not do, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::target::SpoolTarget;

/// Why the spool could not do what was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpoolError {
    /// The spool is full. Nothing was written; completed records make room.
    Full {
        /// Bytes that the records need.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The records would not fit even into an empty spool. Nothing was written.
    TooLarge {
        /// Bytes that the records need.
        needed: u64,
        /// The spool's limit.
        max_bytes: u64,
    },
    /// Another spool, in this process or another, uses the directory.
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The spool has records for another stream, or for one of this name elsewhere. They are not delivered to this one,
    /// unless [`SpoolOptions::redirect`](super::SpoolOptions::redirect) says so.
    OtherTarget {
        /// The directory.
        dir: PathBuf,
        /// The target that the records are for.
        known: SpoolTarget,
        /// The target of the producer.
        wanted: SpoolTarget,
    },
    /// A file has corrupt bytes.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in the file they begin.
        offset: u64,
        /// How many there are.
        bytes: u64,
        /// The file that they were copied to.
        kept: Option<PathBuf>,
    },
    /// A segment lacks records that it had: truncated, lost with the machine's power, or found corrupt earlier.
    Missing {
        /// The file.
        path: PathBuf,
        /// How many are missing.
        records: u64,
    },
    /// A sync failed earlier. What is on disk is unknown, so the spool guarantees nothing more until it is opened
    /// again.
    Unsynced {
        /// The directory.
        dir: PathBuf,
    },
    /// The file system failed.
    Io {
        /// The action that failed.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
}

impl SpoolError {
    /// Whether there is no room now, but will be after more outcomes.
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
                write!(f, "{needed} bytes do not fit into a spool of {max_bytes}; raise its limit or send less at once")
            }
            Self::Locked { dir } => write!(f, "spool {} is in use; give each producer its own", dir.display()),
            Self::OtherTarget { dir, known, wanted } => {
                write!(
                    f,
                    "spool {} has records for {known}, not for {wanted}; redirect them or use another spool",
                    dir.display()
                )
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
                // A name that the spool has not created, and so may not set aside.
                let is_foreign = error.kind() == io::ErrorKind::IsADirectory;
                f.write_str(if is_foreign {
                    "; the spool needs this name for a file: move the existing one away"
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
