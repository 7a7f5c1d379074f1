//! Waiting for a stream to be there or gone: a loop around the core's [`Waiter`].

use std::fmt;
use std::time::Duration;

use firehose_proto::call::{Error, WaitFailure, WaitStep, Waiter};
use firehose_proto::error::ErrorCode;
use firehose_proto::op::{
    DescribeDeliveryStreamInput, DestinationUpdate, UpdateDestinationInput, UpdateDestinationOutput,
};

use crate::client::Client;

impl Client {
    /// Waits until a stream takes records, but not longer than this: a new one needs about a minute. Half a minute long it
    /// may not be found.
    ///
    /// # Errors
    ///
    /// [`WaitError`], which says what the service says of a stream that could not be made.
    pub fn wait_until_active(&self, stream: &str, timeout: Duration) -> Result<(), WaitError> {
        self.wait(stream, Waiter::until_active(self.clock().tick(), timeout))
    }

    /// Waits until a stream that was deleted is gone, but not longer than this. Half a minute long it may seem untouched.
    ///
    /// # Errors
    ///
    /// [`WaitError`], which says what the service says of a stream that could not be deleted.
    pub fn wait_until_deleted(&self, stream: &str, timeout: Duration) -> Result<(), WaitError> {
        self.wait(stream, Waiter::until_deleted(self.clock().tick(), timeout))
    }

    fn wait(&self, stream: &str, mut waiter: Waiter) -> Result<(), WaitError> {
        let input = DescribeDeliveryStreamInput::new(stream);
        loop {
            let step = match self.describe_delivery_stream(&input) {
                Ok(output) => waiter.handle_description(self.clock().tick(), &output.delivery_stream_description),
                Err(error) if is_refusal(&error, &ErrorCode::ResourceNotFoundException) => {
                    waiter.handle_absence(self.clock().tick())
                }
                Err(error) => return Err(WaitError::Call(error)),
            };
            match step {
                WaitStep::Done => return Ok(()),
                WaitStep::PollAfter(delay) => self.clock().sleep(delay),
                WaitStep::Failed(failure) => return Err(WaitError::Stream { stream: stream.into(), failure }),
                _ => unreachable!("the core has no other step"),
            }
        }
    }

    /// Changes a stream's destination as it is now: asks for its id and the stream's version first, and once more when
    /// somebody else changes the stream in between.
    ///
    /// ```no_run
    /// use firehose_blocking::Client;
    /// use firehose_blocking::firehose_proto::model::{CompressionFormat, ExtendedS3DestinationUpdate};
    ///
    /// let client = Client::builder().build()?;
    /// let update = ExtendedS3DestinationUpdate::new().compression_format(CompressionFormat::Gzip);
    /// client.change_destination("my-stream", update)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`describe_delivery_stream`](Self::describe_delivery_stream) and
    /// [`update_destination`](Self::update_destination).
    pub fn change_destination(
        &self,
        stream: &str,
        update: impl Into<DestinationUpdate>,
    ) -> Result<UpdateDestinationOutput, Error> {
        let update = update.into();
        match self.change_once(stream, update.clone()) {
            Err(error) if is_refusal(&error, &ErrorCode::ConcurrentModificationException) => {
                self.change_once(stream, update)
            }
            result => result,
        }
    }

    fn change_once(&self, stream: &str, update: DestinationUpdate) -> Result<UpdateDestinationOutput, Error> {
        let output = self.describe_delivery_stream(&DescribeDeliveryStreamInput::new(stream))?;
        let description = output.delivery_stream_description;
        // Without a destination there is no id, which the check of the input reports.
        let destination = description.destinations.into_iter().next().map(|destination| destination.destination_id);
        let id = destination.unwrap_or_default();
        self.update_destination(&UpdateDestinationInput::new(stream, description.version_id, id).update(update))
    }
}

fn is_refusal(error: &Error, code: &ErrorCode) -> bool {
    matches!(error, Error::Refused { error, .. } if error.code.as_ref() == Some(code))
}

/// Why a wait ended without the stream being as wished.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitError {
    /// A call to ask for its state did not succeed.
    Call(Error),
    /// The stream will not be as wished, or is not yet and time is up.
    Stream {
        /// The stream.
        stream: String,
        /// Why.
        failure: WaitFailure,
    },
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(_) => f.write_str("cannot ask for the state of the stream"),
            Self::Stream { stream, .. } => write!(f, "gave up waiting for {stream}"),
        }
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Call(error) => Some(error),
            Self::Stream { failure, .. } => Some(failure),
        }
    }
}
