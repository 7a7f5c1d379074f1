//! Checkpoints: a few bytes of the caller's for each source of a stream's records, one file each.
//!
//! ```text
//! CRC-32 of the rest, 4 │ bytes of the key, 4 │ key: stream, 0, region, 0, endpoint, 0, source │ checkpoint      (numbers: little-endian)
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk;
use super::error::SpoolError;
use super::files::{self, bytes_in, io_error};
use super::target::SpoolTarget;

const CHECKPOINT: &str = "note";

/// The file extension of a checkpoint's synced copy.
const COPY: &str = "synced";

/// Replaces a checkpoint. An unsynced checkpoint may be lost with the machine's power, including its file name; a
/// second, synced file keeps a copy if asked for.
pub(crate) fn write(
    dir: &Path,
    target: &SpoolTarget,
    source: &str,
    checkpoint: &[u8],
    (syncs, has_copy): (bool, bool),
) -> Result<(), SpoolError> {
    let key = key(target, source);
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes();
    let rest = [&length, &*key, checkpoint].concat();
    let bytes = [&crc32fast::hash(&rest).to_le_bytes(), &*rest].concat();
    if has_copy {
        files::replace(&path(dir, &key, COPY), &bytes, true)?;
    }
    files::replace(&path(dir, &key, CHECKPOINT), &bytes, syncs)
}

/// Reads a checkpoint. A damaged one is set aside and logged, and its synced copy is used instead.
pub(crate) fn read(dir: &Path, target: &SpoolTarget, source: &str) -> Result<Option<Vec<u8>>, SpoolError> {
    let key = key(target, source);
    let checkpoint = read_file(&path(dir, &key, CHECKPOINT), &key)?;
    if let Ok(Some(checkpoint)) = checkpoint {
        return Ok(Some(checkpoint));
    }
    // The main file is missing, for example because an earlier process set it aside and saved no other.
    let copy = read_file(&path(dir, &key, COPY), &key)?.unwrap_or_default();
    if let Err(error) = checkpoint {
        let fallback = if copy.is_some() { "an older one is used" } else { "there is no other" };
        log::error!("the checkpoint of {source} for {target} is damaged, {fallback}: {error}");
    }
    Ok(copy)
}

/// The checkpoint in a file, if there is one; the inner error says that a damaged file was set aside.
fn read_file(path: &Path, key: &[u8]) -> Result<Result<Option<Vec<u8>>, SpoolError>, SpoolError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
        Err(error) => return Err(io_error("read", path)(error)),
    };
    let rest = bytes.split_first_chunk().filter(|(sum, rest)| crc32fast::hash(rest).to_le_bytes() == **sum);
    let known = rest.and_then(|(_, rest)| rest.split_first_chunk()).and_then(|(length, rest)| {
        let length = u32::from_le_bytes(*length).try_into().ok()?;
        rest.split_at_checked(length)
    });
    match known {
        // Another key with the same digest has replaced the file.
        Some((known, checkpoint)) => Ok(Ok((known == key).then(|| checkpoint.to_vec()))),
        None => {
            let kept = path.with_extension("corrupt");
            disk::change(|| fs::rename(path, &kept)).map_err(io_error("set aside", path))?;
            Ok(Err(SpoolError::Corrupt {
                path: path.into(),
                offset: 0,
                bytes: bytes_in(bytes.len()),
                kept: Some(kept),
            }))
        }
    }
}

fn key(target: &SpoolTarget, source: &str) -> Vec<u8> {
    [&*target.key(), source.as_bytes()].concat()
}

/// The file of a key. Its name is a digest, because a path may be longer than a file name and contain other characters.
fn path(dir: &Path, key: &[u8], extension: &str) -> PathBuf {
    // FNV-1a, 64 bits.
    let digest = key
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    dir.join(format!("{digest:016x}.{extension}"))
}
