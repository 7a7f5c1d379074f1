//! [`Request`], [`Response`] and [`Headers`]: HTTP messages as plain values that any transport can write and read.
//!
//! ```
//! use firehose_proto::http::{Headers, Method, Request};
//!
//! let mut request = Request::new(Method::Post, "https://firehose.us-east-1.amazonaws.com/");
//! request.headers.append("Content-Type", "application/x-amz-json-1.1")?;
//! request.set_body(b"{}".as_slice());
//! assert_eq!(request.path(), "/");
//! assert_eq!(request.headers.value("content-type"), Some("application/x-amz-json-1.1"));
//! # Ok::<(), firehose_proto::http::InvalidHeader>(())
//! ```

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::panic::RefUnwindSafe;

use crate::crypto;

/// Headers whose values are secret. `Debug` shows only their names.
const SENSITIVE_HEADERS: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "x-amz-security-token",
    "x-amz-sso_bearer_token",
    "x-aws-ec2-metadata-token",
];

/// Request methods that AWS protocols use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// `DELETE`
    Delete,
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `OPTIONS`
    Options,
    /// `PATCH`
    Patch,
    /// `POST`, the method of every Firehose operation
    Post,
    /// `PUT`
    Put,
}

impl Method {
    const ALL: [Self; 7] = [Self::Delete, Self::Get, Self::Head, Self::Options, Self::Patch, Self::Post, Self::Put];

    /// Reads a method; methods are case-sensitive (RFC 9110, section 9.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// The method as written on a request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A request, complete except for its connection.
///
/// A client's request has the whole URL. A request that a server received may have the origin form (`/path?query`); the
/// authority is then in the `Host` header.
#[derive(Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// The request method.
    pub method: Method,
    /// Absolute URL, or only path and query.
    pub uri: Cow<'a, str>,
    /// The header fields, including `Host`. The transport adds `Content-Length`.
    pub headers: Headers,
    body: Body<'a>,
    body_sha256: Option<[u8; crypto::DIGEST_BYTES]>,
}

impl<'a> Request<'a> {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: Method, uri: impl Into<Cow<'a, str>>) -> Self {
        Self { method, uri: uri.into(), headers: Headers::new(), body: Body::from(&[]), body_sha256: None }
    }

    /// The exact bytes of the body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.as_ref()
    }

    /// The body as a value that can be kept, without copying its bytes.
    ///
    /// For transports that still send after their caller has gone on. For hyper, for example:
    /// `Bytes::from_owner(request.shared_body())`, from a `Request<'static>`.
    #[must_use]
    pub fn shared_body(&self) -> Body<'a> {
        self.body.clone()
    }

    /// Replaces the body.
    pub fn set_body(&mut self, body: impl Into<Body<'a>>) {
        self.body = body.into();
        self.body_sha256 = None;
    }

    /// Replaces the body by one whose digest is known, so that signing does not compute it.
    pub(crate) fn set_hashed_body(&mut self, body: Body<'a>, sha256: [u8; crypto::DIGEST_BYTES]) {
        self.body = body;
        self.body_sha256 = Some(sha256);
    }

    /// The SHA-256 digest of the body, computed on first use: a retry that sends the same body does not hash it again.
    pub fn body_sha256(&mut self) -> [u8; crypto::DIGEST_BYTES] {
        *self.body_sha256.get_or_insert_with(|| crypto::sha256(self.body.as_ref()))
    }

    /// The part of the URI that names the server, such as `127.0.0.1:4566`; `None` in origin form.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.parts().0
    }

    /// The path as written in the URI, not decoded; may be empty.
    #[must_use]
    pub fn path(&self) -> &str {
        self.parts().1
    }

    /// What follows the first `?`, not decoded; may be empty.
    #[must_use]
    pub fn query(&self) -> &str {
        self.parts().2
    }

    /// The target on the request line: path and query, or `/` when the URI has neither.
    ///
    /// ```
    /// use firehose_proto::http::{Method, Request};
    ///
    /// assert_eq!(Request::new(Method::Get, "http://localhost:8080/a?b").target(), "/a?b");
    /// assert_eq!(Request::new(Method::Post, "https://firehose.us-east-1.amazonaws.com").target(), "/");
    /// ```
    #[must_use]
    pub fn target(&self) -> &str {
        let (authority, path, query) = self.parts();
        // Nothing before `://` contains a slash or question mark.
        let origin = authority.and_then(|authority| Some(self.uri.find("://")? + "://".len() + authority.len()));
        let target = self.uri.get(origin.unwrap_or_default()..).unwrap_or_default();
        let end = path.len() + if query.is_empty() { 0 } else { 1 + query.len() };
        match target.get(..end) {
            None | Some("") => "/",
            Some(target) => target,
        }
    }

    /// Authority, path and query together, for callers that need several of them.
    pub(crate) fn parts(&self) -> (Option<&str>, &str, &str) {
        // Byte by byte: these texts are too short for a faster search to pay off.
        let end = |text: &str, ends: &[u8]| text.bytes().position(|byte| ends.contains(&byte)).unwrap_or(text.len());
        let uri = &*self.uri;
        let (authority, target) = match uri.split_at(end(uri, b":/?#")).1.strip_prefix("://") {
            Some(rest) => {
                let (authority, target) = rest.split_at(end(rest, b"/?#"));
                (Some(authority), target)
            }
            None => (None, uri),
        };
        let (target, _fragment) = target.split_at(end(target, b"#"));
        let (path, query) = target.split_at(end(target, b"?"));
        (authority, path, query.strip_prefix('?').unwrap_or_default())
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("headers", &self.headers)
            .field("body_bytes", &self.body().len())
            .finish_non_exhaustive()
    }
}

