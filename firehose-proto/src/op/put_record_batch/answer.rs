//! Reads responses in the service's own form, in one pass that borrows.
//!
//! That form is compact, or has a space after each comma and colon, as Python writes it. Members come in any order, and
//! strings have no escapes. Documents with an unknown member, a `null`, an escape or other white space, and invalid
//! ones, go to [`json`](crate::json) from the start: only `json` decides what they mean.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{EntryDocument, Output};
use crate::json::Text;

/// Reads a response with about this many entries, if it has that form.
pub(super) fn scan(body: &[u8], entries: usize) -> Option<Output<'_>> {
    let mut scanner = Scanner { rest: core::str::from_utf8(body).ok()? };
    let output = scanner.output(entries)?;
    scanner.rest.is_empty().then_some(output)
}

/// The unread rest of the response. Each method takes something off its front. `None` means that the response does not
/// have the form.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn output(&mut self, entries: usize) -> Option<Output<'a>> {
        let mut output = Output::default();
        self.take("{")?;
        loop {
            if self.is_next(r#""RequestResponses":"#) {
                output.entries = Some(self.entries(entries)?);
            } else if self.is_next(r#""FailedPutCount":"#) {
                output.failed_put_count = Some(self.count()?);
            } else {
                self.take(r#""Encrypted":"#)?;
                output.encrypted = Some(self.boolean()?);
            }
            if self.is_last("}")? {
                return Some(output);
            }
        }
    }

    fn entries(&mut self, expected: usize) -> Option<Vec<EntryDocument<'a>>> {
        // The shortest possible entry.
        let mut entries = Vec::with_capacity(expected.min(self.rest.len() / r#"{"RecordId":""}"#.len()));
        self.skip_space();
        self.take("[")?;
        loop {
            entries.push(self.entry()?);
            if self.is_last("]")? {
                return Some(entries);
            }
        }
    }

    fn entry(&mut self) -> Option<EntryDocument<'a>> {
        // Separate variables until the end, so that they stay in registers.
        let (mut record_id, mut error_code, mut error_message) = (None, None, None);
        self.take("{")?;
        loop {
            if self.is_next(r#""RecordId":"#) {
                record_id = Some(self.string()?);
            } else if self.is_next(r#""ErrorCode":"#) {
                error_code = Some(self.string()?);
            } else {
                self.take(r#""ErrorMessage":"#)?;
                error_message = Some(self.string()?);
            }
            if self.is_last("}")? {
                break;
            }
        }
        let text = |text: Option<&'a str>| text.map(|text| Text(Cow::Borrowed(text)));
        Some(EntryDocument {
            record_id: text(record_id),
            error_code: text(error_code),
            error_message: text(error_message),
            ..EntryDocument::default()
        })
    }

    fn string(&mut self) -> Option<&'a str> {
        self.skip_space();
        self.take("\"")?;
        let (text, rest) = self.rest.split_at_checked(plain_len(self.rest.as_bytes()))?;
        self.rest = rest;
        self.take("\"")?;
        Some(text)
    }

    fn count(&mut self) -> Option<u64> {
        self.skip_space();
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        // JSON has no leading zeros.
        if digits.len() > 1 && digits.starts_with('0') { None } else { digits.parse().ok() }
    }

    fn boolean(&mut self) -> Option<bool> {
        self.skip_space();
        if self.is_next("false") {
            return Some(false);
        }
        self.take("true").map(|()| true)
    }

    /// Whether the object or array ends here. `false` means that a comma and another member or element follow.
    fn is_last(&mut self, end: &str) -> Option<bool> {
        if self.is_next(end) {
            return Some(true);
        }
        self.take(",")?;
        self.skip_space();
        Some(false)
    }

    fn skip_space(&mut self) {
        self.is_next(" ");
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.is_next(token).then_some(())
    }

    /// Takes a token if it is next.
    fn is_next(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

/// How many bytes of a string are literal: those before its end, its first escape, or the first byte that is not
/// allowed.
fn plain_len(bytes: &[u8]) -> usize {
    const BLOCK: usize = 64;
    const WORD: usize = size_of::<u64>();
    // The compiler turns blocks of this size into vector instructions, smaller ones into a loop over bytes. Blocks also
    // stop at blanks and exclamation marks, which saves a comparison; ids have neither. Words are exact.
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let is_plain =
        |block: &&[u8; BLOCK]| !block.iter().fold(false, |found, &byte| found | (byte < b'#') | (byte == b'\\'));
    let plain = blocks.iter().take_while(is_plain).count() * BLOCK;
    let (words, bytes) = bytes.get(plain..).unwrap_or_default().as_chunks::<WORD>();
    for (index, word) in words.iter().enumerate() {
        if let Some(place) = first_special(u64::from_le_bytes(*word)) {
            return plain + index * WORD + place;
        }
    }
    let tail = bytes.iter().take_while(|byte| !is_special(**byte)).count();
    plain + words.len() * WORD + tail
}

const fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < b' '
}

