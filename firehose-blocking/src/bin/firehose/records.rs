//! [`Splitter`]: cuts a stream of bytes into records, whatever the chunks it comes in.

use std::borrow::Cow;

use memchr::memchr_iter;
use memchr::memmem::Finder;

/// Records that are put out together at most.
const RUN_RECORDS: usize = 128;

/// Where one record ends and the next begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After each occurrence of a delimiter, which is not empty.
    Delimited {
        /// The bytes between records.
        delimiter: Cow<'static, [u8]>,
        /// Whether records come without it.
        is_stripped: bool,
    },
    /// With the source: it is one record, even when it is empty.
    Whole,
}

impl Framing {
    /// Lines.
    pub(crate) const LINES: Self = Self::Delimited { delimiter: Cow::Borrowed(b"\n"), is_stripped: false };
}

/// What a splitter puts out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Records that follow each other.
    Records(&'a [&'a [u8]]),
    /// The beginning or middle of a record that is too long to be held in memory.
    Part(&'a [u8]),
    /// The end of such a record; may be empty.
    Last(&'a [u8]),
}

/// Cuts one source after the other into records.
///
/// Records are slices of the chunk that holds them. Only one that began in an earlier chunk is put together in
/// a buffer of its own, which never grows beyond the limit and a chunk: what is longer comes out in parts.
pub(crate) struct Splitter {
    finder: Option<Finder<'static>>,
    is_stripped: bool,
    max_bytes: usize,
    carry: Vec<u8>,
    is_in_parts: bool,
}

impl Splitter {
    /// A splitter that may put out records in parts when they have more than `max_bytes`.
    pub(crate) fn new(framing: &Framing, max_bytes: usize) -> Self {
        let (finder, is_stripped) = match framing {
            Framing::Delimited { delimiter, is_stripped } => (Some(Finder::new(delimiter).into_owned()), *is_stripped),
            Framing::Whole => (None, false),
        };
        Self { finder, is_stripped, max_bytes, carry: Vec::new(), is_in_parts: false }
    }

    /// Bytes that were fed and have not come out yet.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.carry.len()
    }

    /// Takes the next bytes of a source and puts out what they complete.
    pub(crate) fn feed(&mut self, mut chunk: &[u8], mut sink: impl FnMut(Piece<'_>)) {
        if !self.carry.is_empty() || self.is_in_parts {
            match self.end_of_carry(chunk) {
                None => return self.spill(sink),
                Some(rest) => chunk = rest,
            }
            let end = self.record_len(self.carry.len());
            let record = [self.carry.get(..end).unwrap_or_default()];
            sink(if self.is_in_parts { Piece::Last(record[0]) } else { Piece::Records(&record) });
            self.carry.clear();
            self.is_in_parts = false;
        }
        if let Some(finder) = &self.finder {
            chunk = match finder.needle() {
                [byte] => self.cut(chunk, memchr_iter(*byte, chunk), &mut sink),
                _ => self.cut(chunk, finder.find_iter(chunk), &mut sink),
            };
        }
        self.carry.extend_from_slice(chunk);
        self.spill(sink);
    }

    /// Puts out the records of a chunk that end with the delimiters at these places, and returns what follows the last.
    fn cut<'a>(
        &self,
        chunk: &'a [u8],
        delimiters: impl Iterator<Item = usize>,
        sink: &mut impl FnMut(Piece<'_>),
    ) -> &'a [u8] {
        let delimiter_bytes = self.finder.as_ref().map_or(0, |finder| finder.needle().len());
        let mut run: [&[u8]; RUN_RECORDS] = [&[]; RUN_RECORDS];
        let (mut start, mut filled) = (0, 0);
        for at in delimiters {
            let end = at + delimiter_bytes;
            if let Some(record) = run.get_mut(filled) {
                *record = chunk.get(start..start + self.record_len(end - start)).unwrap_or_default();
            }
            (start, filled) = (end, filled + 1);
            if filled == RUN_RECORDS {
                sink(Piece::Records(&run));
                filled = 0;
            }
        }
        if filled > 0 {
            sink(Piece::Records(run.get(..filled).unwrap_or_default()));
        }
        chunk.get(start..).unwrap_or_default()
    }

    /// Ends a source: puts out what stands after its last delimiter, as it is; or with the delimiter that it lacks, if
    /// another source follows and a record has room for it.
    pub(crate) fn finish(&mut self, is_followed: bool, mut sink: impl FnMut(Piece<'_>)) {
        if let Some(finder) = self.finder.as_ref().filter(|_| is_followed && !self.is_in_parts && !self.is_stripped)
            && !self.carry.is_empty()
            && self.carry.len() + finder.needle().len() <= self.max_bytes
        {
            self.carry.extend_from_slice(finder.needle());
        }
        if self.is_in_parts {
            sink(Piece::Last(&self.carry));
        } else if self.finder.is_none() || !self.carry.is_empty() {
            sink(Piece::Records(&[&self.carry]));
        }
        self.carry.clear();
        self.is_in_parts = false;
    }

    /// Completes the carried record up to and with its delimiter, and returns what follows it in the chunk.
    /// Without a delimiter all of the chunk is carried.
    fn end_of_carry<'a>(&mut self, chunk: &'a [u8]) -> Option<&'a [u8]> {
        let Some(finder) = &self.finder else {
            self.carry.extend_from_slice(chunk);
            return None;
        };
        let before = self.carry.len();
        let overlap = finder.needle().len() - 1;
        // A delimiter that begins in what is carried ends within so many bytes of the chunk.
        let (joined, _) = chunk.split_at(overlap.min(chunk.len()));
        self.carry.extend_from_slice(joined);
        let seam = before.saturating_sub(overlap);
        let found = finder.find(self.carry.get(seam..).unwrap_or_default()).map(|at| seam + at);
        self.carry.truncate(found.map_or(before, |at| at + finder.needle().len()));
        let taken = match found {
            Some(_) => self.carry.len() - before,
            None => {
                let taken = finder.find(chunk).map(|at| at + finder.needle().len());
                self.carry.extend_from_slice(chunk.split_at(taken.unwrap_or(chunk.len())).0);
                taken?
            }
        };
        Some(chunk.split_at(taken).1)
    }

    /// Puts out the carried bytes when they are too many for a record, except those that may begin a delimiter.
    fn spill(&mut self, mut sink: impl FnMut(Piece<'_>)) {
        let delimiter_bytes = self.finder.as_ref().map_or(0, |finder| finder.needle().len());
        if self.is_in_parts || self.carry.len() > self.max_bytes + delimiter_bytes {
            let kept = delimiter_bytes.saturating_sub(1).min(self.carry.len());
            let (part, _) = self.carry.split_at(self.carry.len() - kept);
            sink(Piece::Part(part));
            self.carry.drain(..self.carry.len() - kept);
            self.is_in_parts = true;
        }
    }

    /// What is left of a record that ends in a delimiter.
    fn record_len(&self, delimited_bytes: usize) -> usize {
        match &self.finder {
            Some(finder) if self.is_stripped => delimited_bytes - finder.needle().len(),
            _ => delimited_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn lines() -> Framing {
        Framing::LINES
    }

    /// The records of one source in chunks of so many bytes, those in parts joined, and the longest piece.
    fn split(input: &[u8], framing: &Framing, chunk_bytes: usize, max_bytes: usize) -> (Vec<Vec<u8>>, usize) {
        let (mut records, mut open, mut longest) = (Vec::new(), None::<Vec<u8>>, 0);
        let mut sink = |piece: Piece<'_>| match piece {
            Piece::Records(run) => {
                assert!(open.is_none(), "a record inside another");
                longest = run.iter().map(|data| data.len()).fold(longest, usize::max);
                records.extend(run.iter().map(|data| data.to_vec()));
            }
            Piece::Part(data) => {
                longest = longest.max(data.len());
                open.get_or_insert_default().extend_from_slice(data);
            }
            Piece::Last(data) => {
                longest = longest.max(data.len());
                let mut record = open.take().expect("an end needs a beginning");
                record.extend_from_slice(data);
                records.push(record);
            }
        };
        let mut splitter = Splitter::new(framing, max_bytes);
        input.chunks(chunk_bytes).for_each(|chunk| splitter.feed(chunk, &mut sink));
        splitter.finish(false, &mut sink);
        assert_eq!(splitter.pending_bytes(), 0);
        assert!(open.is_none(), "a record without its end");
        (records, longest)
    }

    /// The slow and obvious twin.
    fn split_simply(mut input: &[u8], delimiter: &[u8], is_stripped: bool) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        while let Some(at) = (0..input.len()).find(|&at| input[at..].starts_with(delimiter)) {
            let end = at + delimiter.len();
            records.push(input[..if is_stripped { at } else { end }].to_vec());
            input = &input[end..];
        }
        if !input.is_empty() {
            records.push(input.to_vec());
        }
        records
    }

    #[test]
    fn cuts_lines_and_keeps_every_byte() {
        for (input, records) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a\n"]),
            ("\n\n", vec!["\n", "\n"]),
            ("a\r\nb", vec!["a\r\n", "b"]),
        ] {
            assert_eq!(
                split(input.as_bytes(), &lines(), 1, 9).0,
                records.iter().map(|r| r.as_bytes()).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn strips_the_delimiter_alone() {
        let framing = Framing::Delimited { delimiter: b"\n".into(), is_stripped: true };
        assert_eq!(split(b"a\r\n\nb", &framing, 2, 9).0, [b"a\r".as_slice(), b"", b"b"]);
    }

    #[test]
    fn takes_an_empty_source_as_one_record_when_whole() {
        assert_eq!(split(b"", &Framing::Whole, 1, 9).0, [b""]);
        assert_eq!(split(b"a\nb", &Framing::Whole, 1, 2).0, [b"a\nb"]);
    }

    #[test]
    fn keeps_sources_apart() {
        let stripped = Framing::Delimited { delimiter: b"\n".into(), is_stripped: true };
        for (framing, expected) in [
            // The sixth byte has no room for a delimiter.
            (lines(), ["a\n", "b\n", "12345\n", "123456", "c"]),
            (stripped, ["a", "b", "12345", "123456", "c"]),
            (Framing::Whole, ["a", "b\n", "12345", "123456", "c"]),
        ] {
            let mut splitter = Splitter::new(&framing, 6);
            let mut records = Vec::new();
            for source in ["a", "b\n", "12345", "123456", "c"] {
                let mut sink = |piece: Piece<'_>| match piece {
                    Piece::Records(run) => {
                        records.extend(run.iter().map(|data| String::from_utf8(data.to_vec()).unwrap()));
                    }
                    other => panic!("{other:?}"),
                };
                splitter.feed(source.as_bytes(), &mut sink);
                splitter.finish(source != "c", &mut sink);
            }
            assert_eq!(records, expected, "{framing:?}");
        }
    }

    #[test]
    fn holds_no_more_than_the_limit_and_a_chunk() {
        let input = [vec![b'x'; 100_000], b"\nshort\n".to_vec()].concat();
        let (records, longest) = split(&input, &lines(), 64, 1_000);
        assert_eq!(records, [&input[..100_001], b"short\n"]);
        assert!(longest <= 1_000 + 1 + 64, "{longest}");
    }

    proptest! {
        #[test]
        fn agrees_with_a_simple_splitter(
            input in vec(0_u8..3, 0..200),
            delimiter in vec(0_u8..3, 1..4),
            is_stripped: bool,
            chunk_bytes in 1_usize..50,
            max_bytes in 1_usize..50,
        ) {
            let framing = Framing::Delimited { delimiter: delimiter.clone().into(), is_stripped };
            let (records, _) = split(&input, &framing, chunk_bytes, max_bytes);
            prop_assert_eq!(&records, &split_simply(&input, &delimiter, is_stripped));
            if !is_stripped {
                prop_assert_eq!(records.concat(), input);
            }
        }

        #[test]
        fn keeps_all_bytes_of_a_whole_source(
            input in vec(any::<u8>(), 0..200), chunk_bytes in 1_usize..50, max_bytes in 1_usize..50,
        ) {
            prop_assert_eq!(split(&input, &Framing::Whole, chunk_bytes, max_bytes).0, [input]);
        }
    }
}
