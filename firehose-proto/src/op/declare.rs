//! `operation!`: an operation whose documents are written and read by their types.
//!
//! The puts are not declared so: their documents are written byte by byte, and read without copying.

use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{InputError, MalformedResponse, Operation};
use crate::json;
use crate::schema::{self, Document};
use crate::validate::Violations;

/// Declares an operation: its marker type, and its documents in both directions.
macro_rules! operation {
    ($(#[$doc:meta])* $name:ident($input:ty) -> $output:ty, errors: [$($error:ident),* $(,)?] $(, rules: $rules:path)?) => {
        $(#[$doc])*
        ///
        /// At most five calls a second for an account and region.
        ///
        $(#[doc = concat!("* [`", stringify!($error), "`](crate::exception::ErrorCode::", stringify!($error), ")")])*
        ///
        #[doc = concat!("See [", stringify!($name), "](https://docs.aws.amazon.com/firehose/latest/APIReference/API_", stringify!($name), ".html).")]
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl $crate::op::sealed::Sealed for $name {
            $(
                fn rules(document: &$crate::json::Value, found: &mut alloc::vec::Vec<$crate::validate::Violation>) {
                    $rules(document, found);
                }
            )?
        }

        impl $crate::op::Operation for $name {
            const NAME: &'static str = stringify!($name);
            const TARGET: &'static str = concat!("Firehose_20150804.", stringify!($name));
            const ERRORS: &'static [$crate::exception::ErrorCode] = &[$($crate::exception::ErrorCode::$error),*];
            const INPUT: &'static $crate::schema::Structure = <$input as $crate::schema::Document>::STRUCTURE;
            const OUTPUT: &'static $crate::schema::Structure = <$output as $crate::schema::Document>::STRUCTURE;
            type Input<'a> = $input;
            type Output<'a> = $output;

            fn validate(input: &$input) -> Result<(), $crate::validate::Violations> {
                $crate::op::declare::validate::<Self, _>(input)
            }

            fn write_input(input: &$input, out: &mut alloc::vec::Vec<u8>) {
                $crate::json::write(input, out);
            }

            fn read_input(body: &[u8]) -> Result<$input, $crate::op::InputError> {
                $crate::op::declare::read_input(body)
            }

            fn write_output(output: &$output, out: &mut alloc::vec::Vec<u8>) {
                $crate::json::write(output, out);
            }

            fn read_output(_: &$input, body: &[u8]) -> Result<$output, $crate::op::MalformedResponse> {
                $crate::op::declare::read_output(body)
            }
        }
    };
}
pub(crate) use operation;

/// Checks an input as the document that it would be sent as.
pub(crate) fn validate<O: Operation, T: Serialize>(input: &T) -> Result<(), Violations> {
    let document = json::tree(input);
    let mut found = schema::check_known(O::INPUT, &document);
    O::rules(&document, &mut found);
    Violations::check(found)
}

pub(crate) fn read_input<T: Document + DeserializeOwned>(body: &[u8]) -> Result<T, InputError> {
    json::parse(body).map_err(|error| match breaches::<T>(body) {
        Some(violations) => InputError::Invalid(violations),
        None => InputError::Parse(error),
    })
}

pub(crate) fn read_output<T: Document + DeserializeOwned>(body: &[u8]) -> Result<T, MalformedResponse> {
    // Nothing at all is what an answer without members may be.
    let body = if body.is_empty() { b"{}" } else { body };
    json::parse(body).map_err(|error| match breaches::<T>(body) {
        Some(violations) => MalformedResponse::Document(violations),
        None => MalformedResponse::Parse(error),
    })
}

/// Says why a document could not be read, if it is at least JSON.
fn breaches<T: Document>(body: &[u8]) -> Option<Violations> {
    let document = json::parse(body).ok()?;
    let found = schema::check_known(T::STRUCTURE, &document);
    // What no type can hold is of the shape; but for a number out of its type's range, which is a breach of a limit.
    let of_shape: Vec<_> = found.iter().filter(|found| found.rule.is_of_shape()).cloned().collect();
    Violations::check(if of_shape.is_empty() { found } else { of_shape }).err()
}
