//! The canonical request and the string to sign, the two texts that a signature is computed over.
//!
//! Signing feeds the canonical request directly into the hash. [`canonical_request`] collects the same pieces in a
//! `String`, so it shows what was signed.

use alloc::string::String;
use alloc::vec::Vec;

use time::OffsetDateTime;

use super::Scope;
use crate::crypto::{self, HexDigest};
use crate::http::{Headers, Request};
use crate::percent;
use crate::time::AmzDate;

/// The only algorithm that this module signs with.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The canonical form of a request, step one of [AWS's recipe](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request).
///
/// For diagnosis: takes the request as sent, and the signed headers as its `Authorization` lists them. **The text
/// contains the session token, if there is one.**
#[must_use]
pub fn canonical_request(request: &Request<'_>, signed_headers: &str) -> String {
    let mut text = String::new();
    let payload = HexDigest::new(&crypto::sha256(request.body()));
    let fields = Fields::listed(&request.headers, signed_headers);
    write_request(&mut text, request, &fields, &Names::new(&fields), &payload);
    text
}

/// The text whose MAC is the signature, step three of [AWS's recipe](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-string-to-sign).
#[must_use]
pub fn string_to_sign(now: OffsetDateTime, scope: &Scope, canonical_request: &str) -> String {
    let digest = HexDigest::new(&crypto::sha256(canonical_request.as_bytes()));
    string_to_sign_parts(&AmzDate::new(now), scope.as_str(), &digest).concat()
}

/// The string to sign in pieces.
pub(super) fn string_to_sign_parts<'a>(date: &'a AmzDate, scope: &'a str, digest: &'a HexDigest) -> [&'a str; 7] {
    [ALGORITHM, "\n", date.as_str(), "\n", scope, "\n", digest.as_str()]
}

/// Receives a canonical text piece by piece.
pub(super) trait Sink {
    fn push(&mut self, piece: &str);
}

impl Sink for String {
    fn push(&mut self, piece: &str) {
        self.push_str(piece);
    }
}

impl Sink for crypto::Hasher {
    fn push(&mut self, piece: &str) {
        self.update(piece.as_bytes());
    }
}

/// Writes the canonical request of these header fields; `payload` is the digest of the body.
pub(super) fn write_request(
    sink: &mut impl Sink,
    request: &Request<'_>,
    fields: &Fields<'_>,
    names: &Names,
    payload: &HexDigest,
) {
    let (_, path, query) = request.parts();
    sink.push(request.method.as_str());
    sink.push("\n");
    write_path(sink, path);
    sink.push("\n");
    write_query(sink, query);
    sink.push("\n");
    fields.write(sink);
    sink.push("\n");
    sink.push(names.as_str());
    sink.push("\n");
    sink.push(payload.as_str());
}

/// The header fields that a signature covers, in canonical order: by name, then in their original order.
pub(super) struct Fields<'a>(Inline<(&'a str, &'a str), 8>);

impl<'a> Fields<'a> {
    /// The fields that a signer covers: all except those that change on the way.
    pub(super) fn signable(headers: &'a Headers) -> Self {
        Self::select(headers, |name| !changes_on_the_way(name))
    }

    /// The fields that a semicolon-separated list names.
    pub(super) fn listed(headers: &'a Headers, names: &str) -> Self {
        Self::select(headers, |name| names.split(';').any(|listed| listed == name))
    }

    fn select(headers: &'a Headers, is_signed: impl Fn(&str) -> bool) -> Self {
        let mut fields = Inline::new(("", ""));
        for field in headers.iter().filter(|(name, _)| is_signed(name)) {
            fields.extend(&[field]);
        }
        fields.as_mut_slice().sort_by_key(|(name, _)| *name);
        Self(fields)
    }

    /// Writes `a;b`, each name once.
    pub(super) fn write_names(&self, sink: &mut impl Sink) {
        let mut last = "";
        for &(name, _) in self.0.as_slice() {
            if name != last {
                if !last.is_empty() {
                    sink.push(";");
                }
                sink.push(name);
                last = name;
            }
        }
    }

