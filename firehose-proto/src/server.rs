//! The server's half of an exchange: [`parse`] a request into a call, [`respond`] to it or [`error_response`] it.
//!
//! It refuses what the service would refuse, with the service's code and words. It keeps no state: the caller knows
//! which streams exist.
//!
//! ```
//! use firehose_proto::http::{Method, Request};
//! use firehose_proto::op::{PutRecord, PutRecordOutput};
//! use firehose_proto::server::{self, OperationInput};
//!
//! let mut request = Request::new(Method::Post, "/");
//! request.headers.append("X-Amz-Target", "Firehose_20150804.PutRecord")?;
//! request.set_body(br#"{"DeliveryStreamName":"s","Record":{"Data":"b25l"}}"#.as_slice());
//! let Ok(OperationInput::PutRecord(input)) = server::parse(&request) else { panic!("this is a call") };
//! assert_eq!(&*input.record.data, b"one");
//! let response = server::respond::<PutRecord>(&PutRecordOutput::new("1"));
//! assert_eq!(response.body, br#"{"RecordId":"1"}"#);
//! # Ok::<(), firehose_proto::http::InvalidHeader>(())
//! ```

#[cfg(feature = "control")]
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::exception::{CONTENT_TYPE, ErrorCode, ServiceError};
use crate::http::{Headers, Request, Response};
use crate::op::put_record::{PutRecord, PutRecordInput};
use crate::op::put_record_batch::{PutRecordBatch, PutRecordBatchInput};
use crate::op::{InputError, Operation};
#[cfg(feature = "control")]
use crate::op::{
    create_delivery_stream::{CreateDeliveryStream, CreateDeliveryStreamInput},
    delete_delivery_stream::{DeleteDeliveryStream, DeleteDeliveryStreamInput},
    describe_delivery_stream::{DescribeDeliveryStream, DescribeDeliveryStreamInput},
    list_delivery_streams::{ListDeliveryStreams, ListDeliveryStreamsInput},
    list_tags_for_delivery_stream::{ListTagsForDeliveryStream, ListTagsForDeliveryStreamInput},
    start_delivery_stream_encryption::{StartDeliveryStreamEncryption, StartDeliveryStreamEncryptionInput},
    stop_delivery_stream_encryption::{StopDeliveryStreamEncryption, StopDeliveryStreamEncryptionInput},
    tag_delivery_stream::{TagDeliveryStream, TagDeliveryStreamInput},
    untag_delivery_stream::{UntagDeliveryStream, UntagDeliveryStreamInput},
    update_destination::{UpdateDestination, UpdateDestinationInput},
};
use crate::validate::{Rule, Unit, Violation, Violations};