/// The position of the first special byte in a word whose lowest byte is the first. The arithmetic sets the high bit of
/// each special byte, and of others only above the first.
const fn first_special(word: u64) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(ONES * bound as u64) & !word & HIGH
    }
    const fn equal(word: u64, byte: u8) -> u64 {
        below(word ^ (ONES * byte as u64), 1)
    }
    match below(word, b' ') | equal(word, b'"') | equal(word, b'\\') {
        0 => None,
        found => Some((found.trailing_zeros() / u8::BITS) as usize),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::json;
    use crate::op::put_record_batch::{PutRecordBatchOutput, PutRecordBatchResponseEntry};

    /// The example of the API reference, shortened.
    const ANSWER: &str = concat!(
        r#"{"Encrypted":false,"FailedPutCount":1,"RequestResponses":[{"RecordId":"kXWjMcsJ"},"#,
        r#"{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}]}"#
    );

    fn is_in_form(body: &[u8]) -> bool {
        scan(body, 2).is_some()
    }

    #[test]
    fn takes_what_the_service_and_those_who_stand_in_for_it_write() {
        let mut ours = PutRecordBatchOutput::new(Vec::from([
            PutRecordBatchResponseEntry::accepted("kXWjMcsJ"),
            PutRecordBatchResponseEntry::failed("ServiceUnavailableException", "Slow down."),
        ]));
        ours.encrypted = Some(false);
        let mut written = Vec::new();
        json::write(&ours, &mut written);
        let python = ANSWER.replace(',', ", ").replace(':', ": ");
        let turned = r#"{"RequestResponses":[{"RecordId":"kXWjMcsJ"},{"ErrorMessage":"Slow down.","ErrorCode":
            "ServiceUnavailableException"}],"FailedPutCount":1,"Encrypted":false}"#;
        let turned = turned.replace("\n            ", " ");
        for body in [ANSWER, &python, &turned, core::str::from_utf8(&written).unwrap()] {
            assert!(is_in_form(body.as_bytes()), "{body}");
            assert_eq!(PutRecordBatchOutput::read(2, body.as_bytes()).as_ref(), Ok(&ours), "{body}");
        }
        for body in [
            ANSWER.replace("false", "true"),
            ANSWER.replace("\"Encrypted\":false,", ""),
            ANSWER.replace("kXWjMcsJ", "\u{e9}\u{1f600}\u{7f}"),
            ANSWER.replace("kXWjMcsJ", &"x".repeat(1000)),
            ANSWER.replace("Slow down.", ""),
            ANSWER.replace("\"}", "\",\"RecordId\":\"1\"}"),
            ANSWER.replace("}]", "}],\"RequestResponses\":[{\"RecordId\":\"1\"}]"),
            ANSWER.replace("Count\":1", "Count\":18446744073709551615"),
        ] {
            assert!(is_in_form(body.as_bytes()), "{body}");
            let sent = if body.contains("}],") { 1 } else { 2 };
            let read = PutRecordBatchOutput::read(sent, body.as_bytes());
            assert_eq!(read, PutRecordBatchOutput::read_leniently(sent, body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn leaves_everything_else() {
        for (old, new) in [
            ("{\"Enc", " {\"Enc"),
            ("{\"Enc", "{ \"Enc"),
            (":false", ":  false"),
            (":false", ":\nfalse"),
            (":false", " :false"),
            (":false", ":null"),
            (":false", ":False"),
            (",\"Fail", "\n,\"Fail"),
            (",\"Fail", ",,\"Fail"),
            (",\"Fail", ",\"New\":1,\"Fail"),
            ("FailedPut", "failedPut"),
            ("FailedPut", "F\\u0061iledPut"),
            ("Count\":1", "Count\":01"),
            ("Count\":1", "Count\":1.0"),
            ("Count\":1", "Count\":1e0"),
            ("Count\":1", "Count\":-1"),
            ("Count\":1", "Count\":"),
            ("Count\":1", "Count\":\"1\""),
            ("Count\":1", "Count\":18446744073709551616"),
            ("[{", "[],[{"),
            ("[{", "[ {"),
            ("[{", "[null,{"),
            ("[{", "[{},{"),
            ("kXWj", "kX\\/Wj"),
            ("kXWj", "kX\"Wj"),
            ("kXWj", "kX\tWj"),
            ("kXWj", "kX\0Wj"),
            ("\"}", "\",}"),
            ("\"}", "\",\"ErrorCode\":null}"),
            ("}]", "},]"),
            ("}]}", "}]}\n"),
            ("}]}", "}]}}"),
        ] {
            let body = ANSWER.replacen(old, new, 1);
            assert_ne!(body, ANSWER, "{old}");
            assert!(!is_in_form(body.as_bytes()), "{body}");
        }
        for end in 0..ANSWER.len() {
            assert!(!is_in_form(ANSWER.as_bytes().get(..end).unwrap()), "{end}");
        }
        assert!(!is_in_form(&[ANSWER.as_bytes(), b"\xff"].concat()));
    }

    #[test]
    fn finds_the_end_of_a_string_wherever_it_is() {
        let plain = |first: u8| (first..=u8::MAX).filter(|byte| !is_special(*byte)).cycle();
        for (first, len) in (0..200).flat_map(|len| [(b' ', len), (b'#', len)]) {
            for special in (0..=u8::MAX).filter(|byte| is_special(*byte)) {
                let mut bytes: Vec<u8> = plain(first).take(len).collect();
                assert_eq!(plain_len(&bytes), len);
                bytes.push(special);
                bytes.extend_from_slice(&[special; 3]);
                bytes.extend_from_slice(&[b'x'; 100]);
                assert_eq!(plain_len(&bytes), len, "{special} after {first}");
            }
        }
        let special: String = (0..=u8::MAX).filter(|byte| is_special(*byte)).map(char::from).collect();
        let controls: String = (0..32).map(char::from).collect();
        assert_eq!(special, format!("{controls}\"\\"));
    }
}
