//! [`Handler`]: checks who may call, and dispatches calls.

use std::sync::Arc;

use firehose_proto::credentials::Credentials;
use firehose_proto::error::{ErrorCode, ServiceError};
use firehose_proto::http::{Request, Response};
use firehose_proto::internal::uuid;
use firehose_proto::model::Record;
use firehose_proto::op::{
    CreateDeliveryStream, CreateDeliveryStreamOutput, DeleteDeliveryStream, DeleteDeliveryStreamOutput,
    DescribeDeliveryStream, DescribeDeliveryStreamOutput, ListDeliveryStreams, ListTagsForDeliveryStream, PutRecord,
    PutRecordBatch, PutRecordBatchInput, PutRecordBatchOutput, PutRecordBatchResponseEntry, PutRecordInput,
    PutRecordOutput, StartDeliveryStreamEncryption, StartDeliveryStreamEncryptionOutput, StopDeliveryStreamEncryption,
    StopDeliveryStreamEncryptionOutput, TagDeliveryStream, TagDeliveryStreamOutput, UntagDeliveryStream,
    UntagDeliveryStreamOutput, UpdateDestination, UpdateDestinationOutput,
};
use firehose_proto::server::{self, OperationInput};
use firehose_proto::sigv4::{Authorization, Verifier};
use firehose_proto::time::HttpDate;
use time::OffsetDateTime;

use super::files::FileError;
use super::hosts::Hosts;
use super::http::Answer;
use super::script::{self, CallPlan, Script};
use super::store::Store;
use super::streams::Streams;
use crate::clock::Clock;

/// Answers requests.
pub(super) struct Handler<C> {
    pub(super) store: Arc<Store>,
    pub(super) streams: Streams,
    pub(super) script: Arc<Script>,
    pub(super) credentials: Credentials,
    pub(super) hosts: Hosts,
    pub(super) clock: C,
}

impl<C: Clock> Handler<C> {
    pub(super) fn handle(&self, request: &Request<'_>) -> Answer {
        let plan = self.script.next();
        let delay = plan.delay;
        let answer = plan.run(|plan| self.response(plan.and_then(|plan| self.call(request, plan))));
        if !delay.is_zero() {
            self.clock.sleep(delay);
        }
        answer
    }

    fn response(&self, result: Result<Response, ServiceError>) -> Response {
        let mut response = result.unwrap_or_else(|error| {
            log::debug!("refusing a call: {error}");
            server::error_response(&error)
        });
        let request_id = uuid::v4(u128::from(self.clock.random()) << 64 | u128::from(self.clock.random()));
        let added = response.headers.append("x-amzn-RequestId", &request_id);
        debug_assert!(added.is_ok(), "a UUID has no control characters");
        // `firehose check` reads this: an endpoint that creates its own streams has no missing ones.
        let comment = if self.streams.creates_streams() { " (auto-create)" } else { "" };
        let added =
            response.headers.append("server", &format!("firehose-local/{}{comment}", env!("CARGO_PKG_VERSION")));
        debug_assert!(added.is_ok(), "a version has no control characters");
        if !self.script.skew().is_zero() {
            let added = response.headers.append("Date", HttpDate::new(self.shown_time()).as_str());
            debug_assert!(added.is_ok(), "a date has no control characters");
        }
        response
    }

    /// The time shown to callers.
    fn shown_time(&self) -> OffsetDateTime {
        self.clock.now().saturating_add(self.script.skew())
    }

    /// Refuses requests for other hosts (RFC 9110, section 15.5.20).
    fn check_host(&self, host: &str) -> Result<(), ServiceError> {
        if self.hosts.allows(host) {
            return Ok(());
        }
        let message = format!(
            "This local endpoint does not answer to {host:?}. To allow the name: firehose local --allowed-host NAME."
        );
        Err(ServiceError::new(421, ErrorCode::parse("MisdirectedRequest"), message))
    }

    fn call(&self, request: &Request<'_>, plan: &mut CallPlan<'_>) -> Result<Response, ServiceError> {
        let now = self.clock.now();
        self.check_host(request.headers.value("host").unwrap_or_default())?;
        Verifier::new("firehose")
            .verify(self.shown_time(), request, &self.credentials)
            .map_err(|error| ServiceError::new(error.status(), ErrorCode::parse(error.code()), error.to_string()))?;
        match server::parse(request)? {
            OperationInput::PutRecord(input) => self.put_record(now, input, plan),
            OperationInput::PutRecordBatch(input) => self.put_record_batch(now, input, plan),
            input => self.manage(now, region(request), input),
        }
    }

