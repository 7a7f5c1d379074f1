//! `operation!`: declares an operation whose documents serde reads and writes.
//!
//! The puts are declared by hand: they write their documents byte by byte, and read them without copying.

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

/// Checks an input in the form of the document that would be sent.
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
    // A response without members may be empty.
    let body = if body.is_empty() { b"{}" } else { body };
    json::parse(body).map_err(|error| match breaches::<T>(body) {
        Some(violations) => MalformedResponse::Document(violations),
        None => MalformedResponse::Parse(error),
    })
}

/// Why a document could not be read, provided that it is JSON.
fn breaches<T: Document>(body: &[u8]) -> Option<Violations> {
    let document = json::parse(body).ok()?;
    let found = schema::check_known(T::STRUCTURE, &document);
    // Every breach that no type can represent concerns the shape, except a number outside its type's range: that breaks
    // a limit.
    let of_shape: Vec<_> = found.iter().filter(|found| found.rule.is_of_shape()).cloned().collect();
    Violations::check(if of_shape.is_empty() { found } else { of_shape }).err()
}