/// The bytes of a request's body, borrowed or shared. A clone copies none of them.
#[derive(Clone)]
pub struct Body<'a>(Bytes<'a>);

#[derive(Clone)]
enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Shared(Arc<dyn Owner>),
}

/// Keeps the bytes of a body. They do not change while it is shared.
pub(crate) trait Owner: Send + Sync + RefUnwindSafe {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

impl Owner for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Body<'static> {
    /// Bytes that others keep as well.
    pub(crate) fn shared(owner: Arc<dyn Owner>) -> Self {
        Self(Bytes::Shared(owner))
    }
}

impl AsRef<[u8]> for Body<'_> {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Shared(owner) => owner.bytes(),
        }
    }
}

impl<'a> From<&'a [u8]> for Body<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Bytes::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Body<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self(Bytes::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Body<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Bytes::Shared(Arc::new(bytes)))
    }
}

impl PartialEq for Body<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Body<'_> {}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("bytes", &self.as_ref().len()).finish_non_exhaustive()
    }
}

/// A complete response.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The exact bytes of the body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response without headers.
    #[must_use]
    pub const fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Headers::new(), body }
    }

    /// Whether the status is 2xx, whatever the body says.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..300)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Header fields in the order they were added, names in lower case.
///
/// All text is in one buffer: a request's headers take two allocations, however many there are.
#[derive(Clone, Default)]
pub struct Headers {
    text: String,
    fields: Vec<Field>,
}

/// Where a field is in the text: its name, immediately followed by its value.
#[derive(Clone, Copy)]
struct Field {
    start: usize,
    value: usize,
    end: usize,
}

impl Headers {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), fields: Vec::new() }
    }

    /// No fields, with room for some.
    #[must_use]
    pub fn with_capacity(fields: usize, text_bytes: usize) -> Self {
        Self { text: String::with_capacity(text_bytes), fields: Vec::with_capacity(fields) }
    }

    /// Makes room for more fields and for the bytes of their names and values.
    pub(crate) fn reserve(&mut self, fields: usize, text_bytes: usize) {
        self.fields.reserve(fields);
        self.text.reserve(text_bytes);
    }

    /// Adds a field after the others, even if one has the same name.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] when the name is not a token, or when the value has a control character (RFC 9110, section
    /// 5.5). A line break in a value could add further headers.
    pub fn append(&mut self, name: &str, value: &str) -> Result<(), InvalidHeader> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(InvalidHeader::Name);
        }
        if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            return Err(InvalidHeader::Value { name: name.to_ascii_lowercase() });
        }
        let start = self.text.len();
        self.append_with(name, |text| text.push_str(value));
        if let Some(name) = self.text.get_mut(start..start + name.len()) {
            name.make_ascii_lowercase();
        }
        Ok(())
    }

    /// Adds one of our own fields and writes its value in place. The name is in lower case; neither needs a check.
    pub(crate) fn append_with(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        self.text.push_str(name);
        let value = self.text.len();
        write(&mut self.text);
        self.fields.push(Field { start, value, end: self.text.len() });
    }

    /// Replaces all fields of this name by one at the end.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append). The old fields then stay.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidHeader> {
        let old = self.fields.len();
        self.append(name, value)?;
        self.remove_among(old, name);
        Ok(())
    }

    /// Removes every field of this name.
    pub fn remove(&mut self, name: &str) {
        if self.value(name).is_some() {
            self.remove_among(self.fields.len(), name);
        }
    }

    /// Removes the fields of this name among the first `count`, and closes the gaps in the text.
    fn remove_among(&mut self, count: usize, name: &str) {
        let is_removed = |text: &str, field: Field| {
            text.get(field.start..field.value).is_some_and(|existing| existing.eq_ignore_ascii_case(name))
        };
        let mut removed = 0;
        let mut index = 0;
        let text = &mut self.text;
        self.fields.retain_mut(|field| {
            let moved = Field { start: field.start - removed, value: field.value - removed, end: field.end - removed };
            index += 1;
            if index <= count && is_removed(text, moved) {
                text.replace_range(moved.start..moved.end, "");
                removed += moved.end - moved.start;
                return false;
            }
            *field = moved;
            true
        });
    }

    /// The value of the first field of this name, in upper or lower case.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.iter().find(|(existing, _)| existing.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The fields in order, as `(lower-case name, value)`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.fields.iter().map(|field| (self.slice(field.start..field.value), self.slice(field.value..field.end)))
    }

    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).expect("a field's bounds lie inside the text, on the ends of whole strings")
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| {
                let is_secret = SENSITIVE_HEADERS.contains(&name);
                (name, if is_secret { "<redacted>" } else { value })
            }))
            .finish()
    }
}

