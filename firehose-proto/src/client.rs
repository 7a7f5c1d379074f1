//! The client's half of an exchange: [`encode`] an input into a request, [`decode`] a response into an output.
//!
//! Between the two, the caller [signs](crate::sigv4::Signer::sign) the request and sends it over any transport.

use alloc::borrow::Cow;
use core::fmt;

use crate::endpoint::Endpoint;
use crate::exception::{CONTENT_TYPE, ServiceError};
use crate::http::{Headers, Method, Request, Response};
use crate::limits;
use crate::op::{MalformedResponse, Operation};
use crate::validate::Violations;

/// Writes the request of one call, unsigned.
///
/// # Errors
///
/// Every breach of a documented limit. Nothing is written then.
pub fn encode<'a, O: Operation>(input: &O::Input<'_>, endpoint: &'a Endpoint) -> Result<Request<'a>, Violations> {
    O::validate(input)?;
    Ok(write::<O>(input, endpoint.url(), endpoint))
}

/// Writes the request of one call, unsigned, and leaves the check of the input to the service. Use it when the service
/// already allows more than this version knows. The limits of the puts are checked all the same.
///
/// # Errors
///
/// Every breach of a limit of the puts. Nothing is written then.
pub fn encode_unvalidated<'a, O: Operation>(
    input: &O::Input<'_>,
    endpoint: &'a Endpoint,
) -> Result<Request<'a>, Violations> {
    if O::IS_PUT {
        O::validate(input)?;
    }
    Ok(write::<O>(input, endpoint.url(), endpoint))
}

/// Writes the request of one call, unsigned and unchecked.
pub(crate) fn write<'a, O: Operation>(
    input: &O::Input<'_>,
    url: impl Into<Cow<'a, str>>,
    endpoint: &Endpoint,
) -> Request<'a> {
    let mut body = alloc::vec::Vec::new();
    O::write_input(input, &mut body);
    let mut request = request(O::TARGET, endpoint, url);
    request.set_body(body);
    request
}

/// A request with the headers that all operations share, and without a body. `url` is the endpoint's, borrowed or
/// owned.
pub(crate) fn request<'a>(target: &str, endpoint: &Endpoint, url: impl Into<Cow<'a, str>>) -> Request<'a> {
    let mut request = Request::new(Method::Post, url);
    // Enough for the headers that signing adds.
    request.headers = Headers::with_capacity(10, 640);
    request.headers.append_with("host", |value| value.push_str(endpoint.host()));
    request.headers.append_with("content-type", |value| value.push_str(CONTENT_TYPE));
    request.headers.append_with("x-amz-target", |value| value.push_str(target));
    request
}

/// Reads the response to one call. The input is needed because it decides what the response must contain.
///
/// # Errors
///
/// [`ResponseError::Refused`] when the service refused the call. [`ResponseError::Malformed`] when the response proves
/// nothing: the call may have taken effect.
pub fn decode<'a, O: Operation>(input: &O::Input<'_>, response: &'a Response) -> Result<O::Output<'a>, ResponseError> {
    successful(response, |body| O::read_output(input, body))
}

/// Applies `read` to the body of a successful response.
pub(crate) fn successful<'a, T>(
    response: &'a Response,
    read: impl FnOnce(&'a [u8]) -> Result<T, MalformedResponse>,
) -> Result<T, ResponseError> {
    if !response.is_success() {
        return Err(ResponseError::Refused(ServiceError::read(response)));
    }
    let (bytes, max_bytes) = (response.body.len(), limits::MAX_RESPONSE_BYTES);
    if bytes > max_bytes {
        return Err(ResponseError::Malformed(MalformedResponse::TooLarge { bytes, max_bytes }));
    }
    read(&response.body).map_err(ResponseError::Malformed)
}

/// Why a response is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseError {
    /// The service refused the call.
    Refused(ServiceError),
    /// The peer broke the protocol. Whether the call took effect is unknown.
    Malformed(MalformedResponse),
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(_) => f.write_str("the service refused the call"),
            Self::Malformed(_) => f.write_str("the response is malformed"),
        }
    }
}

impl core::error::Error for ResponseError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(match self {
            Self::Refused(error) => error,
            Self::Malformed(error) => error,
        })
    }
}
