//! [`Encoding`]: how bytes are kept in a file, and [`Decoder`], which reads those that gzip has compressed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// How bytes are kept in a file, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Plain,
    /// By gzip, in one member or several.
    Gzip,
    /// By another tool, which is named: such a file is not read.
    Other(&'static str),
}

impl Encoding {
    /// Bytes that tell it.
    pub(crate) const MAGIC_BYTES: usize = 6;

    /// Tells the encoding of a file that begins with these bytes.
    pub(crate) fn of(first: &[u8]) -> Self {
        let is = |magic: &[u8]| first.starts_with(magic);
        match first {
            // RFC 1952, 2.3.1: the identification and the only method that there is.
            _ if is(&[0x1f, 0x8b, 8]) => Self::Gzip,
            // The level follows, then the first block's magic: a line of text may begin with three such letters.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, 0x41 | 0x72, ..] => Self::Other("bzip2"),
            _ if is(b"\xfd7zXZ\0") => Self::Other("xz"),
            _ if is(&[0x28, 0xb5, 0x2f, 0xfd]) => Self::Other("zstd"),
            _ => Self::Plain,
        }
    }

    /// Whether what begins with these bytes may turn out to be compressed when there are more of them.
    pub(crate) fn is_open(first: &[u8]) -> bool {
        let magics: [&[u8]; 5] =
            [&[0x1f, 0x8b, 8], b"BZh91A", b"BZh9\x17\x72", b"\xfd7zXZ\0", &[0x28, 0xb5, 0x2f, 0xfd]];
        let is_begun = |magic: &&[u8]| magic.len() > first.len() && magic.starts_with(first);
        // The level is the fourth byte.
        let is_bzip2 = matches!(first, [b'B', b'Z', b'h', b'1'..=b'9'] | [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17]);
        is_bzip2 || magics.iter().any(is_begun)
    }

    /// What to do with such a file.
    pub(crate) fn hint(self, path: &Path) -> String {
        let path = path.display();
        format!(
            "`{} {path} | firehose put STREAM` sends its contents, --whole-file sends the file as it is",
            self.reader()
        )
    }

    /// The command that writes out what is in such a file.
    fn reader(self) -> &'static str {
        match self {
            Self::Plain => "cat",
            Self::Gzip => "zcat",
            Self::Other("bzip2") => "bzcat",
            Self::Other("xz") => "xzcat",
            Self::Other(_) => "zstdcat",
        }
    }
}

/// Reads what is in a file of gzip's, from any place on.
pub(crate) struct Decoder {
    file: File,
    decoder: MultiGzDecoder<File>,
    offset: u64,
}

impl Decoder {
    pub(crate) fn new(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { decoder: MultiGzDecoder::new(file.try_clone()?), file, offset: 0 })
    }

    /// Reads from this byte on, as far as what comes before is there. A long way there can be halted.
    pub(crate) fn read_at(
        &mut self,
        offset: u64,
        buffer: &mut [u8],
        is_stopping: impl Fn() -> bool,
    ) -> io::Result<usize> {
        if offset < self.offset {
            self.file.seek(SeekFrom::Start(0))?;
            self.decoder = MultiGzDecoder::new(self.file.try_clone()?);
            self.offset = 0;
        }
        while self.offset < offset {
            let left = usize::try_from(offset - self.offset).unwrap_or(usize::MAX).min(buffer.len());
            let length = self.read(buffer.get_mut(..left).unwrap_or_default())?;
            if length == 0 {
                return Ok(0);
            }
            if is_stopping() {
                return Err(io::Error::other("halted"));
            }
        }
        self.read(buffer)
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.decoder.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => {
                    let length = outcome?;
                    self.offset += u64::try_from(length).unwrap_or(u64::MAX);
                    return Ok(length);
                }
            }
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("offset", &self.offset).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_compressed_files_by_their_first_bytes() {
        for text in [b"\x1f".as_slice(), b"B", b"BZh9", b"BZh2\x31", b"\xfd7zXZ", b""] {
            assert!(Encoding::is_open(text), "{text:?}");
        }
        for text in [b"\x1f\x8b\x08".as_slice(), b"a", b"BZhx", b"BZh91AY", b"\x1fa", b"BZh9\x17\x72"] {
            assert!(!Encoding::is_open(text), "{text:?}");
        }
        for (first, encoding, reader) in [
            (b"\x1f\x8b\x08\0\0\0".as_slice(), Encoding::Gzip, "zcat"),
            (b"BZh91AY&SY", Encoding::Other("bzip2"), "bzcat"),
            (b"BZh9\x17\x72\x45\x38\x50\x90", Encoding::Other("bzip2"), "bzcat"),
            (b"\xfd7zXZ\0", Encoding::Other("xz"), "xzcat"),
            (b"\x28\xb5\x2f\xfd\x04\x58", Encoding::Other("zstd"), "zstdcat"),
            (b"BZh9 is a fine name", Encoding::Plain, "cat"),
            (b"\x1f\x8b", Encoding::Plain, "cat"),
            (b"", Encoding::Plain, "cat"),
        ] {
            assert_eq!((Encoding::of(first), Encoding::of(first).reader()), (encoding, reader), "{first:?}");
        }
    }
}
