//! Percent-encoding (RFC 3986, section 2.1), for query parameters, form fields, paths and logins.

use core::iter;

/// Percent-encodes all bytes except those that `is_kept` accepts; it may accept only ASCII. The text comes in pieces.
pub(crate) fn encode(bytes: impl Iterator<Item = u8>, is_kept: impl Fn(u8) -> bool, mut push: impl FnMut(&str)) {
    let hex_digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 });
    for byte in bytes {
        if is_kept(byte) {
            push(char::from(byte).encode_utf8(&mut [0; 1]));
        } else {
            push("%");
            push(hex_digit(byte >> 4).encode_utf8(&mut [0; 1]));
            push(hex_digit(byte & 15).encode_utf8(&mut [0; 1]));
        }
    }
}

/// Whether a byte needs no encoding anywhere in a URI (RFC 3986, section 2.3).
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Decodes percent-encoding. `+` stays `+`, and a `%` without two hexadecimal digits stays `%`.
pub(crate) fn decode(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    iter::from_fn(move || {
        if let [b'%', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
        {
            rest = after;
            return u8::try_from(high * 16 + low).ok();
        }
        let (first, after) = rest.split_first()?;
        rest = after;
        Some(*first)
    })
}
