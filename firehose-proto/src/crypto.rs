//! SHA-256, HMAC-SHA-256 and constant-time comparison. Only this file names `sha1`, `sha2`, `hmac` and `hex`.

use alloc::string::String;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Length of a SHA-256 digest, in bytes.
pub const DIGEST_BYTES: usize = 32;

/// Returns the SHA-256 digest of `data`.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::digest(data).into()
}

/// The SHA-1 digest of `data` in lower-case hexadecimal. AWS's tools use it for one purpose, file names in the token
/// cache. It protects nothing.
pub(crate) fn sha1_hex(data: &[u8]) -> String {
    hex::encode(Sha1::digest(data))
}

/// The digest of data that does not change while it is shared. The first caller computes it. Two concurrent callers may
/// both compute it, and store the same words.
#[derive(Default)]
pub(crate) struct DigestOnce {
    words: [AtomicU32; DIGEST_BYTES / 4],
    is_set: AtomicBool,
}

impl DigestOnce {
    /// The digest of `data`, which must stay the same until [`reset`](Self::reset).
    pub(crate) fn of(&self, data: &[u8]) -> [u8; DIGEST_BYTES] {
        if let Some(digest) = self.get() {
            return digest;
        }
        let digest = sha256(data);
        for (word, bytes) in self.words.iter().zip(digest.as_chunks().0) {
            word.store(u32::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        self.is_set.store(true, Ordering::Release);
        digest
    }

    /// Discards the digest, because the data is about to change.
    pub(crate) fn reset(&mut self) {
        *self.is_set.get_mut() = false;
    }

    fn get(&self) -> Option<[u8; DIGEST_BYTES]> {
        // The `Acquire` load precedes the loads of the words, so it makes the words stored before the flag visible.
        if !self.is_set.load(Ordering::Acquire) {
            return None;
        }
        let mut digest = [0; DIGEST_BYTES];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(&self.words) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        Some(digest)
    }
}

impl Clone for DigestOnce {
    fn clone(&self) -> Self {
        let clone = |word: &AtomicU32| AtomicU32::new(word.load(Ordering::Relaxed));
        let is_set = self.is_set.load(Ordering::Acquire);
        Self { words: self.words.each_ref().map(clone), is_set: AtomicBool::new(is_set) }
    }
}

/// SHA-256 of data that comes in pieces.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// A hash of no data yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Returns the digest of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; DIGEST_BYTES] {
        self.0.finalize().into()
    }
}

impl core::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hasher")
    }
}

/// HMAC-SHA-256 with its key already absorbed.
///
/// Absorbing a key takes two of the four compressions of a short message, so a key that signs many messages is kept in
/// this form.
#[derive(Clone)]
pub struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// Absorbs a key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104, section 2)"))
    }

    /// Returns the MAC of `message`.
    #[must_use]
    pub fn mac(&self, message: &[u8]) -> [u8; DIGEST_BYTES] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

impl core::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HmacKey(<redacted>)")
    }
}

/// Lower-case hexadecimal of a digest, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HexDigest([u8; DIGEST_BYTES * 2]);

impl HexDigest {
    /// Formats a digest.
    #[must_use]
    pub fn new(digest: &[u8; DIGEST_BYTES]) -> Self {
        // Arithmetic instead of a table: the compiler vectorises it, and it leaves no trace of a secret in the cache.
        let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
        let mut text = [0; DIGEST_BYTES * 2];
        for (pair, byte) in text.chunks_exact_mut(2).zip(digest) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self(text)
    }

    /// The 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

impl core::fmt::Debug for HexDigest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a digest from 64 hexadecimal digits in upper or lower case.
#[must_use]
pub fn parse_digest(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    let mut digest = [0; DIGEST_BYTES];
    hex::decode_to_slice(text, &mut digest).ok()?;
    Some(digest)
}

/// Compares two byte strings in a time that depends only on their lengths.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The barriers stop the compiler from turning the folds into an early exit.
    let difference = a.chunks(16).zip(b.chunks(16)).fold(0, |sum, (a, b)| {
        let difference = a.iter().zip(b).fold(0_u8, |sum, (x, y)| sum | (x ^ y));
        core::hint::black_box(sum | difference)
    });
    difference == 0
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn hashes_pieces_of_any_size_as_one_text() {
        let text: Vec<u8> = (0..=255).cycle().take(2000).collect();
        for size in [1, 63, 64, 255, 256, 257, 300, 2000] {
            let mut hasher = Hasher::new();
            text.chunks(size).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), sha256(&text), "{size}");
        }
        assert_eq!(Hasher::new().finish(), sha256(b""));
    }

    #[test]
    fn names_files_by_sha1() {
        // FIPS 180-1, appendix A.
        assert_eq!(sha1_hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn compares_every_byte() {
        for len in [0, 1, 15, 16, 17, 40] {
            let text: Vec<u8> = (0..len).collect();
            assert!(constant_time_eq(&text, &text));
            for index in 0..text.len() {
                let mut other = text.clone();
                other[index] ^= 0x80;
                assert!(!constant_time_eq(&text, &other), "byte {index} of {len}");
            }
        }
        assert!(!constant_time_eq(b"a", b"ab"));
    }

    #[test]
    fn computes_a_digest_once_until_the_data_changes() {
        let mut digest = DigestOnce::default();
        assert_eq!(digest.of(b"a"), sha256(b"a"));
        // No such call is valid; it shows that nothing is computed.
        assert_eq!([digest.of(b"b"), digest.clone().of(b"b")], [sha256(b"a"); 2]);
        digest.reset();
        assert_eq!([digest.clone().of(b"b"), digest.of(b"b")], [sha256(b"b"); 2]);
    }
}