/// A header field that HTTP does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The name is empty, or has a byte that is not allowed in field names.
    Name,
    /// The value has a control character.
    Value {
        /// The name of the field.
        name: String,
    },
}

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("header name is not a token"),
            Self::Value { name } => write!(f, "value of header `{name}` has a control character or line break"),
        }
    }
}

impl core::error::Error for InvalidHeader {}

/// Whether a byte is allowed in a field name (`tchar` of RFC 9110, section 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::format;
    use alloc::vec;

    use super::*;

    #[test]
    fn takes_a_uri_apart() {
        for (uri, authority, path, query) in [
            ("https://h:1/a/b?c=d", Some("h:1"), "/a/b", "c=d"),
            ("http://h", Some("h"), "", ""),
            ("http://h?x", Some("h"), "", "x"),
            ("/a?u=http://x/", None, "/a", "u=http://x/"),
            ("/a#f?x", None, "/a", ""),
            ("http://http/http?http", Some("http"), "/http", "http"),
            ("", None, "", ""),
        ] {
            let request = Request::new(Method::Get, uri);
            assert_eq!((request.authority(), request.path(), request.query()), (authority, path, query), "{uri}");
            let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
            assert_eq!(request.target(), if target.is_empty() { "/" } else { &*target }, "{uri}");
        }
    }

    #[test]
    fn replaces_and_removes_fields_in_any_case() {
        let mut headers = Headers::new();
        for (name, value) in [("A", "1"), ("B", "2"), ("a", "3"), ("C", "4")] {
            headers.append(name, value).unwrap();
        }
        headers.set("A", "5").unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), vec![("b", "2"), ("c", "4"), ("a", "5")]);
        headers.remove("C");
        headers.remove("missing");
        assert_eq!(headers.iter().collect::<Vec<_>>(), vec![("b", "2"), ("a", "5")]);
    }

    #[test]
    fn refuses_header_injection() {
        let mut headers = Headers::new();
        assert_eq!(headers.append("a b", "v"), Err(InvalidHeader::Name));
        assert_eq!(headers.append("", "v"), Err(InvalidHeader::Name));
        for value in ["v\r\nX: y", "v\n", "\0"] {
            assert_eq!(headers.append("Tok", value), Err(InvalidHeader::Value { name: "tok".into() }), "{value:?}");
        }
        assert_eq!(headers.iter().len(), 0);
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut request = Request::new(Method::Post, "https://user:hunter2@h/");
        request.headers.append("X-Amz-Security-Token", "hunter2").unwrap();
        request.headers.append("Authorization", "hunter2").unwrap();
        request.set_body(b"hunter2".as_slice());
        let text = format!("{request:?} {:?}", Response::new(200, b"hunter2".to_vec()));
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn forgets_the_digest_of_a_replaced_body() {
        let mut request = Request::new(Method::Post, "/");
        let empty = request.body_sha256();
        request.set_body(b"x".as_slice());
        assert_ne!(request.body_sha256(), empty);
        assert_eq!(request.body_sha256(), crypto::sha256(b"x"));
    }
}
