//! [`DirLock`]: the right to keep streams in a directory, which one endpoint has at a time.

use std::fs::File;
use std::io;
use std::path::Path;

/// The right to a directory, which ends with the process at the latest.
#[derive(Debug)]
pub(super) struct DirLock(Option<File>);

/// Another endpoint has the directory.
#[derive(Debug)]
pub(super) struct Taken;

impl DirLock {
    /// Takes a directory that is there. Where the file system has no locks, there is nothing to take.
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
        // Closing is not enough while a process that another thread is starting still has a copy of the descriptor.
        if let Some(Err(error)) = self.0.as_ref().map(fs4::FileExt::unlock) {
            log::warn!("cannot unlock a directory: {error}");
        }
    }
}

/// What is locked: the directory itself, so that nothing but streams is in it.
#[cfg(unix)]
fn open(dir: &Path) -> io::Result<File> {
    File::open(dir)
}

/// What is locked: a file, where directories cannot be. No stream's name has an `@`.
#[cfg(not(unix))]
fn open(dir: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).open(dir.join("@lock"))
}