/// Declares the calls, one for each operation.
macro_rules! calls {
    (
        puts { $($(#[$pdoc:meta])* $put:ident($pinput:ty),)+ }
        control { $($(#[$doc:meta])* $operation:ident($input:ty),)+ }
    ) => {
        /// A call that keeps all documented limits.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum OperationInput<'a> {
            $($(#[$pdoc])* $put($pinput),)+
            $($(#[$doc])* #[cfg(feature = "control")] $operation($input),)+
        }

        /// Reads a call. Check the signature first, with a [`Verifier`](crate::sigv4::Verifier): this function does
        /// not.
        ///
        /// # Errors
        ///
        /// The error that the service would answer with.
        pub fn parse<'a>(request: &'a Request<'_>) -> Result<OperationInput<'a>, ServiceError> {
            let target = request.headers.value("x-amz-target").unwrap_or_default();
            match target {
                $($put::TARGET => read::<$put>(request.body()).map(OperationInput::$put),)+
                $(#[cfg(feature = "control")] $operation::TARGET => read::<$operation>(request.body()).map(|input| OperationInput::$operation(input.into())),)+
                _ => Err(ServiceError::new(400, ErrorCode::UnknownOperationException, "")),
            }
        }
    };
}

calls! {
    puts {
        /// One record.
        PutRecord(PutRecordInput<'a>),
        /// Up to 500 records.
        PutRecordBatch(PutRecordBatchInput<'a>),
    }
    control {
        /// Creates a stream.
        CreateDeliveryStream(Box<CreateDeliveryStreamInput>),
        /// Deletes a stream.
        DeleteDeliveryStream(DeleteDeliveryStreamInput),
        /// Describes a stream.
        DescribeDeliveryStream(DescribeDeliveryStreamInput),
        /// Lists streams.
        ListDeliveryStreams(ListDeliveryStreamsInput),
        /// Lists a stream's tags.
        ListTagsForDeliveryStream(ListTagsForDeliveryStreamInput),
        /// Turns encryption on.
        StartDeliveryStreamEncryption(StartDeliveryStreamEncryptionInput),
        /// Turns encryption off.
        StopDeliveryStreamEncryption(StopDeliveryStreamEncryptionInput),
        /// Adds tags.
        TagDeliveryStream(TagDeliveryStreamInput),
        /// Removes tags.
        UntagDeliveryStream(UntagDeliveryStreamInput),
        /// Changes a destination.
        UpdateDestination(Box<UpdateDestinationInput>),
    }
}

fn read<O: Operation>(body: &[u8]) -> Result<O::Input<'_>, ServiceError> {
    let input = O::read_input(body).map_err(|error| match error {
        InputError::Invalid(violations) => invalid(&violations),
        malformed => ServiceError::new(400, ErrorCode::SerializationException, malformed.to_string()),
    })?;
    O::validate(&input).map_err(|violations| invalid(&violations))?;
    Ok(input)
}

/// Writes the response to a call that took effect.
#[must_use]
pub fn respond<O: Operation>(output: &O::Output<'_>) -> Response {
    let mut response = Response::new(200, Vec::new());
    O::write_output(output, &mut response.body);
    response.headers = Headers::with_capacity(4, 256);
    response.headers.append_with("content-type", |value| value.push_str(CONTENT_TYPE));
    response
}

/// Writes the response to a call that did not take effect.
#[must_use]
pub fn error_response(error: &ServiceError) -> Response {
    error.write()
}

/// Reports breaches as the service does: wrong types first, then constraints of its model, then rules outside the
/// model.
fn invalid(violations: &Violations) -> ServiceError {
    if let Some(unreadable) = violations.iter().find(|found| matches!(found.rule, Rule::Type { .. } | Rule::Base64)) {
        return ServiceError::new(400, ErrorCode::SerializationException, unreadable.to_string());
    }
    let constraints: Vec<String> = violations.iter().filter_map(constraint).collect();
    if constraints.is_empty() {
        let rules: Vec<String> = violations.iter().map(rule_in_no_model).collect();
        return ServiceError::new(400, ErrorCode::InvalidArgumentException, rules.join("; "));
    }
    let plural = if constraints.len() == 1 { "" } else { "s" };
    let message = format!("{} validation error{plural} detected: {}", constraints.len(), constraints.join("; "));
    ServiceError::new(400, ErrorCode::ValidationException, message)
}

fn rule_in_no_model(violation: &Violation) -> String {
    match violation.rule {
        Rule::RequestTooLarge { .. } => "Records size exceeds 4 MB limit".into(),
        _ => violation.to_string(),
    }
}

/// One breach in the service's words; `None` when the model cannot express the rule.
fn constraint(violation: &Violation) -> Option<String> {
    let shown = |actual: usize, unit: Unit| match (&violation.value, unit) {
        (Some(value), _) => format!("'{value}'"),
        (None, Unit::Bytes) => format!("'java.nio.HeapByteBuffer[pos=0 lim={actual} cap={actual}]'"),
        (None, _) if actual == 0 => "'[]'".into(),
        (None, Unit::Characters | Unit::Members) => format!("'[{actual} {unit}]'"),
    };
    let text = || violation.value.as_ref().map_or_else(String::new, |value| format!("'{value}'"));
    let (value, rule) = match &violation.rule {
        Rule::Missing => ("null".into(), "not be null".into()),
        Rule::TooShort { actual, min, unit } => {
            (shown(*actual, *unit), format!("have length greater than or equal to {min}"))
        }
        Rule::TooLong { actual, max, unit } => {
            (shown(*actual, *unit), format!("have length less than or equal to {max}"))
        }
        Rule::TooSmall { actual, min } => (format!("'{actual}'"), format!("have value greater than or equal to {min}")),
        Rule::TooLarge { actual, max } => (format!("'{actual}'"), format!("have value less than or equal to {max}")),
        Rule::Pattern { pattern } => (text(), format!("satisfy regular expression pattern: {pattern}")),
        Rule::Enum { values } => (text(), format!("satisfy enum value set: [{}]", values.join(", "))),
        Rule::Type { .. }
        | Rule::Base64
        | Rule::Unknown { .. }
        | Rule::Combination { .. }
        | Rule::RequestTooLarge { .. } => return None,
    };
    let path = member_path(&violation.path);
    Some(format!("Value {value} at '{path}' failed to satisfy constraint: Member must {rule}"))
}

/// Turns `Records[96].Data` into the service's `records.97.member.data`.
fn member_path(path: &str) -> String {
    let mut text = String::with_capacity(path.len() + 8);
    for (position, segment) in path.split('.').enumerate() {
        if position > 0 {
            text.push('.');
        }
        let (name, index) = segment.split_once('[').unwrap_or((segment, ""));
        let mut letters = name.chars();
        text.extend(letters.next().map(|first| first.to_ascii_lowercase()));
        text.push_str(letters.as_str());
        if let Some(index) = index.strip_suffix(']').and_then(|digits| digits.parse::<usize>().ok()) {
            text.push_str(&format!(".{}.member", index + 1));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    fn call(target: &str, body: &str) -> Result<(), (u16, String, String)> {
        let mut request = Request::new(Method::Post, "/");
        request.headers.append("X-Amz-Target", target).unwrap();
        request.set_body(body.as_bytes());
        parse(&request).map(|_| ()).map_err(|error| (error.status, error.code.unwrap().to_string(), error.message))
    }

    fn batch(sizes: &[usize]) -> String {
        let records: Vec<String> =
            sizes.iter().map(|size| format!("{{\"Data\":\"{}\"}}", "AAAA".repeat(size / 3))).collect();
        format!("{{\"DeliveryStreamName\":\"s\",\"Records\":[{}]}}", records.join(","))
    }

    #[test]
    fn refuses_in_the_words_of_the_service() {
        let one = "1 validation error detected: Value";
        let failed = "failed to satisfy constraint: Member must";
        for (target, body, code, message) in [
            ("", "{}", "UnknownOperationException", String::new()),
            ("Firehose_20150804.PutRecords", "{}", "UnknownOperationException", String::new()),
            ("PutRecord", "[]", "SerializationException", "JSON value of the wrong type at byte 0".into()),
            (
                "PutRecord",
                r#"{"DeliveryStreamName":"s","Record":{"Data":"AB"}}"#,
                "SerializationException",
                "Record.Data: not base64".into(),
            ),
            (
                "PutRecord",
                r#"{"DeliveryStreamName":"s","Record":{}}"#,
                "ValidationException",
                format!("{one} null at 'record.data' {failed} not be null"),
            ),
            (
                "PutRecord",
                r#"{"DeliveryStreamName":"a b","Record":{"Data":""}}"#,
                "ValidationException",
                format!(
                    "{one} 'a b' at 'deliveryStreamName' {failed} satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
                ),
            ),
            (
                "PutRecord",
                &format!("{{\"DeliveryStreamName\":\"{0}{0}\",\"Record\":{{\"Data\":\"\"}}}}", "x".repeat(33)),
                "ValidationException",
                format!(
                    "{one} '{}' at 'deliveryStreamName' {failed} have length less than or equal to 64",
                    "x".repeat(66)
                ),
            ),
            (
                "PutRecordBatch",
                &batch(&[]),
                "ValidationException",
                format!("{one} '[]' at 'records' {failed} have length greater than or equal to 1"),
            ),
            (
                "PutRecordBatch",
                &batch(&[0; 501]),
                "ValidationException",
                format!("{one} '[501 members]' at 'records' {failed} have length less than or equal to 500"),
            ),
            (
                "PutRecordBatch",
                &batch(&[0, 1_024_002]),
                "ValidationException",
                format!(
                    "{one} 'java.nio.HeapByteBuffer[pos=0 lim=1024002 cap=1024002]' at 'records.2.member.data' \
                     {failed} have length less than or equal to 1024000"
                ),
            ),
            (
                "PutRecordBatch",
                &batch(&[999_999; 5]),
                "InvalidArgumentException",
                "Records size exceeds 4 MB limit".into(),
            ),
        ] {
            let target = if target.contains('.') || target.is_empty() {
                target.into()
            } else {
                format!("Firehose_20150804.{target}")
            };
            assert_eq!(call(&target, body), Err((400, code.into(), message)), "{target} {body:.80}");
        }
    }

    #[test]
    fn takes_what_the_limits_allow() {
        for sizes in [&[0][..], &[1_023_999; 4], &[0; 500], &[8_388; 500]] {
            assert_eq!(call("Firehose_20150804.PutRecordBatch", &batch(sizes)), Ok(()), "{}", sizes.len());
        }
    }
}