    fn put_record(
        &self,
        now: OffsetDateTime,
        input: PutRecordInput<'_>,
        plan: &mut CallPlan<'_>,
    ) -> Result<Response, ServiceError> {
        let (mut entries, is_encrypted) = self.put(now, &input.delivery_stream_name, vec![input.record], plan)?;
        let entry = entries.pop().unwrap_or_default();
        let Some(id) = &entry.record_id else { return Err(script::refusal_of(&entry)) };
        let mut output = PutRecordOutput::new(&**id);
        output.encrypted = Some(is_encrypted);
        Ok(server::respond::<PutRecord>(&output))
    }

    fn put_record_batch(
        &self,
        now: OffsetDateTime,
        input: PutRecordBatchInput<'_>,
        plan: &mut CallPlan<'_>,
    ) -> Result<Response, ServiceError> {
        let (mut entries, is_encrypted) = self.put(now, &input.delivery_stream_name, input.records, plan)?;
        plan.miscount(&mut entries);
        let mut output = PutRecordBatchOutput::new(entries);
        output.encrypted = Some(is_encrypted);
        Ok(server::respond::<PutRecordBatch>(&output))
    }

    /// Answers the operations on streams, all but the puts.
    fn manage(&self, now: OffsetDateTime, region: &str, input: OperationInput<'_>) -> Result<Response, ServiceError> {
        let streams = &self.streams;
        Ok(match input {
            OperationInput::CreateDeliveryStream(input) => {
                let arn = streams.create(now, region, &input)?;
                server::respond::<CreateDeliveryStream>(&CreateDeliveryStreamOutput::new().delivery_stream_arn(arn))
            }
            OperationInput::DeleteDeliveryStream(input) => {
                streams.delete(now, &input)?;
                server::respond::<DeleteDeliveryStream>(&DeleteDeliveryStreamOutput::new())
            }
            OperationInput::DescribeDeliveryStream(input) => {
                let description = streams.describe(now, region, &input)?;
                server::respond::<DescribeDeliveryStream>(&DescribeDeliveryStreamOutput::new(description))
            }
            OperationInput::ListDeliveryStreams(input) => {
                server::respond::<ListDeliveryStreams>(&streams.list(now, &input)?)
            }
            OperationInput::ListTagsForDeliveryStream(input) => {
                server::respond::<ListTagsForDeliveryStream>(&streams.list_tags(now, &input)?)
            }
            OperationInput::StartDeliveryStreamEncryption(input) => {
                streams.start_encryption(now, &input)?;
                server::respond::<StartDeliveryStreamEncryption>(&StartDeliveryStreamEncryptionOutput::new())
            }
            OperationInput::StopDeliveryStreamEncryption(input) => {
                streams.stop_encryption(now, &input)?;
                server::respond::<StopDeliveryStreamEncryption>(&StopDeliveryStreamEncryptionOutput::new())
            }
            OperationInput::TagDeliveryStream(input) => {
                streams.tag(now, &input)?;
                server::respond::<TagDeliveryStream>(&TagDeliveryStreamOutput::new())
            }
            OperationInput::UntagDeliveryStream(input) => {
                streams.untag(now, &input)?;
                server::respond::<UntagDeliveryStream>(&UntagDeliveryStreamOutput::new())
            }
            OperationInput::UpdateDestination(input) => {
                streams.update_destination(now, &input)?;
                server::respond::<UpdateDestination>(&UpdateDestinationOutput::new())
            }
            _ => return Err(ServiceError::new(400, ErrorCode::UnknownOperationException, "")),
        })
    }

    /// Stores the records that are not to fail. Returns an entry for each record, and whether the stream is encrypted.
    fn put(
        &self,
        now: OffsetDateTime,
        stream: &str,
        mut records: Vec<Record<'_>>,
        plan: &mut CallPlan<'_>,
    ) -> Result<(Vec<PutRecordBatchResponseEntry<'static>>, bool), ServiceError> {
        let is_encrypted = self.streams.admit(now, stream)?;
        let failures = plan.fail(&mut records);
        let ids = self.store.append(now, stream, &records).map_err(|FileError { path, error }| {
            log::error!("cannot write {}: {error}", path.display());
            let message = format!("The local endpoint cannot write the records: {error}");
            ServiceError::new(503, ErrorCode::ServiceUnavailableException, message)
        })?;
        Ok((plan.entries(ids, failures), is_encrypted))
    }
}

/// The region in a verified request's signature.
fn region<'a>(request: &'a Request<'_>) -> &'a str {
    let authorization = request.headers.value("authorization").and_then(|value| Authorization::parse(value).ok());
    authorization.map_or("", |authorization| authorization.region())
}
