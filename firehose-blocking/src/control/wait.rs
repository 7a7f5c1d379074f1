//! Waits until a stream exists or is gone: a loop around the core's [`Waiter`].

use std::fmt;
use std::time::Duration;

use firehose_proto::call::{Error, WaitFailure, WaitStep, Waiter};
use firehose_proto::error::ErrorCode;
use firehose_proto::op::{
    DescribeDeliveryStreamInput, DestinationUpdate, UpdateDestinationInput, UpdateDestinationOutput,
};

use crate::client::Client;

impl Client {
    /// Waits at most this long until a stream accepts records. A new stream needs about a minute; for its first half
    /// minute the service may not find it.
    ///
    /// # Errors
    ///
    /// [`WaitError`], with the service's reason if the stream could not be created.
    pub fn wait_until_active(&self, stream: &str, timeout: Duration) -> Result<(), WaitError> {
        self.wait(stream, Waiter::until_active(self.clock().tick(), timeout))
    }

    /// Waits at most this long until a deleted stream is gone. For half a minute it may seem unchanged.
    ///
    /// # Errors
    ///
    /// [`WaitError`], with the service's reason if the stream could not be deleted.
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

    /// Changes the current destination of a stream. Asks for the destination's id and the stream's version first, and
    /// once more if somebody else changes the stream in between.
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
        // Without a destination there is no id; the check of the input reports that.
        let destination = description.destinations.into_iter().next().map(|destination| destination.destination_id);
        let id = destination.unwrap_or_default();
        self.update_destination(&UpdateDestinationInput::new(stream, description.version_id, id).update(update))
    }
}

fn is_refusal(error: &Error, code: &ErrorCode) -> bool {
    matches!(error, Error::Refused { error, .. } if error.code.as_ref() == Some(code))
}

/// Why a wait ended before the stream reached the wanted state.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitError {
    /// A call to ask for the stream's state failed.
    Call(Error),
    /// The stream cannot reach the wanted state, or has not within the time.
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
