//! The twelve operations as values, to be gone through in a loop, their documents going in and coming out as text.

use std::error::Error as _;

use firehose_proto::error::{ErrorCode, InputError};
use firehose_proto::http::{Request, Response};
use firehose_proto::internal::schema::Structure;
use firehose_proto::{Endpoint, call, op};

use crate::types::Rewritten;

/// An operation and what can be done with its documents.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// AWS's name.
    pub name: &'static str,
    /// The value of the header `X-Amz-Target`.
    pub target: &'static str,
    /// The exceptions on its page.
    pub errors: &'static [ErrorCode],
    /// What its input looks like.
    pub input: &'static Structure,
    /// What its output looks like.
    pub output: &'static Structure,
    /// Reports what is wrong with an input.
    pub check: fn(&[u8]) -> Result<(), InputError>,
    /// Reads an input and writes it again.
    pub rewrite_input: fn(&[u8]) -> Result<Rewritten, String>,
    /// Reads the output that answers an input, and writes it again.
    pub rewrite_output: fn(input: &[u8], output: &[u8]) -> Result<Rewritten, String>,
    /// Makes the request of an input, unsigned.
    pub encode: for<'a> fn(&[u8], &'a Endpoint) -> Result<Request<'a>, String>,
    /// Reads the response to an input, and writes the output again.
    pub decode: fn(input: &[u8], &Response) -> Result<Vec<u8>, String>,
}

impl Operation {
    const fn of<O: op::Operation>() -> Self
    where
        for<'a> O::Input<'a>: std::fmt::Debug + PartialEq,
        for<'a> O::Output<'a>: std::fmt::Debug + PartialEq,
    {
        Self {
            name: O::NAME,
            target: O::TARGET,
            errors: O::ERRORS,
            input: O::INPUT,
            output: O::OUTPUT,
            check: O::check_document,
            rewrite_input: |body| {
                let input = O::read_input(body).map_err(|error| error.to_string())?;
                let mut text = Vec::new();
                O::write_input(&input, &mut text);
                Ok(Rewritten { text, debug: format!("{input:?}") })
            },
            rewrite_output: |input, body| {
                let input = O::read_input(input).map_err(|error| error.to_string())?;
                let output = O::read_output(&input, body).map_err(|error| error.to_string())?;
                let mut text = Vec::new();
                O::write_output(&output, &mut text);
                Ok(Rewritten { text, debug: format!("{output:?}") })
            },
            encode: |body, endpoint| {
                let input = O::read_input(body).map_err(|error| error.to_string())?;
                call::encode::<O>(&input, endpoint).map_err(|error| error.to_string())
            },
            decode: |input, response| {
                let input = O::read_input(input).map_err(|error| error.to_string())?;
                let output = call::decode::<O>(&input, response).map_err(|error| {
                    let source = error.source().map_or_else(String::new, ToString::to_string);
                    format!("{error}: {source}")
                })?;
                let mut text = Vec::new();
                O::write_output(&output, &mut text);
                Ok(text)
            },
        }
    }
}

/// All of them.
pub const ALL: [Operation; 12] = [
    Operation::of::<op::CreateDeliveryStream>(),
    Operation::of::<op::DeleteDeliveryStream>(),
    Operation::of::<op::DescribeDeliveryStream>(),
    Operation::of::<op::ListDeliveryStreams>(),
    Operation::of::<op::ListTagsForDeliveryStream>(),
    Operation::of::<op::PutRecord>(),
    Operation::of::<op::PutRecordBatch>(),
    Operation::of::<op::StartDeliveryStreamEncryption>(),
    Operation::of::<op::StopDeliveryStreamEncryption>(),
    Operation::of::<op::TagDeliveryStream>(),
    Operation::of::<op::UntagDeliveryStream>(),
    Operation::of::<op::UpdateDestination>(),
];
