//! Changes to files that other processes may see. All go through here, so that tests can fill the disk or end the
//! process at any of them.

use std::fs::File;
use std::io::{self, Write};

/// Writes all bytes.
pub(super) fn write(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    #[cfg(test)]
    faults::write(file, bytes)?;
    file.write_all(bytes)
}

/// Creates, opens, renames, truncates or removes a file.
pub(super) fn change<T>(operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    #[cfg(test)]
    faults::change()?;
    operation()
}

/// The faults injected on this thread.
#[cfg(test)]
pub(crate) mod faults {
    use std::cell::Cell;
    use std::fs::File;
    use std::io::{self, Write};

    thread_local! {
        /// How many operations until the process ends.
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
        static IS_FULL: Cell<bool> = const { Cell::new(false) };
    }

    /// Ends the process after this many operations: no later one has an effect.
    pub(crate) fn kill_after(operations: Option<u64>) {
        LEFT.set(operations);
    }

    pub(crate) fn is_killed() -> bool {
        LEFT.get() == Some(0)
    }

    /// Fills the disk.
    pub(crate) fn fill(is_full: bool) {
        IS_FULL.set(is_full);
    }

    pub(super) fn change() -> io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the process has ended")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                if left == 1 { Err(io::Error::other("the process ends")) } else { Ok(()) }
            }
        }
    }

    /// The failing write leaves a part of its bytes.
    pub(super) fn write(mut file: &File, bytes: &[u8]) -> io::Result<()> {
        let was_killed = is_killed();
        let outcome = match change() {
            Ok(()) if IS_FULL.get() => Err(io::ErrorKind::StorageFull.into()),
            outcome => outcome,
        };
        let (part, _) = bytes.split_at(bytes.len() / 2);
        if outcome.is_err() && !was_killed {
            file.write_all(part)?;
        }
        outcome
    }
}
