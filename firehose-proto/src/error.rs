//! The errors of calls, in one place; those of credentials, settings and signatures are in their own modules.
//!
//! | whose fault | error | what to do |
//! |---|---|---|
//! | the caller broke a rule | [`Violations`], one [`Violation`] for each breach with its path | correct the input; nothing was sent |
//! | the peer broke the protocol | [`MalformedResponse`], [`ParseError`] | the call may have taken effect |
//! | the service refused the call | [`ServiceError`] with its [`ErrorCode`] | [`RetryClass`] says whether another attempt may help |
//! | no answer came | [`TransportError`] with its [`TransportErrorKind`] | the kind says whether the request may have arrived |
//!
//! [`Call`](crate::Call) applies this table itself; its [`Error`](crate::Error) holds one of these errors.

use core::error::Error;
use core::fmt;

pub use crate::client::ResponseError;
pub use crate::endpoint::EndpointError;
pub use crate::exception::{ErrorCode, ServiceError};
pub use crate::json::ParseError;
pub use crate::op::{InputError, MalformedResponse};
pub use crate::region::InvalidRegion;
pub use crate::retry::RetryClass;
pub use crate::transport::{TransportError, TransportErrorKind};
pub use crate::validate::{Rule, Unit, Violation, Violations};

/// Shows an error and all its causes in one line. That works because no error of this project repeats its source.
///
/// ```
/// use firehose_proto::error::{ErrorCode, ResponseError, ServiceError, WithCauses};
///
/// let error = ResponseError::Refused(ServiceError::new(400, ErrorCode::ResourceNotFoundException, "no such stream"));
/// let text = WithCauses(&error).to_string();
/// assert_eq!(text, "the service refused the call: ResourceNotFoundException (status 400): no such stream");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct WithCauses<'a>(pub &'a dyn Error);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