    /// Writes one line for each name. Values of a repeated name are joined by commas.
    fn write(&self, sink: &mut impl Sink) {
        let mut last = "";
        for &(name, value) in self.0.as_slice() {
            if name == last {
                sink.push(",");
            } else {
                if !last.is_empty() {
                    sink.push("\n");
                }
                sink.push(name);
                sink.push(":");
                last = name;
            }
            write_value(sink, value);
        }
        if !last.is_empty() {
            sink.push("\n");
        }
    }
}

/// Whether proxies or tracers rewrite a header on the way, or the client rewrites it for each attempt.
fn changes_on_the_way(name: &str) -> bool {
    matches!(
        name,
        "amz-sdk-invocation-id"
            | "amz-sdk-request"
            | "authorization"
            | "baggage"
            | "connection"
            | "expect"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "traceparent"
            | "tracestate"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
            | "x-amzn-trace-id"
    )
}

/// The text of [`Fields::write_names`], kept after the borrow of the fields has ended.
pub(super) struct Names(Inline<u8, 128>);

impl Names {
    pub(super) fn new(fields: &Fields<'_>) -> Self {
        let mut names = Self(Inline::new(0));
        fields.write_names(&mut names);
        names
    }

    pub(super) fn as_str(&self) -> &str {
        core::str::from_utf8(self.0.as_slice()).expect("a concatenation of strings is UTF-8")
    }
}

impl Sink for Names {
    fn push(&mut self, piece: &str) {
        self.0.extend(piece.as_bytes());
    }
}

/// A list on the stack that moves to the heap when it grows too large.
pub(super) struct Inline<T, const N: usize> {
    first: [T; N],
    len: usize,
    spilled: Vec<T>,
}

impl<T: Copy, const N: usize> Inline<T, N> {
    pub(super) const fn new(filler: T) -> Self {
        Self { first: [filler; N], len: 0, spilled: Vec::new() }
    }

    pub(super) fn extend(&mut self, items: &[T]) {
        let end = self.len + items.len();
        if self.spilled.is_empty() {
            if let Some(place) = self.first.get_mut(self.len..end) {
                place.copy_from_slice(items);
                self.len = end;
                return;
            }
            self.spilled.extend_from_slice(self.first.split_at(self.len).0);
        }
        self.spilled.extend_from_slice(items);
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        if self.spilled.is_empty() { self.first.split_at_mut(self.len).0 } else { &mut self.spilled }
    }

    pub(super) fn as_slice(&self) -> &[T] {
        if self.spilled.is_empty() { self.first.split_at(self.len).0 } else { &self.spilled }
    }
}

/// Writes a header value without blanks at its ends, and with one space for each run of blanks inside.
fn write_value(sink: &mut impl Sink, value: &str) {
    // A session token is long and has no blanks. This pass is vectorised; splitting is not.
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let (chunks, rest) = value.as_bytes().as_chunks::<16>();
    let in_chunks = chunks.iter().any(|chunk| chunk.iter().fold(false, |blank, byte| blank | is_blank(byte)));
    if !in_chunks && !rest.iter().any(is_blank) {
        return sink.push(value);
    }
    let mut words = value.split([' ', '\t']).filter(|word| !word.is_empty());
    sink.push(words.next().unwrap_or_default());
    for word in words {
        sink.push(" ");
        sink.push(word);
    }
}

