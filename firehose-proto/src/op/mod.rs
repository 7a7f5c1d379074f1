//! The twelve operations, one file each: their names, inputs and outputs, and how each is written and read.

use alloc::vec::Vec;
use core::fmt;

use crate::exception::ErrorCode;
use crate::json::{self, ParseError};
use crate::schema::{self, Structure};
use crate::validate::{Violation, Violations};

#[cfg(feature = "control")]
pub(crate) mod create_delivery_stream;
#[cfg(feature = "control")]
mod declare;
#[cfg(feature = "control")]
pub(crate) mod delete_delivery_stream;
#[cfg(feature = "control")]
pub(crate) mod describe_delivery_stream;
#[cfg(feature = "control")]
pub(crate) mod destination;
#[cfg(feature = "control")]
pub(crate) mod list_delivery_streams;
#[cfg(feature = "control")]
pub(crate) mod list_tags_for_delivery_stream;
#[cfg(feature = "control")]
pub(crate) mod pages;
pub(crate) mod put_record;
pub(crate) mod put_record_batch;
#[cfg(feature = "control")]
mod rules;
#[cfg(feature = "control")]
pub(crate) mod source;
#[cfg(feature = "control")]
pub(crate) mod start_delivery_stream_encryption;
#[cfg(feature = "control")]
pub(crate) mod stop_delivery_stream_encryption;
#[cfg(feature = "control")]
pub(crate) mod tag_delivery_stream;
#[cfg(feature = "control")]
pub(crate) mod untag_delivery_stream;
#[cfg(feature = "control")]
pub(crate) mod update_destination;

#[cfg(feature = "control")]
pub use self::create_delivery_stream::*;
#[cfg(feature = "control")]
pub use self::delete_delivery_stream::*;
#[cfg(feature = "control")]
pub use self::describe_delivery_stream::*;
#[cfg(feature = "control")]
pub use self::destination::*;
#[cfg(feature = "control")]
pub use self::list_delivery_streams::*;
#[cfg(feature = "control")]
pub use self::list_tags_for_delivery_stream::*;
#[cfg(feature = "control")]
pub use self::pages::*;
pub use self::put_record::*;
pub use self::put_record_batch::*;
#[cfg(feature = "control")]
pub use self::source::*;
#[cfg(feature = "control")]
pub use self::start_delivery_stream_encryption::*;
#[cfg(feature = "control")]
pub use self::stop_delivery_stream_encryption::*;
#[cfg(feature = "control")]
pub use self::tag_delivery_stream::*;
#[cfg(feature = "control")]
pub use self::untag_delivery_stream::*;
#[cfg(feature = "control")]
pub use self::update_destination::*;

/// One operation of the Firehose API, in both roles: a client writes inputs and reads outputs, a server
/// reads inputs and writes outputs.
///
/// Sealed: the operations are those of this module.
pub trait Operation: sealed::Sealed {
    /// AWS's name, such as `PutRecord`.
    const NAME: &'static str;
    /// The value of the header `X-Amz-Target`.
    const TARGET: &'static str;
    /// The exceptions on the operation's page.
    const ERRORS: &'static [ErrorCode];
    /// The structure of the input's document.
    const INPUT: &'static Structure;
    /// The structure of the output's document.
    const OUTPUT: &'static Structure;
    /// The value that the caller sends.
    type Input<'a>;
    /// The value that the service answers.
    type Output<'a>;

