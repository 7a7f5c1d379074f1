//! [`Kept`]: what survives a process, and what all parts of the model share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use tempfile::TempDir;

pub(crate) const LOG: &str = "log";
pub(crate) const ROTATE_WAIT: Duration = Duration::from_secs(5);

/// What survives the process.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The spool's directory.
    pub(crate) dir: TempDir,
    /// Whether a position is noted whenever there is a new one, and not at random.
    pub(crate) notes_all: bool,
    /// The run of bytes in each log of each position.
    pub(crate) runs: BTreeMap<Vec<u8>, Vec<u64>>,
    /// Lines of which it was told that they are not delivered.
    pub(crate) told: BTreeSet<u64>,
    /// Runs of which it was told that what stood after a byte is lost.
    pub(crate) lost: Vec<(u64, u64)>,
    /// Lines in files that were passed over.
    pub(crate) passed_over: BTreeSet<u64>,
    pub(crate) said: Vec<String>,
}

impl Kept {
    pub(crate) fn new(notes_all: bool) -> Self {
        // In memory where that is to be had: no power is lost here.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self {
            dir: dir.unwrap(),
            notes_all,
            runs: BTreeMap::new(),
            told: BTreeSet::new(),
            lost: Vec::new(),
            passed_over: BTreeSet::new(),
            said: Vec::new(),
        }
    }

    /// Empties one of the spool's files, as a loss of power may: how far the log was read, or whose the records are.
    pub(crate) fn lose_power(&self, random: &mut fastrand::Rng) {
        let paths = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let is_meant =
            |path: &PathBuf| path.ends_with("stream") || path.extension().is_some_and(|found| found == "note");
        let mut paths: Vec<PathBuf> = paths.filter(is_meant).collect();
        paths.sort();
        random.choice(&paths).map_or(Ok(()), |path| fs::write(path, "")).unwrap();
    }
}

/// Tells what happens, when one seed is run alone.
pub(crate) fn trace(what: impl FnOnce() -> String) {
    if env::var_os("FOLLOW_SEED").is_some() {
        println!("{}", what());
    }
}