/// Writes a path without empty, `.` and `..` segments, and percent-encodes it once more: `%20` becomes `%2520`.
fn write_path(sink: &mut impl Sink, path: &str) {
    if matches!(path, "" | "/") {
        return sink.push("/");
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    for segment in &segments {
        sink.push("/");
        percent::encode(segment.bytes(), percent::is_unreserved, |piece| sink.push(piece));
    }
    let is_directory = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    if segments.is_empty() || is_directory {
        sink.push("/");
    }
}

/// Writes the parameters, sorted by encoded name, then by value. A parameter without a value gets an empty one.
fn write_query(sink: &mut impl Sink, query: &str) {
    if query.is_empty() {
        return;
    }
    let encoded = |text: &str| {
        let mut encoded = String::new();
        percent::encode(percent::decode(text), percent::is_unreserved, |piece| encoded.push_str(piece));
        encoded
    };
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let mut parameters: Vec<_> = parameters
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    parameters.sort_unstable();
    for (index, (name, value)) in parameters.iter().enumerate() {
        if index > 0 {
            sink.push("&");
        }
        sink.push(name);
        sink.push("=");
        sink.push(value);
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    /// The pass over sixteen bytes at a time is held to splitting, wherever the blanks are.
    #[test]
    fn makes_every_run_of_blanks_one_space() {
        for bytes in 0..=50 {
            for at in 0..=bytes {
                for blanks in ["", " ", "  ", "\t ", "\t"] {
                    let value = format!("{}{blanks}{}", "x".repeat(at), "y".repeat(bytes - at));
                    let expected: Vec<_> = value.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
                    let mut text = String::new();
                    write_value(&mut text, &value);
                    assert_eq!(text, expected.join(" "), "{value:?}");
                }
            }
        }
    }

    #[test]
    fn normalizes_paths_and_encodes_them_twice() {
        for (path, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/a", "/a"),
            ("a/b", "/a/b"),
            ("/a/", "/a/"),
            ("//a//b//", "/a/b/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/../../a", "/a"),
            ("/a/...", "/a/..."),
            ("/a%20b", "/a%2520b"),
            ("/a b@c", "/a%20b%40c"),
            ("/\u{1234}", "/%E1%88%B4"),
        ] {
            let mut text = String::new();
            write_path(&mut text, path);
            assert_eq!(text, canonical, "{path:?}");
        }
    }

    #[test]
    fn sorts_parameters_by_their_encoded_form() {
        for (query, canonical) in [
            ("", ""),
            ("a", "a="),
            ("a=", "a="),
            ("=a", "=a"),
            ("&&a=1&", "a=1"),
            ("a=b=c", "a=b%3Dc"),
            ("b=2&a=2&a=1&B=3", "B=3&a=1&a=2&b=2"),
            ("Param-3=3&Param=2&%E1%88%B4=1", "%E1%88%B4=1&Param=2&Param-3=3"),
            ("\u{1234}=%e1%88%b4", "%E1%88%B4=%E1%88%B4"),
            ("%7e=%41+", "~=A%2B"),
            ("a=%&b=%4&c=%zz&d=%ff", "a=%25&b=%254&c=%25zz&d=%FF"),
        ] {
            let mut text = String::new();
            write_query(&mut text, query);
            assert_eq!(text, canonical, "{query:?}");
        }
    }

    #[test]
    fn collapses_blanks_in_values() {
        for (value, canonical) in [
            ("", ""),
            (" \t ", ""),
            ("a", "a"),
            (" a ", "a"),
            ("\"a   b\tc\"", "\"a b c\""),
            ("a\u{a0}\u{a0}b", "a\u{a0}\u{a0}b"),
        ] {
            let mut text = String::new();
            write_value(&mut text, value);
            assert_eq!(text, canonical, "{value:?}");
        }
    }

    #[test]
    fn sorts_fields_and_joins_repeated_ones_however_many_there_are() {
        for count in [0, 1, 7, 8, 9, 40] {
            let mut headers = Headers::new();
            for index in 0..count {
                headers.append("B", &format!("b{index}")).unwrap();
                headers.append("A", &format!("a{index}")).unwrap();
            }
            headers.append("user-agent", "x").unwrap();
            let joined = |letter| (0..count).map(|index| format!("{letter}{index}")).collect::<Vec<_>>().join(",");
            let fields = Fields::signable(&headers);
            let mut text = String::new();
            fields.write(&mut text);
            if count == 0 {
                assert_eq!((text.as_str(), Names::new(&fields).as_str()), ("", ""));
            } else {
                assert_eq!(text, format!("a:{}\nb:{}\n", joined('a'), joined('b')), "{count}");
                assert_eq!(Names::new(&fields).as_str(), "a;b");
            }
        }
    }

    #[test]
    fn keeps_long_lists_of_names() {
        let names: Vec<_> = (100..200).map(|number| format!("name-{number}")).collect();
        let mut headers = Headers::new();
        names.iter().rev().for_each(|name| headers.append(name, "").unwrap());
        assert_eq!(Names::new(&Fields::signable(&headers)).as_str(), names.join(";"));
    }

    #[test]
    fn selects_fields_by_whole_names() {
        let mut headers = Headers::new();
        for name in ["a", "ab", "b", "c"] {
            headers.append(name, "").unwrap();
        }
        assert_eq!(Names::new(&Fields::listed(&headers, "a;c;d")).as_str(), "a;c");
        assert_eq!(Names::new(&Fields::listed(&headers, "")).as_str(), "");
    }
}
