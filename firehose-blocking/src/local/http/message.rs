//! Parses the head of a request for the handler, and encodes the head of a response.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use firehose_proto::http::{Headers, Method, Request, Response};
use firehose_proto::time::HttpDate;
use time::OffsetDateTime;
use ureq_proto::http;
use ureq_proto::http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};

/// Why a request is refused: the status of the answer, and the broken rule.
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The rule that was broken, for the client's author.
    pub(super) rule: Cow<'static, str>,
}

impl Refusal {
    pub(super) const fn new(status: u16, rule: &'static str) -> Self {
        Self { status, rule: Cow::Borrowed(rule) }
    }

    /// Converts an error of the grammar.
    pub(super) fn of(error: ureq_proto::Error) -> Self {
        match error {
            ureq_proto::Error::HttpParseTooManyHeaders => Self::new(431, "there are too many header fields"),
            ureq_proto::Error::HttpParseFail(rule) => Self { status: 400, rule: rule.into() },
            error => Self { status: 400, rule: error.to_string().into() },
        }
    }

    pub(super) fn response(&self) -> Response {
        let mut response = Response::new(self.status, format!("invalid HTTP request: {}\n", self.rule).into_bytes());
        response.headers.append("content-type", "text/plain").expect("a valid header");
        response
    }
}

/// The head of a request, except for the length of its body.
pub(super) struct Head {
    pub(super) request: Request<'static>,
    /// Whether a body follows: the head has a length or a transfer coding (RFC 9112, section 6.3).
    pub(super) has_body: bool,
    pub(super) is_http10: bool,
    pub(super) can_stay_open: bool,
}

impl Head {
    /// Converts a parsed head, unless a server must refuse it all the same.
    ///
    /// # Errors
    ///
    /// The refusal to answer with.
    pub(super) fn read(parsed: &http::Request<()>, head_bytes: usize, max_headers: usize) -> Result<Self, Refusal> {
        let fields = parsed.headers();
        if fields.len() > max_headers {
            return Err(Refusal::new(431, "there are too many header fields"));
        }
        let is_http10 = parsed.version() == http::Version::HTTP_10;
        // RFC 9112, section 3.2; HTTP/1.0 allows requests without `Host`.
        if !matches!((fields.get_all(HOST).iter().count(), is_http10), (1, _) | (0, true)) {
            return Err(Refusal::new(400, "HTTP/1.1 requires exactly one Host field (RFC 9112, section 3.2)"));
        }
        let is_coded = fields.contains_key(TRANSFER_ENCODING);
        if is_coded {
            check_coding(fields, is_http10)?;
        }
        let method = Method::parse(parsed.method().as_str()).ok_or(Refusal::new(501, "the method is unknown"))?;
        let target = parsed.uri().path_and_query();
        let target = target.ok_or(Refusal::new(400, "the target has no path (RFC 9112, section 3.2)"))?;
        // An absolute form may have a query and no path, which is shown as `/` (RFC 9110, section 4.2.3).
        let mut request = Request::new(method, target.to_string());
        request.headers = Headers::with_capacity(fields.len(), head_bytes);
        for (name, value) in fields {
            let value = String::from_utf8_lossy(value.as_bytes());
            let invalid =
                |_| Refusal::new(400, "a header field's value has control characters (RFC 9110, section 5.5)");
            request.headers.append(name.as_str(), &value).map_err(invalid)?;
        }
        Ok(Self {
            request,
            has_body: is_coded || fields.contains_key(CONTENT_LENGTH),
            is_http10,
            can_stay_open: !is_http10 && !elements(fields, &CONNECTION).any(|option| is_token(option, "close")),
        })
    }
}

/// Refuses every ambiguous end of a body: request smuggling relies on servers that read it differently (RFC 9112,
/// sections 6.1 and 6.3).
fn check_coding(fields: &http::HeaderMap, is_http10: bool) -> Result<(), Refusal> {
    if is_http10 {
        return Err(Refusal::new(400, "HTTP/1.0 has no Transfer-Encoding (RFC 9112, section 6.1)"));
    }
    if fields.contains_key(CONTENT_LENGTH) {
        return Err(Refusal::new(
            400,
            "Transfer-Encoding and Content-Length exclude each other (RFC 9112, section 6.3)",
        ));
    }
    let mut codings = elements(fields, &TRANSFER_ENCODING);
    match (codings.next(), codings.next()) {
        (Some(only), None) if is_token(only, "chunked") => Ok(()),
        _ => Err(Refusal::new(501, "the only supported transfer coding is chunked")),
    }
}

/// The comma-separated elements of all fields with one name.
fn elements<'a>(fields: &'a http::HeaderMap, name: &http::HeaderName) -> impl Iterator<Item = &'a [u8]> {
    fields.get_all(name).into_iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
}

fn is_token(element: &[u8], token: &str) -> bool {
    element.trim_ascii().eq_ignore_ascii_case(token.as_bytes())
}

/// Appends the head of a response. `false`, with nothing appended, for an interim or invalid status.
pub(super) fn encode_head(response: &Response, now: SystemTime, is_last: bool, out: &mut Vec<u8>) -> bool {
    let status = http::StatusCode::from_u16(response.status).ok().filter(|status| !status.is_informational());
    let Some(status) = status else { return false };
    let reason = status.canonical_reason().unwrap_or_default();
    put(out, format_args!("HTTP/1.1 {} {reason}\r\n", status.as_str()));
    for (name, value) in response.headers.iter() {
        if !["content-length", "transfer-encoding", "connection"].contains(&name) {
            put(out, format_args!("{name}: {value}\r\n"));
        }
    }
    if response.headers.value("date").is_none() {
        encode_date(now, out);
    }
    if allows_body(response.status) {
        put(out, format_args!("content-length: {}\r\n", response.body.len()));
    }
    put(out, format_args!("{}\r\n", if is_last { "connection: close\r\n" } else { "" }));
    true
}

/// Whether a response of this status has a body (RFC 9110, section 6.4.1).
pub(super) const fn allows_body(status: u16) -> bool {
    !matches!(status, 204 | 304)
}

/// Appends the `Date` field.
fn encode_date(now: SystemTime, out: &mut Vec<u8>) {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // A server without a usable clock sends no date (RFC 9110, section 6.6.1).
    if let Some(date) = i64::try_from(seconds).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok()) {
        put(out, format_args!("date: {}\r\n", HttpDate::new(date).as_str()));
    }
}

fn put(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a vector does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_framing_itself_and_the_handlers_other_fields() {
        let mut response = Response::new(200, b"{}".to_vec());
        for (name, value) in [("X-A", "1"), ("Content-Length", "9"), ("Transfer-Encoding", "chunked"), ("Date", "then")]
        {
            response.headers.append(name, value).unwrap();
        }
        let mut out = Vec::new();
        assert!(encode_head(&response, UNIX_EPOCH, true, &mut out));
        let expected = "HTTP/1.1 200 OK\r\nx-a: 1\r\ndate: then\r\ncontent-length: 2\r\nconnection: close\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn dates_a_response_that_has_no_date() {
        let mut out = Vec::new();
        assert!(encode_head(&Response::new(204, Vec::new()), UNIX_EPOCH, false, &mut out));
        let expected = "HTTP/1.1 204 No Content\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn writes_no_status_that_ends_no_request() {
        for status in [0, 99, 100, 101, 199, 1000] {
            let mut out = Vec::new();
            assert!(!encode_head(&Response::new(status, Vec::new()), UNIX_EPOCH, false, &mut out), "{status}");
            assert!(out.is_empty(), "{status}");
        }
    }
}