    /// Reports every breach of a documented limit.
    ///
    /// # Errors
    ///
    /// The breaches with their paths.
    fn validate(input: &Self::Input<'_>) -> Result<(), Violations>;

    /// Reports everything wrong with an input that a person wrote as JSON: breaches of limits, missing members, values
    /// of the wrong type, and unknown members.
    ///
    /// # Errors
    ///
    /// [`InputError::Parse`] when it is not JSON, else the breaches with their paths.
    fn check_document(document: &[u8]) -> Result<(), InputError> {
        let document = json::parse(document)?;
        let mut found = schema::check(Self::INPUT, &document);
        Self::rules(&document, &mut found);
        Ok(Violations::check(found)?)
    }

    /// Appends the request's body.
    fn write_input(input: &Self::Input<'_>, out: &mut Vec<u8>);

    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// [`InputError`] when it is not the expected JSON, or lacks a required member.
    fn read_input(body: &[u8]) -> Result<Self::Input<'_>, InputError>;

    /// Appends the body of a successful response.
    fn write_output(output: &Self::Output<'_>, out: &mut Vec<u8>);

    /// Reads the body of a successful response and checks it against the input.
    ///
    /// # Errors
    ///
    /// [`MalformedResponse`] when the body proves nothing. The call may have taken effect.
    fn read_output<'a>(input: &Self::Input<'_>, body: &'a [u8]) -> Result<Self::Output<'a>, MalformedResponse>;
}

mod sealed {
    use alloc::vec::Vec;

    use crate::json::Value;
    use crate::validate::Violation;

    pub trait Sealed {
        /// Whether this side always checks the limits.
        const IS_PUT: bool = false;

        /// Checks an input's document against the rules that concern several members.
        fn rules(_: &Value, _: &mut Vec<Violation>) {}
    }
}

/// Why a request body is not an input of the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// Not the expected JSON.
    Parse(ParseError),
    /// It cannot be read, or it breaks limits.
    Invalid(Violations),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::Invalid(violations) => violations.fmt(f),
        }
    }
}

impl core::error::Error for InputError {}

impl From<ParseError> for InputError {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

impl From<Violations> for InputError {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Violation> for InputError {
    fn from(violation: Violation) -> Self {
        Self::Invalid(violation.into())
    }
}

/// A response with a success status whose body does not say what happened: the peer broke the protocol.
///
/// It is neither a success nor a refusal: the records may have been stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedResponse {
    /// The body is longer than any response of the service.
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The maximum that is read.
        max_bytes: usize,
    },
    /// Not the expected JSON.
    Parse(ParseError),
    /// JSON, but not of the output's structure.
    Document(Violations),
    /// A required member is absent.
    Missing {
        /// The member.
        member: &'static str,
    },
    /// The response says that the list continues, but the next page would be the same one.
    EndlessPages,
    /// PutRecordBatch answered for a different number of records than was sent.
    WrongCount {
        /// Records sent.
        sent: usize,
        /// Entries in `RequestResponses`.
        answered: usize,
    },
    /// `FailedPutCount` differs from the number of entries that failed.
    FailedPutCount {
        /// The number in the member.
        stated: u64,
        /// The number of failed entries.
        counted: usize,
    },
    /// An entry has neither a `RecordId` nor an `ErrorCode`, or has both.
    Entry {
        /// The entry's position, from 0.
        index: usize,
    },
}

impl fmt::Display for MalformedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, max_bytes } => write!(f, "response of {bytes} bytes is above {max_bytes}"),
            Self::Parse(error) => write!(f, "{error} in the response"),
            Self::Document(violations) => write!(f, "response has the wrong structure: {violations}"),
            Self::Missing { member } => write!(f, "response lacks the member `{member}`"),
            Self::EndlessPages => f.write_str("response says that the list continues, but not from where"),
            Self::WrongCount { sent, answered } => {
                write!(f, "response has {answered} entries in `RequestResponses` for {sent} records")
            }
            Self::FailedPutCount { stated, counted } => {
                write!(f, "response states {stated} in `FailedPutCount`, but {counted} of its entries failed")
            }
            Self::Entry { index } => {
                write!(f, "`RequestResponses[{index}]` needs either a `RecordId` or an `ErrorCode`")
            }
        }
    }
}

impl core::error::Error for MalformedResponse {}

impl From<ParseError> for MalformedResponse {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}
