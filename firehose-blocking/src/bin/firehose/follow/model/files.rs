//! A file system in memory: names, inodes whose numbers are given again, times, and who has what open.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Entry, Identity};
use crate::encoding::Encoding;

/// Steps in which times are kept.
const TIME_STEP: u64 = 4_000_000;

/// What is in a file, and what was seen of it.
#[derive(Debug, Clone)]
pub(crate) struct Inode {
    pub(crate) made: u64,
    pub(crate) modified: u64,
    /// Decoded. A compressed file has its length from them as well.
    pub(crate) bytes: Vec<u8>,
    pub(crate) encoding: Encoding,
    /// Which run of bytes it holds: another one after a cut, the same one in a copy.
    pub(crate) run: u64,
    /// The most bytes of the run that the process could know of.
    pub(crate) looked: u64,
    links: usize,
    holders: usize,
}

/// A directory and its files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) inodes: BTreeMap<u64, Inode>,
    pub(crate) names: BTreeMap<String, u64>,
    /// Whether times of birth are known.
    pub(crate) has_births: bool,
    pub(crate) runs: u64,
    /// What was destroyed: a run, and from which byte on to which. With it, how much the process could know.
    pub(crate) destroyed: Vec<(u64, u64)>,
}

impl Files {
    pub(crate) fn create(&mut self, now: u64, name: &str) -> u64 {
        let number = (1..).find(|number| !self.inodes.contains_key(number)).unwrap();
        self.runs += 1;
        let modified = now / TIME_STEP * TIME_STEP;
        let (run, encoding) = (self.runs, Encoding::Plain);
        let inode =
            Inode { made: modified, modified, bytes: Vec::new(), encoding, run, looked: 0, links: 0, holders: 0 };
        self.inodes.insert(number, inode);
        self.link(name, number);
        number
    }

    pub(crate) fn append(&mut self, now: u64, number: u64, bytes: &[u8]) -> (u64, u64) {
        let inode = self.inodes.get_mut(&number).unwrap();
        inode.modified = now / TIME_STEP * TIME_STEP;
        let at = inode.bytes.len() as u64;
        inode.bytes.extend_from_slice(bytes);
        (inode.run, at)
    }

    pub(crate) fn cut(&mut self, now: u64, number: u64) {
        self.runs += 1;
        let inode = self.inodes.get_mut(&number).unwrap();
        self.destroyed.push((inode.run, inode.looked));
        inode.modified = now / TIME_STEP * TIME_STEP;
        inode.bytes.clear();
        (inode.run, inode.looked) = (self.runs, 0);
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        if let Some(number) = self.names.remove(from) {
            self.remove(to);
            self.names.insert(to.into(), number);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(number) = self.names.remove(name) {
            self.inodes.get_mut(&number).unwrap().links -= 1;
            self.free(number);
        }
    }

    pub(crate) fn hold(&mut self, number: u64) {
        self.inodes.get_mut(&number).unwrap().holders += 1;
    }

    pub(crate) fn release(&mut self, number: u64) {
        self.inodes.get_mut(&number).unwrap().holders -= 1;
        self.free(number);
    }

    pub(crate) fn entry(&self, name: &str) -> Option<Entry> {
        let number = self.names.get(name)?;
        let inode = &self.inodes[number];
        Some(Entry {
            name: name.into(),
            identity: self.identity(*number),
            is_regular: true,
            bytes: inode.stored_bytes(),
            modified: inode.modified,
        })
    }

    pub(crate) fn identity(&self, number: u64) -> Identity {
        Identity { id: number.to_string(), made: self.has_births.then(|| self.inodes[&number].made) }
    }

    /// The lines that are in a file that has a name, by their numbers.
    pub(crate) fn lines(&self) -> BTreeSet<u64> {
        let named = self.inodes.values().filter(|inode| inode.links > 0);
        named.flat_map(|inode| inode.bytes.split_inclusive(|byte| *byte == b'\n')).filter_map(number).collect()
    }

    fn link(&mut self, name: &str, number: u64) {
        self.remove(name);
        self.names.insert(name.into(), number);
        self.inodes.get_mut(&number).unwrap().links += 1;
    }

    fn free(&mut self, number: u64) {
        let inode = &self.inodes[&number];
        if inode.links == 0 && inode.holders == 0 {
            self.destroyed.push((inode.run, inode.looked));
            self.inodes.remove(&number);
        }
    }
}

impl Inode {
    /// The length of the file.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let bytes = self.bytes.len() as u64;
        if self.encoding == Encoding::Plain { bytes } else { bytes / 5 + 10 }
    }
}

/// The number of a line that is whole.
pub(crate) fn number(line: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix(";\n")?;
    line.split_once('=')?.0.parse().ok()
}
