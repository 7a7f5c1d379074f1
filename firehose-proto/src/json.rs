//! JSON for the awsJson1.1 protocol. Only this file names `serde_json` and `base64`.
//!
//! [`parse`] reads a document into shapes that borrow its strings. It skips unknown keys, `null` counts as absent, and
//! if a key comes twice, the last one counts.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

#[cfg(feature = "control")]
mod unknown;

pub(crate) use serde_json::Value;

#[cfg(feature = "control")]
pub use self::unknown::UnknownMembers;

/// Why a document is not the expected JSON. Says where, never the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing, or only white space.
    Empty,
    /// Markup, most likely an error page from something on the way to the peer.
    Html,
    /// Not UTF-8.
    Utf8 {
        /// The offset of the first invalid byte.
        offset: usize,
    },
    /// Not JSON, or truncated.
    Syntax {
        /// The offset at which reading stopped, in bytes.
        offset: usize,
    },
    /// JSON, but a value has the wrong type.
    Type {
        /// The offset at which reading stopped, in bytes.
        offset: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty document where JSON was expected"),
            Self::Html => f.write_str("HTML or XML where JSON was expected"),
            Self::Utf8 { offset } => write!(f, "invalid UTF-8 at byte {offset}"),
            Self::Syntax { offset } => write!(f, "invalid JSON at byte {offset}"),
            Self::Type { offset } => write!(f, "JSON value of the wrong type at byte {offset}"),
        }
    }
}

impl core::error::Error for ParseError {}

/// Reads one document.
///
/// # Errors
///
/// [`ParseError`]. It distinguishes a document that is not JSON from one of another shape.
pub fn parse<'de, T: Deserialize<'de>>(document: &'de [u8]) -> Result<T, ParseError> {
    let text = core::str::from_utf8(document).map_err(|error| ParseError::Utf8 { offset: error.valid_up_to() })?;
    match text.trim_start().bytes().next() {
        None => return Err(ParseError::Empty),
        Some(b'<') => return Err(ParseError::Html),
        Some(_) => {}
    }
    serde_json::from_str(text).map_err(|error| {
        let offset = offset_of(text, error.line(), error.column());
        if error.is_data() { ParseError::Type { offset } } else { ParseError::Syntax { offset } }
    })
}

/// Converts a line and a column, both counted from 1 and the column in bytes, to an offset.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let lines_before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    lines_before.saturating_add(column.saturating_sub(1)).min(text.len())
}

/// Appends a value as compact JSON.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    out.extend_from_slice(&serde_json::to_vec(value).expect("shapes serialize: their maps have string keys"));
}

/// Appends a string with quotes, and with escapes where needed.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    // Plain text needs no escapes and bypasses the serializer's own buffer.
    if text.bytes().any(|byte| byte.is_ascii_control() || matches!(byte, b'"' | b'\\')) {
        write(text, out);
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

/// The document of a value, as a tree.
#[cfg(any(test, feature = "control"))]
pub(crate) fn tree<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).expect("shapes serialize: their maps have string keys")
}

/// Text that borrows from the document, unless it contains an escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> de::Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.into())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// A value of any type, of which only text is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextOrNone<'a>(pub(crate) Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for TextOrNone<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &'de RawValue = Deserialize::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str::<Text<'de>>(raw.get()).ok().map(|text| text.0)))
    }
}

/// An object whose members are read one by one, for documents whose writers disagree on the case of keys.
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// The value of a member, its name in upper or lower case; `None` when it is absent or `null`.
    ///
    /// # Errors
    ///
    /// [`WrongType`] when the value has another type.
    pub(crate) fn member<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, WrongType> {
        match self.0.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some((_, value)) => serde_json::from_str(value.get()).map_err(|_| WrongType),
            None => Ok(None),
        }
    }

    /// Each member's name, and its value as written in the document.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(key, value)| (&**key, value.get()))
    }
}

/// A member is present, but its value has another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrongType;

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> de::Visitor<'de> for Reader {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((key.0, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Declares a document as received: every member is optional, `null` counts as absent, unknown members are skipped, the
/// last one of repeated members is kept, and all text is borrowed.
macro_rules! document {
    ($(#[$doc:meta])* $name:ident<$de:lifetime> { $($field:ident: $type:ty = $key:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name<$de> {
            $(pub(crate) $field: Option<$type>,)+
            pub(crate) lifetime: core::marker::PhantomData<&$de ()>,
        }

        impl<$de> serde::Deserialize<$de> for $name<$de> {
            fn deserialize<D: serde::Deserializer<$de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl<$de> serde::de::Visitor<$de> for Reader {
                    type Value = $name<$de>;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<$de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut document = $name::default();
                        while let Some(key) = map.next_key::<$crate::json::Text<$de>>()? {
                            match &*key.0 {
                                $($key => document.$field = map.next_value()?,)+
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(document)
                    }
                }
                deserializer.deserialize_map(Reader)
            }
        }
    };
}
pub(crate) use document;

/// Base64 with the standard alphabet and padding, by the fastest engine for this machine.
///
/// Selecting the engine costs more than encoding a small record: make one and keep it.
#[derive(Clone)]
pub(crate) struct Base64(Engine);

#[cfg(all(feature = "simd", any(target_arch = "x86_64", target_arch = "aarch64")))]
type Engine = base64::engine::Simd;
#[cfg(not(all(feature = "simd", any(target_arch = "x86_64", target_arch = "aarch64"))))]
type Engine = base64::engine::GeneralPurpose;

