//! What the spool does to files that others may see: each change passes here, so that tests can have the disk full, or the process
//! end, at any of them.

use std::fs::File;
use std::io::{self, Write};

/// Writes all bytes.
pub(super) fn write(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    #[cfg(test)]
    faults::write(file, bytes)?;
    file.write_all(bytes)
}

/// Makes, opens, renames, cuts or removes a file.
pub(super) fn change<T>(operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    #[cfg(test)]
    faults::change()?;
    operation()
}

/// What goes wrong on this thread.
#[cfg(test)]
pub(crate) mod faults {
    use std::cell::Cell;
    use std::fs::File;
    use std::io::{self, Write};

    thread_local! {
        /// How many operations there are before the process ends.
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
        static IS_FULL: Cell<bool> = const { Cell::new(false) };
    }

    /// Lets the process end after so many operations: none that follows has an effect.
    pub(crate) fn kill_after(operations: Option<u64>) {
        LEFT.set(operations);
    }

    pub(crate) fn is_killed() -> bool {
        LEFT.get() == Some(0)
    }

    /// Lets the disk have no room.
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

    /// Of the write that fails, a part is there.
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
