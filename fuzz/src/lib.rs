//! Answers out of text that a person can write, so that seeds are readable.

use firehose_proto::http::Response;

/// Reads a response: its status on the first line, then its headers, an empty line, and the body as it is.
pub fn response(text: &[u8]) -> Response {
    let head_bytes = text.windows(2).position(|pair| pair == b"\n\n").unwrap_or(text.len());
    let (head, body) = text.split_at(head_bytes);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.parse().ok()).unwrap_or(200);
    let mut response = Response::new(status, body.get(2..).unwrap_or_default().to_vec());
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        // What no header can be is left out, as HTTP would.
        let _ = response.headers.append(name, value.trim());
    }
    response
}