impl Base64 {
    pub(crate) fn new() -> Self {
        #[cfg(all(feature = "simd", any(target_arch = "x86_64", target_arch = "aarch64")))]
        let engine = Engine::standard(base64::engine::general_purpose::PAD);
        #[cfg(not(all(feature = "simd", any(target_arch = "x86_64", target_arch = "aarch64"))))]
        let engine = STANDARD;
        Self(engine)
    }

    /// Length of the text that encodes this many bytes.
    pub(crate) const fn encoded_len(bytes: usize) -> usize {
        bytes.div_ceil(3) * 4
    }

    /// Encodes into a buffer of exactly the right length.
    pub(crate) fn encode(&self, data: &[u8], out: &mut [u8]) {
        let written = self.0.encode_slice(data, out);
        debug_assert_eq!(written, Ok(out.len()), "the caller sized the buffer");
    }

    /// Decodes a text; `None` when no encoder writes such a text.
    pub(crate) fn decode(&self, text: &str) -> Option<Vec<u8>> {
        self.0.decode(text).ok()
    }
}

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Base64")
    }
}

/// Appends the base64 of one small blob.
pub(crate) fn write_blob(data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + Base64::encoded_len(data.len()), 0);
    if let Some(place) = out.get_mut(start..) {
        // The portable engine is a constant. The set-up of the fast one pays off from about this size on.
        if data.len() < 256 {
            let written = STANDARD.encode_slice(data, place);
            debug_assert_eq!(written, Ok(place.len()), "the buffer was sized for it");
        } else {
            Base64::new().encode(data, place);
        }
    }
}

/// Serializes bytes as base64 text, for `#[serde(serialize_with)]`.
pub(crate) fn serialize_blob<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&base64::display::Base64Display::new(data, &STANDARD))
}

/// Reads bytes from base64 text, for `#[serde(deserialize_with)]`.
pub(crate) fn deserialize_blob<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, [u8]>, D::Error> {
    let text = Text::deserialize(deserializer)?;
    Base64::new().decode(&text.0).map(Cow::Owned).ok_or_else(|| de::Error::custom("not base64"))
}

/// Length of the bytes that a base64 text encodes, if it is valid.
pub(crate) fn decoded_len(text: &str) -> usize {
    (text.len() / 4 * 3).saturating_sub(text.bytes().rev().take_while(|byte| *byte == b'=').count())
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    document!(Sample<'a> { name: Text<'a> = "Name", count: u32 = "Count", });

    #[test]
    fn tells_what_is_wrong_and_where() {
        for (document, expected) in [
            (&b""[..], ParseError::Empty),
            (b" \n", ParseError::Empty),
            (b"\n<html>", ParseError::Html),
            (b"{\"Name\":\"\xff\"}", ParseError::Utf8 { offset: 9 }),
            (b"{\"Name\":", ParseError::Syntax { offset: 7 }),
            (b"{} x", ParseError::Syntax { offset: 3 }),
            (b"[]", ParseError::Type { offset: 0 }),
            (b"null", ParseError::Type { offset: 3 }),
            (b"{\n\"Count\":\"secret\"}", ParseError::Type { offset: 17 }),
        ] {
            let found = parse::<Sample<'_>>(document).err();
            assert_eq!(found, Some(expected), "{:?}", String::from_utf8_lossy(document));
        }
        let deep = alloc::format!("{{\"x\":{}", "[".repeat(100_000));
        assert!(matches!(parse::<Sample<'_>>(deep.as_bytes()), Err(ParseError::Syntax { .. })));
    }

    #[test]
    fn skips_the_unknown_takes_null_as_absent_and_the_last_of_two() {
        let sample: Sample<'_> =
            parse(br#"{"New":[{"a":1}],"Name":"a","Name":"\u0062","Count":null,"Name2":1.5e300}"#).unwrap();
        assert_eq!(sample.name, Some(Text("b".into())));
        assert_eq!(sample.count, None);
    }

    #[test]
    fn reads_members_of_an_object_whatever_their_case() {
        let object: Object<'_> = parse(br#"{"A":1,"a":"\u0062","n":null,"O":{"X":2}}"#).unwrap();
        assert_eq!(object.member("A"), Ok(Some(Text("b".into()))));
        assert_eq!(object.member::<Text<'_>>("n"), Ok(None));
        assert_eq!(object.member::<Text<'_>>("z"), Ok(None));
        assert_eq!(object.member::<u32>("a"), Err(WrongType));
        assert_eq!(object.member::<Object<'_>>("o").unwrap().unwrap().member("x"), Ok(Some(2_u8)));
        assert!(parse::<Object<'_>>(b"[]").is_err());
        assert_eq!(object.iter().last(), Some(("O", r#"{"X":2}"#)));
    }

    #[test]
    fn escapes_strings_as_the_serializer_does() {
        for text in ["", "plain", "a\"b", "a\\b", "line\n", "\u{7f}", "é\u{2028}", "\0"] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            write_string(text, &mut ours);
            write(text, &mut theirs);
            assert_eq!(ours, theirs, "{text:?}");
        }
    }

    #[test]
    fn both_engines_write_the_same_text() {
        let data: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for length in [0, 1, 2, 3, 47, 48, 49, 2047, 2048, 5000] {
            let mut blob = Vec::new();
            write_blob(&data[..length], &mut blob);
            assert_eq!(blob, STANDARD.encode(&data[..length]).into_bytes(), "{length}");
        }
    }
}
