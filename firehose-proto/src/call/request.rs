//! Signs the request of each attempt, and adds the headers that are not signed.

use alloc::string::String;

use super::state::{ClientState, Config};
use crate::credentials::Credentials;
use crate::http::Request;
use crate::retry::{Attempt, Retries};
use crate::sigv4::{SignError, Signer};

/// Headers that are not signed: they change between attempts, or on the way.
const UNSIGNED: [&str; 5] =
    ["amz-sdk-invocation-id", "amz-sdk-request", "user-agent", "accept-encoding", "x-amzn-trace-id"];

/// Signs a request and adds the unsigned headers. They replace those of an earlier attempt.
pub(super) fn sign(
    request: &mut Request<'_>,
    shared: &mut ClientState,
    attempt: &Attempt,
    credentials: &Credentials,
) -> Result<(), SignError> {
    for unsigned in UNSIGNED {
        request.headers.remove(unsigned);
    }
    let key = shared.key(attempt.signed_at(), credentials)?;
    Signer::new(credentials, key).sign(attempt.signed_at(), request)
}

/// Adds the headers that are not signed.
pub(super) fn add_unsigned(
    request: &mut Request<'_>,
    config: &Config,
    attempt: &Attempt,
    retries: &Retries,
    invocation_id: &str,
    trace_id: Option<&str>,
) {
    let mut sdk_request = String::with_capacity(48);
    retries.write_sdk_request(attempt.signed_at(), Some(config.timeouts.read), &mut sdk_request);
    let values = [Some(invocation_id), Some(&*sdk_request), Some(&*config.user_agent), Some("identity"), trace_id];
    for (name, value) in UNSIGNED.into_iter().zip(values) {
        if let Some(value) = value {
            // An invalid value is left out: no call depends on these headers.
            let _ = request.headers.append(name, value);
        }
    }
}
