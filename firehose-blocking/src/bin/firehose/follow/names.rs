//! Names that rotated files are given.

use std::ffi::OsStr;
use std::path::Path;

/// Extensions that tools which compress a file add to its name.
const COMPRESSED: [&str; 7] = [".gz", ".bz2", ".xz", ".zst", ".zstd", ".Z", ".lz4"];

/// The name that a compressed file had before, if its name is that of one.
pub(crate) fn uncompressed(name: &OsStr) -> Option<&str> {
    let name = name.to_str()?;
    COMPRESSED.iter().find_map(|extension| name.strip_suffix(extension))
}

/// Whether a name is one that a file is given when it is rotated: a number or a date is added, at its end or before its
/// extension, and the extension of a compressed file after that.
pub(crate) fn is_rotated(sibling: &OsStr, name: &OsStr) -> bool {
    let text = |part: Option<&OsStr>| part.and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let sibling = uncompressed(sibling).map_or_else(|| text(Some(sibling)), str::to_owned);
    let path = Path::new(name);
    let (name, stem, extension) = (text(Some(name)), text(path.file_stem()), text(path.extension()));
    let inserted =
        |name: &str| name.strip_suffix(&*extension)?.strip_suffix('.')?.strip_prefix(&*stem).map(str::to_owned);
    let added = sibling.strip_prefix(&*name).map(str::to_owned).or_else(|| inserted(&sibling)).unwrap_or_default();
    added.starts_with(['.', '-', '_']) && added.chars().all(|c| c.is_ascii_digit() || "._-:T".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_names_that_rotated_files_are_given() {
        for (sibling, path, expected) in [
            ("log.1", "log", true),
            ("access.log.12", "access.log", true),
            ("access.log-20261123", "access.log", true),
            ("access.log.2026-11-23T10:00", "access.log", true),
            ("app.2026-11-23.log", "app.log", true),
            ("worker-1-2.log", "worker-1.log", true),
            ("access.log.1.gz", "access.log", true),
            ("access.log-20261123.xz", "access.log", true),
            ("app.2026-11-23.log.zst", "app.log", true),
            ("access.log", "access.log", false),
            ("access.log.gz", "access.log", false),
            ("access.log.json", "access.log", false),
            ("access.log2", "access.log", false),
            ("worker-2.log", "worker-1.log", false),
            ("worker-10.log", "worker-1.log", false),
            ("other.log.1", "access.log", false),
        ] {
            assert_eq!(is_rotated(OsStr::new(sibling), OsStr::new(path)), expected, "{sibling} of {path}");
        }
    }
}
