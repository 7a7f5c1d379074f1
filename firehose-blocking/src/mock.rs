//! [`Client::mock`]: a client whose calls go to an implementation of [`Firehose`] instead of AWS.

use firehose_proto::call::{Error, Timeouts};
use firehose_proto::credentials::Credentials;
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::http::{Request, Response};
use firehose_proto::server;

use crate::builder::ClientBuilder;
use crate::client::Client;
use crate::operations::{Firehose, carry_out};
use crate::transport::Transport;

impl Client {
    /// Begins a client whose calls go to an implementation of [`Firehose`]. Use it to test code that takes a
    /// [`Client`], such as a [`Producer`](crate::Producer). It opens no sockets and reads nothing from the environment.
    ///
    /// Everything else works as with the service: inputs are checked, failures are retried, and a batch keeps the
    /// records that were not accepted. [`Error::Refused`] stands for a refusal of the service and [`Error::Transport`]
    /// for a failure of the transport; any other error breaks the connection.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use firehose_blocking::{
    ///     Client, Error, Firehose, Producer, PutRecordBatchInput, PutRecordBatchOutput, PutRecordBatchResponseEntry,
    /// };
    ///
    /// struct Mock;
    ///
    /// impl Firehose for Mock {
    ///     fn put_record_batch(&self, input: &PutRecordBatchInput<'_>) -> Result<PutRecordBatchOutput<'static>, Error> {
    ///         Ok(PutRecordBatchOutput::new(input.records.iter().map(|_| PutRecordBatchResponseEntry::accepted("1")).collect()))
    ///     }
    /// }
    ///
    /// let producer = Producer::builder(Client::mock(Mock).build()?, "my-stream").start()?;
    /// producer.send(b"one line\n")?;
    /// assert_eq!(producer.close(Duration::from_secs(10)).statistics.records.accepted, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mock(firehose: impl Firehose + Send + Sync + 'static) -> ClientBuilder {
        let builder = Self::builder().environment(|_| None).region("us-east-1");
        builder.credentials(Credentials::new("mock", "mock")).transport(Mock(firehose))
    }
}

/// Answers requests with the methods of a trait object.
struct Mock<F>(F);

impl<F: Firehose + Send + Sync> Transport for Mock<F> {
    fn send(&self, request: &Request<'_>, _: &Timeouts) -> Result<Response, TransportError> {
        let call = match server::parse(request) {
            Ok(call) => call,
            Err(error) => return Ok(server::error_response(&error)),
        };
        carry_out(&self.0, call).or_else(|error| match error {
            Error::Refused { error, .. } => Ok(server::error_response(&error)),
            Error::Transport { error, .. } => Err(error),
            error => Err(TransportError::new(TransportErrorKind::Broken).with_source(error)),
        })
    }
}
