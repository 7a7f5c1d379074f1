//! [`DirLock`]: a lock on a directory of streams, held by one endpoint at a time.

use std::fs::File;
use std::io;
use std::path::Path;

/// A lock on a directory; it ends with the process at the latest.
#[derive(Debug)]
pub(super) struct DirLock(Option<File>);

/// Another endpoint holds the lock.
#[derive(Debug)]
pub(super) struct Taken;

impl DirLock {
    /// Locks an existing directory. On a file system without locks this does nothing.
    pub(super) fn new(dir: &Path) -> Result<Self, Taken> {
        let file = match open(dir) {
            Ok(file) => file,
            Err(error) => return Ok(Self::without(dir, &error)),
        };
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => Ok(Self(Some(file))),
            Err(fs4::TryLockError::WouldBlock) => Err(Taken),
            Err(fs4::TryLockError::Error(error)) => Ok(Self::without(dir, &error)),
        }
    }

    fn without(dir: &Path, error: &io::Error) -> Self {
        log::debug!("{} is not locked: {error}", dir.display());
        Self(None)
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // Closing is not enough: a process that another thread is starting may have a copy of the descriptor.
        if let Some(Err(error)) = self.0.as_ref().map(fs4::FileExt::unlock) {
            log::warn!("cannot unlock a directory: {error}");
        }
    }
}

/// Opens what to lock: the directory itself, so that it contains nothing but streams.
#[cfg(unix)]
fn open(dir: &Path) -> io::Result<File> {
    File::open(dir)
}

/// Opens what to lock: a file, where directories cannot be locked. No stream's name contains `@`.
#[cfg(not(unix))]
fn open(dir: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).open(dir.join("@lock"))
}
